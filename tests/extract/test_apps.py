"""Contacts, messages and calls of applications, out of real databases and out of those made here."""

from __future__ import annotations

import sqlite3
import struct
from contextlib import closing
from time import monotonic

import pytest

from moisson.extract import apps
from moisson.extract.apps import fitting, moment, readings
from moisson.extract.table import read_sqlite
from moisson.extract.tables import Table
from moisson.model import Event, Flag, Party, Stated
from moisson.reader import Reader
from tests.conftest import unpack

ANDROID = (
    "CREATE TABLE mimetypes (_id INTEGER PRIMARY KEY, mimetype TEXT)",
    "CREATE TABLE raw_contacts (_id INTEGER PRIMARY KEY, display_name TEXT)",
    "CREATE TABLE data (_id INTEGER PRIMARY KEY, mimetype_id INTEGER, raw_contact_id INTEGER, data1 TEXT)",
    "INSERT INTO mimetypes VALUES (1, 'vnd.android.cursor.item/phone_v2'), (2, 'vnd.android.cursor.item/email_v2')",
    "INSERT INTO mimetypes VALUES (3, 'vnd.android.cursor.item/note')",
    "INSERT INTO raw_contacts VALUES (7, 'طارق الشمري'), (8, 'Taxi 24')",
    "INSERT INTO data VALUES (1, 1, 7, '+964 770 001 2345'), (2, 2, 7, 't@example.org'), (3, 1, 8, '0612345678')",
    "INSERT INTO data VALUES (4, 3, 7, 'a note'), (5, 1, 99, '+33612345678'), (6, 2, 7, NULL)",
)
CHATS = (
    "CREATE TABLE jid (_id INTEGER PRIMARY KEY, server TEXT, raw_string TEXT)",
    "CREATE TABLE chat (_id INTEGER PRIMARY KEY, jid_row_id INTEGER)",
    (
        "CREATE TABLE message (_id INTEGER PRIMARY KEY, chat_row_id INTEGER, from_me INTEGER, sender_jid_row_id INTEGER, "
        "timestamp INTEGER, text_data TEXT, message_type INTEGER)"
    ),
    (
        "INSERT INTO jid VALUES (1, 's.whatsapp.net', '33612345678@s.whatsapp.net'), (2, 'g.us', '120363@g.us'), "
        "(3, 's.whatsapp.net', '21620123456@s.whatsapp.net')"
    ),
    "INSERT INTO chat VALUES (1, 1), (2, 2)",
    (
        "INSERT INTO message VALUES (1, 1, 0, 0, 1715607000000, 'où es-tu ?', 0), (2, 1, 1, 0, 1715607060500, 'ici', 0), "
        "(3, 2, 0, 3, 1715607120000, 'تمام', 0), (4, 2, 0, 0, 1715607120000, NULL, 7)"
    ),
)


def database(*statements):
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        for statement in statements:
            db.execute(statement)
        return db.serialize()


def read(data):
    return [p for p in read_sqlite(Reader.of(data)) if isinstance(p, Stated | Event)]


def specimen(corpora, path):
    return read(unpack(corpora / "phones" / path))


def test_an_address_book_ties_names_to_numbers():
    found = read(database(*ANDROID))
    assert [(p.kind, p.raw, p.owner) for p in found] == [
        ("phone", "+964 770 001 2345", "طارق الشمري"),
        ("name", "طارق الشمري", "طارق الشمري"),
        ("email", "t@example.org", "طارق الشمري"),
        ("phone", "0612345678", "Taxi 24"),
    ]
    assert found[0].place == "data.1.data1"
    assert {p.role for p in found} == {"contact"}


def test_chats_say_who_wrote_to_whom():
    one, two, three = read(database(*CHATS))
    assert (one.text, str(one.when), one.app) == ("où es-tu ?", "2024-05-13T13:30:00Z", "whatsapp")
    assert one.parties == (Party("sender", "phone", "+33612345678"),)
    assert two.parties == (Party("recipient", "phone", "+33612345678"),)
    assert two.meta == {"sent": 1}
    assert three.parties == (
        Party("sender", "phone", "+21620123456"),
        Party("recipient", "account", "whatsapp:120363@g.us"),
    )
    assert one.address == "sqlite:message%2F1"


def tl(text):
    raw = text.encode()
    head = bytes([len(raw)]) if len(raw) < 254 else b"\xfe" + len(raw).to_bytes(3, "little")
    return head + raw + bytes(-(len(head) + len(raw)) % 4)


def test_telegram_keeps_words_in_objects():
    user = struct.pack("<IIQ", 0x215C4438, 0x1F, 700123) + tl("Karim") + tl("Benali") + tl("kb") + tl("21620123456")
    long = "كلمة " * 80
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        db.execute("CREATE TABLE users (uid INTEGER PRIMARY KEY, name TEXT, data BLOB)")
        db.execute("CREATE TABLE messages_v2 (mid INTEGER, uid INTEGER, date INTEGER, data BLOB, out INTEGER)")
        db.execute("INSERT INTO users VALUES (700123, 'karim benali;;;kb', ?)", (user,))
        for mid, text in ((1, "ok"), (2, long)):
            blob = struct.pack("<IIIQI", 0x38116EE0, 2, mid, 700123, 1715607000) + tl(text)
            db.execute("INSERT INTO messages_v2 VALUES (?, 700123, 1715607000, ?, 1)", (mid, blob))
        db.execute("INSERT INTO messages_v2 VALUES (3, 55, 1715607000, NULL, 0)")
        found = read(db.serialize())
    assert Stated("phone", "+21620123456", "contact", "users.700123.data", "karim benali") in found
    events = [p for p in found if isinstance(p, Event)]
    assert [e.text for e in events] == ["ok", long, ""]
    assert events[0].parties == (Party("recipient", "phone", "+21620123456", "karim benali"),)
    assert events[2].parties == (Party("sender", "account", "telegram:55"),)


def test_every_entry_can_be_asked():
    """Each SELECT runs against tables with just the columns it says it needs, and gives the columns that are read."""
    for reading in readings():
        with closing(sqlite3.connect(":memory:")) as db:
            for table, columns in reading.needs.items():
                db.execute(f'CREATE TABLE "{table}" ({", ".join(columns)})')
            given = {column[0] for column in db.execute(reading.sql).description}
        whose = {"contact": {"key", "name", "kind", "value"}, "owner": {"key", "kind", "value"}}
        wanted = whose.get(reading.gives, {"key", "peer", "mine", "at"})
        assert wanted <= given, reading.sql
        assert {"text", "blob"} & given or reading.gives != "message"


def test_only_what_fits_is_asked():
    assert fitting([Table("sms", 2, ("_id", "body"))]) == []
    assert [r.app for r in fitting([Table("SMS", 2, ("_id", "ADDRESS", "date", "type", "body", "more"))])] == ["sms"]


@pytest.mark.parametrize(
    ("value", "clock", "text"),
    [
        (1715607000, "unix-s", "2024-05-13T13:30:00Z"), (1715607000123, "unix-ms", "2024-05-13T13:30:00Z"),
        (588813210539788032, "cocoa", "2019-08-29T23:13:30Z"), (469908586, "cocoa", "2015-11-22T18:09:46Z"),
        (457260372.0239999, "cocoa", "2015-06-29T08:46:12Z"), (0, "unix-s", "None"), ("x", "unix-s", "None"),
        (1 << 62, "unix-s", "None"), (float("nan"), "cocoa", "None"), (float("inf"), "cocoa", "None"),
    ],
)  # fmt: skip
def test_clocks(value, clock, text):
    assert str(moment(value, clock)) == text


def test_endless_answers_are_cut(monkeypatch):
    monkeypatch.setattr(apps, "_ROWS", 2)
    pieces = list(read_sqlite(Reader.of(database(*CHATS))))
    assert sum(isinstance(p, Event) for p in pieces) == 2
    assert any(isinstance(p, Flag) and p.name == "rows-cut" for p in pieces)
    with closing(sqlite3.connect(":memory:")) as db:
        db.deserialize(database(*CHATS))
        tables = [Table(name, 2, columns) for name, columns in readings()[_index("whatsapp", "chat")].needs.items()]
        assert not any(isinstance(p, Event) for p in apps.read_apps(db, tables, monotonic() - 1))


def _index(app, table):
    return next(i for i, r in enumerate(readings()) if r.app == app and table in r.needs)


def test_hostile_values_do_no_harm():
    found = read(
        database(
            "CREATE TABLE sms (_id, address, date, type, body)",
            "INSERT INTO sms VALUES (x'00ff', x'ff00', 'never', 'two', x'fffe'), (NULL, NULL, 1e300, NULL, 5)",
            "INSERT INTO sms VALUES ('../../x', 'ORANGE', -5, 1, 'a'), (4, 12, 9e18, 1, zeroblob(100000))",
        )
    )
    assert len(found) == 3
    assert found[1].parties == (Party("sender", "sender", "ORANGE"),)
    assert all(p.when is None for p in found)


def test_deleted_messages_come_back_with_those_they_wrote_to():
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        db.execute("PRAGMA secure_delete=off")
        for statement in CHATS:
            db.execute(statement)
        for n in range(10, 30):
            db.execute("INSERT INTO message VALUES (?, 1, ?, 0, ?, ?, 0)", (n, n % 2, 1715607000000 + n, f"رسالة {n}"))
        db.execute("DELETE FROM message WHERE _id IN (14, 15, 22)")
        pieces = read(db.serialize())
    gone = [p for p in pieces if p.state == "deleted"]
    assert {p.text for p in gone} == {"رسالة 14", "رسالة 15", "رسالة 22"}
    assert {p.text: p.parties for p in gone}["رسالة 15"] == (Party("recipient", "phone", "+33612345678"),)
    assert len({p.address for p in pieces}) == len(pieces)


def test_a_hostile_schema_hides_nothing_and_runs_nothing():
    """A table of an odd name, a view and a trigger beside the deleted rows of a real one."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        db.execute("PRAGMA secure_delete=off")
        db.execute('CREATE TABLE sms (_id INTEGER PRIMARY KEY, address, date, type, body, "a""b; DROP TABLE sms")')
        db.execute("CREATE TABLE evil (x)")
        db.execute("CREATE TRIGGER t AFTER INSERT ON sms BEGIN INSERT INTO evil VALUES (zeroblob(1000)); END")
        db.execute("CREATE VIEW message AS SELECT 1 AS handle_id")
        for n in range(20):
            db.execute("INSERT INTO sms VALUES (?, '+33612345678', 1715607000000, 1, ?, 'x')", (n, f"text number {n}"))
        db.execute("DELETE FROM sms WHERE _id = 7")
        events = [p for p in read(db.serialize()) if isinstance(p, Event)]
    assert len(events) == 20
    assert [p.text for p in events if p.state == "deleted"] == ["text number 7"]


@pytest.mark.corpus
@pytest.mark.parametrize(
    ("path", "count", "n", "app", "text", "when", "party"),
    [
        ("plaso/android/mmssms.db", 9, 0, "sms", "Yo Fred this is my new number.", "2013-10-29T16:56:28Z",
         Party("recipient", "phone", "1 555-521-5554")),
        ("plaso/sqlite/imessage_chat.db.gz", 10, 7, "imessage", "Did you try to send me a message?",
         "2015-11-30T10:48:40Z", Party("sender", "email", "xxxxxx2015@icloud.com")),
        ("plaso/sqlite/skype_main.db.gz", 14, 1, "skype", "need to know if you got it this time.",
         "2013-07-30T21:27:11Z", Party("recipient", "account", "skype:@european.bbq.competitor")),
        ("plaso/ios/kik.sqlite.gz", 55, 1, "kik", "Hello", "2015-06-29T12:26:11Z",
         Party("recipient", "account", "kik:@ken.doh", "Ken Doh")),
        ("mvt/ios_backup/7c/7c7fba66680ef796b916b067077cc246adacf01d", 3, 0, "whatsapp", "Hi", "2025-08-27T15:06:40Z",
         Party("sender", "phone", "+14155550100", "Alice Example")),
        ("plaso/android/contacts2.db", 3, 0, "phone", "", "2013-11-06T21:17:16Z",
         Party("sender", "phone", "5404561685", "Barney")),
    ],
)  # fmt: skip
def test_real_databases(corpora, path, count, n, app, text, when, party):
    events = [p for p in specimen(corpora, path) if isinstance(p, Event)]
    assert len(events) == count
    event = events[n]
    assert (event.app, event.text, str(event.when), event.parties[0]) == (app, text, when, party)


@pytest.mark.corpus
def test_real_owners(corpora):
    found = specimen(corpora, "plaso/sqlite/imessage_chat.db.gz") + specimen(corpora, "plaso/sqlite/skype_main.db.gz")
    owners = {(p.kind, p.raw) for p in found if isinstance(p, Stated) and p.role == "owner"}
    assert owners >= {
        ("phone", "+447775667416"), ("email", "ken.doh@icloud.com"), ("account", "skype:@gen.beringer"),
        ("email", "genberinger@gmail.com"), ("name", "Gen Beringer"),
    }  # fmt: skip


@pytest.mark.corpus
def test_real_address_book(corpora):
    cards = specimen(corpora, "mvt/ios_backup/b8/b8548dc30aa1030df0ce18ef08b882cf7ab5212f")
    assert [(p.kind, p.owner) for p in cards if p.kind == "phone"] == [
        ("phone", "Alice Example"),
        ("phone", "Bob Example"),
    ]
