"""Address cards and calendars, from every decade of the formats."""

from __future__ import annotations

import base64
import json
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moisson.errors import DamagedError, EvidenceError
from moisson.extract.calendar import read_calendar, read_vcard
from moisson.model import Event, Fact, Flag, Passage, Stated
from moisson.reader import Child, Reader

JPEG = bytes.fromhex("ffd8ffe000104a46494600") + bytes(90)
OLD = f"""BEGIN:VCARD\r
VERSION:2.1\r
N;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:=D8=AD=D8=AF=D8=A7=D8=AF;=\r
=D8=B9=D9=85=D8=A7=D8=B1\r
TEL;CELL;PREF:+964 770 002 2691\r
EMAIL;INTERNET:ammar@example.com\r
X-SKYPE-USERNAME:ammar.h\r
PHOTO;JPEG;ENCODING=BASE64:\r
 {base64.encodebytes(JPEG).decode().replace(chr(10), chr(13) + chr(10) + " ").rstrip()}\r
\r
END:VCARD\r
"""
NEW = """BEGIN:VCARD
VERSION:4.0
FN:Zoé Martin\\, dite Z
item1.TEL;VALUE=uri;TYPE="voice,cell":tel:+33-6-44-63-21-85;ext=5
EMAIL;TYPE=work:zoe@exam
 ple.com
IMPP:xmpp:zoe@chat.example
URL:https://example.com/z
GEO:geo:48.89526,2.31006
NOTE:line\\nbreak
X-SOCIALPROFILE;TYPE=telegram:@zoe_m
PHOTO:data:image/jpeg;base64,/9j/4AAQ
END:VCARD
"""


def read(raw: str | bytes, reader=read_vcard) -> list:
    return list(reader(Reader.of(raw.encode() if isinstance(raw, str) else raw)))


def stated(pieces: list) -> list[tuple[str, str]]:
    return [(p.kind, p.raw) for p in pieces if isinstance(p, Stated)]


def text(pieces: list) -> str:
    return "".join(p.text for p in pieces if isinstance(p, Passage))


def test_a_card_of_an_old_telephone():
    pieces = read(OLD)
    assert stated(pieces) == [
        ("name", "عمار حداد"),
        ("phone", "+964 770 002 2691"),
        ("email", "ammar@example.com"),
        ("account", "skype:ammar.h"),
    ]
    assert {p.owner for p in pieces if isinstance(p, Stated)} == {"عمار حداد"}
    (photo,) = (p for p in pieces if isinstance(p, Child))
    assert (photo.name, photo.open().whole()) == ("عمار حداد-photo.jpg", JPEG)


def test_a_card_of_today():
    pieces = read(NEW)
    assert stated(pieces) == [
        ("name", "Zoé Martin, dite Z"),
        ("phone", "+33-6-44-63-21-85"),
        ("email", "zoe@example.com"),
        ("account", "xmpp:zoe@chat.example"),
        ("url", "https://example.com/z"),
        ("coords", "48.89526,2.31006"),
        ("account", "telegram:@zoe_m"),
    ]
    assert "Note: line\nbreak" in text(pieces)
    (photo,) = (p for p in pieces if isinstance(p, Child))
    assert photo.open().head(3) == b"\xff\xd8\xff"


def test_everything_stated_is_written_too():
    for raw in (OLD, NEW):
        pieces = read(raw)
        assert all(raw.partition(":")[2] in text(pieces) or raw in text(pieces) for _, raw in stated(pieces))


def test_cards_of_the_corpus(corpora):
    expected = json.loads((corpora / "docs" / "expected.json").read_text())
    for name in ("ingest-file/john-doe.vcf", "ingest-file/multiline_quoted_printable.vcf"):
        pieces = read((corpora / "docs" / name).read_bytes())
        for wanted in expected[name]["text_must_contain"]:
            assert wanted["text"] in text(pieces)
    pieces = read((corpora / "docs/ingest-file/john-doe.vcf").read_bytes())
    assert ("phone", "+1 781 555 1212") in stated(pieces)


def test_a_card_cut_short_is_read_as_far_as_it_goes():
    pieces = read(NEW[: NEW.index("URL")])
    assert ("email", "zoe@example.com") in stated(pieces)
    assert [p.name for p in pieces if isinstance(p, Flag)] == ["truncated"]


def test_cards_within_cards_and_many_cards():
    pieces = read("BEGIN:VCARD\nFN:A\nBEGIN:VCARD\nFN:B\nEND:VCARD\nEND:VCARD\n" * 3)
    assert [raw for _, raw in stated(pieces)] == ["A", "B"] * 3
    assert [p.value for p in pieces if isinstance(p, Fact)] == [6]
    assert read("BEGIN:VCARD\nFN:A\n" * 5000)


@pytest.mark.parametrize("reader", [read_vcard, read_calendar])
def test_what_is_neither_is_damaged(reader):
    for raw in (b"", b"\0\1\2", b"BEGIN:NOTHING\nEND:NOTHING"):
        with pytest.raises(DamagedError):
            read(raw, reader)


MEETING = """BEGIN:VCALENDAR
BEGIN:VTIMEZONE
TZID:Europe/Paris
BEGIN:STANDARD
DTSTART:19701025T030000
END:STANDARD
END:VTIMEZONE
BEGIN:VEVENT
DTSTAMP:20200101T000000Z
DTSTART;TZID=Europe/Paris:20240701T090000
DTEND;TZID=Europe/Paris:20240701T100000
SUMMARY:Réunion\\, suite
LOCATION:Khan Amphora
ORGANIZER;CN=Zoé:MAILTO:Zoe@example.com
ATTENDEE;CN="Doe, John";ROLE=REQ-PARTICIPANT:mailto:john@example.com
GEO:36.25518;41.00419
END:VEVENT
END:VCALENDAR
"""


def test_an_appointment_and_its_people():
    pieces = read(MEETING, read_calendar)
    (event,) = (p for p in pieces if isinstance(p, Event))
    assert (event.kind, event.text, str(event.when)) == ("appointment", "Réunion, suite", "2024-07-01T07:00:00Z")
    assert event.meta == {"place": "Khan Amphora", "end": "2024-07-01T08:00:00Z"}
    assert [(p.role, p.kind, p.value, p.name) for p in event.parties] == [
        ("sender", "email", "zoe@example.com", "Zoé"),
        ("recipient", "email", "john@example.com", "Doe, John"),
    ]
    assert ("coords", "36.25518,41.00419") in stated(pieces)
    assert "Place: Khan Amphora" in text(pieces)


@pytest.mark.parametrize(
    ("line", "meant", "zone"),
    [
        ("DTSTART:20240701T090000Z", "2024-07-01T09:00:00Z", "utc"),
        ("DTSTART:20240701T090000", "2024-07-01T09:00:00", "unknown"),
        ("DTSTART;VALUE=DATE:20240701", "2024-07-01T00:00:00", "unknown"),
        ("DTSTART;TZID=Nowhere/Land:20240701T090000", "2024-07-01T09:00:00", "unknown"),
        ("DTSTART;TZID=../../etc/passwd:20240701T090000", "2024-07-01T09:00:00", "unknown"),
        ("DTSTART:20241399T000000Z", "None", ""),
    ],
)
def test_times_and_zones(line, meant, zone):
    (event,) = (
        p for p in read(f"BEGIN:VCALENDAR\nBEGIN:VEVENT\n{line}\nEND:VEVENT", read_calendar) if isinstance(p, Event)
    )
    assert str(event.when) == meant
    assert not event.when or event.when.zone == zone


def test_calendars_of_the_corpus(corpora):
    expected = json.loads((corpora / "docs" / "expected.json").read_text())
    for name in ("ingest-file/meetup.ics", "tika/testICalendar.ics"):
        pieces = read((corpora / "docs" / name).read_bytes(), read_calendar)
        assert expected[name]
        assert all(p.when for p in pieces if isinstance(p, Event))
    (event,) = (
        p for p in read((corpora / "docs/ingest-file/meetup.ics").read_bytes(), read_calendar) if isinstance(p, Event)
    )
    assert str(event.when) == "2020-11-23T18:00:00Z"


@settings(max_examples=200, deadline=None)
@given(st.sampled_from((OLD, NEW, MEETING)), st.integers(0, 1200), st.binary(max_size=20), st.integers(0, 40))
def test_broken_lines_do_no_harm(whole, at, bite, lost):
    raw = whole.encode()
    raw = raw[:at] + bite + raw[at + lost :]
    for reader in (read_vcard, read_calendar):
        with suppress(EvidenceError):
            for piece in read(raw, reader):
                if isinstance(piece, Child):
                    assert piece.open().size == piece.size
