"""Which item holds which bytes of a medium, as the file systems in it say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moisson.errors import EvidenceError
from moisson.evidence.extents import Claims, complement, merge
from moisson.evidence.filesystem import Entry
from moisson.model import Extent

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from moisson.engine.messages import Place
    from moisson.engine.opened import Opened

RUN = "evidence.extents@1"
_CONTAINERS = ("bde", "luks")
_ARCHIVES = ("zip", "tar", "dir")


def medium_of(layers: Sequence[str]) -> tuple[str, ...]:
    """The layers that lead to the medium in which a volume at `layers` counts its bytes: none, or a container's."""
    inner = [n for n, layer in enumerate(layers) if layer.partition(":")[0] in _CONTAINERS]
    return tuple(layers[: inner[-1] + 1]) if inner else ()


def extents(opened: Opened, place: Place) -> Iterator[Extent]:
    """The extents of every entry of a volume, in the order of its listing; a hole has none.

    An entry whose place cannot be told has none either: its own reading says why. Last come the ranges that the file
    system uses for itself, which belong to the volume.
    """
    if place.kind in _ARCHIVES:
        return
    base = "/".join((opened.exhibit, *place.layers))
    medium = "/".join((opened.exhibit, *medium_of(place.layers)))
    system, claims = opened.mount(place.layers, place.kind), Claims()
    for entry in system.entries():
        if not isinstance(entry, Entry) or not (entry.size or entry.slack):
            continue
        address = f"{base}/{system.kind}:{entry.locator}"
        try:
            runs = system.extents(entry.locator)
        except EvidenceError:
            continue
        if entry.state == "live":
            claims.add(runs)
        yield from _extents(entry, address, medium, place.offset, runs)
    held = merge((*claims.merged(), *system.free()))
    for offset, length in complement(held, place.size):
        yield Extent(base, RUN, medium, place.offset + offset, length)


def _extents(
    entry: Entry, address: str, medium: str, base: int, runs: Sequence[tuple[int | None, int]]
) -> Iterator[Extent]:
    at = 0
    for offset, length in runs:
        inside = max(0, min(length, entry.size - at))
        if offset is not None and inside:
            yield Extent(address, RUN, medium, base + offset, inside, at, entry.state)
        if offset is not None and length > inside:
            state = "slack" if entry.state == "live" else entry.state
            yield Extent(address, RUN, medium, base + offset + inside, length - inside, at + inside, state)
        at += length
