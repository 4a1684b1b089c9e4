"""The main job: harvest, add, status."""

from __future__ import annotations

import os
from pathlib import Path

import click

from moisson.cli.output import CASE, JSON, console, line, table
from moisson.cli.progress import Progress
from moisson.custody import intake as door
from moisson.custody.ledger import Ledger
from moisson.engine import case as cases
from moisson.engine import harvest as engine
from moisson.engine.plan import PASSES
from moisson.errors import DependencyError, UsageError
from moisson.export.coverage import Coverage, by_share, coverage, draw, sampled
from moisson.settings import Pass, Settings
from moisson.store.manifest import Manifest
from moisson.store.query import Reader

_FILE = click.Path(path_type=Path)


@click.command()
@CASE
@click.argument("paths", nargs=-1, type=_FILE)
@click.option("--until", type=click.Choice(PASSES), default="sweep", show_default=True, help="The last pass.")
@click.option("--engine", "kind", type=click.Choice(["local", "ray"]), default="local", show_default=True)
@click.option("--workers", default=0, help="Worker processes; as many as cores by default.")
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
    """Register, open and exploit PATHS into CASE; run again to resume or to deepen."""
    if kind == "ray":
        raise DependencyError("the ray engine is not part of this version; use --engine local")
    settings = _settings(case, until, passwords, regions, languages)
    lists = engine.Lists(watchlist, requirements, known, sought)
    with Progress() as progress:
        count = workers or len(os.sched_getaffinity(0))
        totals = engine.harvest(case, paths, settings, progress, intake=intake, lists=lists, workers=count)
    rate = totals.bytes / 1e6 / max(0.1, totals.seconds)
    console.print(
        f"{totals.items} items, {totals.bytes / 1e6:.1f} MB in {totals.seconds:.1f} s ({rate:.1f} MB/s); "
        f"{totals.failures} could not be read (`moisson status {case}` says why)"
    )
    for unit in totals.broken:
        console.print(f"given up: {unit}", style="red")


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
        try:
            lines = passwords.read_text(encoding="utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"{passwords}: cannot be read as UTF-8 text ({error})") from error
        changes["passwords"] = tuple(dict.fromkeys(word for word in map(str.strip, lines) if word))
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
def add(case: Path, paths: tuple[Path, ...], intake: Path | None) -> None:
    """Register PATHS in CASE without reading them."""
    manifest = cases.create(case)
    with cases.locked(case):
        before = {e.id for e in manifest.exhibits()}
        found = door.gather(paths, intake)
        manifest.add_exhibits(found)
        with Ledger.open(case / "ledger.db") as ledger:
            for exhibit in found:
                if exhibit.id not in before:
                    ledger.append("intake", object=exhibit.id, inputs=list(exhibit.files), params=dict(exhibit.digests))
    table(["exhibit", "kind", "label", "files"], [(e.id, e.kind, e.label, len(e.files)) for e in found])


@click.command()
@CASE
@JSON
@click.option("--failures", "all_failures", is_flag=True, help="Every item that could not be read.")
@click.option("--picture", type=_FILE, help="Draw what was looked at into this SVG file.")
def status(case: Path, as_json: bool, all_failures: bool, picture: Path | None) -> None:
    """What is done, what is left, what was given up and why."""
    manifest = Manifest(case / "manifest.db", readonly=True)
    reader = Reader(case)
    failures = reader.sql(
        "select exhibit, kind, count(*), min(address), min(detail) from failures group by 1, 2 order by 1, 2"
    )
    progress = manifest.progress()
    if as_json:
        for p in progress:
            line({"type": "progress", "pass": p.stage, "state": p.state, "units": p.units, "cost_mb": p.cost})
        for row in failures:
            line(dict(zip(("type", "exhibit", "kind", "n", "address", "detail"), ("failures", *row), strict=True)))
        return
    table(["pass", "state", "units", "MB"], [(p.stage, p.state, p.units, f"{p.cost:.1f}") for p in progress])
    rows = reader.sql(
        """select e.exhibit, e.n, coalesce(i.n, 0), coalesce(i.bytes, 0) / 1e6 from
             (select exhibit, count(*) n from entries where kind != 'inode/directory' group by 1) e left join
             (select exhibit, count(*) n, sum(size) bytes from items where sha256 != '' and parent = '' and role = ''
              group by 1) i using (exhibit) order by 1"""
    )
    console.print()
    table(["exhibit", "files listed", "files read", "MB read"], [(a, b, c, f"{d:.1f}") for a, b, c, d in rows])
    _coverage(reader, picture)
    if failures:
        console.print()
        table(["exhibit", "not read", "items", "for example", "because"], failures)
    if all_failures:
        console.print()
        table(["address", "kind", "because"], reader.sql("select address, kind, detail from failures order by address"))


def _coverage(reader: Reader, picture: Path | None) -> None:
    """Print which bytes of which medium nobody has looked at, and draw it when asked to."""
    guesses = [
        (
            exhibit,
            f"{size / 1e6:.1f}",
            ", ".join(f"{100 * n / max(1, size):.0f} % {k}" for k, n in by_share(kinds) if 200 * n >= size),
        )
        for exhibit, size, kinds in sampled(reader)
    ]
    if guesses:
        console.print()
        table(["exhibit", "MB", "probably holds"], guesses)
    found = list(coverage(reader))
    if found:
        console.print()
        rows = [
            (c.medium, f"{c.size / 1e6:.1f}", _share(c.swept, c.size), _share(c.read, c.size), _holes(c)) for c in found
        ]
        table(["medium", "MB", "swept", "in files read", "nothing looked at"], rows)
    if picture is not None:
        draw(found, picture)


def _share(ranges: list[tuple[int, int]], size: int) -> str:
    return f"{100 * sum(n for _, n in ranges) / max(1, size):.1f} %"


def _holes(found: Coverage) -> str:
    holes = sorted(found.unseen, key=lambda hole: -hole[1])
    shown = ", ".join(f"{at}+{n}" for at, n in holes[:2])
    return f"{_share(holes, found.size)}: {shown}{' …' if len(holes) > 2 else ''}" if holes else "none"
