"""What can be read in bytes that no reader understands: runs of characters in the usual encodings."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from moisson.model import Passage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moisson.reader import Reader

BLOCK = 1 << 20
OVERLAP = 1 << 10
_BLANK = re.compile(r"\s+")
_UTF8 = (
    rb"[\t\x20-\x7e]|[\xc3-\xdf][\x80-\xbf]|\xe0[\xa4-\xbf][\x80-\xbf]|[\xe1-\xec][\x80-\xbf]{2}"
    rb"|\xef[\xac-\xbb][\x80-\xbf]"
)
# Latin with accents, Greek to Arabic Supplement, Arabic Extended, Latin additional, general punctuation.
_WIDE_HIGH = rb"\x01\x03\x04\x05\x06\x07\x08\x1e\x20\xfb\xfd\xfe"
_RUN = re.compile(rb"(?:" + _UTF8 + rb"){5,}")
_LE = re.compile(rb"(?:[\t\n\r\x20-\x7e\xa0-\xff]\x00|[\x00-\xff][" + _WIDE_HIGH + rb"]){4,}")
_BE = re.compile(rb"(?:\x00[\t\n\r\x20-\x7e\xa0-\xff]|[" + _WIDE_HIGH + rb"][\x00-\xff]){4,}")
# windows-1256: at least four Arabic letters side by side, with blanks, digits and Latin around them.
_LETTERS = rb"\xc0-\xd6\xd8-\xdf\xe1\xe3-\xe6\xec\xed\x81\x8d\x8e\x90\x98\x9a\x9f\xaa"
_AROUND = rb"\t\x20-\x7e\xa0\xa1\xba\xbf\xf0-\xf3\xf5\xf6\xf8\xfa\xdc"
_ARABIC = re.compile(rb"[\t\x20-\x7e]{0,400}[" + _LETTERS + rb"]{4,}[" + _AROUND + _LETTERS + rb"]{0,4000}")
_USUAL = re.compile("[!-~\u00c0-\u024f\u0400-\u04ff\u0621-\u064a\u0660-\u0669\u067e-\u06d3\u06f0-\u06f9]")
_NOT_TEXT = re.compile(r"[^\W_]", re.UNICODE)


def read_strings(data: Reader) -> Iterator[Passage]:
    """Readable runs of UTF-8, UTF-16 and windows-1256 in the order in which they stand, one a line."""
    at = 0
    while at < data.size:
        block = data.pread(at, BLOCK + OVERLAP)
        if not block:
            return
        if block[0] in (0, 255) and block.count(block[0]) == len(block):
            at += BLOCK
            continue
        last = at + BLOCK >= data.size
        lines = [text for start, text in sorted(_runs(block), key=lambda run: run[0]) if last or start < BLOCK]
        if lines:
            yield Passage("\n".join(lines) + "\n", f"byte:{at}")
        at += BLOCK


def _runs(block: bytes) -> Iterator[tuple[int, str]]:
    """Runs with their places; of those that claim the same bytes, the better one."""
    taken = bytearray(len(block))
    for start, end, text in sorted(_wide(block), key=lambda run: -_score(run[2])):
        if 1 not in taken[start:end]:
            taken[start:end] = b"\1" * (end - start)
            yield start, text
    for pattern, charset in ((_ARABIC, "cp1256"), (_RUN, "utf-8")):
        for m in pattern.finditer(block):
            start, end = _free(taken, *m.span()) if 1 in taken[m.start() : m.end()] else m.span()
            text = _text(block[start:end], charset)
            if end - start >= 5 and _worthy(text, charset):
                taken[start:end] = b"\1" * (end - start)
                yield start, text


def _wide(block: bytes) -> Iterator[tuple[int, int, str]]:
    for pattern, charset in ((_LE, "utf-16-le"), (_BE, "utf-16-be")):
        for m in pattern.finditer(block):
            text = _text(m[0], charset)
            if _worthy(text, charset):
                yield m.start(), m.end(), text


def _text(raw: bytes, charset: str) -> str:
    return _BLANK.sub(" ", raw.decode(charset, "ignore")).strip()


def _score(text: str) -> int:
    """Usual characters against rare ones: read one byte off, letters mostly stay but blanks and ends become rare."""
    blanks = text.count(" ")
    usual = len(_USUAL.findall(text))
    return usual + 2 * blanks - 2 * (len(text) - usual - blanks)


def _free(taken: bytearray, start: int, end: int) -> tuple[int, int]:
    """The longest stretch of a run that no other run has taken."""
    best = (start, start)
    for m in re.finditer(rb"\0+", taken[start:end]):
        if m.end() - m.start() > best[1] - best[0]:
            best = (start + m.start(), start + m.end())
    return best


def _worthy(text: str, charset: str) -> bool:
    """Text rather than chance: letters and digits enough, and, where chance is likely, all of one script."""
    word = len(_NOT_TEXT.findall(text))
    if len(text) < 4 or word < 3 or word * 2 < len(text) - text.count(" ") - text.count("-"):
        return False
    if charset == "utf-8" and text.isascii():
        return True
    plain = sum(c < "\x80" for c in text)
    arabic = sum("\u0600" <= c <= "\u06ff" for c in text)
    latin = sum("\xc0" <= c <= "\u017f" for c in text)
    cyrillic = sum("\u0400" <= c <= "\u04ff" for c in text)
    accents = latin if latin * 3 <= plain else 0
    return max(arabic, cyrillic, accents, 0) + plain >= 0.9 * len(text)
