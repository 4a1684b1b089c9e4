from __future__ import annotations

import base64
import contextlib
import hashlib
import io
import json
import random
import zipfile
import zlib

import argon2
import pytest
from cryptography.hazmat.decrepit.ciphers.algorithms import Blowfish
from cryptography.hazmat.decrepit.ciphers.modes import CFB
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from moisson.errors import DamagedError, EvidenceError, PasswordError
from moisson.extract.opendocument import read_opendocument
from moisson.reader import Reader
from tests.extract.pieces import golden, read, squeezed

SPACES = " ".join(f'xmlns:{n}="urn:{n}"' for n in ("office", "text", "table", "xlink", "dc", "meta"))


def odf(body: str, **more: str | bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        z.writestr("content.xml", f"<office:document-content {SPACES}>{body}</office:document-content>")
        for name, content in more.items():
            z.writestr(name, content)
    return out.getvalue()


def test_paragraphs_blanks_and_links():
    body = (
        '<text:p>a<text:s text:c="3"/>b<text:tab/>c <text:span>d</text:span> '
        '<text:a xlink:href="mailto:ali@example.org">Ali</text:a> e</text:p><text:p>f</text:p>'
    )
    assert read(read_opendocument, odf(body)).text.strip() == "a   b\tc d Ali e mailto:ali@example.org\nf"


def test_a_row_is_a_line():
    cell = "<table:table-cell><text:p>{}</text:p></table:table-cell>"
    rows = f"<table:table-row>{cell.format('Ali')}{cell.format('06')}</table:table-row>" * 2
    assert read(read_opendocument, odf(f"<table:table>{rows}</table:table>")).text.strip() == "Ali\t06\t\nAli\t06"


def test_a_cell_repeated_without_end_is_read_once():
    cell = '<table:table-cell table:number-columns-repeated="1000000000"><text:p>x</text:p></table:table-cell>'
    assert read(read_opendocument, odf(f"<table:table-row>{cell}</table:table-row>")).text.count("x") == 1


def test_headers_properties_and_pictures():
    styles = f"<office:s {SPACES}><text:p>page header</text:p></office:s>"
    meta = f"<office:meta {SPACES}><meta:initial-creator>Zoé</meta:initial-creator><dc:creator>Omar</dc:creator></office:meta>"
    given = read(read_opendocument, odf("", **{"styles.xml": styles, "meta.xml": meta, "Pictures/a.png": b"\x89PNG"}))
    assert "page header" in given.text
    assert given.facts == {"office.author": "Zoé", "office.last_author": "Omar"}
    assert [(c.name, str(c.layer), c.open().whole()) for c in given.children] == [
        ("a.png", "zip:Pictures%2Fa.png", b"\x89PNG")
    ]


def test_nothing_inside():
    with pytest.raises(DamagedError):
        read(read_opendocument, b"PK\5\6" + bytes(18))


@pytest.mark.corpus
@pytest.mark.parametrize("name", ["tika/testODTEncrypted.odt", "ingest-file/encypted_by_libreoffice.odt"])
def test_locked(corpora, name):
    with pytest.raises(PasswordError):
        read(read_opendocument, (corpora / "docs" / name).read_bytes(), ["x"])


@pytest.mark.corpus
def test_specimens(corpora):
    docs = corpora / "docs"
    expected = json.loads((docs / "expected.json").read_text())
    names = [
        n for n in expected if n.endswith((".odt", ".ods", ".sxw")) and "ncrypted" not in n and "encypted" not in n
    ]
    assert len(names) > 5
    for name in names:
        text = squeezed(read(read_opendocument, (docs / name).read_bytes()).text)
        assert [t for t in golden(corpora, name, expected) if squeezed(t) not in text] == [], name


NAMES = {
    "aes": ("http://www.w3.org/2001/04/xmlenc#aes256-cbc", "http://www.w3.org/2000/09/xmldsig#sha256", "sha256", 32),
    "blowfish": ("Blowfish CFB", "SHA1", "sha1", 16),
}


def locked(sort: str, password: str, parts: dict[str, bytes]) -> bytes:
    """A document encrypted as the standard says, its manifest with it."""
    cipher_name, start_name, start, length = NAMES[sort]
    rows, out = [], io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        z.writestr("mimetype", "application/vnd.oasis.opendocument.text")
        for name, plain in parts.items():
            salt, iv = hashlib.sha256(name.encode()).digest()[:16], hashlib.md5(name.encode()).digest()
            key = hashlib.pbkdf2_hmac("sha1", hashlib.new(start, password.encode()).digest(), salt, 1000, length)
            squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
            packed = squeeze.compress(plain) + squeeze.flush()
            if sort == "aes":
                padded = packed + bytes([16 - len(packed) % 16]) * (16 - len(packed) % 16)
                seal = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()
            else:
                iv, padded = iv[:8], packed
                seal = Cipher(Blowfish(key), CFB(iv)).encryptor()
            z.writestr(name, seal.update(padded) + seal.finalize())
            check = base64.b64encode(hashlib.new(start, packed[:1024]).digest()).decode()
            rows.append(
                f'<m:file-entry m:full-path="{name}" m:size="{len(plain)}"><m:encryption-data m:checksum-type="{start}-1k" '
                f'm:checksum="{check}"><m:algorithm m:algorithm-name="{cipher_name}" '
                f'm:initialisation-vector="{base64.b64encode(iv).decode()}"/><m:key-derivation m:key-derivation-name="PBKDF2" '
                f'm:key-size="{length}" m:iteration-count="1000" m:salt="{base64.b64encode(salt).decode()}"/>'
                f'<m:start-key-generation m:start-key-generation-name="{start_name}"/></m:encryption-data></m:file-entry>'
            )
        z.writestr("META-INF/manifest.xml", f'<m:manifest xmlns:m="urn:m">{"".join(rows)}</m:manifest>')
    return out.getvalue()


@pytest.mark.parametrize("sort", NAMES)
def test_a_password_opens_text_properties_and_pictures(sort):
    content = f"<office:document-content {SPACES}><text:p>secret {'word ' * 900}</text:p></office:document-content>"
    meta = (
        f"<office:document-meta {SPACES}><office:meta><dc:creator>Ali</dc:creator></office:meta></office:document-meta>"
    )
    picture = random.Random(3).randbytes(5000)
    parts = {"content.xml": content.encode(), "meta.xml": meta.encode(), "Pictures/a.png": picture}
    data = locked(sort, "été 42", parts)
    given = read(read_opendocument, data, ("wrong", "été 42"))
    assert given.text.startswith("secret word")
    assert given.facts["office.last_author"] == "Ali"
    assert "encrypted" in given.flags
    assert "password" not in given.flags
    assert [child.open().whole() for child in given.children] == [picture]
    assert given.children[0].size == 5000
    with pytest.raises(PasswordError):
        list(read_opendocument(Reader.of(data), ("wrong",)))


@pytest.mark.parametrize("seed", range(60))
def test_damage_to_a_locked_document_is_a_fault_of_the_evidence(seed):
    chance = random.Random(seed)
    raw = bytearray(locked("aes", "x", {"content.xml": b"<a>" + b"text " * 400 + b"</a>"}))
    for _ in range(8):
        raw[chance.randrange(len(raw))] = chance.randrange(256)
    with contextlib.suppress(EvidenceError):
        list(read_opendocument(Reader.of(bytes(raw)), ("x",)))


@pytest.mark.corpus
def test_a_document_that_libreoffice_locked_opens(corpora):
    data = (corpora / "docs" / "tika" / "testODTEncrypted.odt").read_bytes()
    given = read(read_opendocument, data, ("wrong", "tika"))
    assert "This should be encrypted." in given.text
    assert given.facts["office.created"].startswith("2021-03-18")


def sealed(password: str, inner: bytes, memory: int = 64, lanes: int = 4) -> bytes:
    """A package locked as one, as LibreOffice does since 24.8: Argon2id, then AES in GCM with its nonce before it."""
    salt, nonce = bytes(range(16)), bytes(range(12))
    first = hashlib.sha256(password.encode()).digest()
    key = argon2.low_level.hash_secret_raw(first, salt, 3, memory, lanes, 32, argon2.low_level.Type.ID)
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = nonce + AESGCM(key).encrypt(nonce, squeeze.compress(inner) + squeeze.flush(), None)
    name = "urn:org:documentfoundation:names:experimental:office:manifest:argon2id"
    row = (
        f'<m:file-entry m:full-path="encrypted-package" m:size="{len(inner)}"><m:encryption-data>'
        f'<m:algorithm m:algorithm-name="http://www.w3.org/2009/xmlenc11#aes256-gcm" '
        f'm:initialisation-vector="{base64.b64encode(nonce).decode()}"/>'
        '<m:start-key-generation m:start-key-generation-name="http://www.w3.org/2001/04/xmlenc#sha256" m:key-size="32"/>'
        f'<m:key-derivation m:key-derivation-name="{name}" m:key-size="32" m:salt="{base64.b64encode(salt).decode()}" '
        f'l:argon2-iterations="3" l:argon2-memory="{memory}" l:argon2-lanes="{lanes}"/></m:encryption-data></m:file-entry>'
    )
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        z.writestr("mimetype", "application/vnd.oasis.opendocument.text")
        z.writestr("encrypted-package", packed)
        z.writestr("META-INF/manifest.xml", f'<m:manifest xmlns:m="urn:m" xmlns:l="urn:l">{row}</m:manifest>')
    return out.getvalue()


def test_a_package_locked_as_one_opens():
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as z:
        z.writestr("content.xml", f"<office:document-content {SPACES}><text:p>سري</text:p></office:document-content>")
        z.writestr("Pictures/a.png", b"x" * 50)
    data = sealed("été 42", inner.getvalue())
    given = read(read_opendocument, data, ("wrong", "été 42"))
    assert given.text.strip() == "سري"
    assert given.flags == {"encrypted"}
    assert [child.open().whole() for child in given.children] == [b"x" * 50]
    with pytest.raises(PasswordError):
        read(read_opendocument, data, ("wrong",))


@pytest.mark.parametrize(("memory", "lanes"), [(4_000_000_000, 4), (64, 0), (1, 90_000)])
def test_impossible_costs_of_a_lock_are_refused(memory, lanes):
    good = sealed("x", b"PK", 64, 4)
    bad = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(good)) as old, zipfile.ZipFile(bad, "w") as new:
        for name in old.namelist():
            raw = old.read(name).replace(b'memory="64"', b'memory="%d"' % memory)
            new.writestr(name, raw.replace(b'lanes="4"', b'lanes="%d"' % lanes))
    with pytest.raises(EvidenceError):
        read(read_opendocument, bad.getvalue(), ("x",))


def test_a_formula_says_how_it_was_typed():
    formula = '<math xmlns="http://www.w3.org/1998/Math/MathML"><semantics><mn>3</mn><annotation>3 over x</annotation></semantics></math>'
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        z.writestr("content.xml", formula)
    given = read(read_opendocument, out.getvalue())
    assert given.text.strip() == "3 over x"
    assert given.flags == set()
