"""The sightings of an item: in its text, in its metadata, and those that a reader states."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from moisson.address import Address, named, text_at
from moisson.model import Sighting
from moisson.selectors import find
from moisson.selectors.kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moisson.model import Party, Stated, Value
    from moisson.reader import Reader

CONTEXT = 60
STRICT, LENIENT = 0.9, 0.8
_SHORT, _NEARLY = 1 << 16, 0.8
_NOT_SELECTORS = ("message-id", "references", "in-reply-to", "boundary", "charset", "dhash")


def in_text(content: str, address: Address, sure: float, context: find.Context) -> Iterator[Sighting]:
    """What a text names, with what stands around it, if it is at least so sure."""
    where, line, counted = str(address), 0, 0
    for f in sorted(find.find(content, context), key=lambda f: (f.start, f.kind)):
        if f.confidence < sure:
            continue
        line, counted = line + content.count("\n", counted, f.start), f.start
        end = f.start + f.length
        around = content[max(0, f.start - CONTEXT) : end + CONTEXT].replace("\n", " ")
        place = str(address.child(text_at(f.start, f.length)))
        yield Sighting(place, "find.text@1", f.kind, f.value, f.raw, where, around, f.role, f.confidence, line)


def in_meta(meta: dict[str, Value], address: Address, context: find.Context) -> Iterator[Sighting]:
    """What the metadata name."""
    where = str(address)
    for key, value in meta.items():
        if not isinstance(value, str | list) or key.endswith(_NOT_SELECTORS):
            continue
        text = value if isinstance(value, str) else "\n".join(value)
        for f in find.find(text, context):
            place = str(address.child(named("m", key)))
            yield Sighting(place, "find.meta@1", f.kind, f.value, f.raw, where, text[:120], f.role, f.confidence)


def stated(piece: Stated, address: Address, label: str, context: find.Context) -> Sighting | None:
    """What a reader states to be a selector, if it can be one."""
    if not (found := find.clean_stated(piece.kind, piece.raw, context)):
        return None
    where, place = str(address), str(address.child(named("m", piece.place or piece.kind)))
    return Sighting(place, label, found.kind, found.value, piece.raw, where, piece.owner, piece.role, found.confidence)


def party(one: Party, context: find.Context) -> Party:
    """A party under the canonical value of its selector, as far as that is one."""
    found = find.clean_stated(one.kind, one.value, context) if one.kind in KINDS else None
    return replace(one, value=found.value) if found and found.value != one.value else one


def sureness(data: Reader, strings: str) -> float:
    """How sure a sighting in strings must be: less so where nearly all bytes are text, as in the rest of a file."""
    if data.size > _SHORT:
        return STRICT
    used = data.size - data.head(_SHORT).count(0)
    return LENIENT if len(strings.encode()) >= _NEARLY * used else STRICT
