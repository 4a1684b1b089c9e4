"""Databases of one file as text: every row of every table, and the rows that were deleted but not yet overwritten."""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from time import monotonic
from typing import TYPE_CHECKING

from moisson.errors import DamagedError, LimitError
from moisson.extract import btree
from moisson.extract.apps import fitting, only_reads, read_apps, read_deleted
from moisson.extract.exif import characters
from moisson.extract.rowtext import CHILDREN, Writer, readable
from moisson.extract.tables import Table, schema
from moisson.model import Event, Fact, Flag, Passage
from moisson.registry import Limits, step

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from moisson.extract.btree import Pages, Value
    from moisson.model import Stated
    from moisson.reader import Child, Reader

    Piece = Passage | Fact | Flag | Stated | Event | Child
    Rows = dict[Table, list[tuple[Value, ...]]]

_WHOLE = 256 << 20
_SECONDS, _PER_MB = 20.0, 0.8
_DELETED_SHARE = 0.5
_APPS_SHARE = 0.5
_LOST = 20_000


@step(
    "extract.table",
    version=2,
    kinds=["application/vnd.sqlite3"],
    limits=Limits(seconds=60, per_mb=2, memory_mb=1024, children=CHILDREN),
    reference="SQLite database file format",
)
def read_sqlite(data: Reader, keys: Sequence[str] = ()) -> Iterator[Piece]:
    """All rows as lines `table: column=value; …`, then what free space still holds, under the place `freelist`.

    Of applications that are known, contacts, messages and calls come first. Only tables are read, never a view, and
    nothing that the schema defines is run.
    """
    pages = btree.Pages(data)
    tables = list(schema(pages))
    yield Fact("sqlite.tables", [table.name for table in tables])
    said: set[int] = set()
    try:
        for piece in _live(data, pages, tables):
            if isinstance(piece, Event):
                said.add(_gist(piece))
            yield piece
    except (sqlite3.Error, LimitError) as error:
        if not isinstance(error, LimitError):
            yield Flag("damaged", str(error)[:200])
        yield from _raw(pages, tables)
    lost: Rows = {}
    yield from _deleted(pages, tables, lost)
    for piece in _deleted_apps(data, pages, tables, lost):
        if not (isinstance(piece, Event) and _gist(piece) in said):
            yield piece


def _gist(event: Event) -> int:
    """What an event comes down to, to know it again in a copy of its row."""
    return hash((event.kind, event.when, event.text, event.parties))


def _deadline(pages: Pages, share: float = 1.0) -> float:
    """When reading has to stop, by the size of the database."""
    return monotonic() + share * (_SECONDS + _PER_MB * pages.data.size / 1e6)


def _live(data: Reader, pages: Pages, tables: list[Table]) -> Iterator[Piece]:
    with closing(_open(data)) as db:
        deadline = _deadline(pages, _APPS_SHARE)
        db.set_progress_handler(lambda: monotonic() > deadline, 20_000)
        yield from read_apps(db, tables, deadline)
        deadline = _deadline(pages)
        writer = Writer()
        for table in tables:
            writer.begin(table.name)
            last = -(1 << 63)
            try:
                for key, names, values in _select(db, table):
                    last = key if isinstance(key, int) else last
                    yield from writer.row(str(key), names, values)
            except sqlite3.OperationalError as error:
                if monotonic() > deadline:
                    yield from writer.end()
                    yield Flag("text-cut", "reading rows took too long")
                    return
                yield Flag("damaged", f"{table.name}: {error}"[:200])
                yield from _walk(pages, table, writer, last)
            except sqlite3.DatabaseError as error:
                yield Flag("damaged", f"{table.name}: {error}"[:200])
                yield from _walk(pages, table, writer, last)
            yield from writer.end()


def _open(data: Reader) -> sqlite3.Connection:
    """The database in memory, without its write-ahead log, trusting nothing in its schema."""
    raw = data.whole(_WHOLE)
    if raw[18:20] != b"\1\1":
        raw = b"".join((raw[:18], b"\1\1", raw[20:]))
    db = sqlite3.connect(":memory:", isolation_level=None)
    db.deserialize(raw)
    for pragma in ("trusted_schema=off", "cell_size_check=on", "temp_store=memory", "query_only=on", "mmap_size=0"):
        db.execute(f"PRAGMA {pragma}")
    db.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 128 << 20)
    db.text_factory = characters
    db.set_authorizer(only_reads)
    return db


def _select(db: sqlite3.Connection, table: Table) -> Iterator[tuple[int | str, list[str], tuple[Value, ...]]]:
    """The rows with their number, or with their place where the table has none."""
    quoted = '"' + table.name.replace('"', '""') + '"'
    taken = {column.lower() for column in table.columns}
    alias = next((name for name in ("rowid", "_rowid_", "oid") if name not in taken), "")
    cursor = None
    try:
        if alias:
            with suppress(sqlite3.OperationalError):
                cursor = db.execute(f"SELECT {alias}, * FROM {quoted}")
        numbered = cursor is not None
        cursor = cursor or db.execute(f"SELECT * FROM {quoted}")
    except UnicodeDecodeError as error:
        raise sqlite3.DatabaseError("a name of a column that is no text") from error
    names = [column[0] for column in cursor.description][numbered:]
    for place, row in enumerate(cursor):
        yield (row[0], names, row[1:]) if numbered else (f"#{place}", names, row)


def _walk(pages: Pages, table: Table, writer: Writer, after: int) -> Iterator[Passage | Child]:
    """The rows of a damaged table that SQLite did not come to."""
    deadline = _deadline(pages)
    for number, raw in pages.walk(table.root):
        for row in pages.rows(number, raw):
            if row.rowid > after:
                yield from writer.row(str(row.rowid), table.columns, row.values)
        if monotonic() > deadline:
            return


def _raw(pages: Pages, tables: list[Table]) -> Iterator[Piece]:
    """Every row that leaf pages hold, for a database that SQLite does not open; first by table, then the rest."""
    writer, seen = Writer(), set[int]()
    deadline = _deadline(pages)
    for table in (*tables, Table("page", 0, ())):
        writer.begin(table.name)
        leaves = pages.walk(table.root) if table.root else ((n, pages.page(n)) for n in range(2, pages.count + 1))
        for number, raw in leaves:
            if number in seen or raw[0 if number > 1 else 100] != btree.LEAF:
                continue
            seen.add(number)
            for row in pages.rows(number, raw):
                yield from writer.row(str(row.rowid), table.columns, row.values)
            if monotonic() > deadline:
                yield Flag("text-cut", "reading pages took too long")
                break
        yield from writer.end()


def _deleted(pages: Pages, tables: list[Table], lost: Rows) -> Iterator[Piece]:
    """Freed cells of every table, then free pages: records where they decode, else what can be read.

    Records of the tables that applications are known by are kept in `lost`.
    """
    telling = {name.lower() for reading in fitting(tables) for name in reading.needs}
    writer, deadline = Writer("freelist"), _deadline(pages, _DELETED_SHARE)
    found = False
    for table, base, raw in _unused(pages, tables):
        writer.begin(table.name) if not found else setattr(writer, "table", table.name)
        for values in _remains(pages, table, base, raw):
            if len(values) == 1 and isinstance(values[0], bytes):
                text = readable(values[0])
                pieces = writer.row("", ("",), (text,)) if len(text) > 3 else iter(())
            else:
                pieces = writer.row("", table.columns, values)
                if table.name.lower() in telling and len(kept := lost.setdefault(table, [])) < _LOST:
                    kept.append(values)
            for piece in pieces:
                found = True
                yield piece
            found = found or bool(writer.lines)
        if monotonic() > deadline:
            yield Flag("text-cut", "looking for deleted rows took too long")
            break
    yield from writer.end()
    if found:
        yield Flag("deleted-rows")


def _deleted_apps(data: Reader, pages: Pages, tables: list[Table], lost: Rows) -> Iterator[Piece]:
    """Deleted messages, calls and contacts, read with the rows that are still there."""
    if not lost:
        return
    try:
        with closing(_open(data)) as db:
            deadline = _deadline(pages, _APPS_SHARE)
            db.set_progress_handler(lambda: monotonic() > deadline, 20_000)
            yield from read_deleted(db, tables, lost, deadline)
    except (sqlite3.Error, LimitError) as error:
        yield Flag("damaged", str(error)[:200])


def _unused(pages: Pages, tables: list[Table]) -> Iterator[tuple[Table, int, bytes]]:
    """Leaf pages with their table, and free pages with how much of them is lost (as a negative number)."""
    for table in tables:
        for number, raw in pages.walk(table.root):
            yield table, 100 if number == 1 else 0, raw
    for raw, lost in pages.free_pages():
        yield Table("freelist", 0, ()), -1 - lost, raw


def _remains(pages: Pages, table: Table, base: int, raw: bytes) -> Iterator[tuple[Value, ...]]:
    if base < 0:
        lost = -1 - base
        if not lost and raw[:1] == bytes([btree.LEAF]):
            for row in pages.rows(2, raw):
                yield row.values
            for start, end, freed in btree.gaps(raw, 0):
                yield from btree.carve(pages, raw[start:end], btree.Shape(), freed=freed)
        else:
            yield from btree.carve(pages, raw[lost:], btree.Shape(), freed=False)
        return
    for start, end, freed in btree.gaps(raw, base):
        yield from btree.carve(pages, raw[start:end], table.shape, freed=freed)


@step(
    "extract.table-log",
    version=1,
    kinds=["application/x-sqlite-wal", "application/x-sqlite-journal"],
    limits=Limits(seconds=30, per_mb=2, memory_mb=512),
    reference="SQLite database file format, the write-ahead log and the rollback journal",
)
def read_log(data: Reader, keys: Sequence[str] = ()) -> Iterator[Piece]:
    """The rows in the pages that a log beside a database holds, older versions of a page included."""
    from moisson.extract.log import pages_of

    writer = Writer()
    writer.begin("log")
    said: set[tuple[Value, ...]] = set()
    for pages, raw in pages_of(data):
        for row in pages.rows(2, raw):
            if row.values not in said:
                said.add(row.values)
                yield from writer.row(str(row.rowid), (), row.values)
    yield from writer.end()


@step(
    "extract.table-dbase",
    version=1,
    kinds=["application/x-dbf"],
    limits=Limits(seconds=30, per_mb=2, memory_mb=256),
    reference="dBASE table file format, level 5 and 7",
)
def read_dbase(data: Reader, keys: Sequence[str] = ()) -> Iterator[Piece]:
    """The rows of a dBase table; those marked as deleted come last, under the place `freelist`."""
    from moisson.extract.dbase import rows

    found = list(rows(data))
    if not found:
        raise DamagedError("no rows")
    for place, deleted in (("", False), ("freelist", True)):
        writer = Writer(place)
        writer.begin("dbf")
        for names, values, marked in found:
            if marked is deleted:
                yield from writer.row("", names, values)
        yield from writer.end()
