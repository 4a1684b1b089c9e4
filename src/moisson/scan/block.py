"""One block of bytes: gates, anchors, closer looks, and the layers in it, each scanned as a block of its own."""

from __future__ import annotations

import re
from bisect import bisect_left, insort
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from moisson.errors import EvidenceError
from moisson.reader import Memory, Reader, Window
from moisson.scan import anchors, gates, layers, wide, words
from moisson.scan.near import Mark
from moisson.scan.seek import SEEKERS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from moisson.scan.anchors import Event
    from moisson.scan.sweep import Options

_PIECE = 1 << 20
_MARGIN = 1 << 14
_REACH = 256
_RANKS = {
    "secret": 0, "url": 1, "email": 1, "account": 1, "onion": 1, "iban": 2, "crypto": 2, "passport": 2, "mac": 3,
    "coords": 3, "imei": 4, "iccid": 4, "imsi": 4, "card": 5, "ipv4": 5, "phone": 6, "name": 7, "date": 7, "pgp": 3,
}  # fmt: skip
_NESTED = frozenset({"coords", "name", "date", "passport"})
_CONTEXT = 60
_CONTROL = re.compile("[\x00-\x1f\x7f\ud800-\udfff\ufffd]+")


class Found(NamedTuple):
    """A selector or a run of words with its address."""

    kind: str
    value: str
    raw: str
    address: str
    context: str
    confidence: float


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


def scan(block: Block, options: Options, flags: bytearray | None = None) -> Iterator[Found]:
    """Everything that begins in the block, its layers included; page flags go to `flags`, from the first byte on."""
    marks: list[Mark] = []
    inner: list[layers.Layer] = []
    for start in range(0, len(block.data), _PIECE):
        yield from _piece(block, start, options, flags, marks, inner)
    for mark in _settle(marks):
        yield _found(block, mark)
    yield from _descend(block, inner, options)


def _piece(
    block: Block, start: int, options: Options, flags: bytearray | None, marks: list[Mark], inner: list[layers.Layer]
) -> Iterator[Found]:
    """One piece of a block: what ends in it, so that a value across two pieces is seen by the second."""
    data = block.data
    back = min(start, _REACH)
    piece = data[start - back : start + _PIECE] if len(data) > _PIECE else data
    seen = gates.look(piece if not back else data[start : start + _PIECE], flags=flags is not None)
    if flags is not None:
        flags += seen.flags
    if seen.empty:
        return
    events = [(end + start - back, number) for end, number in anchors.everywhere().match(piece)]
    _ask(block, events, anchors.everywhere().seeks, options, marks, inner)
    spread = [(max(0, a + start - _REACH), b + start) for a, b in seen.dense]
    for a, b in spread:
        dense = [(end + a, number) for end, number in anchors.in_text().match(data[a:b])]
        _ask(block, dense, anchors.in_text().seeks, options, marks, inner)
    inner += layers.by_page(data, start, min(len(data), start + _PIECE), block.first, block.stop)
    yield from _wide(block, seen, start, options)
    if options.words:
        for run in (*words.arabic(data, _moved(seen.arabic, start)), *words.old(data, _moved(seen.old, start))):
            if block.first <= run.start < block.stop:
                yield _words(block, run)


def _moved(ranges: list[tuple[int, int]], start: int) -> list[tuple[int, int]]:
    return [(a + start, b + start) for a, b in ranges]


def _ask(
    block: Block,
    events: list[Event],
    seeks: tuple[str, ...],
    options: Options,
    marks: list[Mark],
    inner: list[layers.Layer],
) -> None:
    """Look closer at each event that does not end inside of what the same seeker found already."""
    data, first, stop = block.data, block.first, block.stop
    last = dict.fromkeys(seeks, 0)
    for end, number in events:
        if end <= first or end > stop + _REACH:
            continue
        name = seeks[number]
        if end <= last[name]:
            continue
        seeker = SEEKERS.get(name)
        if seeker is None:
            if layer := layers.begin(name, block, end, options):
                last[name] = max(last[name], layer.end)
                inner.append(layer)
            continue
        for mark in seeker(data, end, options.context):
            if mark.scheme != "gps":
                last[name] = max(last[name], mark.end)
            if first <= mark.start < stop:
                marks.append(mark)


def _settle(marks: list[Mark]) -> list[Mark]:
    """The marks in order; of two that overlap, the surer kind, then the longer one."""
    kept: list[tuple[int, int]] = []
    chosen: list[Mark] = []
    for mark in sorted(set(marks), key=lambda m: (_RANKS.get(m.kind, 5), m.start - m.end, m.start)):
        if mark.scheme == "gps" or mark.kind in _NESTED - {"coords"}:
            chosen.append(mark)
            continue
        i = bisect_left(kept, (mark.start, mark.end))
        if (i and kept[i - 1][1] > mark.start) or (i < len(kept) and kept[i][0] < mark.end):
            continue
        insort(kept, (mark.start, mark.end))
        chosen.append(mark)
    return sorted(chosen)


def _found(block: Block, mark: Mark) -> Found:
    data, start, end = block.data, mark.start, mark.end
    address = f"{block.prefix}/@{block.at + start}+{end - start}"
    if mark.scheme == "gps":
        return Found(mark.kind, mark.value, layers.position(data[start:end]), f"{address}/gps", "", mark.confidence)
    raw = data[start:end]
    if raw.isascii():
        text = raw.decode("ascii")
    else:
        try:
            text = raw.decode("utf-8")
        except UnicodeDecodeError:
            text, address = raw.decode("latin-1"), f"{address}/latin1"
    return Found(mark.kind, mark.value, text, address, context(data, start, end), mark.confidence)


def context(data: bytes, start: int, end: int) -> str:
    """What stands around a range, as one line."""
    around = data[max(0, start - _CONTEXT) : end + _CONTEXT].decode("utf-8", "replace")
    return _CONTROL.sub(" ", around).strip()


def _words(block: Block, run: words.Words) -> Found:
    scheme = f"/{run.scheme}" if run.scheme else ""
    address = f"{block.prefix}/@{block.at + run.start}+{run.end - run.start}{scheme}"
    return Found("words", run.text, run.text, address, "", 1.0)


def _wide(block: Block, seen: gates.Gates, start: int, options: Options) -> Iterator[Found]:
    """Scan the runs of UTF-16 and UTF-32 of a piece as one text."""
    runs = wide.runs(block.data, _moved(seen.wide, start), _moved(seen.long, start))
    joined = wide.Joined(r for r in runs if r.end > block.first and r.start < block.stop)
    if not joined.data:
        return
    prefix = "\0"
    text = Block(joined.data, 0, 0, len(joined.data), Reader(Memory(joined.data)), prefix, block.depth, block.spent)
    for found in scan(text, options):
        place, *rest = found.address.removeprefix("\0/@").split("/")
        offset, _, length = place.partition("+")
        a = int(offset)
        first, last, scheme = joined.origin(a, a + int(length or 0))
        if not block.first <= first < block.stop:
            continue
        if length:
            place = f"@{block.at + first}+{last - first}/{scheme}"
        else:
            place = f"@{block.at + first}/{scheme}/@0"
        yield found._replace(address="/".join((block.prefix, place, *rest)))


def _descend(block: Block, inner: Iterable[layers.Layer], options: Options) -> Iterator[Found]:
    """Scan what the layers hold, those first that begin first; what lies inside of one is not opened again."""
    covered = 0
    for layer in sorted(inner, key=lambda x: (x.start, x.scheme)):
        if layer.start < covered and layer.scheme not in ("zip",):
            continue
        covered = max(covered, layer.end if layer.whole else layer.start)
        if block.depth + 1 > options.depth or block.spent[0] + len(layer.data) > options.budget:
            continue
        block.spent[0] += len(layer.data)
        prefix = f"{block.prefix}/@{block.at + layer.start}/{layer.scheme}"
        data = layer.data
        yield from scan(
            Block(data, 0, 0, len(data), Reader(Memory(data)), prefix, block.depth + 1, block.spent), options
        )


def window(block: Block, start: int) -> Reader:
    """The layer from an offset of the block on."""
    return Reader(Window(block.source.medium, block.at + start, block.source.size - block.at - start))


def quiet(error: EvidenceError) -> None:
    """Nothing begins here after all."""
    del error
