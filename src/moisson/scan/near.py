"""A few characters around a place in bytes, as text whose offsets lead back to the bytes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct

from moisson.selectors.fold import Folded

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from moisson.selectors.kind import Hit

# Bytes that are no UTF-8 arrive as lone surrogates; these two mean the same in all Latin sets and in windows-1256.
_OLD_SIGNS = {0xDCB0: "°", 0xDCA0: "\u00a0"}


class Mark(Struct, frozen=True, order=True, gc=False):
    """A selector in bytes; `scheme` names the charset when it is not UTF-8."""

    start: int
    end: int
    kind: str
    value: str
    confidence: float
    scheme: str = ""


# One or two letters between a byte of chance and a figure are chance themselves: two bytes in a hundred make one.
_LETTER = r"[^\x00-\x7fªº\W\d_]"
_STRAY = re.compile(
    rf"(?<!{_LETTER}){_LETTER}{{1,2}}(?=[+-]?\d)"
    rf"|(?:(?<=\d)|(?<=[\d '\"°º][NSEWO])){_LETTER}{{1,2}}(?!{_LETTER})"
)


# Where there may be any of them, for less than the question itself costs.
_BESIDE = re.compile(
    rb"[\x80-\xff][+-]?(?:[0-9]|\xd9[\xa0-\xa9]|\xdb[\xb0-\xb9])|(?:[0-9NSEWO]|\xd9[\xa0-\xa9]|\xdb[\xb0-\xb9])[\x80-\xff]"
)


def _blanked(m: re.Match[str]) -> str:
    return "\ufffd" * len(m[0])


class Near:
    """The text between two offsets of a block."""

    __slots__ = ("_plain", "_text", "page", "start")

    def __init__(self, data: bytes, start: int, stop: int) -> None:
        self.start = start = max(0, start)
        raw = data[start:stop]
        self._plain = raw.isascii()
        self._text = raw.decode("ascii" if self._plain else "utf-8", "surrogateescape")
        text = self._text if self._plain else self._text.translate(_OLD_SIGNS)
        self.page = Folded(_STRAY.sub(_blanked, text) if not self._plain and _BESIDE.search(raw) else text)

    def at(self, offset: int) -> int:
        """The character of the folded text at an offset of the block."""
        if self._plain:
            return offset - self.start
        raw = self._text.encode("utf-8", "surrogateescape")[: offset - self.start]
        return self.page.place(len(raw.decode("utf-8", "surrogateescape")))

    def offset(self, char: int, *, end: bool = False) -> int:
        """The offset in the block of a character of the folded text."""
        if self._plain:
            return self.start + char
        head = self._text[: self.page.origin(char, end=end)]
        return self.start + len(head.encode("utf-8", "surrogateescape"))

    def single(self, hit: Hit) -> tuple[Mark]:
        """One hit with its place in the block."""
        place = self.offset(hit.start), self.offset(hit.end, end=True)
        return (Mark(*place, hit.kind, hit.value, hit.confidence),)

    def marks(self, hits: Iterable[Hit], place: int) -> Iterator[Mark]:
        """The hits that hold or touch an offset of the block, with their places in it."""
        for hit in hits:
            start, end = self.offset(hit.start), self.offset(hit.end, end=True)
            if start <= place <= end:
                yield Mark(start, end, hit.kind, hit.value, hit.confidence)
