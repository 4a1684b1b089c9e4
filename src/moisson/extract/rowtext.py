"""Rows of a database as lines of text."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING

from moisson.address import named
from moisson.extract.strings import read_strings
from moisson.model import Passage
from moisson.reader import Child, Reader

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from moisson.extract.btree import Value

CHILDREN = 20_000
_BATCH = 1 << 15
_CHILD = 512
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f]")
_RUN = re.compile(
    rb"(?:[\t\n\r\x20-\x7e]|\xc2[\xa0-\xbf]|[\xc3-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}){4,}"
)


class Writer:
    """Writes rows as lines and gathers them into passages; large bytes become children."""

    def __init__(self, place: str = "") -> None:
        self.place, self.table = place, ""
        self.lines: list[str] = []
        self.length = self.children = 0
        self.new = True

    def begin(self, table: str) -> None:
        """Go on with another table."""
        self.table, self.new = table, True

    def row(self, key: str, names: Sequence[str], values: Sequence[Value]) -> Iterator[Passage | Child]:
        """One line, and the children of its large binary values."""
        fields = []
        for i, value in enumerate(values):
            name = names[i] if i < len(names) else f"c{i}"
            text = _shown(value)
            if text is None and isinstance(value, bytes) and self.children < CHILDREN and not self.place:
                self.children += 1
                yield _blob(self.table, key, name, value)
                fields.append(f"{name}: ({len(value)} bytes)")
            elif text:
                fields.append(f"{name}: {text}" if name else text)
        if fields:
            line = f"{self.table}: {'; '.join(fields)}\n"
            self.lines.append(line)
            self.length += len(line)
        if self.length > _BATCH:
            yield from self.end()

    def end(self) -> Iterator[Passage]:
        """What was not yet given out."""
        if self.lines:
            place = self.place or f"table:{self.table}"
            yield Passage("".join(self.lines), place if self.new else "")
            self.lines, self.length, self.new = [], 0, False


def _shown(value: Value) -> str | None:
    """A value as text; "" for nothing, None for large bytes that are no text."""
    if value is None:
        return ""
    if isinstance(value, bytes):
        return _text_of(value)
    return value if isinstance(value, str) else repr(value)


def _text_of(raw: bytes) -> str | None:
    """Bytes as the text they are; short ones as what can be read in them."""
    if not raw:
        return ""
    charset = (
        "utf-16"
        if raw[:2] in (b"\xff\xfe", b"\xfe\xff")
        else "utf-16-le"
        if raw[1::2].count(0) > len(raw) // 3
        else "utf-8"
    )
    with suppress(UnicodeDecodeError):
        text = raw.rstrip(b"\0" if charset == "utf-8" else b"").decode(charset)
        if not _CONTROL.search(text):
            return text
    return None if len(raw) >= _CHILD else readable(raw)


def readable(raw: bytes) -> str:
    """The runs of characters in bytes, one after the other."""
    found = [m[0].decode("utf-8", "replace") for m in _RUN.finditer(raw)]
    if not found:
        found = [passage.text for passage in read_strings(Reader.of(raw))]
    return " ".join(" ".join(found).split())


def _blob(table: str, key: str, column: str, value: bytes) -> Child:
    layer = named("sqlite", f"{table}/{key}/{column}")
    return Child(f"{table}.{key}.{column}", layer, lambda: Reader.of(value), len(value), "embedded")
