"""Binary property lists of Apple's systems: every value as a line with its path, archives of objects too."""

from __future__ import annotations

import plistlib
import struct
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from moisson.address import named
from moisson.errors import DamagedError
from moisson.extract.rowtext import readable
from moisson.extract.strings import read_strings
from moisson.model import Fact, Flag, Passage
from moisson.reader import Child, Reader
from moisson.registry import step

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Piece = Passage | Fact | Flag | Child
MAX_LIST = 128 << 20
MAX_VALUES, MAX_CHILDREN, MAX_DEPTH = 1_000_000, 2000, 60
_NESTED, _CHILD = 8, 128
MAX_RUNS = 1 << 16
_LINES = 200
_EPOCH = datetime(2001, 1, 1)  # noqa: DTZ001  (of Cocoa, UTC)
_BROKEN = (plistlib.InvalidFileException, struct.error, ValueError, IndexError, KeyError, TypeError, OverflowError,
           RecursionError, AttributeError, MemoryError, OSError)  # fmt: skip
_ARCHIVE = frozenset(("$version", "$archiver", "$top", "$class", "$classes", "$classname", "$null"))
_MOMENTS = ("NS.time", "NSTime")


@step(
    "extract.plist",
    version=1,
    kinds=("application/x-plist-binary",),
    names=("*.bplist",),
    reference="CFBinaryPList.c of Core Foundation",
)
def read_plist(data: Reader, keys: Sequence[str] = ()) -> Iterator[Piece]:
    """Keys and values in the order of the list; lists within its data are opened, other data are items.

    Of a damaged list the words are told.
    """
    raw = data.whole(MAX_LIST)
    try:
        root = _load(raw)
    except DamagedError as why:
        yield Flag("damaged", str(why))
        yield from read_strings(data)
        return
    walk = _Walk()
    lines: list[str] = []
    for piece in walk.pieces(root, "", 0):
        if isinstance(piece, Child):
            yield piece
            continue
        lines.append(piece)
        if len(lines) >= _LINES:
            yield Passage("".join(lines))
            lines = []
    yield Passage("".join(lines))
    if walk.left <= 0:
        yield Flag("text-cut", f"more than {MAX_VALUES} values")


def _load(raw: bytes) -> Any:
    try:
        return plistlib.loads(raw, fmt=plistlib.FMT_BINARY if raw.startswith(b"bplist") else None)
    except _BROKEN as why:
        raise DamagedError(f"property list: {why}"[:200]) from why


class _Walk:
    """A walk over values that may be shared, and so be met without end: there is a budget."""

    def __init__(self) -> None:
        self.left = MAX_VALUES
        self._children = 0

    def pieces(self, value: Any, path: str, nested: int) -> Iterator[str | Child]:
        """Lines and items below a value."""
        stack: list[tuple[str, Any, int]] = [(path, value, 0)]
        while stack and self.left > 0:
            self.left -= 1
            at, value, depth = stack.pop()
            if isinstance(value, (dict, list)) and not value and at:
                yield f"{at}:\n"
            elif isinstance(value, dict) and depth < MAX_DEPTH:
                below = [(_join(at, str(key)), inner, depth + 1) for key, inner in value.items() if key not in _ARCHIVE]
                stack += reversed(below[: self.left])
            elif isinstance(value, list) and depth < MAX_DEPTH:
                stack += reversed([(f"{at}[{i}]", inner, depth + 1) for i, inner in enumerate(value[: self.left])])
            elif isinstance(value, bytes):
                yield from self._data(value, at, nested)
            elif (text := _shown(at, value)) or value == "":
                yield f"{at}: {text}\n" if at else f"{text}\n"

    def _data(self, value: bytes, path: str, nested: int) -> Iterator[str | Child]:
        if value.startswith((b"bplist0", b"<?xml")) and nested < _NESTED:
            try:
                inner = _load(value)
            except DamagedError:
                inner = None
            if inner is not None:
                yield from self.pieces(inner, path, nested + 1)
                return
        text = _printable(value) or readable(value[:MAX_RUNS]).strip()
        if text or len(value) < _CHILD:
            yield f"{path}: {text}\n"
        if not _printable(value) and len(value) >= _CHILD and self._children < MAX_CHILDREN:
            self._children += 1
            name = path.rpartition(".")[2] or "data"
            layer = named("plist", f"{self._children}:{path}"[:500])
            yield Child(name, layer, partial(Reader.of, value), len(value), "embedded")


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path and path != "$objects" else key


def _shown(path: str, value: Any) -> str:
    """A value for people; references within an archive say nothing to them."""
    if isinstance(value, plistlib.UID) or value is None or value == "$null":
        return ""
    if isinstance(value, datetime):
        return value.isoformat(sep=" ") + "Z"
    if isinstance(value, float) and path.endswith(_MOMENTS):
        try:
            return (_EPOCH + timedelta(seconds=value)).isoformat(sep=" ", timespec="seconds") + "Z"
        except (OverflowError, ValueError):
            return str(value)
    return str(value).replace("\0", "")


def _printable(value: bytes) -> str:
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError:
        return ""
    return text if text and all(c.isprintable() or c in "\r\n\t" for c in text) else ""
