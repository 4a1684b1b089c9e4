"""Proof and hand-over: verify, export."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import click

from moisson.cli.output import CASE, console
from moisson.custody import intake as door
from moisson.engine.case import Case
from moisson.errors import CustodyError, EvidenceError
from moisson.export.haul import export_haul
from moisson.export.lines import export_lines
from moisson.export.sheets import export_sheets
from moisson.model import Item

if TYPE_CHECKING:
    from collections.abc import Iterator

FORMS = {"jsonl": export_lines, "csv": export_sheets, "haul": export_haul}


@click.command()
@CASE
@click.option("--items", default=200, show_default=True, help="Items to read again from the evidence; 0 for all.")
def verify(case: Path, items: int) -> None:
    """Recompute the ledger, the evidence's digests and the bytes behind addresses; name what does not hold."""
    opened = Case(case)
    problems = 0
    for problem in _problems(opened, items):
        console.print(problem, style="red", markup=False)
        problems += 1
    opened.close()
    if problems:
        raise CustodyError(f"{problems} things do not hold, the first: see above")


def _problems(opened: Case, items: int) -> Iterator[str]:
    with opened.ledger() as ledger:
        entries = 0
        for problem in ledger.verify():
            yield f"ledger: {problem}"
        entries = len(ledger)
    console.print(f"ledger: {entries} entries recomputed")
    for exhibit in opened.exhibits.values():
        paths = [Path(p) for p in exhibit.files]
        if missing := [p for p in paths if not p.exists()]:
            yield f"{exhibit.id}: {missing[0]} is not there any more"
        elif not any(p.is_dir() for p in paths):
            _, sha256, md5 = door.digest(paths)
            measured = opened.store.record_at(exhibit.id)
            before = str(measured.meta.get("delivered.sha256", "")) if isinstance(measured, Item) else ""
            yield from door.compare(exhibit, {"sha256": sha256, "md5": md5})
            if before and before != sha256:
                yield f"{exhibit.id}: sha256 is {sha256}, at the harvest it was {before}"
    console.print(f"evidence: {len(opened.exhibits)} exhibits hashed again")
    checked = 0
    for address, sha256 in _chosen(opened, items):
        try:
            again = hashlib.sha256(opened.read(address)).hexdigest()
        except EvidenceError as error:
            yield f"{address}: {error}"
            continue
        checked += 1
        if again != sha256:
            yield f"{address}: sha256 is {again}, recorded is {sha256}"
    console.print(f"addresses: {checked} items read again")


def _chosen(opened: Case, items: int) -> list[tuple[str, str]]:
    query = "select address, sha256 from items where sha256 != '' and role != 'medium' order by hash(address)"
    return [(a, s) for a, s in opened.store.sql(query + (f" limit {items}" if items else ""))]


@click.command()
@CASE
@click.option("--format", "form", type=click.Choice(list(FORMS)), default="jsonl", show_default=True)
@click.argument("out", type=click.Path(file_okay=False, path_type=Path))
def export(case: Path, form: str, out: Path) -> None:
    """Write the case's results into the folder OUT."""
    opened = Case(case)
    with opened.ledger() as ledger:
        ledger.append("export", params={"format": form}, outputs=[out.name])
    for name, rows in FORMS[form](opened.store, out).items():
        console.print(f"{rows:8} {name}")
