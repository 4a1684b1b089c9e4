"""Proof and hand-over: verify, export."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from moisson.cli.output import CASE, JSON, console, folder, line, table
from moisson.custody import intake as door
from moisson.custody.audit import audit
from moisson.custody.brought import read_list
from moisson.custody.keys import read_public
from moisson.custody.ledger import NAMESPACE, Ledger
from moisson.custody.note import read_checkpoint, verify_note
from moisson.engine.case import Case
from moisson.errors import CaseError, CustodyError, EvidenceError, MoissonError, UsageError
from moisson.export.haul import export_haul
from moisson.export.lines import export_lines
from moisson.export.sheets import export_sheets
from moisson.model import Item
from moisson.store.manifest import Manifest
from moisson.store.proof import History, proof, unpublished
from moisson.triage.match import current_run

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

FORMS = {"jsonl": export_lines, "csv": export_sheets, "haul": export_haul}
_FILE = click.Path(path_type=Path, dir_okay=False)


class Said(NamedTuple):
    """One thing that a check says: what was looked at, in words, and whether it holds; None is only to be known."""

    check: str
    text: str
    holds: bool | None = False


@click.command()
@CASE
@click.option(
    "--items", type=click.IntRange(min=0), default=200, show_default=True, help="Items to read again; 0: all."
)
@click.option("--kept", type=_FILE, multiple=True, help="A checkpoint that was kept elsewhere.")
@click.option("--trusted", type=_FILE, help="Public keys that may have signed; that of the case by default.")
@click.option("--checkpoint", type=click.Path(path_type=Path), help="Write the newest checkpoint into this folder.")
@JSON
def verify(
    case: Path, items: int, kept: tuple[Path, ...], trusted: Path | None, checkpoint: Path | None, as_json: bool
) -> None:
    """Check ledger, case files, evidence and addresses.

    Recomputes the ledger and its signatures, compares the files of the case with what the ledger saw written, hashes
    the evidence again, reads items by their addresses, and names what does not hold.
    """
    notes = [read_list(path) for path in kept]
    keys = read_list(trusted).splitlines() if trusted else _case_key(case)
    if not (case / "manifest.db").is_file():
        raise CaseError(f"no case at {case}")
    with Ledger.open(case / "ledger.db", readonly=True) as ledger:
        problems = _count(_ledger(ledger, notes, keys), as_json)
        if checkpoint is not None:
            _keep(ledger, checkpoint)
        problems += _count(_files(case, ledger), as_json)
    problems += _count(_contents(case, items), as_json)
    if problems:
        raise CustodyError(f"{problems} thing{'s do' if problems > 1 else ' does'} not hold, see above")


def _count(found: Iterator[Said], as_json: bool) -> int:
    """Print what is said, and count what does not hold."""
    problems = 0
    for said in found:
        problems += said.holds is False
        if as_json:
            line(said._asdict())
        else:
            style = "red" if said.holds is False else "yellow" if said.holds is None else ""
            console.print(f"{said.check}: {said.text}", style=style, markup=False, soft_wrap=True)
    return problems


def _ledger(ledger: Ledger, notes: Sequence[str], keys: Sequence[str]) -> Iterator[Said]:
    for problem in audit(ledger, notes, keys):
        yield Said("ledger", str(problem), None if problem.kind == "clock" else False)
    yield Said("ledger", f"{len(ledger)} entries recomputed", True)
    if not (signed := ledger.checkpoints()):
        yield Said("ledger", "no checkpoint was ever signed")
        return
    newest = signed[-1]
    root = newest.note.split("\n")[2:3]
    yield Said("ledger", f"newest checkpoint: {newest.size} entries, root {''.join(root)}, {newest.key}", True)
    if later := len(ledger) - newest.size:
        yield Said("ledger", f"the last {later} entries are not signed yet: a run was interrupted, or goes on", None)


def _files(root: Path, ledger: Ledger) -> Iterator[Said]:
    """The case's own files against the ledger, before anything of them is opened."""
    manifest = Manifest(root / "manifest.db", readonly=True)
    try:
        for problem in proof(root, manifest, ledger):
            yield Said("case", problem)
        if left := unpublished(root, manifest, ledger):
            what = "finished segments wait" if left > 1 else "finished segment waits"
            yield Said("case", f"{left} {what} for the next harvest, nothing reads what a run did not publish", None)
        lists = History(ledger).lists
        if lists and lists != current_run(root / "lists"):
            yield Said("case", "the watchlist or the requirements in `lists` are not those of the last harvest")
        yield Said("case", f"{len(manifest.live())} segments compared with the ledger", True)
    except CustodyError as error:
        yield Said("case", f"cannot be compared with the ledger: {error}")
    finally:
        manifest.close()


def _contents(root: Path, items: int) -> Iterator[Said]:
    """The evidence, and the bytes behind addresses; what cannot be opened is a thing that does not hold."""
    try:
        opened = Case(root)
    except MoissonError as error:
        yield Said("case", str(error))
        return
    try:
        yield from _evidence(opened)
        yield from _addresses(opened, items)
    except CaseError as error:
        yield Said("case", str(error))
    finally:
        opened.close()


def _evidence(opened: Case) -> Iterator[Said]:
    for exhibit in opened.exhibits.values():
        paths = [Path(p) for p in exhibit.files]
        if missing := [p for p in paths if not p.exists()]:
            yield Said("evidence", f"{exhibit.id}: {missing[0]} is not there any more")
        elif not any(p.is_dir() for p in paths):
            try:
                _, sha256, md5 = door.digest(paths)
            except UsageError as error:
                yield Said("evidence", f"{exhibit.id}: {error}")
                continue
            measured = opened.store.record_at(exhibit.id)
            before = str(measured.meta.get("delivered.sha256", "")) if isinstance(measured, Item) else ""
            for problem in door.compare(exhibit, {"sha256": sha256, "md5": md5}):
                yield Said("evidence", problem)
            if before and before != sha256:
                yield Said("evidence", f"{exhibit.id}: sha256 is {sha256}, at the harvest it was {before}")
    yield Said("evidence", f"{len(opened.exhibits)} exhibits hashed again", True)


def _addresses(opened: Case, items: int) -> Iterator[Said]:
    query = "select address, sha256 from items where sha256 != '' and role != 'medium' order by hash(address)"
    checked = 0
    for address, sha256 in opened.store.sql(query + (f" limit {items}" if items else "")):
        try:
            again = hashlib.sha256(opened.read(address)).hexdigest()
        except EvidenceError as error:
            yield Said("address", f"{address}: {error}")
            continue
        checked += 1
        if again != sha256:
            yield Said("address", f"{address}: sha256 is {again}, recorded is {sha256}")
    yield Said("address", f"{checked} items read again", True)


def _case_key(root: Path) -> list[str]:
    """The public key of the case, by which its checkpoints are signed."""
    path = root / "keys" / "case.pub"
    return [read_list(path)] if path.is_file() else []


def _keep(ledger: Ledger, out: Path) -> None:
    """Write the newest checkpoint: the note for `--kept`, and its text, signature and key for `ssh-keygen`."""
    if not (signed := ledger.checkpoints()):
        raise CustodyError(f"{ledger.path}: no checkpoint was ever signed")
    newest, place = signed[-1], folder(out)
    text = verify_note(newest.note, read_public(newest.key))
    name = f"checkpoint-{read_checkpoint(newest.note).size}"
    who = newest.key.split()[-1] if len(newest.key.split()) > 2 else "moisson-case"
    for end, content in (
        (".note", newest.note),
        (".txt", text),
        (".txt.sig", newest.signature),
        (".signers", f"{who} {newest.key}\n"),
    ):
        (place / f"{name}{end}").write_text(content, "utf-8")
    command = f"ssh-keygen -Y verify -n {NAMESPACE} -I {who} -f {name}.signers -s {name}.txt.sig < {name}.txt"
    console.print(f"checkpoint: {place / name}.note; anybody checks it with `{command}`", markup=False, soft_wrap=True)


@click.command()
@CASE
@click.option("--format", "form", type=click.Choice(list(FORMS)), default="jsonl", show_default=True)
@click.argument("out", type=click.Path(path_type=Path))
@JSON
def export(case: Path, form: str, out: Path, as_json: bool) -> None:
    """Write the case's results into the folder OUT."""
    opened, place = Case(case), folder(out)
    opened.note("export", params={"format": form}, outputs=[out.name])
    rows = FORMS[form](opened.store, place)
    if as_json:
        line(rows)
    else:
        table(["rows", "table"], [(n, name) for name, n in rows.items()])
