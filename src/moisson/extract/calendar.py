"""Address cards and calendars: vCard 2.1, 3.0, 4.0 and iCalendar."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from moisson.address import Layer
from moisson.errors import DamagedError
from moisson.extract.contentline import Block, Line, parse, plain
from moisson.extract.mime import unbase64
from moisson.model import Event, Fact, Flag, Party, Passage, Stated
from moisson.reader import Child, Reader
from moisson.registry import step
from moisson.times import Instant, from_datetime

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Piece = Passage | Fact | Stated | Flag | Event | Child
MAX_SIZE = 64 << 20
_STAMP = re.compile(r"(\d{4})-?(\d\d)-?(\d\d)(?:T(\d\d):?(\d\d):?(\d\d)?(?:\.\d+)?(Z)?)?")
_SOCIAL = ("IMPP", "X-JABBER", "X-SKYPE", "X-SKYPE-USERNAME", "X-MSN", "X-ICQ", "X-AIM", "X-YAHOO", "X-GTALK", "X-QQ",
           "X-GOOGLE-TALK", "X-SIP", "X-TELEGRAM", "X-WHATSAPP", "X-SOCIALPROFILE")  # fmt: skip
_SHOWN = {"ORG": "Organisation", "TITLE": "Title", "ROLE": "Role", "BDAY": "Born", "NOTE": "Note",
          "NICKNAME": "Nickname", "CATEGORIES": "Groups", "REV": "Changed"}  # fmt: skip
_SUFFIX = {b"\xff\xd8": ".jpg", b"\x89P": ".png", b"GI": ".gif"}


@step(
    "extract.vcard",
    version=1,
    kinds=("text/vcard", "text/x-vcard", "text/directory"),
    names=("*.vcf", "*.vcard"),
    reference="RFC 6350, RFC 2426, vCard 2.1",
)
def read_vcard(data: Reader, keys: Sequence[str] = ()) -> Iterator[Piece]:
    """Each contact as a few readable lines, with what is stated of it; photographs are children."""
    cards = [block for block in _all(parse(data.whole(MAX_SIZE))) if block.kind == "VCARD"]
    if not cards:
        raise DamagedError("no vCard")
    photos = 0
    for number, card in enumerate(cards, 1):
        place = f"contact:{number}"
        yield Passage("".join(f"{line}\n" for line in _card_lines(card)) + "\n", place)
        yield from _card_stated(card, place)
        for line in card.all("PHOTO", "LOGO", "SOUND"):
            photos += 1
            yield from _photo(line, photos, _full_name(card))
        if not card.closed:
            yield Flag("truncated", f"contact {number} has no end")
    yield Fact("vcard.contacts", len(cards))


def _all(blocks: list[Block]) -> Iterator[Block]:
    for block in blocks:
        yield block
        yield from _all(block.blocks)


def _full_name(card: Block) -> str:
    if (line := card.get("FN")) and line.text:
        return line.text
    if line := card.get("N"):
        family, given, *rest = (*line.fields, "", "")
        return " ".join(filter(None, (*rest[1:2], given, *rest[:1], family)))
    return next((line.text for line in card.all("NICKNAME", "ORG", "EMAIL")), "")


def _sorts(line: Line) -> str:
    kinds = [k for k in line.params.get("TYPE", "").lower().split(",") if k not in ("", "internet", "pref", "voice")]
    return f" ({', '.join(kinds)})" if kinds else ""


def _card_lines(card: Block) -> Iterator[str]:
    yield _full_name(card)
    for line in card.lines:
        value = line.text
        if not value and line.name != "ADR":
            continue
        if line.name == "TEL":
            yield f"Telephone{_sorts(line)}: {value.removeprefix('tel:')}"
        elif line.name == "EMAIL":
            yield f"E-mail{_sorts(line)}: {value.removeprefix('mailto:')}"
        elif line.name in ("ADR", "LABEL"):
            yield f"Address{_sorts(line)}: {', '.join(filter(None, line.fields))}"
        elif line.name in ("URL", "GEO", "KEY") and line.params.get("ENCODING", "").upper() not in ("B", "BASE64"):
            yield f"{line.name}: {value}"
        elif line.name in _SOCIAL:
            yield f"{line.params.get('TYPE') or line.name.removeprefix('X-')}: {value}"
        elif line.name in _SHOWN:
            yield f"{_SHOWN[line.name]}: {', '.join(filter(None, line.fields))}"


def _card_stated(card: Block, place: str) -> Iterator[Stated]:
    owner = _full_name(card)
    if owner:
        yield Stated("name", owner, "contact", f"{place}.fn", owner)
    for line in card.lines:
        value = line.text
        if not value:
            continue
        if line.name == "TEL":
            yield Stated("phone", value.removeprefix("tel:").partition(";")[0], "contact", f"{place}.tel", owner)
        elif line.name == "EMAIL":
            yield Stated("email", value.removeprefix("mailto:"), "contact", f"{place}.email", owner)
        elif line.name == "URL":
            yield Stated("url", value, "contact", f"{place}.url", owner)
        elif line.name == "GEO":
            raw = value.removeprefix("geo:").replace(";", ",").split(",")[:2]
            yield Stated("coords", ",".join(raw), "location", f"{place}.geo", owner)
        elif line.name in _SOCIAL:
            yield Stated("account", _account(line, value), "contact", f"{place}.{line.name.lower()}", owner)
        elif line.name == "NICKNAME" and value != owner:
            yield Stated("name", value, "contact", f"{place}.nickname", owner)


def _account(line: Line, value: str) -> str:
    if re.match(r"[a-z]+:", value):
        return value
    service = line.params.get("X-SERVICE-TYPE") or line.name.removeprefix("X-").partition("-")[0]
    service = line.params.get("TYPE", "").partition(",")[0] if service in ("SOCIALPROFILE", "IMPP") else service
    return f"{service.lower()}:{value}" if service else value


def _photo(line: Line, number: int, owner: str) -> Iterator[Child]:
    raw = line.raw
    if raw[:5].lower() == b"data:":
        raw = unbase64(raw.partition(b",")[2])
    elif line.params.get("ENCODING", "").upper() not in ("B", "BASE64"):
        return
    if raw:
        name = f"{owner or 'contact'}-{line.name.lower()}{_SUFFIX.get(raw[:2], '')}"
        yield Child(name, Layer("photo", str(number)), partial(Reader.of, raw), len(raw), "embedded")


@step("extract.calendar", version=1, kinds=("text/calendar",), names=("*.ics", "*.ifb", "*.vcs"), reference="RFC 5545")
def read_calendar(data: Reader, keys: Sequence[str] = ()) -> Iterator[Piece]:
    """Each appointment as readable lines and an event with its attendees."""
    entries = [b for b in _all(parse(data.whole(MAX_SIZE))) if b.kind in ("VEVENT", "VTODO", "VJOURNAL")]
    if not entries and b"BEGIN:VCALENDAR" not in data.head(65536).upper():
        raise DamagedError("no iCalendar")
    attached = 0
    for number, entry in enumerate(entries, 1):
        place = f"entry:{number}"
        yield Passage("".join(f"{line}\n" for line in _entry_lines(entry)) + "\n", place)
        yield from _entry_stated(entry, place)
        yield _appointment(entry)
        for line in entry.all("ATTACH"):
            if line.params.get("ENCODING", "").upper() == "BASE64":
                attached += 1
                name = line.params.get("FILENAME") or line.params.get("X-FILENAME") or f"attachment-{attached}"
                opener = partial(Reader.of, line.raw)
                yield Child(name, Layer("att", str(attached)), opener, len(line.raw), "attachment")
        if not entry.closed:
            yield Flag("truncated", f"entry {number} has no end")
    yield Fact("calendar.entries", len(entries))


def _person(line: Line) -> tuple[str, str]:
    address = re.sub(r"^mailto:", "", line.text, flags=re.IGNORECASE)
    if "@" not in address:
        address = line.params.get("EMAIL", "") or address
    return plain(line.params.get("CN", "")), address


def _entry_lines(entry: Block) -> Iterator[str]:
    labels = {"SUMMARY": "", "LOCATION": "Place: ", "DESCRIPTION": "", "COMMENT": "", "URL": "URL: ",
              "GEO": "Position: ",
              "CATEGORIES": "Categories: ", "CONTACT": "Contact: "}  # fmt: skip
    for name, label in (("DTSTART", "Begins"), ("DTEND", "Ends"), ("DUE", "Due")):
        if line := entry.get(name):
            zone = line.params.get("TZID", "")
            yield f"{label}: {line.value.strip()} {zone}".rstrip()
    for line in entry.lines:
        if line.name in labels and line.text:
            yield labels[line.name] + line.text
        elif line.name in ("ORGANIZER", "ATTENDEE"):
            name, address = _person(line)
            yield f"{line.name.capitalize()}: {f'{name} <{address}>' if name and name != address else address}"


def _entry_stated(entry: Block, place: str) -> Iterator[Stated]:
    for line in entry.all("ORGANIZER", "ATTENDEE"):
        name, address = _person(line)
        role = "sender" if line.name == "ORGANIZER" else "recipient"
        if "@" in address:
            yield Stated("email", address, role, f"{place}.{line.name.lower()}", name)  # type: ignore[arg-type]
        if name and name != address:
            yield Stated("name", name, role, f"{place}.{line.name.lower()}", address)  # type: ignore[arg-type]
    for line in entry.all("GEO"):
        yield Stated("coords", line.text.replace(";", ","), "location", f"{place}.geo")
    for line in entry.all("URL"):
        yield Stated("url", line.text, "mentioned", f"{place}.url")


def _appointment(entry: Block) -> Event:
    parties = []
    for line in entry.all("ORGANIZER", "ATTENDEE"):
        name, address = _person(line)
        kind = "email" if "@" in address else "name"
        value = address.lower() if kind == "email" else name or address
        if value:
            parties.append(Party("sender" if line.name == "ORGANIZER" else "recipient", kind, value, name))
    title, place = entry.get("SUMMARY"), entry.get("LOCATION")
    meta: dict[str, str | int | float | list[str]] = {"place": place.text} if place and place.text else {}
    start = entry.get("DTSTART") or entry.get("DUE") or entry.get("DTSTAMP")
    if end := next(entry.all("DTEND"), None):
        meta["end"] = str(_when(end) or end.value)
    if rule := entry.get("RRULE"):
        meta["repeats"] = rule.value
    when = _when(start) if start else None
    return Event("", "", "appointment", when, "calendar", tuple(parties), title.text if title else "", meta=meta)


def _when(line: Line) -> Instant | None:
    if not (match := _STAMP.match(line.value.strip())):
        return None
    year, month, day, hour, minute, second, utc = match.groups()
    try:
        numbers = (int(year), int(month), int(day), int(hour or 0), int(minute or 0), min(int(second or 0), 59))
        moment = datetime(*numbers)  # noqa: DTZ001
    except ValueError:
        return None
    zone = UTC if utc else _zone(line.params.get("TZID", "")) if hour else None
    try:
        return from_datetime(moment.replace(tzinfo=zone), "s" if hour else "day")
    except OverflowError:
        return from_datetime(moment)


def _zone(name: str) -> ZoneInfo | None:
    """A zone of the tz database; None where the name is none or the database is out of reach."""
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
