"""Storage forms for planted text: encodings, compressions, containers, and one inside another."""

from __future__ import annotations

import base64
import gzip
import io
import lzma
import quopri
import re
import sqlite3
import tempfile
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote_plus

from benches.scanpacking import hiberset, lznt1, mam, outlook, xpress

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

_WHEN = (2026, 1, 2, 3, 4, 6)
_ATOMS = re.compile(r"-----BEGIN.*?-----END[^\n]*\n|network=\{.*?\}\n|[^\n]*\n|[^\n]+", re.DOTALL)


def zipped(rng: Random, text: str, name: str = "") -> bytes:
    """A ZIP with this text, a second member stored."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo(name or f"note{rng.randint(1, 99)}.txt", _WHEN), text, zipfile.ZIP_DEFLATED)
        archive.writestr(zipfile.ZipInfo("mimetype", _WHEN), "application/octet-stream")
    return out.getvalue()


def docx(rng: Random, text: str) -> bytes:
    """A word-processor document: paragraphs in XML in a ZIP."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;")
    body = "".join(f"<w:p><w:r><w:t>{line}</w:t></w:r></w:p>" for line in escaped.splitlines())
    return zipped(rng, f"<?xml version='1.0'?><w:document><w:body>{body}</w:body></w:document>", "word/document.xml")


def pdf(rng: Random, text: str) -> bytes:
    """A PDF with one Flate page stream of literal strings in Latin-1."""
    lines = []
    for line in text.splitlines():
        shown = line.encode("latin-1", "replace").replace(b"\\", rb"\\").replace(b"(", rb"\(").replace(b")", rb"\)")
        lines.append(b"(" + shown + b") Tj T*\n")
    stream = zlib.compress(b"BT /F1 11 Tf 14 TL 50 780 Td\n" + b"".join(lines) + b"ET")
    return (
        b"%PDF-1.4\n1 0 obj\n<< /Length " + str(len(stream)).encode() + b" /Filter /FlateDecode >>\nstream\n"
        + stream + b"\nendstream\nendobj\ntrailer\n<<>>\n%%EOF\n"
    )  # fmt: skip


def sqlite(rng: Random, text: str) -> bytes:
    """A database whose rows are the lines."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.db"
        base = sqlite3.connect(path)
        base.execute("create table notes (id integer primary key, body text)")
        rows, gathered = [], ""
        for atom in _ATOMS.findall(text):
            if len((gathered + atom).encode()) > 3000 and gathered:
                rows.append(gathered)
                gathered = ""
            gathered += atom
        base.executemany("insert into notes (body) values (?)", [(row,) for row in (*rows, gathered)])
        base.commit()
        base.close()
        return path.read_bytes()


def based_for_urls(rng: Random, text: str) -> bytes:
    """Base64 in the alphabet for URLs without padding, of text or of its gzip."""
    raw = text.encode() if rng.random() < 0.5 else gzip.compress(text.encode(), mtime=0)
    return b'{"data":"' + base64.urlsafe_b64encode(raw).rstrip(b"=") + b'"}'


def quoted(rng: Random, text: str) -> bytes:
    """Quoted-printable, behind the word that shows that it is."""
    return b"Content-Transfer-Encoding: quoted-printable\n\n" + quopri.encodestring(("é\u00e9 " + text).encode())


def percent(rng: Random, text: str) -> bytes:
    """The value of a field of a form."""
    return b"q=" + quote_plus("é\u00e9 " + text).encode()[:60_000]


def hexadecimal(rng: Random, text: str) -> bytes:
    """Hex digits in lines of 64, or all in one."""
    raw = text.encode().hex()
    if rng.random() < 0.5:
        return raw.encode()
    return "\n".join(raw[i : i + 64] for i in range(0, len(raw), 64)).encode()


def based(rng: Random, text: str) -> bytes:
    """Base64 in lines of 76 as mail has it, or all in one."""
    raw = text.encode()
    return base64.encodebytes(raw) if rng.random() < 0.6 else base64.b64encode(raw)


FORMS: dict[str, Callable[[Random, str], bytes]] = {
    "utf8": lambda rng, text: text.encode(),
    "utf16le": lambda rng, text: text.encode("utf-16-le"),
    "utf16le-odd": lambda rng, text: b"\x07" + text.encode("utf-16-le"),
    "utf16be": lambda rng, text: text.encode("utf-16-be"),
    "utf32": lambda rng, text: text.encode("utf-32-le"),
    "cp1256": lambda rng, text: text.encode("cp1256", "replace"),
    "iso8859-6": lambda rng, text: text.encode("iso8859-6", "replace"),
    "latin1": lambda rng, text: text.encode("latin-1", "replace"),
    "gzip": lambda rng, text: gzip.compress(text.encode(), mtime=0),
    "zlib": lambda rng, text: zlib.compress(text.encode()),
    "zip": zipped,
    "docx": docx,
    "base64": based,
    "hex": hexadecimal,
    "pdf": pdf,
    "sqlite": sqlite,
    "xz": lambda rng, text: lzma.compress(text.encode()),
    "lznt1": lznt1,
    "xpress": xpress,
    "zip-in-gzip": lambda rng, text: gzip.compress(zipped(rng, text), mtime=0),
    "gzip-in-zip-utf16": lambda rng, text: _inside(rng, gzip.compress(text.encode("utf-16-le"), mtime=0)),
    "utf32be": lambda rng, text: text.encode("utf-32-be"),
    "hiberset": hiberset,
    "mam": mam,
    "outlook": outlook,
    "base64url": based_for_urls,
    "quoted": quoted,
    "percent": percent,
    "base64-zip": lambda rng, text: base64.encodebytes(zipped(rng, text)),
}
# No gate opens for Arabic in UTF-32 whose upper bytes come first.
_NO_ARABIC = frozenset({"pdf", "latin1", "utf32be"})
_NO_DIGITS = frozenset({"pdf", "latin1", "cp1256", "iso8859-6", "utf32be"})
_NO_DEGREE = frozenset({"iso8859-6"})


def _inside(rng: Random, data: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(zipfile.ZipInfo("a.gz", _WHEN), data, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def holds(form: str, kind: str) -> bool:
    """Whether a form can hold a kind: old charsets have no Eastern digits, Latin ones no Arabic."""
    if form in _NO_DIGITS and kind == "phone-eastern":
        return False
    if form in _NO_DEGREE and kind == "coords":
        return False
    if form in _NO_ARABIC and kind == "arabic":
        return False
    return not (form in ("pdf", "docx") and kind in ("key", "wifi", "login", "wallet"))
