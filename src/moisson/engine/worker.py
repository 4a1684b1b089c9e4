"""The trusted side of one unit: asks the confined child, checks what comes back, writes one segment."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from moisson import __version__
from moisson.address import Address, Layer
from moisson.engine import messages as m
from moisson.engine.attribute import Attribution
from moisson.engine.hand import InHand, Swept
from moisson.engine.listing import item_of, joined, read_items, wanted
from moisson.engine.plan import SAMPLED, Unit, classes, classify, list_unit, map_unit, read_units, sweep_units
from moisson.engine.result import Output, Result
from moisson.engine.split import FLAG, Parts
from moisson.model import Failure, Item, Run, Stretch
from moisson.store import schema
from moisson.store.compact import compact
from moisson.store.manifest import Manifest
from moisson.store.views import tables
from moisson.times import now

if TYPE_CHECKING:
    from collections.abc import Callable

    from moisson.engine.supply import Supply
    from moisson.model import Lead

RECYCLE = 64
BEFORE, BEYOND = 16 << 20, 64 << 20
READABLE = frozenset(("ntfs", "fat", "exfat", "ext", "iso9660", "hfs", "dir", "zip", "tar"))
_SILENT = frozenset(("gap", "swap"))
_SCHEMES = {"iso9660": "iso"}


class Worker:
    """Runs units one after another; its child is confined, fed through `supply`, and recycled often."""

    def __init__(self, supply: Supply) -> None:
        self.root, self.settings, self.supply = supply.root, supply.settings, supply
        self.served = 0
        self.exhibit = ""

    def run_unit(self, unit: Unit) -> Result:
        """Carry out one unit; a bad item costs that item only."""
        if unit.do == "compact":
            return self.compact(unit)
        if self.exhibit != unit.exhibit:
            self.supply.recycle()
            self.exhibit = unit.exhibit
        started, out = now(), Output(self.root, unit, self.supply.leads)
        try:
            do: Callable[[Unit, Output], list[Any]] = getattr(self, f"_{unit.do}")
            follow = do(unit, out)
            out.write(self._run(unit, started))
            descriptor = out.close()
        except BaseException:
            out.abandon()
            raise
        return out.result(descriptor, list(read_units(unit, descriptor.name, follow)) if unit.do == "list" else follow)

    def compact(self, unit: Unit) -> Result:
        """Make one segment of several."""
        began = time.monotonic()
        manifest = Manifest(self.root / "manifest.db", readonly=True)
        try:
            olds = [s for s in manifest.live(unit.exhibit) if s.unit in unit.replaces]
        finally:
            manifest.close()
        return Result(unit.id, compact(self.root, olds), seconds=time.monotonic() - began)

    def _match(self, unit: Unit, out: Output) -> list[Unit]:
        table = schema.TABLES["sightings"]
        columns = ", ".join(f'"{name}"' for name in table.schema.names)
        with tables(self.root, unit.exhibit) as views:
            for row in views.stream(f"select {columns} from sightings"):
                sighting = schema.record(table, dict(zip(table.schema.names, row, strict=True)))
                for lead in self.supply.leads(sighting):
                    out.write(lead)
        return []

    def _run(self, unit: Unit, started: Any) -> Run:
        return Run(
            unit.exhibit,
            f"engine.{unit.do}@1",
            unit.id,
            self.settings.digest(),
            {"moisson": __version__},
            socket.gethostname(),
            self.supply.level,
            started,
            now(),
        )

    def _scan(self, unit: Unit, out: Output) -> list[Unit]:
        units: list[Unit] = []

        def take(reply: m.Reply) -> None:
            assert isinstance(reply, m.Found)
            if reply.facts:
                units.append(map_unit(unit))
            for failure in reply.failures:
                out.add(failure)
            for place in reply.places:
                if place.kind in READABLE:
                    units.append(list_unit(unit.exhibit, place))
                if place.kind in READABLE or place.kind in _SILENT:
                    continue
                where = "/".join((unit.exhibit, *place.layers))
                detail = f"{place.kind} at byte {place.offset} ({place.size} bytes) has no reader yet"
                out.add(Failure(where, "evidence.volume@1", "unsupported", detail))

        self._ask(m.Scan(unit.exhibit), unit.exhibit, out, take)
        image = any(u.do == "map" for u in units)
        boost = SAMPLED if image and self._sample(unit, out) else 0.0
        return [replace(u, priority=u.priority + boost) if u.do == "list" else u for u in units]

    def _sample(self, unit: Unit, out: Output) -> bool:
        """Guess what a medium holds; whether something on the lists stood in the places looked at."""
        leads: list[Lead] = []

        def take(reply: m.Reply) -> None:
            assert isinstance(reply, m.Sampled)
            if not reply.sightings:
                kinds = {sort: reply.size * n // max(1, reply.places) for sort, n in sorted(reply.counts.items())}
                out.write(Stretch(unit.exhibit, "sample.pages@1", unit.exhibit, 0, reply.size, kinds))
            for sighting in reply.sightings:
                leads.extend(self.supply.leads(sighting))

        self._ask(m.Sample(unit.exhibit), unit.exhibit, out, take)
        for lead in leads:
            out.write(lead)
            out.notes.append(lead.why)
        return bool(leads)

    def _map(self, unit: Unit, out: Output) -> list[Unit]:
        media: list[tuple[tuple[str, ...], int]] = []
        with tables(self.root, unit.exhibit) as views:
            mapped = {medium for (medium,) in views.stream("select distinct medium from extents")}

        def take(reply: m.Reply) -> None:
            assert isinstance(reply, m.Mapped)
            for extent in reply.extents:
                if extent.medium not in mapped:
                    out.write(extent)
            media.extend(reply.media)

        self._ask(m.Map(unit.exhibit), unit.exhibit, out, take)
        return [more for layers, size in media for more in sweep_units(unit.exhibit, layers, size)]

    def _sweep(self, unit: Unit, out: Output) -> list[Unit]:
        place = unit.place
        assert place is not None
        medium, stop = "/".join((unit.exhibit, *place.layers)), place.offset + place.size
        with tables(self.root, unit.exhibit) as views:
            first = max(0, place.offset - BEFORE)
            attribution = Attribution(views, unit.exhibit, medium, first, stop + BEYOND)
            owners = attribution.owners
            if owners.cut < stop:
                unknown = f"{medium}/@{owners.cut}+{stop - owners.cut}"
                out.add(Failure(unknown, "engine.owners@1", "limit", "too many extents"))
            free, dead = tuple(owners.free()), tuple(owners.dead())
            swept = Swept(out.add, medium, attribution, (place.offset, stop))
            swept.longest = self.settings.limits.text
            request = m.Sweep(unit.exhibit, place.layers, place.offset, stop, free, dead)
            self._persist(swept, request, place.size, medium)
            swept.settle()
        out.bytes += place.size
        return []

    def _digest(self, unit: Unit, out: Output) -> list[Unit]:
        delivered = self.supply.delivered(unit.exhibit)
        if delivered is None:
            return []
        size, sha256, md5 = delivered.size, delivered.sha256, delivered.md5
        meta: dict[str, Any] = {"delivered.size": size, "delivered.sha256": sha256, "delivered.md5": md5}
        for problem in delivered.problems:
            _tell(unit.exhibit, problem, out)
        if delivered.decodes:
            hashed: list[m.Hashed] = []
            self._ask(m.Digest(unit.exhibit), unit.exhibit, out, hashed.append)  # type: ignore[arg-type]
            for reply in hashed:
                size, sha256, md5 = reply.size, reply.digests["sha256"], reply.digests["md5"]
                meta |= {f"stored.{name}": value for name, value in reply.stored.items()}
                _compare(unit.exhibit, reply, out)
        out.bytes += delivered.size
        whole = (unit.exhibit, "custody.digest@1", delivered.name, "", "application/x-medium", size, sha256, md5)
        out.add(Item(*whole, role="medium", meta=meta))
        return []

    def _list(self, unit: Unit, out: Output) -> list[tuple[float, bool, int]]:
        place = unit.place
        assert place is not None
        base = "/".join((unit.exhibit, *place.layers))
        scheme = _SCHEMES.get(place.kind, place.kind)
        rows: list[tuple[float, bool, int, int, bytes]] = []
        skim_bytes, parts = classes()[1], Parts()

        def keep(item: Item, offset: int) -> None:
            sort = classify(item.path)
            directory = item.kind == "inode/directory"
            skim = sort.skim and item.size <= skim_bytes and not directory
            rows.append((-1.0 if directory else sort.value, skim, item.size, offset, msgspec.json.encode(item)))

        def take(reply: m.Reply) -> None:
            assert isinstance(reply, m.Listed)
            for fault in reply.faults:
                where = f"{base}/{scheme}:{fault.locator}" if fault.locator else base
                out.add(Failure(where, "evidence.filesystem@1", fault.kind, fault.detail))
            for entry in reply.entries:
                parts.add(len(rows), entry)
                keep(item_of(base, scheme, entry), entry.offset)

        self._ask(m.List(unit.exhibit, place), base, out, take)
        for name, found in parts.archives():
            for n, entry in found:
                part = item_of(base, scheme, replace(entry, flags=(*entry.flags, FLAG)))
                rows[n] = (*rows[n][:4], msgspec.json.encode(part))
            keep(joined(base, scheme, name, [entry for _, entry in found]), found[0][1].offset)
        rows.sort(key=lambda row: (-row[0], not row[1], row[3], row[4]))
        decoder = msgspec.json.Decoder(Item)
        for row in rows:
            out.write(decoder.decode(row[4]))
        out.items += len(rows)
        return [row[:3] for row in rows if row[0] >= 0]

    def _read(self, unit: Unit, out: Output) -> list[Unit]:
        for item in read_items(self.root / "seg" / unit.segment, unit.start, unit.count):
            self._read_item(unit, item, out)
            self.served += 1
            if self.served >= RECYCLE:
                self.supply.recycle()
                self.served = 0
        return []

    def _read_item(self, unit: Unit, item: Item, out: Output) -> None:
        hand = InHand(out.add, item.address)
        hand.longest = self.settings.limits.text
        self._persist(hand, m.Read(unit.exhibit, wanted(item)), item.size, item.address)
        out.items += 1
        out.bytes += hand.read

    def _persist(self, hand: InHand, request: m.Read | m.Sweep, size: int, whole: str) -> None:
        """Ask until an answer is complete: again as it was, then without what broke the child, then plainly."""
        seconds = self.settings.limits.seconds + self.settings.limits.per_mb * size / 1e6
        until = time.monotonic() + hand.times * seconds
        for attempt in range(hand.tries):
            left = max(0.0, until - time.monotonic())
            kind, detail = self.supply.call(request.exhibit, request, min(seconds * (1 + attempt), left), hand.take)
            if kind == "ok":
                return
            culprit, before, seen = hand.broken()
            if kind in ("crash", "timeout") and (attempt == 0 or seen < hand.skip):
                hand.skip = max(seen, hand.skip)
                continue
            hand.add(Failure(culprit, "engine.read@1", kind, detail))
            if time.monotonic() >= until:
                break
            plain = hand.plainly and (attempt >= hand.tries - 2 or culprit == whole)
            hand.skip = 0 if plain else before
            if plain and isinstance(request, m.Read):
                request = replace(request, avoid=(), plain=True)
            else:
                request = replace(request, avoid=(*request.avoid, culprit))
        hand.give_up(attempt + 1)

    def _ask(self, request: m.Request, where: str, out: Output, take: Callable[[m.Reply], None]) -> None:
        def each(reply: m.Reply) -> None:
            if isinstance(reply, m.Refused):
                out.add(Failure(where, "engine.open@1", reply.kind, reply.detail))
            else:
                take(reply)

        kind, detail = self.supply.call(self.exhibit, request, self.supply.patience(self.exhibit), each)
        if kind != "ok":
            out.add(Failure(where, "engine.open@1", kind, detail))


def _tell(exhibit: str, problem: str, out: Output) -> None:
    """Note a problem of a medium, and let it stand among the failures."""
    out.notes.append(problem)
    out.add(Failure(exhibit, "custody.digest@1", "damaged", problem))


def _compare(exhibit: str, reply: m.Hashed, out: Output) -> None:
    """Tell where the digests of a medium are not those that its image says, and what of it could not be read."""
    for name, stored in reply.stored.items():
        measured = reply.digests.get(name)
        if measured and measured != stored.lower():
            _tell(exhibit, f"{exhibit}: {name} of the medium is {measured}, its image says {stored}", out)
    for offset, length, why in reply.errors:
        where = str(Address(exhibit, (Layer("@", f"{offset}+{length}"),)))
        out.add(Failure(where, "evidence.image@1", "damaged", why))
