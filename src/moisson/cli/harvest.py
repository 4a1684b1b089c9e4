"""The main job: harvest, add, status."""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from moisson.cli.output import CASE, JSON, console, line, table
from moisson.cli.progress import Progress
from moisson.custody.brought import read_list
from moisson.engine import case as cases
from moisson.engine import harvest as engine
from moisson.engine.plan import PASSES
from moisson.errors import DependencyError, UsageError
from moisson.settings import Pass, Settings
from moisson.store.manifest import Manifest

if TYPE_CHECKING:
    from collections.abc import Iterator

_FILE = click.Path(path_type=Path)


@click.command()
@CASE
@click.argument("paths", nargs=-1, type=_FILE)
@click.option("--until", type=click.Choice(PASSES), default="sweep", show_default=True, help="The last pass.")
@click.option("--engine", "kind", type=click.Choice(["local", "ray"]), default="local", show_default=True)
@click.option("--workers", type=click.IntRange(0, 256), default=0, help="Processes; as many as cores by default.")
@click.option("--intake", type=_FILE, help="The list of exhibits and their chain of custody.")
@click.option("--watchlist", type=_FILE, help="CSV: kind,value,reason,priority.")
@click.option("--requirements", type=_FILE, help="YAML: the questions of the investigation.")
@click.option("--sought", type=_FILE, multiple=True, help="Files or folders whose blocks are sought in raw bytes.")
@click.option("--known", type=_FILE, multiple=True, help="Hashes of known files; these are not read.")
@click.option("--passwords", type=_FILE, help="One password or recovery key a line, tried on all that is locked.")
@click.option("--regions", default="", help="Countries in which a national number is tried, in order: IQ,SY,FR.")
@click.option("--languages", default="", help="Languages the case expects: ar,fr,en.")
def harvest(
    case: Path,
    paths: tuple[Path, ...],
    until: Pass,
    kind: str,
    workers: int,
    intake: Path | None,
    watchlist: Path | None,
    requirements: Path | None,
    sought: tuple[Path, ...],
    known: tuple[Path, ...],
    passwords: Path | None,
    regions: str,
    languages: str,
) -> None:
    """Register, open and exploit PATHS into CASE.

    Run the same line again, without the paths if you like, to resume after an interruption or to go deeper.
    """
    if kind == "ray":
        raise DependencyError("the ray engine is not part of this version; use --engine local")
    _present(*paths, *filter(None, (intake, watchlist, requirements, passwords)), *known, *sought)
    settings = _settings(case, until, passwords, regions, languages)
    lists = engine.Lists(watchlist, requirements, known, sought)
    count = workers or len(os.sched_getaffinity(0))
    try:
        with Progress() as progress, _stoppable():
            totals = engine.harvest(case, paths, settings, progress, intake=intake, lists=lists, workers=count)
    except KeyboardInterrupt as stop:
        console.print(f"stopped; nothing that was published is lost: `moisson harvest {case}` goes on", style="yellow")
        raise SystemExit(128 + (stop.args[0] if stop.args else signal.SIGINT)) from None
    rate = totals.bytes / 1e6 / max(0.1, totals.seconds)
    console.print(
        f"{totals.listed} entries listed, {totals.items} items read, {totals.bytes / 1e6:.1f} MB in "
        f"{totals.seconds:.1f} s ({rate:.1f} MB/s); "
        f"{totals.failures} could not be read (`moisson status {case}` says why)"
    )
    for unit in totals.broken:
        console.print(f"given up: {unit}", style="red")


@contextmanager
def _stoppable() -> Iterator[None]:
    """Let a terminal that is closed, and whoever ends this program in an orderly way, stop it as Ctrl-C does."""

    def stop(number: int, _: object) -> None:
        raise KeyboardInterrupt(number)

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _present(*paths: Path) -> None:
    """Refuse what is not there before a case is made."""
    for path in paths:
        if not path.exists():
            raise UsageError(f"{path}: no such file or folder")


def _settings(case: Path, until: Pass, passwords: Path | None, regions: str, languages: str) -> Settings:
    import msgspec

    old = Settings()
    if (case / "manifest.db").exists():
        kept = Manifest(case / "manifest.db").setting("settings")
        old = msgspec.json.decode(kept, type=Settings) if kept else old
    changes: dict[str, object] = {"until": until}
    if regions:
        changes["regions"] = _codes(regions, 2, str.upper, "--regions")
    if languages:
        changes["languages"] = _codes(languages, 0, str.lower, "--languages")
    if passwords is not None:
        lines = read_list(passwords).splitlines()
        changes["passwords"] = (*old.passwords, *filter(None, map(str.strip, lines)))
    return msgspec.structs.replace(old, **changes)


def _codes(text: str, length: int, fold: object, option: str) -> tuple[str, ...]:
    codes = tuple(fold(c.strip()) for c in text.split(",") if c.strip())  # type: ignore[operator]
    for code in codes:
        if not code.replace("-", "").isalnum() or (length and len(code) != length):
            raise UsageError(f"{option}: {code!r} is no code; write them as IQ,SY,FR or ar,fr,en")
    return codes


@click.command()
@CASE
@click.argument("paths", nargs=-1, type=_FILE)
@click.option("--intake", type=_FILE, help="The list of exhibits and their chain of custody.")
@JSON
def add(case: Path, paths: tuple[Path, ...], intake: Path | None, as_json: bool) -> None:
    """Register PATHS in CASE without reading them."""
    if not paths and intake is None:
        raise UsageError("name what is to be registered: images, folders or an intake list")
    _present(*paths, *filter(None, (intake,)))
    manifest = cases.create(case)
    with cases.locked(case):
        found = engine.register(case, manifest, paths, intake)
    if as_json:
        for exhibit in found:
            line(exhibit)
    else:
        table(["exhibit", "kind", "label", "files"], [(e.id, e.kind, e.label, len(e.files)) for e in found])
