from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moisson.extract.encoding import decode, to_text

ARABIC = "السلام عليكم، هذا نص عربي قصير يذكر خالد منصور في طرابلس ورقم هاتفه 0612345678 وبريده."
FRENCH = (
    "Le procès-verbal a été rédigé à Liège par l'équipe du soir, près de l'hôtel où dînait Zoé, où logèrent les frères."
)
RUSSIAN = "Однажды в студёную зимнюю пору я из лесу вышел, был сильный мороз."


@pytest.mark.parametrize(
    ("text", "charset"),
    [
        (ARABIC, "windows-1256"),
        (ARABIC, "utf-8"),
        (ARABIC, "utf-16-le"),
        (ARABIC, "utf-16-be"),
        (ARABIC, "iso-8859-6"),
        (FRENCH, "windows-1252"),
        (FRENCH, "utf-16-le"),
        (RUSSIAN, "windows-1251"),
        (RUSSIAN, "koi8-r"),
        (FRENCH, "utf-32"),
    ],
)
def test_charsets(text, charset):
    text = text.replace("،", ",") if charset == "iso-8859-6" else text
    assert decode(text.encode(charset))[0] == text


@pytest.mark.parametrize("charset", ["windows-1252", "mac-roman", "windows-1256"])
def test_a_few_letters_in_a_long_text_are_enough(charset):
    words = "كلمة" if charset == "windows-1256" else "Lübeck, Größe"
    text = "number;name;12345\n" * 300 + words + "\n" + "number;name;12345\n" * 300
    assert decode(text.encode(charset))[0] == text


@pytest.mark.parametrize("mark", ["utf-8-sig", "utf-16"])
def test_byte_order_marks_are_no_text(mark):
    assert decode("حقيبة".encode(mark))[0] == "حقيبة"


def test_a_few_spoilt_bytes_leave_utf8_what_it_is():
    spoilt = bytearray(("ذكر خالد منصور " * 40).encode())
    spoilt[301] = 0xFF
    assert decode(bytes(spoilt))[1] == "utf-8"


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\0\ufeff"), min_size=1))
def test_utf8_comes_back(text):
    assert decode("é".encode() + text.encode())[0] == "é" + text


@given(st.binary(max_size=300))
def test_any_bytes_give_text(data):
    assert isinstance(decode(data)[0], str)


def test_declared_charsets_wrong_or_missing():
    assert to_text("é".encode(), "us-ascii") == "é"
    assert to_text("مرحبا بكم في المكتبة العامة".encode("cp1256"), "windows-1256") == "مرحبا بكم في المكتبة العامة"
    assert to_text("Déjà vu à l'été".encode("cp1252"), "iso-8859-1") == "Déjà vu à l'été"
    assert to_text("yötä vaan \udcca".encode("utf-8", "surrogateescape"), "utf-8") == "yötä vaan �"
    assert to_text("مرحبا بكم".encode("cp1256"), "utf-8") == "مرحبا بكم"
