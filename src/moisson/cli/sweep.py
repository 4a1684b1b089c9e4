"""Raw bytes alone, without a case: sweep."""

from __future__ import annotations

import os
import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from moisson.cli.output import clean, console, table
from moisson.custody.gather import find_exhibits
from moisson.engine import alone
from moisson.errors import UsageError
from moisson.export.features import FORMS, Form, open_features
from moisson.model import encode
from moisson.scan.gates import NAMES
from moisson.settings import Settings

if TYPE_CHECKING:
    from moisson.scan.sample import Sample


@click.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True))
@click.argument("out", type=click.Path(path_type=Path), required=False)
@click.option(
    "--format",
    "form",
    type=click.Choice(list(FORMS)),
    default="jsonl",
    show_default=True,
    help="be: as bulk_extractor.",
)
@click.option("--sample", is_flag=True, help="Only guess, from a thousand places, what it holds.")
@click.option("--workers", type=click.IntRange(0, 256), default=0, help="Processes; as many as cores by default.")
@click.option("--regions", default="", help="Countries of national telephone numbers, in order: IQ,FR,…")
def sweep(file: Path, out: Path | None, form: Form, sample: bool, workers: int, regions: str) -> None:
    """Look for selectors in every byte of FILE, an image or a device; into the folder OUT, or as lines of JSON."""
    paths = _paths(file)
    settings = Settings(regions=_regions(regions)) if regions else Settings()
    if sample:
        _guess(alone.sample(paths, settings), file.name)
        return
    writer = open_features(form, out, file.name) if out else None
    pages: dict[str, int] = {}
    count, began = 0, time.monotonic()

    def take(seen: alone.Seen) -> None:
        nonlocal count
        count += len(seen.sightings)
        for sighting in seen.sightings:
            if writer:
                writer.add(sighting)
            else:
                sys.stdout.buffer.write(encode(sighting) + b"\n")
        for _, length, flags in seen.stretches:
            name = next((name for flag, name in NAMES.items() if flags & flag), "other")
            pages[name] = pages.get(name, 0) + length

    base = re.sub(r"[^\w.-]", "_", file.name) or "medium"
    found = alone.sweep(paths, base, settings, workers or len(os.sched_getaffinity(0)), take, _progress)
    if writer:
        writer.close()
    took = max(time.monotonic() - began, 0.01)
    say = click.echo if out else _aside
    say(f"{found.size / 1e6:.1f} MB in {took:.1f} s ({found.size / 1e6 / took:.0f} MB/s), {count} sightings")
    say(
        "  ".join(
            f"{name} {100 * n / max(found.size, 1):.1f} %" for name, n in sorted(pages.items(), key=lambda p: -p[1])
        )
    )
    for name, digest in found.digests.items():
        stated = found.stored.get(name, "").lower()
        verdict = "as" if stated == digest else "NOT as"
        say(f"{name} {digest}" + (f", {verdict} the image says" if stated else ""))
    for failure in found.failures:
        say(f"not scanned: {failure.address}: {clean(failure.detail)}")


def _paths(file: Path) -> tuple[Path, ...]:
    """All parts of the image that a file belongs to; a device is one."""
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


def _guess(found: Sample, name: str) -> None:
    """Print the shares with their intervals of 95 %."""
    click.echo(f"{name}: {found.size / 1e6:.1f} MB, {found.verdict} ({found.places} places looked at)")
    rows = [(s.sort, f"{100 * s.share:.1f} %", f"{100 * s.low:.1f} – {100 * s.high:.1f} %") for s in found.shares]
    table(["holds", "share", "95 % interval"], rows)


def _aside(text: str) -> None:
    click.echo(text, err=True)


def _progress(done: int, size: int) -> None:
    if console.is_terminal and sys.stderr.isatty():
        click.echo(f"\r{done / max(size, 1):4.0%}", nl=done >= size, err=True)
