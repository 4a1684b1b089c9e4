"""EXIF: who took a picture, with what, when and where (CIPA DC-008, TIFF/EP for raw files)."""

from __future__ import annotations

import re
import tomllib
from datetime import UTC, datetime, timedelta, timezone
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from moisson.address import named
from moisson.errors import DamagedError
from moisson.extract.makernote import read_note
from moisson.extract.tiff import Tiff
from moisson.model import Event, Fact, Flag, Passage, Stated
from moisson.reader import Child, Reader, Window
from moisson.times import from_datetime

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moisson.extract.tiff import Entry
    from moisson.model import Value
    from moisson.times import Instant

    Piece = Passage | Fact | Stated | Flag | Event | Child

_EXIF, _GPS, _THUMBNAIL, _THUMBNAIL_SIZE = 0x8769, 0x8825, 0x0201, 0x0202
_MOMENT = re.compile(r"(\d{4})[:\-./](\d\d?)[:\-./](\d\d?)(?:[ T](\d\d?):(\d\d):(\d\d))?")
_OFFSET = re.compile(r"([+-])(\d\d):?(\d\d)")
_LIMIT = 1 << 16
_FREE = ("free", "wide", "comment")


@cache
def fields(group: str) -> dict[int, tuple[str, str]]:
    """The fields of a group of `exif.toml` by tag: their key and how to read them."""
    rows = _toml()[group]
    return {int(tag, 16): (row[0], row[1]) for tag, row in rows.items()}


@cache
def _toml() -> dict[str, Any]:
    return tomllib.loads((resources.files(__package__) / "exif.toml").read_text("utf-8"))


@cache
def datasets() -> dict[int, str]:
    """The data sets of record 2 of the IPTC Information Interchange Model, by number."""
    return {int(number): key for number, key in _toml()["iptc"].items()}


def read_exif(data: Reader) -> Iterator[Piece]:
    """Everything in an EXIF block; what is damaged in it gives a flag, the rest is read."""
    try:
        tiff = Tiff(data)
        chain = _chain(tiff)
        if not chain:
            yield Flag("damaged", "EXIF without a directory")
            return
        found = _values(tiff, chain[0], "image")
        photo = _sub(tiff, chain[0], _EXIF)
        found |= {key: value for key, value in _values(tiff, photo, "photo").items() if value}
        found = read_note(tiff, photo, str(found.get("make", ""))) | found
        gps = _sub(tiff, chain[0], _GPS)
    except DamagedError as error:
        yield Flag("damaged", f"EXIF: {error}")
        return
    yield from _fields(found)
    position, moment = position_of(tiff, gps), _gps_moment(tiff, gps)
    yield from _where(tiff, gps, position, moment)
    yield from _event(found, position, moment)
    if len(chain) > 1:
        yield from _thumbnail(tiff, chain[1])


def _chain(tiff: Tiff) -> list[dict[int, Entry]]:
    """The directories as far as they can be read."""
    chain: list[dict[int, Entry]] = []
    try:
        chain.extend(tiff.chain())
    except DamagedError:
        if not chain:
            raise
    return chain


def _sub(tiff: Tiff, directory: dict[int, Entry], tag: int) -> dict[int, Entry]:
    at = tiff.number(directory, tag)
    if not at:
        return {}
    try:
        return tiff.directory(at)[0]
    except DamagedError:
        return {}


def _values(tiff: Tiff, directory: dict[int, Entry], group: str) -> dict[str, str | int]:
    found: dict[str, str | int] = {}
    for tag, entry in directory.items():
        if tag in fields(group):
            key, how = fields(group)[tag]
            value: str | int = tiff.number(directory, tag) if how == "number" else _text(tiff, entry, how)
            if value:
                found[key] = value
    return found


def _text(tiff: Tiff, entry: Entry, how: str) -> str:
    if entry.type in (3, 4, 9) and how == "text":
        return " ".join(str(n) for n in tiff.numbers(entry)[:8])
    raw = tiff.raw(entry, _LIMIT)
    if how == "wide":
        return clean(raw[: len(raw) & ~1].decode("utf-16-le", "replace"))
    if how == "comment":
        return _comment(raw, tiff.order)
    return clean(characters(raw.split(b"\0\0")[0] if raw.count(b"\0") > 1 else raw))


def _comment(raw: bytes, order: str) -> str:
    """A user comment: eight bytes name its character code (CIPA DC-008 4.6.5)."""
    code, rest = raw[:8], raw[8:]
    if code.startswith(b"UNICODE"):
        rest = rest[: len(rest) & ~1]
        if rest.startswith((b"\xff\xfe", b"\xfe\xff")):
            return clean(rest.decode("utf-16", "replace"))
        even, odd = len(set(rest[0::2])), len(set(rest[1::2]))
        big = even < odd or (even == odd and order == ">")
        return clean(rest.decode("utf-16-be" if big else "utf-16-le", "replace"))
    if code.startswith(b"JIS"):
        return clean(rest.decode("iso2022_jp" if b"\x1b" in rest else "shift_jis", "replace"))
    known = code.startswith((b"ASCII", bytes(8)))
    return clean(characters((rest if known else raw).rstrip(b"\0")))


def characters(raw: bytes) -> str:
    """Characters of a field that does not name their set: UTF-8 where it is that, windows-1252 otherwise."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("cp1252", "replace")


def clean(text: str) -> str:
    """A field without its NULs, control characters and margins."""
    return "".join(c if c >= " " or c in "\n\t" else " " for c in text.replace("\0", " ")).strip()


def _fields(found: dict[str, str | int]) -> Iterator[Piece]:
    free = {key for group in ("image", "photo") for key, how in fields(group).values() if how in _FREE}
    for key, value in found.items():
        if key in free:
            yield Passage(f"{value}\n", f"exif.{key}")
        elif key not in ("width", "height", "subsecond"):
            yield Fact(f"exif.{key}", value)
    for key, role in (("artist", "author"), ("photographer", "author"), ("owner", "owner"), ("author", "author")):
        if isinstance(name := found.get(key), str):
            yield Stated("name", name, role, f"exif.{key}")  # type: ignore[arg-type]
    for key in ("serial", "internal_serial"):
        if isinstance(serial := found.get(key), str):
            yield Stated("serial", serial, "device", f"exif.{key}", str(found.get("model", "")))


def position_of(tiff: Tiff, gps: dict[int, Entry]) -> str:
    """Latitude and longitude in degrees to seven places, or "" where there is no fix."""
    if not {2, 4} <= gps.keys():
        return ""
    values = [_degrees(tiff, gps, 2, 1, b"S", 90), _degrees(tiff, gps, 4, 3, b"W", 180)]
    if None in values or values == [0, 0]:
        return ""
    return f"{values[0]:.7f},{values[1]:.7f}"


def _degrees(tiff: Tiff, gps: dict[int, Entry], tag: int, side: int, negative: bytes, limit: int) -> float | None:
    parts = tiff.numbers(gps[tag])[:3]
    if not parts or any(p != p for p in parts):
        return None
    value = sum(part / 60**i for i, part in enumerate(parts))
    if side in gps and tiff.raw(gps[side], 2)[:1].upper() == negative:
        value = -value
    return value if abs(value) <= limit else None


def _gps_moment(tiff: Tiff, gps: dict[int, Entry]) -> Instant | None:
    """The date and time of the satellites' clock, which is UTC."""
    if not {7, 29} <= gps.keys() or len(clock := tiff.numbers(gps[7])) < 3:
        return None
    if not (day := _MOMENT.match(characters(tiff.raw(gps[29], 16)))):
        return None
    try:
        moment = datetime(int(day[1]), int(day[2]), int(day[3]), tzinfo=UTC)
        return from_datetime(moment + timedelta(hours=clock[0], minutes=clock[1], seconds=clock[2]), "s")
    except (ValueError, OverflowError):
        return None


def _where(tiff: Tiff, gps: dict[int, Entry], position: str, moment: Instant | None) -> Iterator[Piece]:
    if position:
        yield Fact("exif.gps", position)
        yield Stated("coords", position, "location", "exif.gps")
    if 6 in gps and (height := tiff.numbers(gps[6])):
        yield Fact("exif.altitude", round(-height[0] if tiff.number(gps, 5) == 1 else height[0], 2))
    if moment:
        yield Fact("exif.gps_time", str(moment))
    if 28 in gps and (area := _comment(tiff.raw(gps[28], 1024), tiff.order)):
        yield Passage(f"{area}\n", "exif.gps_area")


def instant(text: str, offset: str = "", subsecond: str = "") -> Instant | None:
    """A moment as EXIF writes it; without an offset it is the camera's wall clock."""
    if not (m := _MOMENT.match(text.strip())):
        return None
    zone = None
    if shift := _OFFSET.match(offset.strip()):
        minutes = (int(shift[2]) * 60 + int(shift[3])) * (-1 if shift[1] == "-" else 1)
        zone = timezone(timedelta(minutes=minutes)) if abs(minutes) < 1440 else None
    elif offset.strip().upper() == "Z" or text.strip().endswith("Z"):
        zone = UTC
    digits = subsecond.strip()[:6]
    micro = int(digits.ljust(6, "0")) if digits.isascii() and digits.isdigit() else 0
    try:
        moment = datetime(*(int(m[i] or 0) for i in range(1, 7)), micro, tzinfo=zone)  # type: ignore[misc, arg-type]
        return from_datetime(moment, "ms" if micro else "s" if m[4] else "day")
    except (ValueError, OverflowError):
        return None


def _event(found: dict[str, str | int], position: str, moment: Instant | None) -> Iterator[Event]:
    """The taking of the picture: by the camera's clock, for want of it by the satellites'."""
    text = {key: str(value) for key, value in found.items()}
    when = instant(text.get("taken", ""), text.get("offset_taken", ""), text.get("subsecond", ""))
    when = when or instant(text.get("digitized", ""), text.get("offset_digitized", "")) or moment
    if not when:
        return
    meta: dict[str, Value] = {key: text[key] for key in ("make", "model", "serial", "software") if key in text}
    if position:
        meta["gps"] = position
    if moment:
        meta["gps_time"] = str(moment)
    yield Event("", "", "photograph", when, meta=meta)


def _thumbnail(tiff: Tiff, directory: dict[int, Entry]) -> Iterator[Child]:
    at, size = tiff.number(directory, _THUMBNAIL), tiff.number(directory, _THUMBNAIL_SIZE)
    if not at or not 0 < size <= tiff.data.size - at or tiff.data.pread(at, 2) != b"\xff\xd8":
        return
    window = Reader(Window(tiff.data.medium, at, size))
    yield Child("thumbnail.jpg", named("exif", "thumbnail"), lambda: window, size, "thumbnail", "image/jpeg")
