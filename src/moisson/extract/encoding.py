"""Bytes as text: the character set they are in, told from what is declared and from themselves."""

from __future__ import annotations

import codecs
import re
from itertools import islice

from moisson.extract.charset import codec
from moisson.extract.letters import guess_words, mislabelled
from moisson.identify.texts import decode_text

SAMPLE = 1 << 16
_PIECE = 1 << 20
_FEW = 64
_ODD = re.compile(rb"[\x41-\xff]{0,40}[\x80-\xff]+[\x41-\xff]{0,40}")
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def decode(data: bytes) -> tuple[str, str]:
    """Bytes as text, and the character set they were read in."""
    charset, skip = judge(data)
    return data[skip:].decode(charset, "replace").replace("\0", ""), charset


def judge(data: bytes, *, cut: bool = False) -> tuple[str, int]:
    """The character set of bytes and the length of their byte order mark; `cut` if more bytes follow."""
    for bom, name in _BOMS:
        if data.startswith(bom):
            return name, len(bom)
    read = decode_text(data[:SAMPLE], cut=cut or len(data) > SAMPLE)
    if read and read.charset.startswith("utf-16"):
        return read.charset, 0
    if _is_utf8(data, cut=cut):
        return "utf-8", 0
    return _guess(data), 0


def _is_utf8(data: bytes, *, cut: bool) -> bool:
    """Strictly UTF-8, or so much of it that a few spoilt bytes cannot be another character set."""
    try:
        data.decode("utf-8")
        return True
    except UnicodeDecodeError as error:
        if cut and error.start >= len(data) - 3:
            return True
    text = data.decode("utf-8", "replace")
    bad = text.count("\ufffd")
    good = sum(1 for c in text[:_PIECE] if c > "\x7f") - bad
    return good > 20 * bad


def _guess(data: bytes) -> str:
    """What the 64 KiB around the first byte that is not ASCII look like."""
    import chardet

    first = next((m.start() for m in re.finditer(rb"[\x80-\xff]", data)), 0)
    start = max(0, first - SAMPLE // 8)
    sample = data[start : start + SAMPLE]
    if len(words := b"\n".join(m[0] for m in islice(_ODD.finditer(sample), _FEW))) < 8 * _FEW and (
        name := guess_words(words)
    ):
        return name
    found = chardet.detect(sample).get("encoding") or ""
    name = codec(found) or "cp1252"
    # What is read as Latin-1 has no letters where Windows has its quotes; Windows' table is the wider one.
    return "cp1252" if name in ("iso8859-1", "ascii") else name


def to_text(raw: bytes, charset: str = "") -> str:
    """Bytes as text: the declared charset if it fits, else UTF-8, else a guess from the bytes."""
    if raw.isascii() and (not charset or charset.lower() in ("us-ascii", "utf-8", "iso-8859-1", "windows-1252")):
        return raw.decode("ascii")
    declared = codec(charset) if charset else None
    for name in (declared, "utf-8") if declared != "cp1252" else ("utf-8",):
        if name:
            try:
                return raw.decode(name)
            except (UnicodeError, ValueError):
                continue
    if charset.strip().lower() in ("iso-8859-1", "windows-1252", "cp1252"):
        if other := mislabelled(raw):
            return raw.decode(other, "replace")
        return raw.decode("cp1252", "replace") if declared else raw.decode("latin-1")
    return _undeclared(raw, declared)


def _undeclared(raw: bytes, declared: str | None) -> str:
    if declared == "utf-8" and (text := _mostly_utf8(raw)):
        return text
    text, _ = decode(raw)
    if "\ufffd" in text and declared:
        return raw.decode(declared, "replace")
    return text


def _mostly_utf8(raw: bytes) -> str:
    """What is declared as UTF-8 and is it but for some spoilt bytes; other text has hardly a letter in that form."""
    text = raw.decode("utf-8", "replace")
    bad = text.count("\ufffd")
    good = sum(c > "\x7f" for c in text) - bad
    return text if good and 3 * good >= bad else ""
