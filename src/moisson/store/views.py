"""The tables of all live segments as SQL views, in a DuckDB that has no file and may read nothing but the case."""

from __future__ import annotations

from contextlib import closing, contextmanager
from threading import RLock
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import duckdb
import msgspec
import pyarrow as pa  # type: ignore[import-untyped]

from moisson.errors import CaseError, UsageError
from moisson.store.manifest import Manifest
from moisson.store.schema import SCHEMAS, TABLES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from moisson import model
    from moisson.store.manifest import Descriptor

_SQL = {pa.string(): "varchar", pa.int64(): "bigint", pa.float64(): "double"}
_EXHIBITS = """create or replace table exhibits(address varchar, run varchar, id varchar, label varchar, kind varchar,
    files varchar[], size bigint, digests varchar, seized_at varchar, site varchar, seized_by varchar,
    circumstances varchar, found_with varchar, seal varchar, device_serial varchar, caveats varchar[])"""
_BEST = """create or replace view items as
    select * from read_items union all
    select * from entries where not exists (select 1 from read_items r where r.address = entries.address)"""
_TAGS = "create or replace table tags(address varchar, tag varchar, author varchar, at_ns bigint)"
_JUDGEMENTS = """create or replace table judgements(subject varchar[], verdict varchar, score double,
    explanation varchar, author varchar, at_ns bigint, withdrawn_ns bigint)"""


class Views:
    """A connection; `show` points its views at segments, `rows` asks."""

    def __init__(self, root: Path, memory_mb: int = 1024, threads: int = 2) -> None:
        self.root, self._lock = root.resolve(), RLock()
        spill = self.root / "tmp" / f"sql-{uuid4().hex}"
        self.db = duckdb.connect(":memory:")
        for setting in (
            f"threads = {threads}",
            f"memory_limit = '{memory_mb}MB'",
            f"temp_directory = {_quoted(spill)}",
            "autoinstall_known_extensions = false",
            "autoload_known_extensions = false",
            f"allowed_directories = [{_quoted(self.root / 'seg')}, {_quoted(spill)}]",
            "enable_external_access = false",
            "preserve_insertion_order = false",
            "lock_configuration = true",
        ):
            self.db.execute(f"set {setting}")

    def show(self, segments: Sequence[Descriptor]) -> None:
        """Point every view at these segments."""
        with self._lock:
            for name in SCHEMAS:
                read = [s for s in segments if s.counts.get(name)]
                if name == "items":
                    self._view("entries", name, [s for s in read if s.listing])
                    self._view("read_items", name, [s for s in read if not s.listing])
                else:
                    self._view(name, name, read)
            self.db.execute(_BEST)

    def _view(self, view: str, table: str, segments: Sequence[Descriptor]) -> None:
        try:
            self._point(view, table, segments)
        except duckdb.Error as error:
            raise CaseError(f"the tables of this case cannot be read: {error}") from error

    def _point(self, view: str, table: str, segments: Sequence[Descriptor]) -> None:
        self.db.execute(f"create or replace view {view} as {self.source(table, segments)}")

    def source(self, table: str, segments: Sequence[Descriptor]) -> str:
        """The query that gives a table of some segments, or no row in the right columns."""
        if segments:
            files = ", ".join(_quoted(self.root / "seg" / s.name / f"{table}.parquet") for s in segments)
            return f"select * from read_parquet([{files}])"
        columns = ", ".join(f'null::{_type(field.type)} as "{field.name}"' for field in SCHEMAS[table])
        return f"select {columns} where false"

    def fill(
        self, exhibits: Iterable[model.Exhibit], tags: Iterable[tuple[Any, ...]], judgements: Iterable[model.Judgement]
    ) -> None:
        """Take over what the manifest has."""
        opinions = [(j.subject, j.verdict, j.score, j.explanation, j.author, j.at, j.withdrawn) for j in judgements]
        tables: dict[str, tuple[str, list[Any]]] = {
            "exhibits": (_EXHIBITS, [_exhibit(e) for e in exhibits]),
            "tags": (_TAGS, [list(tag) for tag in tags]),
            "judgements": (_JUDGEMENTS, [[list(o[0]), *o[1:5], *(t and t.ns for t in o[5:])] for o in opinions]),
        }
        with self._lock:
            for name, (create, rows) in tables.items():
                self.db.execute(create)
                if rows:
                    self.db.executemany(f"insert into {name} values({', '.join('?' * len(rows[0]))})", rows)

    def rows(self, query: str, args: Sequence[Any]) -> list[tuple[Any, ...]]:
        """All rows of a SELECT; raises `UsageError` for SQL that is wrong or is no question."""
        return [row for batch in self.batches(query, args, 1 << 30) for row in batch]

    def batches(self, query: str, args: Sequence[Any], size: int = 4096) -> Iterator[list[tuple[Any, ...]]]:
        """The rows of a SELECT, some at a time."""
        try:
            with self._lock:
                _check(self.db, query)
                cursor = self.db.cursor()
            with cursor:
                cursor.execute(query, list(args))
                while batch := cursor.fetchmany(size):
                    yield batch
        except (duckdb.IOException, duckdb.OutOfMemoryException) as error:
            raise CaseError(f"the tables of this case cannot be read: {error}") from error
        except duckdb.Error as error:
            raise UsageError(f"SQL: {error}") from error

    def stream(self, query: str, *args: Any) -> Iterator[tuple[Any, ...]]:
        """The rows of a SELECT, without having them all in memory."""
        for batch in self.batches(query, args):
            yield from batch

    def close(self) -> None:
        self.db.close()


@contextmanager
def tables(root: Path, exhibit: str, memory_mb: int = 256) -> Iterator[Views]:
    """The tables of one exhibit's live segments, as they are now; no index and no other exhibit is opened."""
    with closing(Manifest(root / "manifest.db", readonly=True)) as manifest:
        segments = manifest.live(exhibit)
    with closing(Views(root, memory_mb, threads=1)) as views:
        views.show(segments)
        yield views


def _check(db: duckdb.DuckDBPyConnection, query: str) -> None:
    statements = db.extract_statements(query)
    if len(statements) != 1 or statements[0].type not in (duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN):
        raise UsageError("SQL: one SELECT and nothing else")


def _exhibit(exhibit: model.Exhibit) -> list[Any]:
    values = [getattr(exhibit, field) for field in exhibit.__struct_fields__]
    return [
        list(v) if isinstance(v, tuple) else msgspec.json.encode(v).decode() if isinstance(v, dict) else v
        for v in values
    ]


def _type(kind: pa.DataType) -> str:
    if pa.types.is_list(kind):
        return f"{_type(kind.value_type)}[]"
    if pa.types.is_struct(kind):
        return f"struct({', '.join(f'{f.name} {_type(f.type)}' for f in kind)})"
    return _SQL[kind]


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


def records(table: str, names: Sequence[str], batch: Sequence[tuple[Any, ...]]) -> Iterator[dict[str, Any]]:
    """Rows of a table as dictionaries with the columns a record is made of."""
    wanted = set(TABLES[table].schema.names)
    for row in batch:
        yield {name: value for name, value in zip(names, row, strict=True) if name in wanted}
