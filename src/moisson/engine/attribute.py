"""What the sweep saw in raw bytes, told by whose bytes they are; what a file's own reading said already is left out."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import defaultdict
from typing import TYPE_CHECKING, get_args

from msgspec.structs import replace

from moisson.address import Address
from moisson.engine.owners import Owners
from moisson.model import FailureKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from moisson.engine.owners import Owner
    from moisson.model import Item, Sighting
    from moisson.store.views import Views

_TOLD = """select distinct s.origin, s.kind, s.value from sightings s where s.exhibit = ?1 and s.run not like 'sweep.%'
    and s.origin in (select unnest(?2)) and (s.value in (select unnest(?3)) or s.kind in ('url', 'email', 'account'))
    order by all"""
_READ = """select address, kind, list_contains(flags, 'known') from items where exhibit = ?
    and address in (select unnest(?)) and sha256 != '' and not list_has_any(flags, ?)"""
_NOT_WHOLE = [*get_args(FailureKind), "truncated", "text-cut", "rows-cut", "encrypted"]
_SAYS_ALL = ("text/", "message/", "application/mbox", "application/json", "application/xml")
_ONLY_RAW = frozenset({"secret", "pgp"})
_SAME = "select 1 from items where exhibit = ? and address = ? and sha256 = ? limit 1"
_AT_ONCE = 20_000
_NAMES_OF_MAILS = re.compile(r"(?i)(?:message-id|in-reply-to|references):[^:]*$")


class Told:
    """What the files of a volume told of themselves: origin, kind, values in order."""

    def __init__(self, rows: Iterator[tuple[str, str, str]]) -> None:
        self._values: dict[tuple[str, str], list[str]] = defaultdict(list)
        for origin, kind, value in rows:
            self._values[origin, kind].append(value)

    def has(self, origin: str, kind: str, value: str) -> bool:
        """Whether it told this value, or the beginning of it: raw bytes do not say where a field of a record ends."""
        values = self._values.get((origin, kind), [])
        at = bisect_right(values, value)
        return any(value.startswith(told) for told in values[max(0, at - 3) : at])


class Attribution:
    """Sightings of one stretch of a medium; `medium` is the exhibit or the address of a container unlocked in it.

    What lies in a text or in a layer inside of a file that was read to its end is left to the file's own reader; known
    files say nothing, nor do the names of messages that look like addresses. A sighting keeps its raw address; `item`
    becomes the item that owns its first byte, `run` names the sort of place: sweep.live, sweep.slack, sweep.deleted,
    sweep.orphan or, where nobody owns it, sweep.free.
    """

    def __init__(self, views: Views, exhibit: str, medium: str, start: int, stop: int) -> None:
        self.views, self.exhibit = views, exhibit
        self.owners = Owners(views, exhibit, medium, start, stop)
        self._depth = len(Address.parse(medium).layers)

    def settle(self, sightings: Sequence[Sighting]) -> Iterator[Sighting]:
        """Those that are new, in the same order."""
        for at in range(0, len(sightings), _AT_ONCE):
            few = [s for s in sightings[at : at + _AT_ONCE] if not _names_a_mail(s)]
            owned = [(s, self.owners.find(self._offset(s.address))) for s in few]
            origins = sorted({owner.address for _, owner in owned if owner is not None})
            values = sorted({s.value for s, owner in owned if owner is not None})
            told = Told(self.views.stream(_TOLD, self.exhibit, origins, values) if origins else iter(()))  # type: ignore[arg-type]
            whole = self._whole(origins)
            for sighting, owner in owned:
                if owner is None:
                    yield replace(sighting, run="sweep.free@1")
                elif not told.has(owner.address, sighting.kind, sighting.value) and not self._said(
                    owner, sighting, whole
                ):
                    yield replace(sighting, item=owner.address, run=f"sweep.{owner.state}@1")

    def has(self, carved: Item) -> bool:
        """Whether a file of the volume that begins here has the very bytes of a carved one."""
        owner = self.owners.find(self._offset(carved.address))
        if owner is None or owner.at or not carved.sha256:
            return False
        return bool(list(self.views.stream(_SAME, self.exhibit, owner.address, carved.sha256)))

    def _offset(self, address: str) -> int:
        layer = Address.parse(address).layers[self._depth]
        return layer.spans[0][0] if layer.scheme == "pieces" else layer.span[0]

    def _said(self, owner: Owner, sighting: Sighting, whole: dict[str, tuple[str, bool]]) -> bool:
        """Whether the reader of a whole file had these bytes before it: in a layer it unpacked, or all of them."""
        if owner.address not in whole or owner.state == "slack":
            return False
        kind, known = whole[owner.address]
        if known:
            return True
        layered = sighting.address.count("/") > self._depth + 1
        return sighting.kind not in _ONLY_RAW and (layered or kind.startswith(_SAYS_ALL))

    def _whole(self, addresses: list[str]) -> dict[str, tuple[str, bool]]:
        """Those of the items that were read from beginning to end: their kind, and whether they are known files."""
        rows = self.views.stream(_READ, self.exhibit, addresses, _NOT_WHOLE) if addresses else ()
        return {address: (kind, known) for address, kind, known in rows}


def _names_a_mail(sighting: Sighting) -> bool:
    if sighting.kind != "email":
        return False
    before = sighting.context.partition(sighting.raw)[0]
    return bool(_NAMES_OF_MAILS.search(before))
