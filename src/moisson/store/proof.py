"""What of a case's own files is not what its ledger saw written: the manifest, the segments, their indexes."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from moisson.errors import CaseError
from moisson.store import index
from moisson.store.manifest import LISTING
from moisson.store.seal import INDEX, made_here, seal, seal_index

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from moisson.custody.ledger import Ledger
    from moisson.store.manifest import Descriptor, Manifest


_MATCH, _COMPACT = "match/", ("compact/", f"{LISTING}compact/")


class _Written(NamedTuple):
    """What an entry of the ledger says of a segment."""

    seq: int
    unit: str
    exhibit: str
    files: Mapping[str, str]


class History:
    """What the ledger tells of a case: its exhibits, its segments, which units were replaced by which.

    `open` is whether the last run, which began with entry `began`, has no end: it was cut off, or goes on.
    """

    def __init__(self, ledger: Ledger) -> None:
        self.segments: dict[str, _Written] = {}
        self.exhibits: dict[str, tuple[int, tuple[str, ...], dict[str, Any]]] = {}
        self.replaced: list[tuple[str, tuple[str, ...]]] = []
        self.lists, self.began, self.open = "", -1, False
        for entry in ledger.entries():
            unit, files = entry.params.get("unit"), entry.params.get("files")
            if entry.act == "intake":
                self.exhibits[entry.object] = (entry.seq, entry.inputs, entry.params)
            elif entry.act == "harvest":
                self.lists = str(entry.params.get("lists", ""))
                self.began, self.open = entry.seq, True
            elif entry.act == "harvested":
                self.open = False
            elif isinstance(unit, str) and len(entry.outputs) == 1:
                known = files if isinstance(files, dict) else {}
                self.segments[entry.outputs[0]] = _Written(entry.seq, unit, entry.object, known)
                self.replaced.append((unit, entry.inputs))


def proof(root: Path, manifest: Manifest, ledger: Ledger) -> Iterator[str]:
    """Name each thing that does not hold; raises `CustodyError` where the ledger itself cannot be read.

    A run may go on meanwhile: what it finishes after the check began is left to the next check.
    """
    size, waiting, live = len(ledger), manifest.waiting(), manifest.live()
    history = History(ledger)
    yield from _exhibits(manifest, history)
    yield from _missing(root, history, live, waiting | _to_match(manifest, history), size)
    for segment in live:
        yield from _segment(root, segment, history.segments.get(segment.name))
    for folder in _others(root, manifest):
        if folder.name not in history.segments and not (history.open and made_here(folder)):
            yield f"segment {folder.name}: nobody wrote it"


def unpublished(root: Path, manifest: Manifest, ledger: Ledger) -> int:
    """How many finished segments a run that was cut off, or goes on, has not published.

    Nothing reads what is not in the manifest, and the next harvest does their units again.
    """
    waiting, history = manifest.waiting(), History(ledger)
    waiting |= _to_match(manifest, history)
    count = 0
    for folder in _others(root, manifest):
        written = history.segments.get(folder.name)
        if written:
            count += written.unit in waiting and _waits(folder, written, history)
        else:
            count += history.open and made_here(folder)
    return count


def _others(root: Path, manifest: Manifest) -> list[Path]:
    """What lies among the segments and is neither live nor about to be deleted."""
    found = sorted((root / "seg").iterdir())
    known = {segment.name for segment in manifest.live()} | manifest.retired().keys()
    return [folder for folder in found if folder.name not in known]


def _to_match(manifest: Manifest, history: History) -> set[str]:
    """The units that ask new lists about what the case had before; they are not planned, but done until all are."""
    if manifest.setting("lists") == history.lists:
        return set()
    return {written.unit for written in history.segments.values() if written.unit.startswith(_MATCH)}


def _exhibits(manifest: Manifest, history: History) -> Iterator[str]:
    here = {exhibit.id: exhibit for exhibit in manifest.exhibits()}
    for name, exhibit in here.items():
        if name not in history.exhibits:
            yield f"exhibit {name}: the ledger has no entry of its intake"
            continue
        seq, files, digests = history.exhibits[name]
        if exhibit.files != files:
            yield f"exhibit {name}: the manifest names other files than entry {seq} of the ledger"
        if exhibit.digests != digests:
            yield f"exhibit {name}: the manifest has other digests of the intake list than entry {seq} of the ledger"
    for name in sorted(history.exhibits.keys() - here.keys()):
        yield f"exhibit {name}: registered in entry {history.exhibits[name][0]} of the ledger, gone from the manifest"


def _missing(root: Path, history: History, live: list[Descriptor], waiting: set[str], size: int) -> Iterator[str]:
    """Units whose results were published and are there no more, neither as they were nor joined with others."""
    there = {segment.unit for segment in live}
    for unit, olds in reversed(history.replaced):
        if unit in there:
            there.update(olds)
    there.update(unit for unit, olds in history.replaced if unit.startswith(_COMPACT) and there.issuperset(olds))
    for name, written in history.segments.items():
        if written.unit in there or written.seq >= size:
            continue
        if written.unit not in waiting or not _waits(root / "seg" / name, written, history):
            there.add(written.unit)
            yield f"segment {name} of {written.unit}, written in entry {written.seq}, is gone from the manifest"


def _waits(folder: Path, written: _Written, history: History) -> bool:
    """Whether a segment may be one that was never published: of the open run, or cleared away since."""
    return not folder.is_dir() or (history.open and written.seq > history.began)


def _segment(root: Path, segment: Descriptor, written: _Written | None) -> Iterator[str]:
    folder = root / "seg" / segment.name
    if written is None:
        yield f"segment {segment.name}: no entry of the ledger says that it was written"
        return
    if (written.unit, written.exhibit) != (segment.unit, segment.exhibit):
        yield f"segment {segment.name}: the manifest has it for {segment.unit}, entry {written.seq} for {written.unit}"
    if not written.files:
        return
    try:
        found = seal(folder)
    except (CaseError, OSError) as error:
        yield f"segment {segment.name}: {error}"
        return
    for name in sorted(found.keys() | written.files.keys() - {INDEX}):
        before, now = written.files.get(name), found.get(name)
        if name != INDEX and before != now:
            what = "is not there" if now is None else "was added" if before is None else "was changed"
            yield f"segment {segment.name}: {name} {what} since entry {written.seq} of the ledger"
    if INDEX in found and found[INDEX] != written.files.get(INDEX) and not _same_index(folder, found[INDEX]):
        yield f"segment {segment.name}: its index is not made of its tables; delete {folder / INDEX}, it is made anew"
    yield from _counts(folder, segment)


def _same_index(folder: Path, now: str) -> bool:
    """True if an index built anew is the one that is there, as after it was deleted or by another version."""
    place = Path(tempfile.mkdtemp(prefix="moisson-index-"))
    try:
        index.build(folder, place / INDEX)
        return seal_index(place / INDEX) == now
    except (CaseError, OSError, pa.ArrowException, KeyError):
        return False
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _counts(folder: Path, segment: Descriptor) -> Iterator[str]:
    """A table of which the manifest knows nothing is shown to nobody."""
    for path in sorted(folder.glob("*.parquet")):
        try:
            rows = pq.read_metadata(path).num_rows
        except (OSError, pa.ArrowException):
            continue
        if rows != segment.counts.get(path.stem, 0):
            said = segment.counts.get(path.stem, 0)
            yield f"segment {segment.name}: {path.name} has {rows} rows, the manifest says {said}"
