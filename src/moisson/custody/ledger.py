"""The custody ledger: an append-only Merkle log (RFC 6962) in one SQLite file, with signed checkpoints.

An entry is a line of JSON, keys sorted, nothing between tokens; its hash is over these very bytes. Editing one is found
by recomputing; cutting the end off is found only by a checkpoint that somebody kept.
"""

from __future__ import annotations

import os
import pwd
import socket
import sqlite3
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from moisson.custody import merkle
from moisson.custody.keys import verify_signature
from moisson.custody.merkle import verify_consistency, verify_inclusion
from moisson.custody.note import Checkpoint, sign_note
from moisson.errors import CustodyError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from moisson.custody.keys import Key

__all__ = ["NAMESPACE", "Entry", "Ledger", "Signed", "verify_consistency", "verify_inclusion"]

NAMESPACE = "moisson-checkpoint"
_FORMAT = 1
_LONGEST = 1 << 20
_BUSY_MS = 60_000
TABLES = ("entries", "nodes", "checkpoints", "origin")
_SCHEMA = """
create table entries (seq integer primary key, body blob not null) strict;
create table nodes (level integer, idx integer, hash blob not null, primary key (level, idx)) strict, without rowid;
create table checkpoints (id integer primary key, size integer not null, note text not null, signature text not null,
    key text not null) strict;
create table origin (name text not null) strict;
"""
_TRIGGER = """create trigger {table}_no_{verb} before {verb} on {table}
begin select raise(abort, 'the ledger is append-only'); end"""


class Entry(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """One act: who did what to which object, with which tool, and what came of it."""

    seq: int
    time: str
    actor: str
    host: str
    act: str
    object: str = ""
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    tool: dict[str, str] = {}
    params: dict[str, Any] = {}
    sandbox: str = ""
    result: str = ""
    reason: str = ""


class Signed(Struct, frozen=True):
    """A checkpoint as it is kept: the signed note, and over its text a signature that `ssh-keygen -Y verify` reads."""

    size: int
    note: str
    signature: str
    key: str


class Ledger:
    """An open ledger; several processes may append to the same file."""

    def __init__(self, database: sqlite3.Connection, path: Path) -> None:
        self._database, self.path = database, path
        self.origin = str(self._one("select name from origin"))

    @classmethod
    def open(cls, path: Path, *, readonly: bool = False) -> Ledger:
        """Open a ledger, made on first use unless `readonly`; raises `CustodyError`."""
        mode = "rwc"
        if readonly:
            # What a killed writer left half-written is rolled back by whoever opens next, so even a reader may write.
            mode = "rw" if os.access(path, os.W_OK) and os.access(path.parent, os.W_OK) else "ro"
        try:
            database = sqlite3.connect(f"{path.absolute().as_uri()}?mode={mode}", uri=True, isolation_level=None)
        except sqlite3.Error as error:
            raise CustodyError(f"{path}: cannot open the ledger: {error}") from error
        try:
            if readonly:
                database.execute("pragma query_only = on")
            database.execute(f"pragma busy_timeout = {_BUSY_MS}")
            database.execute("pragma trusted_schema = off")
            database.execute("pragma synchronous = full")
            if not readonly:
                _create(database)
            if database.execute("pragma user_version").fetchone()[0] != _FORMAT:
                raise CustodyError(f"{path}: not a ledger of format {_FORMAT}")
            return cls(database, path)
        except sqlite3.Error as error:
            database.close()
            if mode == "ro" and getattr(error, "sqlite_errorname", "").startswith("SQLITE_READONLY"):
                raise CustodyError(f"{path}: left half-written; open it once where it can be written to") from error
            raise CustodyError(f"{path}: not a ledger: {error}") from error
        except CustodyError:
            database.close()
            raise

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __len__(self) -> int:
        return int(self._one("select coalesce(max(seq) + 1, 0) from entries"))

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def append(self, act: str, **fields: Any) -> int:
        """Write one entry to disc and give its number; the fields are those of `Entry`. Raises `UsageError`."""
        return self.append_many([{"act": act, **fields}])[0]

    def append_many(self, acts: Iterable[dict[str, Any]]) -> list[int]:
        """Write entries in one commit: all of them or none."""
        drafts = [_draft(fields) for fields in acts]
        with self._transaction():
            size = len(self)
            tree = merkle.Growing(size, [self._node(*part) for part in merkle.edge(size)])
            bodies, nodes = list[tuple[int, bytes]](), list[tuple[int, int, bytes]]()
            for seq, draft in enumerate(drafts, size):
                # The time of the entry is taken now: who waited for another writer must not seem to come before it.
                body = encode(msgspec.structs.replace(draft, seq=seq, time=draft.time or _clock()))
                if len(body) > _LONGEST:
                    raise UsageError(f"a ledger entry of {len(body)} bytes, more than {_LONGEST}")
                bodies.append((seq, body))
                nodes += tree.add(merkle.leaf_hash(body))
            self._database.executemany("insert into entries values (?, ?)", bodies)
            self._database.executemany("insert into nodes values (?, ?, ?)", nodes)
        return [seq for seq, _ in bodies]

    def entries(self, start: int = 0, stop: int | None = None) -> Iterator[Entry]:
        """The entries, in order; raises `CustodyError` at one that is damaged."""
        for seq, body in self.bodies(start, stop):
            try:
                yield msgspec.json.decode(body, type=Entry)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                raise CustodyError(f"entry {seq} is no ledger entry: {error}") from error

    def bodies(self, start: int = 0, stop: int | None = None) -> Iterator[tuple[int, bytes]]:
        """Number and very bytes of the entries, in order."""
        end = stop if stop is not None else (1 << 62)
        yield from self._rows("select seq, body from entries where seq >= ? and seq < ? order by seq", start, end)

    def root(self, size: int | None = None) -> bytes:
        """The root over the first `size` entries, or all."""
        return merkle.root(self._node, self._within(size))

    def inclusion(self, seq: int, size: int | None = None) -> list[bytes]:
        """The proof that entry `seq` is in the tree of `size` entries, for `verify_inclusion`."""
        size = self._within(size)
        if not 0 <= seq < size:
            raise UsageError(f"no entry {seq} among the first {size}")
        return merkle.inclusion(self._node, seq, size)

    def consistency(self, old: int, new: int | None = None) -> list[bytes]:
        """The proof that the first `old` entries are the beginning of the first `new`, for `verify_consistency`."""
        new = self._within(new)
        if not 0 <= old <= new:
            raise UsageError(f"{old} entries are not the beginning of {new}")
        return merkle.consistency(self._node, old, new)

    def checkpoint(self, key: Key) -> str:
        """Sign what the ledger stands at, keep it, and give the signed note."""
        with self._transaction():
            size = len(self)
            text = Checkpoint(self.origin, size, self.root(size)).text()
            note, signature = sign_note(text, key), key.sign(text.encode(), NAMESPACE)
            self._database.execute(
                "insert into checkpoints (size, note, signature, key) values (?, ?, ?, ?)",
                (size, note, signature, key.public),
            )
        return note

    def checkpoints(self) -> list[Signed]:
        """The checkpoints signed so far, oldest first."""
        return [Signed(*row) for row in self._rows("select size, note, signature, key from checkpoints order by id")]

    def rows(self, sql: str, *values: object) -> Iterator[tuple[Any, ...]]:
        """Read rows of the tables; raises `CustodyError` where the file is damaged."""
        return self._rows(sql, *values)

    def _within(self, size: int | None) -> int:
        here = len(self)
        if size is None:
            return here
        if not 0 <= size <= here:
            raise UsageError(f"the ledger has {here} entries, not {size}")
        return size

    def _node(self, level: int, index: int) -> bytes:
        value = self._one("select hash from nodes where level = ? and idx = ?", level, index)
        if not isinstance(value, bytes):
            raise CustodyError(f"the ledger lacks the hash of its entries from {index << level} on")
        return value

    def _one(self, sql: str, *values: object) -> Any:
        return next(iter(self._rows(sql, *values)), (None,))[0]

    def _rows(self, sql: str, *values: object) -> Iterator[tuple[Any, ...]]:
        try:
            yield from self._database.execute(sql, values)
        except (sqlite3.Error, UnicodeDecodeError) as error:
            raise CustodyError(f"{self.path}: the ledger is damaged: {error}") from error

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        try:
            self._database.execute("begin immediate")
        except sqlite3.Error as error:
            raise CustodyError(f"{self.path}: cannot write to the ledger: {error}") from error
        try:
            yield
            self._database.execute("commit")
        except sqlite3.Error as error:
            _roll_back(self._database)
            raise CustodyError(f"{self.path}: cannot write to the ledger: {error}") from error
        except BaseException:
            _roll_back(self._database)
            raise


def encode(entry: Entry) -> bytes:
    """An entry as the bytes that are hashed; raises `UsageError` for what JSON cannot say and give back."""
    try:
        body = msgspec.json.encode(entry, order="sorted")
        if msgspec.json.encode(msgspec.json.decode(body, type=Entry), order="sorted") != body:
            raise ValueError("it would not be read back the same")
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise UsageError(f"this cannot be written into the ledger: {error}") from error
    return body


def check_signature(signed: Signed, text: str, trusted: Sequence[str]) -> None:
    """Raise `CustodyError` unless the detached signature of a checkpoint holds, by a trusted key when any is named."""
    verify_signature(text.encode(), signed.signature, NAMESPACE, signed.key)
    keys = {line.split()[1] for line in trusted if len(line.split()) > 1}
    if trusted and signed.key.split()[1] not in keys:
        raise CustodyError("signed by a key that is not among the trusted ones")


def _draft(fields: dict[str, Any]) -> Entry:
    here = {"seq": 0, "time": "", "actor": _actor(), "host": socket.gethostname()}
    try:
        return msgspec.convert({**here, **fields}, Entry)
    except (msgspec.ValidationError, TypeError) as error:
        raise UsageError(f"no ledger entry: {error}") from error


def _clock() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _actor() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"


def _create(database: sqlite3.Connection) -> None:
    if database.execute("pragma user_version").fetchone()[0] == _FORMAT:
        return
    database.execute("begin immediate")
    try:
        empty = database.execute("select count(*) from sqlite_schema").fetchone()[0] == 0
        if empty and database.execute("pragma user_version").fetchone()[0] == 0:
            for statement in _SCHEMA.split(";")[:-1]:
                database.execute(statement)
            for table in TABLES:
                for verb in ("update", "delete"):
                    database.execute(_TRIGGER.format(table=table, verb=verb))
            database.execute("insert into origin values (?)", (f"moisson/{os.urandom(8).hex()}",))
            database.execute(f"pragma user_version = {_FORMAT}")
        database.execute("commit")
    except BaseException:
        _roll_back(database)
        raise


def _roll_back(database: sqlite3.Connection) -> None:
    if database.in_transaction:
        database.execute("rollback")
