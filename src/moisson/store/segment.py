"""Writing a segment: what one unit of work found, immutable from the moment it has its name."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from moisson import model
from moisson.errors import CaseError
from moisson.store import index
from moisson.store.manifest import Descriptor
from moisson.store.schema import SCHEMAS, SELECTORS, TABLE_OF, Table, batch
from moisson.store.seal import seal
from moisson.store.textpack import PackWriter

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

ROWS = 16_384
CHARACTERS = 8 << 20
_RUN = 48 << 20
_ORDER = [("kind", "ascending"), ("value", "ascending"), ("address", "ascending")]


class SegmentWriter:
    """Collects the records of one unit and writes them under `root`/tmp until `close` gives the segment its place.

    All records belong to `exhibit`; an empty exhibit is for records about several, as links are. Memory stays bounded
    whatever the number of records.
    """

    def __init__(self, root: Path, exhibit: str, unit: str) -> None:
        self.root, self.exhibit, self.unit = root, exhibit, unit
        self.name = uuid4().hex
        self.folder = root / "tmp" / self.name
        self.folder.mkdir(parents=True)
        self.counts: dict[str, int] = {}
        self._rows: dict[str, list[Any]] = {}
        self._origins: dict[str, list[str]] = {}
        self._outermost: dict[str, str] = {}
        self._characters = 0
        self._files: dict[str, pq.ParquetWriter] = {}
        self._pack: PackWriter | None = None
        self._sightings: list[pa.RecordBatch] = []
        self._selectors: list[pa.Table] = []

    def add(self, record: model.Record, origin: str = "") -> None:
        """Take a record; `origin` is the file of the volume it came out of, found through its parents if not given.

        Raises `CaseError` for one of another exhibit or of a kind that segments do not hold.
        """
        table = TABLE_OF.get(type(record))
        if table is None:
            raise CaseError(f"a segment does not hold a record of kind {type(record).__name__}")
        if self.exhibit and record.address.partition("/")[0] != self.exhibit:
            raise CaseError(f"{record.address} does not belong to exhibit {self.exhibit}")
        rows = self._rows.setdefault(table.name, [])
        rows.append(record)
        self._origins.setdefault(table.name, []).append(origin or self._origin(record))
        if isinstance(record, model.Text):
            self._characters += len(record.content)
        elif isinstance(record, model.Event):
            self._characters += len(record.text)
        if len(rows) >= ROWS:
            self._flush(table)
        elif self._characters >= CHARACTERS:
            for full in TABLE_OF.values():
                self._flush(full)

    def close(self) -> Descriptor:
        """Write everything to the disk and move the segment to its place."""
        for table in TABLE_OF.values():
            self._flush(table)
        self._write_sightings()
        self._write_selectors()
        for file in self._files.values():
            file.close()
        if self._pack:
            self._pack.close()
        return finish(self.root, self.folder, Descriptor(self.unit, self.exhibit, self.name, self.counts))

    def abandon(self) -> None:
        """Throw away what was written."""
        for file in self._files.values():
            file.close()
        if self._pack:
            self._pack.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _origin(self, record: model.Record) -> str:
        if isinstance(record, model.Item):
            if not record.parent:
                return record.address
            origin = self._outermost.get(record.parent, record.parent)
            self._outermost[record.address] = origin
            return origin
        owner = getattr(record, "item", "") or record.address
        return self._outermost.get(owner, owner)

    def _flush(self, table: Table) -> None:
        rows, origins = self._rows.pop(table.name, []), self._origins.pop(table.name, [])
        if not rows:
            return
        self.counts[table.name] = self.counts.get(table.name, 0) + len(rows)
        extra: dict[str, Any] = {"exhibit": [self.exhibit] * len(rows), "origin": origins}
        if table.name == "texts":
            extra |= self._pack_texts(rows)
        if table.name in ("texts", "events"):
            self._characters = sum(len(r.text) for r in self._rows.get("events", []))
            self._characters += sum(len(r.content) for r in self._rows.get("texts", []))
        columns = batch(table, rows, extra)
        if table.name != "sightings":
            self._write(table.name, columns)
            return
        self._sightings.append(columns)
        if sum(b.nbytes for b in self._sightings) > _RUN:
            self._write_sightings()

    def _pack_texts(self, rows: list[model.Text]) -> dict[str, list[Any]]:
        if self._pack is None:
            self._pack = PackWriter(self.folder / "text.pack")
        places = self._pack.add([text.content for text in rows])
        offset, length, dictionary = (list(column) for column in zip(*places, strict=True))
        lang = [max(text.languages, key=lambda pair: pair[1])[0] if text.languages else "" for text in rows]
        chars = [len(text.content) for text in rows]
        return {"offset": offset, "length": length, "dictionary": dictionary, "lang": lang, "chars": chars}

    def _write(self, name: str, columns: pa.RecordBatch | pa.Table) -> None:
        if name not in self._files:
            self._files[name] = open_table(self.folder, name)
        table = columns if isinstance(columns, pa.Table) else pa.Table.from_batches([columns])
        self._files[name].write_table(table)

    def _write_sightings(self) -> None:
        if not self._sightings:
            return
        run = pa.Table.from_batches(self._sightings)
        self._sightings = []
        self._selectors.append(
            run.group_by(["kind", "value", "exhibit"], use_threads=False).aggregate([([], "count_all")])
        )
        self._write("sightings", run.take(pc.sort_indices(run, _ORDER)))

    def _write_selectors(self) -> None:
        if self._selectors:
            found = count_selectors(self._selectors, "count_all")
            self.counts["selectors"] = found.num_rows
            self._write("selectors", found)


def open_table(folder: Path, name: str) -> pq.ParquetWriter:
    """A new Parquet file for a table of a segment."""
    bloom = {"address": {"ndv": ROWS, "fpp": 0.01}} if name == "items" else None
    return pq.ParquetWriter(
        folder / f"{name}.parquet",
        SCHEMAS[name],
        compression="zstd",
        compression_level=1,
        store_schema=False,
        bloom_filter_options=bloom,
    )


def count_selectors(parts: Iterable[pa.Table], column: str) -> pa.Table:
    """Add up partial counts of selectors, sorted by kind and value."""
    grouped = pa.concat_tables(parts).group_by(["kind", "value", "exhibit"], use_threads=False)
    total = grouped.aggregate([(column, "sum")]).rename_columns(["kind", "value", "exhibit", "n"]).cast(SELECTORS)
    return total.sort_by([("kind", "ascending"), ("value", "ascending"), ("exhibit", "ascending")])


def finish(root: Path, folder: Path, found: Descriptor) -> Descriptor:
    """Index a written segment, make it durable, seal it, and move it to its place."""
    if found.counts and not found.listing:
        index.build(folder)
    size = _sync_tree(folder)
    sealed = seal(folder)
    place = root / "seg"
    place.mkdir(exist_ok=True)
    (root / "tmp" / found.name).rename(place / found.name)
    _sync(place)
    return Descriptor(found.unit, found.exhibit, found.name, dict(sorted(found.counts.items())), size, sealed)


def _sync_tree(folder: Path) -> int:
    size = 0
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            size += path.stat().st_size
        _sync(path)
    _sync(folder)
    return size


def _sync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
