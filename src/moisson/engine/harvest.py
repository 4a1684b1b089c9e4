"""The main job: register, open and exploit, pass by pass; run again, it resumes or goes deeper."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import msgspec

from moisson import __version__
from moisson.custody import intake as door
from moisson.custody.keys import case_key
from moisson.custody.ledger import Ledger
from moisson.engine import again, case
from moisson.engine.confine import probe
from moisson.engine.listing import read_items
from moisson.engine.local import Broken, Local
from moisson.engine.plan import PASSES, Unit, first_units
from moisson.engine.result import Result
from moisson.engine.room import writing
from moisson.errors import UsageError
from moisson.identify import blocks, known
from moisson.model import Failure
from moisson.selectors import find
from moisson.settings import Settings
from moisson.store import manifest as store
from moisson.store.compact import candidates, collect_garbage, should_compact
from moisson.store.segment import SegmentWriter
from moisson.triage.match import current_run, read_requirements, read_watchlist

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from moisson.engine.local import Engine
    from moisson.model import Exhibit


class Report(Protocol):
    """Who is told what happens, as it happens."""

    def registered(self, exhibits: Sequence[Exhibit]) -> None: ...

    def started(self, unit: Unit) -> None: ...

    def finished(self, unit: Unit, result: Result, total: Totals) -> None: ...

    def broken(self, unit: Unit, detail: str) -> None: ...

    def tick(self, root: Path, total: Totals) -> None: ...


@dataclass
class Totals:
    """What a run came to: entries listed, items read, bytes read for whatever purpose."""

    units: int = 0
    listed: int = 0
    items: int = 0
    bytes: int = 0
    failures: int = 0
    broken: list[str] = field(default_factory=list)
    seconds: float = 0.0


@dataclass(frozen=True)
class Lists:
    """The lists a user brings: each is copied into the case, so that a resumed run has the same."""

    watchlist: Path | None = None
    requirements: Path | None = None
    known: tuple[Path, ...] = ()
    sought: tuple[Path, ...] = ()


def harvest(
    root: Path,
    paths: Sequence[Path],
    settings: Settings,
    report: Report,
    *,
    intake: Path | None = None,
    lists: Lists = Lists(),
    workers: int = 2,
    engine: Callable[[Path, int], Engine] = Local,
) -> Totals:
    """Harvest `paths` into the case at `root`; with no paths, go on with what the case has.

    Raises `UsageError` and `CaseError` before anything is done; faults of the evidence are records of the case.
    """
    with writing(root):
        manifest = case.create(root)
    with case.locked(root), writing(root):
        _clear(root, manifest)
        _take_lists(root, lists)
        settings = _settle(root, manifest, settings)
        if paths or intake:
            register(root, manifest, paths, intake)
        exhibits = manifest.exhibits()
        report.registered(exhibits)
        if not exhibits:
            raise UsageError(f"{root} has no exhibit yet: name the images or folders to harvest")
        manifest.put_back()
        manifest.add_units(map(_planned, first_units(e.id for e in exhibits)))
        run = engine(root, workers)
        try:
            _begin(root, settings)
            _match_again(root, manifest, run, report)
            totals = _work(root, manifest, run, settings, report)
            _compact(root, manifest, run)
        finally:
            run.close()
        collect_garbage(root, manifest)
        for notes in (root / "tmp").glob("notes-*"):
            notes.unlink(missing_ok=True)
        with Ledger.open(root / "ledger.db") as ledger:
            ledger.append("harvested", result=f"{totals.units} units, {totals.items} items, {totals.failures} failures")
            ledger.checkpoint(case_key(root))
    manifest.close()
    return totals


def _clear(root: Path, manifest: store.Manifest) -> None:
    """Remove what a run that was cut off left unfinished, or finished and not yet published."""
    shutil.rmtree(root / "tmp", ignore_errors=True)
    (root / "tmp").mkdir()
    known = {segment.name for segment in manifest.live()} | set(manifest.retired())
    for stray in [place for place in (root / "seg").iterdir() if place.name not in known]:
        shutil.rmtree(stray, ignore_errors=True)


def _take_lists(root: Path, lists: Lists) -> None:
    for source in filter(None, (lists.watchlist, lists.requirements)):
        if not source.is_file():
            raise UsageError(f"{source}: no such file")
    if lists.watchlist:
        read_watchlist(lists.watchlist, find.Context())
        shutil.copyfile(lists.watchlist, root / "lists" / "watchlist.csv")
    if lists.requirements:
        read_requirements(lists.requirements)
        shutil.copyfile(lists.requirements, root / "lists" / "requirements.yaml")
    if lists.known:
        known.compile_lists(lists.known, root / "lists" / "known.bin")
    if lists.sought:
        blocks.compile_targets(lists.sought, root / "lists" / "blocks.bin")


def _settle(root: Path, manifest: store.Manifest, settings: Settings) -> Settings:
    """Keep the settings; without regions of the user's, the countries that the requirements name come early.

    With new passwords, what was locked waits to be tried again.
    """
    before = msgspec.json.decode(manifest.setting("settings") or "{}", type=Settings)
    settings = again.more_passwords(before, settings)
    if len(settings.passwords) > len(before.passwords):
        manifest.add_units(map(_planned, again.units_again(root, manifest, len(settings.passwords))))
    requirements = root / "lists" / "requirements.yaml"
    if settings.regions == Settings().regions and requirements.exists():
        asked = [c for r in read_requirements(requirements) for c in r.countries]
        order = dict.fromkeys((*settings.regions[:2], *asked, *settings.regions))
        settings = msgspec.structs.replace(settings, regions=tuple(order))
    manifest.set_setting("settings", msgspec.json.encode(settings).decode())
    return settings


def register(root: Path, manifest: store.Manifest, paths: Sequence[Path], intake: Path | None) -> list[Exhibit]:
    """Enter what is delivered into the ledger and the manifest, what is new in the case only; all of it is given back.

    Raises `UsageError`, also for an exhibit that the case has with other files or digests.
    """
    before = {exhibit.id: exhibit for exhibit in manifest.exhibits()}
    found = door.gather(paths, intake, tuple(before.values()))
    new = [exhibit for exhibit in found if exhibit.id not in before]
    with Ledger.open(root / "ledger.db") as ledger:
        ledger.append_many(
            {"act": "intake", "object": e.id, "inputs": list(e.files), "params": dict(e.digests)} for e in new
        )
        if new:
            ledger.checkpoint(case_key(root))
    manifest.add_exhibits(new)
    return found


def _planned(unit: Unit) -> store.Unit:
    payload = msgspec.json.encode(unit).decode()
    return store.Unit(unit.id, unit.exhibit, unit.level, unit.priority, unit.cost, payload)


def _begin(root: Path, settings: Settings) -> None:
    """Enter the run into the ledger before it writes anything, so that what it leaves when cut off is known as its."""
    with Ledger.open(root / "ledger.db") as ledger:
        ledger.append(
            "harvest",
            params={"settings": settings.digest(), "until": settings.until, "lists": current_run(root / "lists")},
            tool=_tool(),
            sandbox=str(probe()),
        )


def _work(root: Path, manifest: store.Manifest, engine: Engine, settings: Settings, report: Report) -> Totals:
    stages = PASSES[: PASSES.index(settings.until) + 1]
    totals, flying, began = Totals(), dict[str, Unit](), time.monotonic()
    with Ledger.open(root / "ledger.db") as ledger:
        while True:
            for row in manifest.next_units(2 * engine.workers - len(flying), stages):
                unit = msgspec.json.decode(row.payload, type=Unit)
                flying[unit.id] = unit
                report.started(unit)
                engine.submit(unit)
            if not flying:
                break
            for result in engine.wait(0.25):
                unit = flying.pop(result.unit)
                if isinstance(result, Broken):
                    totals.broken.append(unit.id)
                    report.broken(unit, result.detail)
                    result = give_up(root, unit, result.detail)
                _publish(manifest, ledger, unit, result, totals)
                report.finished(unit, result, totals)
            totals.seconds = time.monotonic() - began
            report.tick(root, totals)
    return totals


def give_up(root: Path, unit: Unit, detail: str) -> Result:
    """End a unit that no worker survives: its place, and each file it was to read, becomes a `Failure`."""
    if unit.do == "read":
        places = [item.address for item in read_items(root / "seg" / unit.segment, unit.start, unit.count)]
    else:
        swept = (f"@{unit.place.offset}+{unit.place.size}",) if unit.do == "sweep" and unit.place else ()
        places = ["/".join((unit.exhibit, *(unit.place.layers if unit.place else ()), *swept))]
    writer = SegmentWriter(root, unit.exhibit, unit.id)
    for place in places:
        writer.add(Failure(place, f"engine.{unit.do}@1", "crash", f"given up: {detail}"))
    return Result(unit.id, writer.close(), failures=len(places))


def _match_again(root: Path, manifest: store.Manifest, engine: Engine, report: Report) -> None:
    """Ask lists that are new in this case about what it had before; new sightings are asked about as they come."""
    lists = current_run(root / "lists")
    if manifest.setting("lists") not in ("", lists):
        units = [
            Unit(f"match/{e}/{lists.rpartition('/')[2]}", "match", e, "glance", 0)
            for e in sorted({segment.exhibit for segment in manifest.live() if segment.exhibit})
        ]
        for unit, result in _each(engine, units):
            if isinstance(result, Broken):
                report.broken(unit, result.detail)
            else:
                with Ledger.open(root / "ledger.db") as ledger:
                    _vouch(ledger, unit, result.descriptor)
                manifest.publish(result.descriptor)
    manifest.set_setting("lists", lists)


def _compact(root: Path, manifest: store.Manifest, engine: Engine) -> None:
    """Join small segments where there are many."""
    units = []
    for exhibit in should_compact(manifest):
        olds = tuple(segment.unit for segment in candidates(manifest, exhibit))
        units.append(Unit(f"compact/{exhibit}", "compact", exhibit, "glance", 0, replaces=olds))
    for unit, result in _each(engine, units):
        if not isinstance(result, Broken):
            with Ledger.open(root / "ledger.db") as ledger:
                _vouch(ledger, unit, result.descriptor)
            manifest.publish(result.descriptor, replaces=unit.replaces)


def _each(engine: Engine, units: Sequence[Unit]) -> Iterator[tuple[Unit, Result | Broken]]:
    waiting, flying = list(units), dict[str, Unit]()
    while waiting or flying:
        while waiting and len(flying) < engine.workers:
            unit = waiting.pop()
            flying[unit.id] = unit
            engine.submit(unit)
        for result in engine.wait(0.25):
            yield flying.pop(result.unit), result


def _vouch(ledger: Ledger, unit: Unit, made: store.Descriptor) -> None:
    """Enter a segment into the ledger, with the digests of its files and the units it takes the place of."""
    ledger.append(
        unit.do,
        object=unit.exhibit,
        inputs=list(unit.replaces),
        params={"unit": made.unit, "files": made.sealed},
        outputs=[made.name],
        tool=_tool(),
    )


def _publish(manifest: store.Manifest, ledger: Ledger, unit: Unit, result: Result, totals: Totals) -> None:
    _vouch(ledger, unit, result.descriptor)
    manifest.publish(result.descriptor, map(_planned, result.units), unit.replaces)
    totals.units += 1
    if unit.do == "list":
        totals.listed += result.items
    else:
        totals.items += result.items
    totals.bytes += result.bytes
    totals.failures += result.failures


def _tool() -> dict[str, str]:
    return {"name": "moisson", "version": __version__}
