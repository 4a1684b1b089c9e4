"""The piece of a text that answers a query, and where the answering words stand in it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from moisson.store.normal import fold

if TYPE_CHECKING:
    from collections.abc import Callable

READ = 256 << 10
_BEFORE, _LENGTH = 60, 200
_REMEMBERED = 50_000
_CHUNK = re.compile(r"\S+")
_BLANK = re.compile(r"\s")


class Passing(dict[str, bool]):
    """Which raw words pass a test of folded words, remembered from text to text."""

    def __init__(self, test: Callable[[str], bool]) -> None:
        self.test = test

    def __missing__(self, chunk: str) -> bool:
        passes = any(map(self.test, fold(chunk).split()))
        if len(self) < _REMEMBERED:
            self[chunk] = passes
        return passes


def cut(text: str, passing: Passing | None) -> tuple[str, tuple[tuple[int, int], ...]]:
    """Some 200 characters around the first word that passes, and the spans of all such words in them.

    The raw words are folded one by one and compared, so that no map between raw and folded text is needed.
    """
    first = next((m.start() for m in _CHUNK.finditer(text) if passing[m[0]]), 0) if passing is not None else 0
    start = max(0, first - _BEFORE)
    if start and (blank := _BLANK.search(text, start, first)):
        start = blank.end()
    piece = text[start : start + _LENGTH]
    if start + _LENGTH < len(text) and not text[start + _LENGTH].isspace():
        *whole, last = re.split(r"(?<=\s)(?=\S)", piece)
        piece = "".join(whole) if whole and start + len(piece) - len(last) > first else piece
    piece = _BLANK.sub(" ", piece).rstrip()
    if passing is None:
        return piece, ()
    return piece, tuple(m.span() for m in _CHUNK.finditer(piece) if passing[m[0]])
