"""Contacts and appointments of Outlook as vCard and iCalendar, the same bytes each time."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from moisson.extract.mapi import smtp, subject

if TYPE_CHECKING:
    from moisson.extract.mapi import MapiItem
    from moisson.times import Instant

_EMAIL = re.compile(r"[^\s<>\"@/]{1,64}@[^\s<>\"@/]{1,253}\.[A-Za-z]{2,}")
_PHONES = ((0x3A1C, "CELL"), (0x3A08, "WORK"), (0x3A09, "HOME"), (0x3A1B, "WORK"), (0x3A2F, "HOME"), (0x3A1F, "VOICE"),
           (0x3A1A, "VOICE"), (0x3A24, "FAX"), (0x3A25, "FAX"), (0x3A1E, "CAR"), (0x3A21, "PAGER"))  # fmt: skip


def vcard(item: MapiItem) -> bytes:
    """A contact as vCard 3.0, the same bytes each time."""
    bag = item.bag
    lines = ["BEGIN:VCARD", "VERSION:3.0"]
    name = bag.text(0x3001, 0x0037) or " ".join(filter(None, (bag.text(0x3A06), bag.text(0x3A11))))
    pairs = [("N", ";".join(_vtext(bag.text(tag)) for tag in (0x3A11, 0x3A06, 0x3A44))), ("FN", _vtext(name))]
    pairs += [
        ("ORG", _vtext(bag.text(0x3A16))),
        ("TITLE", _vtext(bag.text(0x3A17))),
        ("NOTE", _vtext(bag.text(0x1000))),
    ]
    pairs += [(f"TEL;TYPE={label}", _vtext(bag.text(tag))) for tag, label in _PHONES]
    pairs += [("ADR", ";;" + _vtext(bag.text(0x3A15))), ("URL", _vtext(bag.text(0x3A51, 0x3A50)))]
    emails: dict[str, None] = {}
    for tag in sorted(bag.values):
        if tag >= 0x8000 or tag in (0x3003, 0x39FE):
            emails.update(dict.fromkeys(_EMAIL.findall(bag.text(tag)[:1000])))
    pairs += [("EMAIL", _vtext(address)) for address in emails]
    lines += [f"{key}:{value}" for key, value in pairs if value.strip(";")]
    return "\r\n".join((*lines, "END:VCARD", "")).encode("utf-8", "replace")


def _vtext(text: str) -> str:
    text = text.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,")
    return re.sub(r"\r?\n|\r", r"\\n", text)


def icalendar(item: MapiItem) -> bytes:
    """An appointment as iCalendar; where it begins is unknown, the message's own time stands in."""
    bag = item.bag
    organiser = smtp(bag, 0x5D02, 0x5D01, 0x0065, 0x0C1F)
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "BEGIN:VEVENT"]
    if start := bag.time(0x0060, 0x0039, 0x3007):
        lines.append(f"DTSTART:{_stamp(start)}")
    if end := bag.time(0x0061):
        lines.append(f"DTEND:{_stamp(end)}")
    lines.append(f"SUMMARY:{_vtext(subject(bag))}")
    if organiser:
        lines.append(f'ORGANIZER;CN="{_quotable(bag.text(0x0042, 0x0C1A))}":mailto:{organiser}')
    people = [(person, smtp(person, 0x39FE, 0x3003, 0x403E)) for person in item.recipients]
    lines += [
        f'ATTENDEE;CN="{_quotable(person.text(0x3001))}":mailto:{address}' for person, address in people if address
    ]
    if body := bag.text(0x1000).strip():
        lines.append(f"DESCRIPTION:{_vtext(body)}")
    return "\r\n".join((*lines, "END:VEVENT", "END:VCALENDAR", "")).encode("utf-8", "replace")


def _quotable(text: str) -> str:
    return " ".join(text.replace('"', "'").split())


def _stamp(when: Instant) -> str:
    return datetime.fromtimestamp(when.ns // 1_000_000_000, UTC).strftime("%Y%m%dT%H%M%SZ")
