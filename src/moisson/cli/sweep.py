"""Raw bytes alone, without a case: sweep."""

from __future__ import annotations

import os
import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from moisson.cli.output import aside, clean, console, line, lines, table
from moisson.custody.gather import find_exhibits
from moisson.engine import alone
from moisson.errors import UsageError
from moisson.export.features import FORMS, Form, Writer, open_features, ready
from moisson.scan.gates import NAMES
from moisson.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from moisson.engine.pieces import Seen
    from moisson.scan.shares import Sample
    from moisson.triage.presence import Presence

_SHOWN = 10


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path), required=False)
@click.option(
    "--format",
    "form",
    type=click.Choice(list(FORMS)),
    default="jsonl",
    show_default=True,
    help="be: as bulk_extractor.",
)
@click.option("--json", "as_json", is_flag=True, help="With --sample: as lines of JSON.")
@click.option("--sample", is_flag=True, help="Only guess, from a thousand places, what it holds.")
@click.option("--watchlist", type=click.Path(path_type=Path), help="With --sample: which of these values may be in it.")
@click.option("--workers", type=click.IntRange(0, 256), default=0, help="Processes; as many as cores by default.")
@click.option("--regions", default="", help="Countries of national telephone numbers, in order: IQ,FR,…")
def sweep(
    file: Path,
    out: Path | None,
    form: Form,
    as_json: bool,
    sample: bool,
    watchlist: Path | None,
    workers: int,
    regions: str,
) -> None:
    """Selectors in every byte of FILE, an image or a device, without a case.

    They go into the folder OUT, or as lines of JSON to the standard output.
    """
    paths = _paths(file)
    settings = Settings(regions=_regions(regions)) if regions else Settings()
    base = re.sub(r"[^\w.-]", "_", file.name) or "medium"
    if watchlist and not sample:
        raise UsageError("--watchlist goes with --sample; in a full sweep, search what it wrote, or harvest")
    if sample:
        _look(paths, base, settings, watchlist, as_json)
        return
    if out:
        ready(out)
    took = _Taken(form, out, file.name)
    began = time.monotonic()
    found = alone.sweep(paths, base, settings, workers or len(os.sched_getaffinity(0)), took.take, _progress)
    took.close()
    _summary(found, took, max(time.monotonic() - began, 0.01), click.echo if out else aside)


class _Taken:
    """What was seen so far, written as it comes: into files that are made at the first of it, or printed."""

    def __init__(self, form: Form, out: Path | None, source: str) -> None:
        self.form, self.out, self.source = form, out, source
        self.writer: Writer | None = None
        self.pages: dict[str, int] = {}
        self.count = 0

    def take(self, seen: Seen) -> None:
        """Take some sightings, and count what the bytes are."""
        self._open()
        self.count += len(seen.sightings)
        if self.writer:
            self.writer.add(seen.sightings)
        else:
            for sighting in seen.sightings:
                line(sighting)
        for _, length, flags in seen.stretches:
            name = next((name for flag, name in NAMES.items() if flags & flag), "other")
            self.pages[name] = self.pages.get(name, 0) + length

    def _open(self) -> None:
        if self.out and self.writer is None:
            self.writer = open_features(self.form, self.out, self.source)

    def close(self) -> None:
        """Write what can only be written at the end."""
        self._open()
        if self.writer:
            self.writer.close()


def _summary(found: alone.Outcome, taken: _Taken, took: float, say: Callable[[str], None]) -> None:
    size = max(found.size, 1)
    say(f"{found.size / 1e6:.1f} MB in {took:.1f} s ({found.size / 1e6 / took:.0f} MB/s), {taken.count} sightings")
    say("  ".join(f"{name} {100 * n / size:.1f} %" for name, n in sorted(taken.pages.items(), key=lambda p: -p[1])))
    for name, digest in found.digests.items():
        stated = found.stored.get(name, "").lower()
        verdict = "as" if stated == digest else "NOT as"
        say(f"{name} {digest}" + (f", {verdict} the image says" if stated else ""))
    for at, length, why in found.faults[:_SHOWN]:
        say(f"DAMAGED: {length} bytes from {at} on cannot be had and count as zeros: {clean(why)}")
    if len(found.faults) > _SHOWN:
        say(f"DAMAGED: {len(found.faults) - _SHOWN} more such places")
    for failure in found.failures:
        say(f"not scanned: {failure.address}: {clean(failure.detail)}")


def _paths(file: Path) -> tuple[Path, ...]:
    """All parts of the image that a file belongs to; a device is one."""
    if not file.exists():
        raise UsageError(f"{file}: no such file or folder")
    if file.is_dir():
        raise UsageError(f"{file} is a folder; name an image or a device, or harvest the folder")
    if file.is_block_device():
        return (file,)
    if not file.is_file():
        raise UsageError(f"{file} is neither an image nor a device with blocks")
    return next((b.files for b in find_exhibits([file], frozenset())), (file,))


def _regions(text: str) -> tuple[str, ...]:
    found = tuple(text.upper().split(","))
    if not all(re.fullmatch("[A-Z]{2}", region) for region in found):
        raise UsageError(f"{text}: countries have two letters, as in IQ,FR")
    return found


def _look(paths: tuple[Path, ...], base: str, settings: Settings, watchlist: Path | None, as_json: bool) -> None:
    """Say what a sample shows, and which values of a list are in it."""
    if watchlist is None:
        _guess(alone.sample(paths, base, settings), paths[0].name, as_json)
        return
    # The lists bring half of the program with them, which a sweep does without.
    from moisson.selectors.kind import Context
    from moisson.triage.match import read_watchlist
    from moisson.triage.presence import Sought

    entries = read_watchlist(watchlist, Context(regions=settings.regions, languages=settings.languages))
    sought = Sought(entries)
    found = alone.sample(paths, base, settings, lambda seen: sought.take(seen.sightings))
    _guess(found, paths[0].name, as_json)
    _presence(list(sought.presences(found)), as_json)


def _guess(found: Sample, name: str, as_json: bool) -> None:
    """Print the shares with their intervals of 95 %."""
    if as_json:
        line({"name": name, "bytes": found.size, "places": found.places, "verdict": found.verdict})
        lines(("holds", "share", "low", "high"), [(s.sort, s.share, s.low, s.high) for s in found.shares])
        return
    click.echo(f"{name}: {found.size / 1e6:.1f} MB, {found.verdict} ({found.places} places looked at)")
    rows = [(s.sort, f"{100 * s.share:.1f} %", _between(s.low, s.high)) for s in found.shares]
    table(["holds", "share", "95 % interval"], rows)


def _presence(found: Sequence[Presence], as_json: bool) -> None:
    """Print which values of the list were seen, and how much of the medium may hold them."""
    if as_json:
        rows = [(p.entry.row, p.entry.kind, p.entry.raw, p.places, p.address, p.share, p.low, p.high) for p in found]
        lines(("row", "kind", "sought", "places", "address", "share", "low", "high"), rows)
        return
    shown = [(p.entry.kind, p.entry.raw, p.places, _between(p.low, p.high), p.address) for p in found]
    table(["kind", "sought", "places", "share, 95 %", "first"], shown)


def _between(low: float, high: float) -> str:
    return f"{100 * low:.1f} – {100 * high:.1f} %" if low else f"at most {100 * high:.2f} %"


def _progress(done: int, size: int) -> None:
    if console.is_terminal and sys.stderr.isatty():
        click.echo(f"\r{done / max(size, 1):4.0%}", nl=done >= size, err=True)
