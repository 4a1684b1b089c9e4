"""Address books, messages, calls and own accounts that applications keep: `apps.toml` says in which tables."""

from __future__ import annotations

import re
import sqlite3
import tomllib
from functools import cache
from importlib.resources import files
from time import monotonic
from typing import TYPE_CHECKING, Literal, NamedTuple

import msgspec
from msgspec.structs import replace

from moisson.address import named
from moisson.extract.blobs import phone_in, text_in, wording
from moisson.model import Event, Flag, Party, Stated
from moisson.selectors.persons import looks_like_name
from moisson.times import Instant

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from moisson.extract.btree import Value
    from moisson.extract.tables import Table
    from moisson.model import Role

_ROWS = 300_000
_PAIRS = 200_000
_TEXT = 1 << 16
_SERVICE = range(3, 7)
_COCOA_EPOCH = 978_307_200
_COCOA_NANOSECONDS = 1e11
_LAST = 253_402_300_799
_ALLOWED = frozenset((sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION))
_NUMBER = re.compile(r"\+?[\d\s().\-/\u00a0]{3,30}")
_HAPPENED = ("message", "call")
_CHAT_NUMBER = ("@s.whatsapp.net", "@c.us")
_CHAT_GROUP = ("@g.us", "@broadcast", "@lid", "@newsletter")


class Reading(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One entry of `apps.toml`."""

    app: str
    gives: Literal["owner", "contact", "message", "call"]
    field: str
    sql: str
    needs: dict[str, tuple[str, ...]]
    lacks: dict[str, tuple[str, ...]] = {}
    clock: Literal["unix-s", "unix-ms", "cocoa"] = "unix-s"
    blob: Literal["", "typedstream", "tl", "tl-phone"] = ""
    peer: Literal["", "tl-phone"] = ""
    service: str = ""

    @property
    def table(self) -> str:
        """The table whose rows the answer is made of."""
        return self.field.partition(".")[0]


class Row(NamedTuple):
    """A row of an answer, by the names of its columns."""

    values: dict[str, Value]

    def text(self, name: str) -> str:
        """A column as text, empty when there is none."""
        return wording(self.values.get(name))[:_TEXT]


@cache
def readings() -> tuple[Reading, ...]:
    """All entries of `apps.toml`."""
    table = tomllib.loads(files("moisson.extract").joinpath("apps.toml").read_text(encoding="utf-8"))
    return tuple(msgspec.convert(entry, Reading) for entry in table["read"])


def fitting(tables: Iterable[Table]) -> list[Reading]:
    """The entries that fit a database with these tables."""
    have = {table.name.lower(): {column.lower() for column in table.columns} for table in tables}

    def holds(wanted: dict[str, tuple[str, ...]]) -> bool:
        return all({c.lower() for c in columns} <= have.get(name.lower(), set()) for name, columns in wanted.items())

    return [r for r in readings() if holds(r.needs) and not (r.lacks and holds(r.lacks))]


def read_apps(db: sqlite3.Connection, tables: Iterable[Table], deadline: float) -> Iterator[Stated | Event | Flag]:
    """What the applications that are known to write such tables say in them, until the deadline."""
    for reading in fitting(tables):
        try:
            yield from _answers(db, reading, deadline)
        except sqlite3.DatabaseError as error:
            yield Flag("damaged", f"{reading.app}: {error}"[:200])


def read_deleted(
    db: sqlite3.Connection, tables: Iterable[Table], lost: dict[Table, list[tuple[Value, ...]]], deadline: float
) -> Iterator[Event | Flag]:
    """What rows that were deleted from such tables say, one table after the other before those that are still there.

    A temporary table hides the one of its name, so that the same questions can be asked.
    """
    known = [reading for reading in fitting(tables) if reading.gives in _HAPPENED]
    for table, rows in lost.items():
        asked = [reading for reading in known if reading.table.lower() == table.name.lower()]
        if not asked or not _shadow(db, table, rows):
            continue
        for reading in asked:
            try:
                for piece in _answers(db, reading, deadline, "deleted-"):
                    if isinstance(piece, Event) and (piece.text or piece.parties):
                        yield replace(piece, state="deleted")
            except sqlite3.DatabaseError as error:
                yield Flag("damaged", f"{reading.app}: {error}"[:200])


def _shadow(db: sqlite3.Connection, table: Table, rows: list[tuple[Value, ...]]) -> bool:
    """Put rows into a temporary table of the same name; False when its columns cannot be made."""
    columns = [_quoted(name) for name in table.columns]
    whole = [row + (None,) * (len(columns) - len(row)) for row in rows if len(row) <= len(columns)]
    db.set_authorizer(None)
    try:
        db.execute("PRAGMA query_only=off")
        db.execute(f"CREATE TEMP TABLE {_quoted(table.name)} ({', '.join(columns)})")
        db.executemany(f"INSERT INTO temp.{_quoted(table.name)} VALUES ({', '.join('?' * len(columns))})", whole)
    except sqlite3.DatabaseError:
        return False
    finally:
        db.set_authorizer(only_reads)
    return True


def only_reads(action: int, *_: object) -> int:
    """An authorizer that lets nothing through but reading."""
    return sqlite3.SQLITE_OK if action in _ALLOWED else sqlite3.SQLITE_DENY


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _answers(
    db: sqlite3.Connection, reading: Reading, deadline: float, mark: str = ""
) -> Iterator[Stated | Event | Flag]:
    """What one question brings; with a `mark`, rows are numbered behind it, as they come."""
    said: set[tuple[str, str, str]] = set()
    cursor = db.execute(reading.sql)
    names = [column[0] for column in cursor.description]
    for count, values in enumerate(cursor):
        if count >= _ROWS or monotonic() > deadline:
            yield Flag("rows-cut", f"{reading.app}: more rows than are read one by one")
            return
        row = Row(dict(zip(names, values, strict=True)))
        peer = _peer(row, reading) if reading.gives in _HAPPENED else _contact(row, reading)
        for stated in (*_card(row, reading, *peer), *_short(row, reading, *peer)) if peer else ():
            if (key := (stated.kind, stated.raw, stated.owner)) not in said and len(said) < _PAIRS:
                said.add(key)
                yield stated
        if reading.gives in _HAPPENED:
            yield _event(row, reading, peer, f"{mark}{count}" if mark else row.text("key"))


def _contact(row: Row, reading: Reading) -> tuple[str, str] | None:
    kind = row.text("kind")
    raw = phone_in(row.values.get("value")) if reading.blob == "tl-phone" else row.text("value")
    return (kind, raw.strip()) if kind and raw.strip() else None


def _peer(row: Row, reading: Reading) -> tuple[str, str] | None:
    """Who is at the other end, as kind and value."""
    if reading.peer == "tl-phone":
        if phone := phone_in(row.values.get("peer")):
            return "phone", phone
        user = row.text("user")
        return ("account", f"{reading.service}:{user}") if user else None
    raw = row.text("peer").strip()
    if not raw:
        return None
    if reading.service:
        return "account", f"{reading.service}:@{raw.lower().removeprefix('8:')}"
    if raw.endswith(_CHAT_NUMBER):
        return "phone", "+" + raw.partition("@")[0].partition(":")[0].partition(".")[0]
    if raw.endswith(_CHAT_GROUP):
        return "account", f"whatsapp:{raw}"
    if "@" in raw:
        return "email", raw.lower()
    return ("phone" if _NUMBER.fullmatch(raw) else "sender", raw)


def _card(row: Row, reading: Reading, kind: str, raw: str) -> Iterator[Stated]:
    """The name and the selector of one entry, tied to each other."""
    place = reading.field.format(row.text("key"))
    if reading.gives == "owner":
        yield Stated(kind, raw, "owner", place)
        return
    owner = " ".join(row.text("name").partition(";;;")[0].split())[:200]
    if not owner or kind == "sender":
        return
    yield Stated(kind, raw, "contact", place, owner)
    if looks_like_name(owner):
        yield Stated("name", owner, "contact", f"{place}.name", owner)


def _short(row: Row, reading: Reading, kind: str, raw: str) -> Iterator[Stated]:
    """The number of a service: so short that only the column of a peer makes it one."""
    if reading.gives in _HAPPENED and kind == "phone" and raw.isdecimal() and len(raw) in _SERVICE:
        yield Stated(kind, raw, "sender", reading.field.format(row.text("key")))


def _event(row: Row, reading: Reading, peer: tuple[str, str] | None, key: str) -> Event:
    mine = row.values.get("mine") == 1
    parties: list[Party] = []
    if peer:
        role: Role = "recipient" if mine else "sender"
        parties.append(Party(role, *peer, " ".join(row.text("name").partition(";;;")[0].split())[:200]))
    if group := row.text("group"):
        parties.append(Party("recipient", "account", f"{reading.app}:{group}"))
    text = row.text("text") or text_in(row.values.get("blob"), reading.blob)[:_TEXT]
    meta: dict[str, str | int | float | list[str]] = {"sent": int(mine)}
    seconds = row.values.get("seconds")
    if isinstance(seconds, int | float) and 0 <= seconds < 1e9:
        meta["seconds"] = round(seconds)
    place = str(named("sqlite", f"{reading.table}/{key}"))
    when = moment(row.values.get("at"), reading.clock)
    return Event(place, "", reading.gives, when, row.text("app") or reading.app, tuple(parties), text, meta=meta)


def moment(value: Value, clock: str) -> Instant | None:
    """When that is; None for nothing and for what no clock shows."""
    if not isinstance(value, int | float) or not 0 < value < 1e19:
        return None
    ns = int(value) * (1_000_000 if clock == "unix-ms" else 1_000_000_000)
    if clock == "cocoa":
        ns = int(value) if value > _COCOA_NANOSECONDS else round(value * 1e6) * 1000
        ns += _COCOA_EPOCH * 1_000_000_000
    return Instant(ns, "ms" if clock == "unix-ms" else "s") if ns // 1_000_000_000 <= _LAST else None
