"""Fields and text of one item agree: a number without its country is of the country that the text around it tells."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from moisson.model import Event, Sighting
from moisson.selectors import find

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from moisson.model import Record

_KIND = "phone"


def agree(records: Iterable[Record], text: Iterable[Record], context: find.Context) -> Iterator[Record]:
    """The records of fields, their numbers read as in the sightings of the text."""
    told = _told([s for s in text if isinstance(s, Sighting) and s.kind == _KIND], context)
    for record in records:
        if isinstance(record, Sighting) and record.kind == _KIND and record.value in told:
            yield replace(record, value=told[record.value])
        elif isinstance(record, Event) and any(p.kind == _KIND and p.value in told for p in record.parties):
            parties = (replace(p, value=told.get(p.value, p.value)) if p.kind == _KIND else p for p in record.parties)
            yield replace(record, parties=tuple(parties))
        else:
            yield record


def _told(sightings: list[Sighting], context: find.Context) -> dict[str, str]:
    """What a number is when it is read by itself, and what it is in the text, where these differ."""
    out: dict[str, str] = {}
    for sighting in sightings:
        alone = find.clean_stated(_KIND, sighting.raw, context)
        if alone and alone.value != sighting.value:
            out[alone.value] = sighting.value
    for sighting in sightings:
        out.pop(sighting.value, None)
    return out
