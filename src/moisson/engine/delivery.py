"""What was found at one place, as messages none of which is too long: the text in parts, the records in lots."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from moisson.engine import messages as m
from moisson.model import Text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from moisson.model import Record

LONGEST = 4 << 20
PART = 1 << 19
LOT = 4000
_AHEAD = "/m:records"


def messages(where: str, records: Sequence[Record]) -> Iterator[bytes]:
    """What is too much for one batch goes ahead under a name of its own, then parts of the text, last the item."""
    rest = list(records)
    while len(rest) > LOT:
        yield from _ahead(where, rest[-LOT:])
        del rest[-LOT:]
    for n, record in enumerate(rest):
        if isinstance(record, Text) and len(record.content) > PART:
            yield from _parts(record)
            end = (len(record.content) - 1) // PART * PART
            rest[n] = replace(record, content=record.content[end:])
    batch = m.encode(m.Batch(where, tuple(rest)))
    while len(batch) > LONGEST and len(rest) > 1:
        kept = next((n + 1 for n, record in enumerate(rest) if isinstance(record, Text)), 1)
        half = max(kept, len(rest) // 2)
        if half == len(rest):
            break
        yield from _ahead(where, rest[half:])
        del rest[half:]
        batch = m.encode(m.Batch(where, tuple(rest)))
    yield batch


def lots(found: Iterable[Any], most: int, weight: Callable[[Any], int], heaviest: int = LONGEST // 8) -> Iterator[Any]:
    """Them as tuples of at most `most`, and of not more than `heaviest` together but where one is that alone."""
    lot, heavy = list[Any](), 0
    for each in found:
        heavy += weight(each)
        if lot and (len(lot) >= most or heavy > heaviest):
            yield tuple(lot)
            lot, heavy = [], weight(each)
        lot.append(each)
    if lot:
        yield tuple(lot)


def _parts(text: Text) -> Iterator[bytes]:
    for at in range(0, (len(text.content) - 1) // PART * PART, PART):
        yield m.encode(m.Part(text.address, text.content[at : at + PART]))


def _ahead(where: str, records: Sequence[Record]) -> Iterator[bytes]:
    batch = m.encode(m.Batch(where + _AHEAD, tuple(records)))
    if len(batch) > LONGEST and len(records) > 1:
        half = len(records) // 2
        yield from _ahead(where, records[half:])
        yield from _ahead(where, records[:half])
    else:
        yield m.encode(m.Begin(where + _AHEAD))
        yield batch
