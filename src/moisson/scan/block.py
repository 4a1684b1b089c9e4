"""One block of bytes: gates, anchors, closer looks, and the layers in it, each scanned as a block of its own."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from functools import cache
from itertools import accumulate
from typing import TYPE_CHECKING

from msgspec.structs import replace

from moisson.model import Sighting, Text
from moisson.reader import Memory, Reader
from moisson.scan import anchors, gates, layers, prose, wide, words
from moisson.scan.finds import VERSION, settle, sighting
from moisson.scan.layers import BASE58, RUN
from moisson.scan.seek import SEEKERS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from moisson.scan.anchors import Event
    from moisson.scan.near import Mark
    from moisson.scan.prose import Opened
    from moisson.scan.sweep import Options
    from moisson.selectors.kind import Context

    Seeker = Callable[[bytes, int, Context], Iterable[Mark]]

_PIECE = (1 << 20) + (1 << 15)
_REACH = 256
_SMALL = 1 << 18
_HELD = 160 << 20
# So many beginnings of layers are tried in one block and all that is in it; in vain, so much output counts as one more.
_TRIES, _OUTPUT = 30_000, 1024
_DEAR = {"mam": 200}
_APART = bytes(64)
# These keep pieces of the text as they are, so that values seen in the compressed bytes may be cut short.
_TORN = frozenset({"lznt1", "xpress", "hiberset", "quoted"})
# What this leaves as it is it says a second time.
_ESCAPED = frozenset({"percent"})


@dataclass
class Block:
    """Bytes in hand: `first` to `stop` are this block's own, what stands around them is margin.

    `at` is the offset of the first byte in the layer that `prefix` leads to, `source` that layer as a whole.
    """

    data: bytes
    at: int
    first: int
    stop: int
    source: Reader
    prefix: str
    depth: int
    spent: list[int] = field(default_factory=lambda: [0])
    held: list[int] = field(default_factory=lambda: [0, 0])


def scan(block: Block, options: Options, flags: bytearray | None = None) -> Iterator[Sighting | Text | Opened]:
    """Everything that begins in the block, its layers included; page flags go to `flags`, from the first byte on."""
    marks: list[Mark] = []
    inner: list[layers.Layer] = []
    ranges, held = gates.Ranges(), block.held[0]
    full = [_piece(block, at, options, flags, marks, inner, ranges) for at in range(0, len(block.data), _PIECE)]
    if any(full):
        inner += layers.unsigned(block)
    torn, plain = _Spans(inner, _TORN), _Spans(inner, _ESCAPED)
    seen: dict[str, int] = {}
    told: set[tuple[str, str]] = set()
    for mark in settle(marks):
        if mark.start < block.first:
            continue
        seen[mark.value] = times = seen.get(mark.value, 0) + 1
        if (times <= options.repeats or not options.repeats) and not (torn.starts and torn.hold(mark.start)):
            yield sighting(block.data, mark, block.prefix, block.at)
            if plain.starts and plain.hold(mark.start):
                told.add((mark.kind, mark.value))
    if options.words:
        for run in (*words.arabic(block.data, ranges.arabic), *words.old(block.data, ranges.old)):
            if block.first <= run.start < block.stop:
                yield _words(block, run)
    yield from _wide(block, ranges, options)
    for found in _descend(block, inner, options):
        if (
            not told
            or not isinstance(found, Sighting)
            or (found.kind, found.value) not in told
            or found.address[len(block.prefix) :].split("/", 3)[2] not in _ESCAPED
        ):
            yield found
    block.held[0] = held


class _Spans:
    """Where the layers of some schemes are."""

    def __init__(self, inner: Iterable[layers.Layer], schemes: frozenset[str]) -> None:
        self.starts: list[int] = []
        self._ends: list[int] = []
        for start, end in sorted((layer.start, layer.end) for layer in inner if layer.scheme in schemes):
            self.starts.append(start)
            self._ends.append(max(end, self._ends[-1]) if self._ends else end)

    def hold(self, at: int) -> bool:
        """Whether this place is in one of them."""
        n = bisect_right(self.starts, at)
        return n > 0 and at < self._ends[n - 1]


def _piece(
    block: Block,
    start: int,
    options: Options,
    flags: bytearray | None,
    marks: list[Mark],
    inner: list[layers.Layer],
    ranges: gates.Ranges,
) -> bool:
    """One piece of a block: what ends in it, so that a value across two pieces is seen by the second.

    Returns whether there is anything in it.
    """
    data = block.data
    stop = min(len(data), start + _PIECE)
    seen = gates.look(memoryview(data)[start:stop], flags=flags is not None)
    if flags is not None:
        flags += seen.flags
    if seen.empty:
        return False
    ranges.add(seen, start)
    everywhere, in_text = anchors.everywhere(), anchors.in_text()
    events = everywhere.match(data, max(0, start - _REACH), stop)
    _ask(block, events, everywhere.seeks, options, marks, inner)
    for a, b in seen.dense:
        events = layers.promising(block, in_text, max(0, a + start - _REACH), b + start)
        _ask(block, events, in_text.seeks, options, marks, inner)
    inner += layers.by_page(data, start, stop, block.first, block.stop)
    return True


def _ask(
    block: Block,
    events: list[Event],
    seeks: tuple[str, ...],
    options: Options,
    marks: list[Mark],
    inner: list[layers.Layer],
) -> None:
    """Look closer at each event that does not end inside of what the same seeker found already.

    What only ends in the block is marked as well, for what begins in it may be a part of that. Inside of a layer that
    breaks off, which may have gone on over others, only those count that are whole.
    """
    data, first, stop, context = block.data, block.first, block.stop, options.context
    limit = stop + _REACH
    seekers, places = _seekers(seeks)
    last, broken = [max(0, first - _REACH)] * len(seeks), [0] * len(seeks)
    for end, number in events:
        place = places[number]
        if end <= last[place] or end > limit:
            continue
        seeker = seekers[number]
        # The first digit may be that of an address, or of a letter from L to O in Base64.
        if seeker is None and seeks[number] == "run" and data[end - RUN] in BASE58:
            seeker = None if layers.begins(block, end) else SEEKERS["token"]
        if seeker is None:
            if end > first and (layer := _begun(block, seeks[number], end, options)):
                if layer.whole:
                    last[place] = max(last[place], layer.end)
                elif end > broken[place]:
                    broken[place] = max(broken[place], layer.end)
                else:
                    block.held[1] += len(layer.data) // _OUTPUT
                    continue
                inner += _kept(block, layer)
            continue
        for mark in seeker(data, end, context):
            if mark.end > last[place] and mark.scheme != "gps":
                last[place] = mark.end
            if mark.kind and mark.end > first and mark.start < stop:
                marks.append(mark)


@cache
def _seekers(seeks: tuple[str, ...]) -> tuple[list[Seeker | None], list[int]]:
    """What looks closer at each event, and which of them share what they found."""
    return [SEEKERS.get(name) for name in seeks], [seeks.index(name) for name in seeks]


def _begun(block: Block, name: str, end: int, options: Options) -> layers.Layer | None:
    """The layer that begins here, as long as few were tried."""
    if block.held[1] > _TRIES:
        return None
    block.held[1] += _DEAR.get(name, 1)
    return layers.begin(name, block, end, options)


def _kept(block: Block, layer: layers.Layer) -> list[layers.Layer]:
    """The layer, or where much waits already, its beginning: `held` counts what waits around this block and in it."""
    if not layer.data:
        return []
    if block.held[0] + len(layer.data) > _HELD:
        layer = layer._replace(data=layer.data[:_SMALL])
    block.held[0] += len(layer.data)
    return layers.with_text(layer)


def _words(block: Block, run: words.Words) -> Text:
    scheme = f"/{run.scheme}" if run.scheme else ""
    address = f"{block.prefix}/@{block.at + run.start}+{run.end - run.start}{scheme}"
    return Text(address, VERSION, run.text, source="strings")


def _wide(block: Block, ranges: gates.Ranges, options: Options) -> Iterator[Sighting | Text | Opened]:
    """Scan the runs of UTF-16 and UTF-32 as one text."""
    runs = wide.runs(block.data, ranges.wide, ranges.long)
    joined = wide.Joined(r for r in runs if r.end > block.first and r.start < block.stop)
    if not joined.data:
        return
    for found in scan(_inner(joined.data, block, 0), options):
        place, *rest = found.address[2:].split("/")
        offset, _, length = place.partition("+")
        a = int(offset)
        first, last, scheme = joined.origin(a, a + int(length or 0))
        if not block.first <= first < block.stop:
            continue
        place = f"@{block.at + first}+{last - first}/{scheme}" if length else f"@{block.at + first}/{scheme}/@0"
        yield replace(found, address="/".join((block.prefix, place, *rest)))


def _descend(block: Block, inner: Iterable[layers.Layer], options: Options) -> Iterator[Sighting | Text | Opened]:
    """Scan what the layers hold; what lies inside of one that is whole is not opened again. Small ones go together.

    What the joined text of a document shows is new only if its markup did not show it already.
    """
    seen: set[tuple[str, str]] = set()
    inner = list(inner)
    texts = any(layer.scheme.endswith("xmltext") for layer in inner)
    for group in _groups(block, inner, options):
        if options.layers:
            yield from prose.opened(block.prefix, block.at, group)
        for found in _together(block, group, options):
            if texts:
                outer, text, _ = found.address.partition("/@0/xmltext/")
                where = outer if text else outer[: outer.find("/", len(block.prefix) + 1)] + "/zip"
                known = where, str(getattr(found, "value", "") or getattr(found, "content", "") or found.address)
                if text and known in seen:
                    continue
                seen.add(known)
            yield found


def _groups(block: Block, inner: Iterable[layers.Layer], options: Options) -> Iterator[list[layers.Layer]]:
    covered, small, size = 0, list[layers.Layer](), 0
    for layer in sorted(inner, key=lambda x: (x.start, x.scheme)):
        if layer.start < covered and not layer.scheme.startswith("zip"):
            continue
        covered = max(covered, layer.end if layer.whole else layer.start)
        if block.depth + 1 > options.depth or block.spent[0] + len(layer.data) > options.budget:
            continue
        block.spent[0] += len(layer.data)
        if len(layer.data) > _SMALL:
            yield [layer]
            continue
        small.append(layer)
        size += len(layer.data)
        if size > (1 << 20) - _SMALL:
            yield small
            small, size = [], 0
    if small:
        yield small


def _inner(data: bytes, block: Block, deeper: int) -> Block:
    return Block(data, 0, 0, len(data), Reader(Memory(data)), "", block.depth + deeper, block.spent, block.held)


def _together(block: Block, small: list[layers.Layer], options: Options) -> Iterator[Sighting | Text | Opened]:
    """Scan layers as one block, and say of each find in which of them it is."""
    places = [0, *accumulate(len(layer.data) + len(_APART) for layer in small)]
    for found in scan(_inner(_APART.join(layer.data for layer in small), block, 1), options):
        head, _, rest = found.address[2:].partition("/")
        offset, _, length = head.partition("+")
        at = int(offset)
        number = bisect_right(places, at) - 1
        layer = small[number]
        at -= places[number]
        if at + int(length or 0) > len(layer.data):
            continue
        place = f"@{at}+{length}" if length else f"@{at}"
        parts = (f"{block.prefix}/@{block.at + layer.start}", layer.scheme, place, *([rest] if rest else []))
        yield replace(found, address="/".join(parts))
