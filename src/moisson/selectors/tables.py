"""Columns of tables in text: the word at the head of a column says of what kind its cells are."""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right
from functools import cache, lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, NamedTuple

from moisson.selectors.spelling import fold

if TYPE_CHECKING:
    from moisson.selectors.fold import Folded

_WIDEST = 64
_LONGEST = 24
_CELL = 40
_FIELD = re.compile(r"(?:^|; |: )([^\W\d][\w ]{1,23}): ([^;\n]{1,80})")
_NO_HEAD = re.compile(r"[<>{}@=]|\d{4}")
_FIELD_KINDS = frozenset({"name", "phone", "imei", "imsi", "iccid", "ssid", "plate"})
_BARE_NAME = 4
_SEPARATORS = "\t;|,"


class Cell(NamedTuple):
    """A stretch of text in a column of a known kind."""

    start: int
    end: int
    kind: str


class Columns:
    """The columns of the table that is being read; it outlives a block of text."""

    def __init__(self) -> None:
        self._separator = ""
        self._kinds: list[str] = []

    def cells(self, page: Folded) -> list[Cell]:
        """The cells of known kind in this block, in order."""
        out: list[Cell] = []
        text = page.text
        if not self._kinds and not any(s in text for s in _SEPARATORS):
            return out
        at = 0
        for line in text.split("\n"):
            if not line.strip():
                self._kinds = []
            elif line.count("; ") > 1:
                out += _fields(line, at)
            elif self._separator and self._separator in line and self._kinds:
                self._row(line, at, out)
            if 3 < len(line) < 400 and line[-1] != "." and not _NO_HEAD.search(line):
                self._head(line)
            at += len(line) + 1
        return out

    def _row(self, line: str, at: int, out: list[Cell]) -> None:
        parts = line.split(self._separator, _WIDEST)
        for part, kind in zip(parts, self._kinds, strict=False):
            if kind and part.strip():
                inner = part.strip(" \r\"'")
                start = at + part.find(inner)
                out.append(Cell(start, start + len(inner), kind))
            at += len(part) + 1

    def _head(self, line: str) -> None:
        for separator in _SEPARATORS:
            if not 0 <= line.find(separator) < _CELL or len(line) - line.rfind(separator) > _CELL:
                continue
            if (count := line.count(separator)) < _WIDEST:
                kinds = [_kind(part) if len(part) < _CELL else "" for part in line.split(separator)]
                known = sum(map(bool, kinds))
                if known >= 2 or (known == 1 and separator == "\t" and count < 12):
                    self._separator, self._kinds = separator, [k if k != "other" else "" for k in kinds]
                    return


def _fields(line: str, at: int) -> list[Cell]:
    """The values of known kind in `table: key: value; key: value`, as rows of databases are written."""
    found = [(m, _kind(m[1])) for m in _FIELD.finditer(line)]
    person = any(kind == "phone" or "@" in m[2] for m, kind in found)
    return [
        Cell(at + m.start(2), at + m.end(2), kind)
        for m, kind in found
        if kind in _FIELD_KINDS and (kind != "name" or (" " in m[2] and (person or len(m[1]) > _BARE_NAME)))
    ]


def kind_at(cells: list[Cell], at: int) -> str:
    """The kind of the column a place is in, or nothing."""
    i = bisect_right(cells, at, key=lambda c: c.start) - 1
    return cells[i].kind if i >= 0 and at < cells[i].end else ""


def is_head(word: str) -> bool:
    """Whether a word announces the kind of a column."""
    return bool(_kind(word))


@cache
def _headers() -> dict[str, str]:
    table = tomllib.loads(files("moisson.selectors").joinpath("data/headers.toml").read_text("utf-8"))
    return {" ".join(fold(word).split()): kind for kind, words in table.items() for word in words}


@lru_cache(maxsize=8192)
def _kind(cell: str) -> str:
    """The kind that the head of a column announces, or nothing."""
    text = cell.strip(" \r\n\"'*:").replace("_", " ")
    if not 0 < len(text) <= _LONGEST:
        return ""
    word = text.lower() if text.isascii() else fold(text)
    return _headers().get(word if "  " not in word else " ".join(word.split()), "")
