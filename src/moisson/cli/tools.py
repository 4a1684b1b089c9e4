"""The machine and the demonstration: doctor, demo."""

from __future__ import annotations

import importlib
import re
import shutil
import tempfile
from importlib import metadata, resources
from pathlib import Path

import click

from moisson import native, registry
from moisson.cli.output import JSON, console, line, lines, table
from moisson.engine import confine
from moisson.errors import MoissonError, UsageError

LIBRARIES = (
    ("pytsk3", "FAT, exFAT, ext, ISO 9660, HFS"),
    ("pyfsntfs", "NTFS"),
    ("pyvmdk", "VMDK"),
    ("pyvhdi", "VHD, VHDX"),
    ("pybde", "BitLocker"),
    ("argon2", "LUKS 2"),
    ("isal.isal_zlib", "E01, gzip"),
    ("pypdfium2", "PDF"),
    ("pypff", "Outlook PST"),
    ("archi", "CAB, cpio, 7z with PPMd"),
    ("rars", "RAR"),
    ("magic", "rare kinds of file (Debian: libmagic1)"),
    ("py3langid", "languages"),
    ("tantivy", "search"),
    ("duckdb", "joins"),
)


@click.command()
@JSON
def doctor(as_json: bool) -> None:
    """What is installed, and how strictly readers are confined."""
    try:
        level = str(confine.probe())
    except MoissonError as error:
        level = f"none ({error})"
    rows = []
    for module, what in LIBRARIES:
        try:
            importlib.import_module(module)
            rows.append((what, "yes", module))
        except (ImportError, OSError, AttributeError, TypeError) as error:
            rows.append((what, f"no: {str(error)[:60]}", module))
    rows.append(("raw bytes, in C", f"no, {native.lack}" if native.lack else "yes", "moisson._native"))
    wanted = sorted(
        {
            re.split("[^A-Za-z0-9._-]", r, maxsplit=1)[0]
            for r in metadata.requires("moisson") or ()
            if "extra ==" not in r
        }
    )
    if as_json:
        line({"confinement": level, "readers": len(registry.steps("extract")), "packages": wanted})
        lines(("reads", "here", "by"), rows)
        return
    console.print(f"confinement: {level}", style="red" if level.startswith("none") else "")
    table(["reads", "here", "by"], rows)
    console.print(f"{len(registry.steps('extract'))} readers; Python packages:")
    console.print(", ".join(wanted), style="dim")


@click.command()
@click.argument("case", required=False, type=click.Path(file_okay=False, path_type=Path))
@click.pass_context
def demo(ctx: click.Context, case: Path | None) -> None:
    """Harvest the haul that ships with Moisson, and show the leads."""
    from moisson.cli import findings, harvest

    source = _demo_folder()
    case = case or Path(tempfile.mkdtemp(prefix="moisson-demo-")) / "case"
    media = sorted(p for p in (source / "media").iterdir() if p.name != "README.md")
    ctx.invoke(
        harvest.harvest,
        case=case,
        paths=(),
        intake=source / "intake.csv",
        watchlist=source / "watchlist.csv",
        requirements=source / "requirements.yaml",
        passwords=source / "passwords.txt",
        until="sweep",
        kind="local",
        workers=0,
        known=(),
        regions="",
        languages="",
    )
    console.print(f"\n[bold]Leads[/] from {len(media)} media")
    ctx.invoke(findings.leads, case=case, limit=8, as_json=False)
    console.print("\n[bold]Shared between exhibits[/]")
    ctx.invoke(findings.links, case=case, limit=8, pairs=False, proof=None, as_json=False)
    console.print("\n[bold]Countries[/]")
    ctx.invoke(findings.countries, case=case, country=None, limit=9, as_json=False)
    program = shutil.which("moisson") or ".venv/bin/moisson"
    console.print("\nTry next:", style="bold")
    for words in (
        f'search {case} "lang:ar هاتف"',
        f"links {case} --pairs",
        f"countries {case} --country FR",
        f"events {case}",
        f"status {case}",
        f"verify {case}",
    ):
        console.print(f"  {program} {words}", markup=False)


def _demo_folder() -> Path:
    for folder in (Path("demo"), Path(str(resources.files("moisson"))).parents[1] / "demo"):
        if (folder / "intake.csv").exists():
            return folder
    raise UsageError("the demonstration haul is not here; it ships in the source tree under demo/")
