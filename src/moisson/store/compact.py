"""Many small segments of an exhibit made into one, as an ordinary unit; and the deletion of what is no longer live."""

from __future__ import annotations

import shutil
import time
from collections import Counter
from hashlib import sha256
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from moisson.errors import CaseError
from moisson.store.manifest import LISTING, Descriptor, Manifest
from moisson.store.schema import SCHEMAS, TABLES
from moisson.store.segment import ROWS, count_selectors, finish, open_table
from moisson.store.views import Views

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

MANY = 64
FEWEST = 8
LARGEST = {"items": 500_000, "texts": 300_000, "sightings": 500_000, "events": 500_000}
LISTED = {"items": 10_000_000}
LARGEST_BYTES = 2 << 30
GRACE = 600.0
_STRAY = 86_400.0
_SORT_MB = 128


def should_compact(manifest: Manifest, many: int = MANY) -> list[str]:
    """Exhibits that have segments worth joining, those with most first; none while the case has few segments."""
    live = Counter(segment.exhibit for segment in manifest.live())
    if sum(live.values()) <= many:
        return []
    ranked = sorted(live, key=lambda exhibit: (-live[exhibit], exhibit))
    return [exhibit for exhibit in ranked if live[exhibit] >= FEWEST and candidates(manifest, exhibit)]


def candidates(manifest: Manifest, exhibit: str) -> list[Descriptor]:
    """The smallest segments of an exhibit that fit into one; directory listings only when no unit waits for them.

    A segment with something locked stays apart, to be replaced when there is a password for it.
    """
    pending, root = manifest.pending(exhibit), manifest.path.parent
    live = [s for s in manifest.live(exhibit) if not (s.listing and pending) and not locked(root, s)]
    best: list[Descriptor] = []
    for listing in (False, True):
        group, rows, size = list[Descriptor](), Counter[str](), 0
        for segment in sorted((s for s in live if s.listing == listing), key=lambda s: (s.bytes, s.unit)):
            rows.update(segment.counts)
            size += segment.bytes
            if size > LARGEST_BYTES or any(
                rows[table] > (most * (20 if listing else 1)) for table, most in LARGEST.items()
            ):
                break
            group.append(segment)
        if len(group) >= max(FEWEST, len(best) + 1):
            best = group
    return best


def locked(root: Path, segment: Descriptor) -> bool:
    """True if something in a segment wants a password."""
    if not segment.counts.get("failures"):
        return False
    kinds = pq.read_table(root / "seg" / segment.name / "failures.parquet", columns=["kind"], use_threads=False)["kind"]
    return "password" in kinds.unique().to_pylist()


def compact(root: Path, segments: Sequence[Descriptor]) -> Descriptor:
    """Write one segment with all rows of several; publish it with `replaces` naming their units.

    They must be of one exhibit and all listings or none.
    """
    kinds = {(segment.exhibit, segment.listing) for segment in segments}
    if len(kinds) != 1:
        raise CaseError("only segments of one exhibit and one sort can be made into one")
    ((exhibit, listing),) = kinds
    olds = sorted(segments, key=lambda segment: segment.unit)
    digest = sha256("\n".join(segment.name for segment in olds).encode()).hexdigest()[:16]
    unit = f"{LISTING if listing else ''}compact/{exhibit}/{digest}"
    folder = root / "tmp" / uuid4().hex
    folder.mkdir(parents=True)
    try:
        counts = {name: n for name in TABLES if (n := _merge(root, folder, name, olds))}
        if selectors := _tables(root, "selectors", olds):
            total = count_selectors(selectors, "n")
            with open_table(folder, "selectors") as file:
                file.write_table(total)
            counts["selectors"] = total.num_rows
        return finish(root, folder, Descriptor(unit, exhibit, folder.name, counts))
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _merge(root: Path, folder: Path, name: str, segments: Sequence[Descriptor]) -> int:
    having = [segment for segment in segments if segment.counts.get(name)]
    if not having:
        return 0
    if name == "sightings":
        batches = _sorted(root, having)
    elif name == "texts":
        batches = _texts(root, folder, having)
    else:
        batches = (batch for segment in having for batch in _batches(root, name, segment))
    count, waiting = 0, list[pa.RecordBatch]()
    with open_table(folder, name) as file:
        for batch in batches:
            waiting.append(batch)
            if sum(b.num_rows for b in waiting) >= ROWS:
                file.write_table(pa.Table.from_batches(waiting))
                waiting = []
            count += batch.num_rows
        if waiting:
            file.write_table(pa.Table.from_batches(waiting))
    return count


def _batches(root: Path, name: str, segment: Descriptor) -> Iterator[pa.RecordBatch]:
    with pq.ParquetFile(root / "seg" / segment.name / f"{name}.parquet") as file:
        for batch in file.iter_batches(ROWS, use_threads=False):
            yield batch.cast(SCHEMAS[name])


def _tables(root: Path, name: str, segments: Sequence[Descriptor]) -> list[pa.Table]:
    having = [segment for segment in segments if segment.counts.get(name)]
    return [pa.Table.from_batches(_batches(root, name, segment), SCHEMAS[name]) for segment in having]


def _sorted(root: Path, segments: Sequence[Descriptor]) -> Iterator[pa.RecordBatch]:
    views = Views(root, _SORT_MB, 1)
    try:
        query = f"{views.source('sightings', segments)} order by kind, value, address, run, raw"
        reader: Any = views.db.sql(query).to_arrow_reader(ROWS)
        for batch in reader:
            yield batch.cast(SCHEMAS["sightings"])
    finally:
        views.close()


def _texts(root: Path, folder: Path, segments: Sequence[Descriptor]) -> Iterator[pa.RecordBatch]:
    """The rows of the texts, while their packs are joined end to end."""
    with (folder / "text.pack").open("xb") as pack:
        for segment in segments:
            base = pack.tell()
            with (root / "seg" / segment.name / "text.pack").open("rb") as old:
                shutil.copyfileobj(old, pack, 1 << 20)
            for batch in _batches(root, "texts", segment):
                dictionary = batch["dictionary"]
                shifted = pc.if_else(pc.less(dictionary, 0), dictionary, pc.add(dictionary, base))
                moved: dict[str, Any] = {"offset": pc.add(batch["offset"], base), "dictionary": shifted}
                columns = [moved.get(column, batch[column]) for column in batch.schema.names]
                yield pa.RecordBatch.from_arrays(columns, schema=SCHEMAS["texts"])


def collect_garbage(root: Path, manifest: Manifest, grace: float = GRACE) -> int:
    """Delete segments that were replaced or withdrawn at least `grace` seconds ago, and what crashes left behind.

    Stray folders are kept for a day, since they may be the work of a living process; with a grace of 0, for when no
    other process works on the case, they go at once. How many folders went.
    """
    now = time.time()
    retired = {name for name, at in manifest.retired().items() if at <= now - grace}
    known = {segment.name for segment in manifest.live()} | set(manifest.retired())
    stray = _STRAY if grace else 0.0
    doomed = [root / "seg" / name for name in sorted(retired)]
    found = [*(root / "seg").glob("*"), *(root / "tmp").glob("*")]
    doomed += [f for f in found if f.name not in known and f.stat().st_mtime <= now - stray]
    gone = 0
    for folder in doomed:
        gone += folder.exists()
        shutil.rmtree(folder, ignore_errors=True)
    manifest.forget(sorted(retired))
    return gone
