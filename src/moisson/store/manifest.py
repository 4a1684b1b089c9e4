"""The one mutable file of a case: which segments are live, which units are done, what people said.

Written by the coordinator, read by anybody. Publishing is one transaction; the first publisher of a unit wins, so that
retries, duplicates and kills are harmless.
"""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import contextmanager
from threading import RLock
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from moisson import model
from moisson.errors import CaseError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

VERSION = 1
LISTING = "list/"
LAST = "sweep"
_TABLES = """
create table if not exists meta(key text primary key, value text not null) without rowid;
create table if not exists exhibits(id text primary key, record text not null, withdrawn integer not null default 0);
create table if not exists units(id text primary key, exhibit text not null, pass text not null,
    priority real not null, cost real not null, payload text not null, state text not null default 'todo',
    tries integer not null default 0, segment text);
create index if not exists units_next on units(state, priority desc, id);
create index if not exists units_exhibit on units(exhibit, state, pass);
create table if not exists segments(unit text primary key, name text not null unique, exhibit text not null,
    counts text not null, bytes integer not null);
create table if not exists retired(name text primary key, at real not null);
create table if not exists tags(address text not null, tag text not null, author text not null, at integer not null,
    withdrawn integer, primary key(address, tag, author));
create table if not exists judgements(id text primary key, record text not null);
"""


class Unit(Struct, frozen=True):
    """A piece of work of one exhibit; `stage` is its pass (glance, skim …), `payload` whatever the engine needs."""

    id: str
    exhibit: str
    stage: str
    priority: float = 0.0
    cost: float = 0.0
    payload: str = ""
    tries: int = 0


class Descriptor(Struct, frozen=True):
    """A finished segment, before or after it is published; `counts` has its rows by table.

    `sealed` are the digests of its files (`moisson.store.seal`), known only before it is published: the ledger keeps
    them, not the manifest.
    """

    unit: str
    exhibit: str
    name: str
    counts: dict[str, int] = {}
    bytes: int = 0
    sealed: dict[str, str] = {}

    @property
    def listing(self) -> bool:
        """True for directory entries, which have no index."""
        return self.unit.startswith(LISTING)


class Progress(Struct, frozen=True):
    """How many units of a pass are in a state, and their cost."""

    stage: str
    state: str
    units: int
    cost: float


class Manifest:
    """An open manifest; `readonly` opens an existing one without ever writing. Raises `CaseError`."""

    def __init__(self, path: Path, readonly: bool = False) -> None:
        self.path, self._lock = path, RLock()
        if readonly and not path.is_file():
            raise CaseError(f"no case at {path.parent}")
        try:
            where = f"{path.absolute().as_uri()}{_kept(path) if readonly else ''}"
            self._db = sqlite3.connect(where, uri=True, timeout=30, isolation_level=None, check_same_thread=False)
            self._db.execute("pragma query_only=1" if readonly else "pragma journal_mode=wal")
            self._db.execute("pragma synchronous=full")
            if not readonly:
                self._create()
            version = self.setting("version")
        except sqlite3.DatabaseError as error:
            if not readonly and not os.access(path.parent, os.W_OK):
                raise CaseError(f"{path.parent} can be read but not written to") from error
            raise CaseError(f"{path} cannot be used as a manifest: {error}") from error
        if version != str(VERSION):
            raise CaseError(f"{path} has layout {version or 'unknown'}, this program reads {VERSION}")

    def _create(self) -> None:
        with self._transaction() as db:
            for statement in _TABLES.split(";"):
                db.execute(statement)
            db.execute("insert or ignore into meta values('version', ?)", (str(VERSION),))

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._db.execute("begin immediate")
            try:
                yield self._db
            except BaseException:
                self._db.execute("rollback")
                raise
            self._db.execute("commit")

    def _rows(self, query: str, *args: Any) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._db.execute(query, args).fetchall()

    def setting(self, key: str, default: str = "") -> str:
        """A value of the case."""
        rows = self._rows("select value from meta where key = ?", key)
        return str(rows[0][0]) if rows else default

    def set_setting(self, key: str, value: str) -> None:
        """Keep a value of the case."""
        with self._transaction() as db:
            db.execute("insert or replace into meta values(?, ?)", (key, value))

    def add_exhibits(self, exhibits: Iterable[model.Exhibit]) -> int:
        """Register exhibits, once each; the number of new ones."""
        rows = [(e.id, model.encode(e).decode()) for e in exhibits]
        with self._transaction() as db:
            return (
                db.executemany("insert or ignore into exhibits(id, record) values(?, ?)", rows).rowcount if rows else 0
            )

    def exhibits(self) -> list[model.Exhibit]:
        """The exhibits that were not withdrawn, in order of registration."""
        rows = self._rows("select record from exhibits where not withdrawn order by rowid")
        return [e for (line,) in rows if isinstance(e := model.decode(line), model.Exhibit)]

    def add_units(self, units: Iterable[Unit]) -> int:
        """Plan units; those already known stay as they are. The number of new ones."""
        with self._transaction() as db:
            return _add_units(db, units)

    def next_units(self, n: int, stages: Sequence[str] = ()) -> list[Unit]:
        """Take the `n` most valuable units that wait, in these passes or in any, and mark them running.

        The last pass asks what the others found, so its units wait until those of their exhibit are done.
        """
        among = f"and pass in ({','.join('?' * len(stages))})" if stages else ""
        with self._transaction() as db:
            rows = db.execute(
                "select id, exhibit, pass, priority, cost, payload, tries + 1 from units "
                f"where state = 'todo' {among} and (pass != ? or not exists (select 1 from units other where "
                "other.exhibit = units.exhibit and other.state != 'done' and other.pass not in ('', ?))) "
                "order by priority desc, id limit ?",
                (*stages, LAST, LAST, n),
            ).fetchall()
            ids = [(row[0],) for row in rows]
            db.executemany("update units set state = 'running', tries = tries + 1 where id = ?", ids)
        return [Unit(*row) for row in rows]

    def put_back(self, units: Iterable[str] | None = None) -> int:
        """Let running units wait again: these, or all of them when a run starts. How many."""
        with self._transaction() as db:
            if units is None:
                return db.execute("update units set state = 'todo' where state = 'running'").rowcount
            ids = [(unit,) for unit in units]
            return db.executemany("update units set state = 'todo' where state = 'running' and id = ?", ids).rowcount

    def publish(self, found: Descriptor, more_units: Iterable[Unit] = (), replaces: Iterable[str] = ()) -> bool:
        """Make a segment live, its unit done and new units known, all at once.

        `replaces` names the units whose segments this one takes the place of. False, and nothing changed but that the
        segment counts as rubbish, if the unit was done already, its exhibit withdrawn or a replaced segment gone.
        """
        with self._transaction() as db:
            if not _publishable(db, found, olds := sorted(set(replaces))):
                known = db.execute("select 1 from segments where name = ?", (found.name,)).fetchone()
                if not known:
                    db.execute("insert or ignore into retired values(?, ?)", (found.name, time.time()))
                return False
            for unit in olds:
                name = db.execute("delete from segments where unit = ? returning name", (unit,)).fetchall()[0][0]
                db.execute("insert or ignore into retired values(?, ?)", (name, time.time()))
            row = (found.unit, found.name, found.exhibit, msgspec.json.encode(found.counts).decode(), found.bytes)
            db.execute("insert into segments values(?, ?, ?, ?, ?)", row)
            db.execute(
                "insert into units(id, exhibit, pass, priority, cost, payload, state, segment) "
                "values(?, ?, '', 0, 0, '', 'done', ?) "
                "on conflict(id) do update set state = 'done', segment = excluded.segment",
                (found.unit, found.exhibit, found.name),
            )
            _add_units(db, more_units)
        return True

    def live(self, exhibit: str | None = None) -> list[Descriptor]:
        """The published segments, in order of publication."""
        query = (
            "select unit, exhibit, name, counts, bytes from segments where ?1 is null or exhibit = ?1 order by rowid"
        )
        rows = self._rows(query, exhibit)
        return [Descriptor(u, e, n, msgspec.json.decode(c, type=dict[str, int]), b) for u, e, n, c, b in rows]

    def done(self) -> set[str]:
        """The units that are finished."""
        return {unit for (unit,) in self._rows("select id from units where state = 'done'")}

    def payload(self, unit: str) -> str:
        """The payload of a unit, empty when there is none."""
        return next((str(row[0]) for row in self._rows("select payload from units where id = ?", unit)), "")

    def waiting(self) -> set[str]:
        """The units that are not finished."""
        return {unit for (unit,) in self._rows("select id from units where state != 'done'")}

    def pending(self, exhibit: str) -> int:
        """How many units of an exhibit are not done."""
        return int(self._rows("select count(*) from units where exhibit = ? and state != 'done'", exhibit)[0][0])

    def progress(self) -> list[Progress]:
        """Units by pass and state."""
        query = "select pass, state, count(*), sum(cost) from units where pass != '' group by 1, 2 order by 1, 2"
        return [Progress(*row) for row in self._rows(query)]

    def withdraw(self, exhibit: str) -> list[str]:
        """Take an exhibit out of the case with all its units and segments; the names of the segments to delete."""
        with self._transaction() as db:
            db.execute("update exhibits set withdrawn = 1 where id = ?", (exhibit,))
            db.execute("delete from units where exhibit = ?", (exhibit,))
            names = db.execute("delete from segments where exhibit = ? returning name", (exhibit,)).fetchall()
            db.executemany("insert or ignore into retired values(?, 0)", names)
        return sorted(name for (name,) in names)

    def retired(self) -> dict[str, float]:
        """Segments that may be deleted, and since when (Unix time; 0 for at once)."""
        return dict(self._rows("select name, at from retired"))

    def forget(self, names: Iterable[str]) -> None:
        """Drop retired segments that are deleted."""
        with self._transaction() as db:
            db.executemany("delete from retired where name = ?", [(name,) for name in names])

    def tag(self, address: str, tag: str, author: str, at: int) -> None:
        """Put a tag on something; again to renew one that was withdrawn."""
        with self._transaction() as db:
            db.execute("insert or replace into tags values(?, ?, ?, ?, null)", (address, tag, author, at))

    def untag(self, address: str, tag: str, at: int) -> int:
        """Withdraw a tag, whoever put it; it stays on record. How many."""
        query = "update tags set withdrawn = ? where address = ? and tag = ? and withdrawn is null"
        with self._transaction() as db:
            return db.execute(query, (at, address, tag)).rowcount

    def tags(self, address: str | None = None) -> list[tuple[str, str, str, int]]:
        """Standing tags: address, tag, author, when (ns)."""
        query = "select address, tag, author, at from tags where withdrawn is null and (?1 is null or address = ?1)"
        return self._rows(query + " order by at, address, tag, author", address)

    def add_judgement(self, judgement: model.Judgement) -> None:
        """Keep an opinion, once."""
        row = (model.identity(judgement), model.encode(judgement).decode())
        with self._transaction() as db:
            db.execute("insert or ignore into judgements values(?, ?)", row)

    def judgements(self) -> list[model.Judgement]:
        """Every opinion, in the order given."""
        rows = self._rows("select record from judgements order by rowid")
        return [j for (line,) in rows if isinstance(j := model.decode(line), model.Judgement)]


def _kept(path: Path) -> str:
    """How to open a manifest that nobody can write to: as it is, since its journal needs a file beside it.

    Raises `CaseError` where it was left in the middle of writing.
    """
    if os.access(path.parent, os.W_OK):
        return ""
    journal = path.with_name(f"{path.name}-wal")
    if journal.exists() and journal.stat().st_size:
        raise CaseError(f"{path.parent} was copied while it was written; open it once where it can be written to")
    return "?immutable=1"


def _add_units(db: sqlite3.Connection, units: Iterable[Unit]) -> int:
    rows = [(u.id, u.exhibit, u.stage, u.priority, u.cost, u.payload) for u in units]
    query = "insert or ignore into units(id, exhibit, pass, priority, cost, payload) values(?, ?, ?, ?, ?, ?)"
    return db.executemany(query, rows).rowcount if rows else 0


def _publishable(db: sqlite3.Connection, found: Descriptor, olds: Sequence[str]) -> bool:
    done = db.execute("select 1 from units where id = ? and state = 'done'", (found.unit,)).fetchone()
    gone = db.execute("select 1 from exhibits where id = ? and withdrawn", (found.exhibit,)).fetchone()
    if done or gone:
        return False
    return all(db.execute("select 1 from segments where unit = ?", (unit,)).fetchone() for unit in olds)
