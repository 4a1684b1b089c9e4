"""The answers to a search: what is shown of each, and the order in which those of several segments merge."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import tantivy
from msgspec import Struct

from moisson.store import index
from moisson.store.manifest import Descriptor
from moisson.store.snippet import READ, Passing, cut
from moisson.store.textpack import PackReader, Place
from moisson.times import Instant

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ORDERS: dict[str, tuple[str | None, bool]] = {
    "relevance": (None, True),
    "time": ("time", True),
    "size": ("size", True),
    "path": ("rank", False),
    "-time": ("time", False),
    "-size": ("size", False),
    "-path": ("rank", True),
}
_stored = msgspec.msgpack.Decoder(index.Stored)


class Hit(Struct, frozen=True):
    """One answer: an item, an event or a place; `marks` are the spans of the snippet's words that were asked for."""

    address: str
    path: str
    exhibit: str
    kind: str
    state: str
    mtime: Instant | None
    size: int
    snippet: str
    score: float
    marks: tuple[tuple[int, int], ...] = ()


class Result(Struct, frozen=True):
    """A page of answers, and how many there are in all."""

    total: int
    hits: list[Hit]


class Open(Struct, frozen=True):
    """A live segment that has an index."""

    segment: Descriptor
    searcher: tantivy.Searcher
    pack: PackReader | None


def ranked(n: int, opened: Open, hits: Sequence[tuple[Any, tantivy.DocAddress]], sort: str) -> Iterator[Any]:
    """The answers of one segment with keys by which several segments merge; read from the index only when needed."""
    _, falling = ORDERS[sort]
    for value, at in hits:
        key: Any = value
        if sort.endswith("path"):
            key = _Turned(_path(opened, value, at)) if falling else _path(opened, value, at)
        elif falling:
            key = -value
        yield (key, n), (value if sort == "relevance" else 0.0, n, opened, at)


def _path(opened: Open, rank: int, at: tantivy.DocAddress) -> tuple[str, str]:
    stored = _read(opened, at)
    return (stored.path, stored.address) if rank >= index.PATHS else ("", "")


class _Turned:
    """A key that sorts the other way round."""

    __slots__ = ("key",)

    def __init__(self, key: Any) -> None:
        self.key = key

    def __lt__(self, other: _Turned) -> bool:
        return bool(other.key < self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Turned) and bool(self.key == other.key)

    __hash__ = None  # type: ignore[assignment]


def _read(opened: Open, at: tantivy.DocAddress) -> index.Stored:
    return _stored.decode(opened.searcher.doc(at).get_first("hit") or b"")


def hit(opened: Open, score: float, at: tantivy.DocAddress, passing: Passing | None, bare: bool = False) -> Hit:
    s = _read(opened, at)
    snippet: tuple[str, tuple[tuple[int, int], ...]] = cut(s.words[:READ], None if bare else passing)
    pack = None if bare else opened.pack
    for place in s.texts:
        if pack is None:
            break
        piece = cut(pack.text(Place(*place), READ), passing)
        snippet = piece if piece[1] or not snippet[0] else snippet
        if snippet[1]:
            break
    return Hit(s.address, s.path, s.exhibit, s.kind, s.state, s.time, s.size, snippet[0], score, snippet[1])
