"""Text that mail and the web escape."""

from __future__ import annotations

import base64
import gzip
import quopri
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moisson.model import Sighting, Text
from moisson.reader import Memory, Reader
from moisson.scan import escaped
from moisson.scan.decode import decode
from moisson.scan.sweep import sweep_bytes
from tests.scan.test_sweep import resolve

TEXT = "السلام عليكم ورحمة الله وبركاته اتصل على ٠٧٧٠ ١٢٣ ٤٥٦٧ او anna.kadri@example.org الان " * 3


def finds(data):
    return [r for r in sweep_bytes(data, "E") if isinstance(r, Sighting)]


def test_lines_of_mail_are_put_together():
    body = "Déjà vu: " + "écris à anna.kadri@example.org ou va sur https://example.org/aller?id=1234 demain, " * 9
    mail = b"Content-Transfer-Encoding: quoted-printable\r\n\r\n" + quopri.encodestring(body.encode())
    data = mail + b"\r\n--frontier\r\nContent-Type: text/plain\r\n\r\nother@example.org"
    found = finds(data)
    assert {r.value for r in found} == {
        "anna.kadri@example.org", "https://example.org/aller?id=1234", "other@example.org",
    }  # fmt: skip
    assert sum(r.value == "anna.kadri@example.org" for r in found) == 9
    for r in found:
        assert resolve(Reader(Memory(data)), r.address).decode() == r.raw


def test_a_search_in_a_url():
    data = (
        f"https://www.google.com/search?q={quote_plus(TEXT[:90])}&m=bob%40example.org&p=%2B9647701234567 end".encode()
    )
    found = {(r.kind, r.value): r.address for r in finds(data)}
    assert found["email", "bob@example.org"].endswith("/percent")
    assert found["phone", "+9647701234567"].endswith("/percent")
    assert any(kind == "url" for kind, _ in found)
    said = " ".join(r.content for r in sweep_bytes(data, "E") if isinstance(r, Text))
    assert "السلام عليكم ورحمة الله" in said
    for r in finds(data):
        assert resolve(Reader(Memory(data)), r.address).decode() == r.raw


@pytest.mark.parametrize("raw", [b"x=%40home now", b"50%40 of", b"a=C3=A9=", b"100%C3"])
def test_what_only_looks_so(raw):
    assert not finds(raw * 3)


@pytest.mark.parametrize("pack", [bytes, gzip.compress, lambda raw: "د؟".encode() * 9 + raw])
def test_base64_for_urls(pack):
    for lead in (b'{"data":"', b"token=", b"\n"):
        data = lead + base64.urlsafe_b64encode(pack(TEXT.encode())).rstrip(b"=") + b'"}'
        found = finds(data)
        assert {"anna.kadri@example.org", "+9647701234567"} <= {r.value for r in found}
        for r in found:
            assert resolve(Reader(Memory(data)), r.address).decode() == r.raw


def test_the_last_letters_are_read_without_padding():
    for n in range(4):
        data = base64.b64encode(b"x" * n + b" write to anna.kadri@example.org").rstrip(b"=")
        assert [r.value for r in finds(data)] == ["anna.kadri@example.org"]


@given(st.text(max_size=2000))
def test_escapes_are_undone(text):
    raw = quote(text, safe="").encode()
    if raw:
        assert decode("percent", Reader.of(raw + b" after")).data == text.encode()
    packed = quopri.encodestring(("é" + text).encode("utf-8"))
    assert escaped.unquote(packed[: escaped.quoted(packed)]).startswith("é".encode())


@pytest.mark.parametrize("lead", ["Le rendez-vous est là: ", "Mon ami, ", "Nous, ", "On y va: ", "A quoi bon: "])
def test_base64_in_one_line_whatever_the_first_letter(lead):
    data = base64.b64encode(f"{lead}anna.kadri@example.org est la bonne adresse".encode())
    assert [r.value for r in finds(b"x: " + data + b"\n")] == ["anna.kadri@example.org"]


def test_base64_that_begins_a_page_behind_a_letter():
    for letter in b"1T3x":
        data = bytes(4095) + bytes([letter]) + base64.b64encode(TEXT.encode())
        assert "anna.kadri@example.org" in {r.value for r in finds(data)}
