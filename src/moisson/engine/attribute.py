"""What the sweep saw in raw bytes, told by whose bytes they are; what a file's own reading said already is left out."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from msgspec.structs import replace

from moisson.address import Address
from moisson.engine.owners import Owners
from moisson.model import FailureKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from moisson.model import Item, Sighting
    from moisson.store.query import Reader

_QUERY = """select distinct s.origin, s.kind, s.value from sightings s
    where s.exhibit = ? and s.run not like 'sweep.%' and s.value in (select unnest(?))"""
_SAME = "select 1 from items where exhibit = ? and address = ? and sha256 = ? limit 1"
_READ = """select address from items where exhibit = ? and address in (select unnest(?)) and sha256 != ''
    and not list_has_any(flags, ?)"""
_AT_ONCE = 20_000


class Attribution:
    """Sightings of one stretch of a medium; `medium` is the exhibit or the address of a container unlocked in it.

    What lies in a layer inside of a file that was read to its end is left to the file's own reader as well.
    A sighting keeps its raw address; `item` becomes the item that owns its first byte, `run` names the sort of place:
    sweep.live, sweep.slack, sweep.deleted, sweep.orphan or, where nobody owns it, sweep.free.
    """

    def __init__(self, reader: Reader, exhibit: str, medium: str, start: int, stop: int) -> None:
        self.reader, self.exhibit = reader, exhibit
        self.owners = Owners(reader, exhibit, medium, start, stop)
        self._depth = len(Address.parse(medium).layers)

    def settle(self, sightings: Sequence[Sighting]) -> Iterator[Sighting]:
        """Those that are new, in the same order."""
        for at in range(0, len(sightings), _AT_ONCE):
            few = sightings[at : at + _AT_ONCE]
            owned = [(s, self.owners.find(self.offset(s))) for s in few]
            told = self._told(sorted({s.value for s, owner in owned if owner is not None}))
            whole = self._whole(sorted({owner.address for _, owner in owned if owner is not None}))
            for sighting, owner in owned:
                if owner is None:
                    yield replace(sighting, run="sweep.free@1")
                elif (owner.address, sighting.kind, sighting.value) in told:
                    continue
                elif owner.state == "slack" or owner.address not in whole or not self._unpacked(sighting):
                    yield replace(sighting, item=owner.address, run=f"sweep.{owner.state}@1")

    def has(self, carved: Item) -> bool:
        """Whether a file of the volume that begins here has the very bytes of a carved one."""
        owner = self.owners.find(self._offset(carved.address))
        if owner is None or owner.at or not carved.sha256:
            return False
        return bool(list(self.reader.stream(_SAME, self.exhibit, owner.address, carved.sha256)))

    def offset(self, sighting: Sighting) -> int:
        """Where in the medium it begins, or what it was decoded from does."""
        return self._offset(sighting.address)

    def _offset(self, address: str) -> int:
        layer = Address.parse(address).layers[self._depth]
        return layer.spans[0][0] if layer.scheme == "pieces" else layer.span[0]

    def _unpacked(self, sighting: Sighting) -> bool:
        """Whether it was seen inside of a layer, which the reader of a whole file has unpacked as well."""
        return sighting.address.count("/") > self._depth + 2

    def _told(self, values: list[str]) -> set[tuple[str, str, str]]:
        return set(self.reader.stream(_QUERY, self.exhibit, values)) if values else set()  # type: ignore[arg-type]

    def _whole(self, addresses: list[str]) -> set[str]:
        """Those of the items that were read from beginning to end."""
        rows = self.reader.stream(_READ, self.exhibit, addresses, list(get_args(FailureKind))) if addresses else ()
        return {address for (address,) in rows}
