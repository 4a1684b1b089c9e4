"""ISO base media and QuickTime: when and where a film or a voice was recorded, with what, and its titles."""

from __future__ import annotations

import re
import struct
import tomllib
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

from moisson.extract import boxes
from moisson.extract.boxes import Box
from moisson.extract.exif import characters, clean
from moisson.times import from_unix

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moisson.reader import Reader
    from moisson.times import Instant

_SINCE_1904 = 2_082_844_800
_TEXT = 1 << 16
_KEYS = 2000
_ISO6709 = re.compile(r"([+-])(\d+(?:\.\d+)?)([+-])(\d+(?:\.\d+)?)(?:([+-]\d+(?:\.\d+)?))?")


@cache
def names(group: str) -> dict[str, str]:
    """The names that a group of `media.toml` gives to the fields of a format."""
    table = tomllib.loads((resources.files(__package__) / "media.toml").read_text("utf-8"))[group]
    return {str(key): str(value) for key, value in table.items()}


@cache
def words() -> tuple[str, ...]:
    """The fields that people write for people."""
    table = tomllib.loads((resources.files(__package__) / "media.toml").read_text("utf-8"))
    return tuple(table["words"]["names"])


def fields(data: Reader) -> Iterator[tuple[str, str]]:
    """The fields of a film in order: `size`, `duration`, `created`, `sound`, `location` and those of `media.toml`."""
    moov = next((box for box in boxes.boxes(data) if box.kind == b"moov"), None)
    if moov is None:
        return
    for box in boxes.boxes(data, moov.at, moov.end):
        if box.kind == b"mvhd":
            yield from _header(boxes.read(data, box, 120))
        elif box.kind == b"trak":
            yield from _track(data, box)
        elif box.kind == b"udta":
            yield from _user(data, box)
        elif box.kind == b"meta":
            yield from _meta(data, box)


def cover(data: Reader) -> Box | None:
    """Where the picture of the cover lies, if there is one."""
    moov = next((box for box in boxes.boxes(data) if box.kind == b"moov"), None)
    udta = boxes.inside(data, moov, b"udta") if moov else None
    data_box = boxes.inside(data, udta, b"meta", b"ilst", b"covr", b"data") if udta else None
    return Box(data_box.kind, data_box.at + 8, data_box.end) if data_box and data_box.size > 8 else None


def _header(raw: bytes) -> Iterator[tuple[str, str]]:
    """The movie header: times in seconds since 1904, which are meant to be UTC."""
    wide = raw[:1] == b"\1"
    form, size = (">QQIQ", 28) if wide else (">IIII", 16)
    if len(raw) < 4 + size:
        return
    created, modified, scale, duration = struct.unpack(form, raw[4 : 4 + size])
    for name, seconds in (("created", created), ("modified", modified)):
        if moment := from_1904(seconds):
            yield name, str(moment)
    if scale and duration not in (0, 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF):
        yield "duration", f"{duration / scale:.2f}"


def from_1904(seconds: int) -> Instant | None:
    """Seconds since 1904; small values are counted from 1970, as some telephones do."""
    if seconds < 86_400 * 365:
        return None
    return from_unix(seconds - _SINCE_1904 if seconds >= _SINCE_1904 else seconds)


def _track(data: Reader, track: Box) -> Iterator[tuple[str, str]]:
    header, handler = boxes.inside(data, track, b"tkhd"), boxes.inside(data, track, b"mdia", b"hdlr")
    kind = boxes.read(data, handler, 12)[8:12] if handler else b""
    if kind == b"soun":
        yield "sound", "yes"
    raw = boxes.read(data, header, 200) if header else b""
    if kind == b"vide" and len(raw) >= 84:
        width, height = (n >> 16 for n in struct.unpack(">II", raw[-8:]))
        if width and height:
            yield "size", f"{width}x{height}"
    for box in boxes.boxes(data, track.at, track.end):
        if box.kind == b"meta":
            yield from _meta(data, box)
        elif box.kind == b"udta":
            yield from _user(data, box)


def _user(data: Reader, udta: Box) -> Iterator[tuple[str, str]]:
    """User data: QuickTime's international texts, 3GPP's assets, or a box of metadata."""
    for box in boxes.boxes(data, udta.at, udta.end):
        code = box.kind.decode("mac_roman")
        if box.kind == b"meta":
            yield from _meta(data, box)
        elif box.kind == b"loci":
            yield from _loci(boxes.read(data, box, _TEXT))
        elif code in names("atoms") and (text := _user_text(box.kind, boxes.read(data, box, _TEXT))):
            yield names("atoms")[code], text


def _user_text(kind: bytes, raw: bytes) -> str:
    if kind.startswith(b"\xa9"):
        size = int.from_bytes(raw[:2], "big")
        if raw[4:8] == b"data":
            raw = raw[16:]
        elif size and size + 4 <= len(raw):
            raw = raw[4 : 4 + size]
    elif len(raw) > 6 and raw[:4] == bytes(4):
        raw = raw[6:]
    return _string(raw)


def _string(raw: bytes) -> str:
    if raw[:2] in (b"\xfe\xff", b"\xff\xfe"):
        return clean(raw.decode("utf-16", "replace"))
    return clean(characters(raw))


def _loci(raw: bytes) -> Iterator[tuple[str, str]]:
    """The place of 3GPP TS 26.244: a name, then longitude and latitude as 16.16 numbers."""
    name, _, rest = raw[6:].partition(b"\0")
    if raw[6:8] in (b"\xfe\xff", b"\xff\xfe"):
        name, _, rest = raw[6:].partition(b"\0\0")
    if len(rest) >= 9:
        longitude, latitude = (n / 65536 for n in struct.unpack(">ii", rest[1:9]))
        if text := _string(name):
            yield "location_name", text
        yield "location", f"{latitude:+.6f}{longitude:+.6f}/"


def _meta(data: Reader, meta: Box) -> Iterator[tuple[str, str]]:
    """A metadata box: items by code, or by number into a list of keys."""
    start = meta.at if data.pread(meta.at + 4, 4) == b"hdlr" else meta.at + 4
    keys: list[str] = []
    for box in boxes.boxes(data, start, meta.end):
        if box.kind == b"keys":
            keys = list(_keys(boxes.read(data, box)))
        elif box.kind == b"ilst":
            for item in boxes.boxes(data, box.at, box.end):
                yield from _item(data, item, keys)


def _keys(raw: bytes) -> Iterator[str]:
    at = 8
    for _ in range(min(int.from_bytes(raw[4:8], "big"), _KEYS)):
        size = int.from_bytes(raw[at : at + 4], "big")
        if size < 8:
            return
        yield raw[at + 8 : at + size].decode("utf-8", "replace")
        at += size


def _item(data: Reader, item: Box, keys: list[str]) -> Iterator[tuple[str, str]]:
    number, code = int.from_bytes(item.kind, "big"), item.kind.decode("mac_roman")
    name = names("keys").get(keys[number - 1].lower(), "") if 0 < number <= len(keys) else names("atoms").get(code, "")
    if code == "----" and (label := boxes.inside(data, item, b"name")):
        name = re.sub(r"\W+", "_", boxes.read(data, label, 100)[4:].decode("utf-8", "replace")).lower()
    value = boxes.inside(data, item, b"data")
    raw = boxes.read(data, value, _TEXT) if value else b""
    if name and len(raw) > 8 and int.from_bytes(raw[:4], "big") in (0, 1, 2):
        charset = "utf-16-be" if raw[3] == 2 else ""
        if text := clean(raw[8:].decode(charset, "replace")) if charset else _string(raw[8:]):
            yield name, text


def degrees(text: str) -> str:
    """A position of ISO 6709 as `lat,lon` in degrees, or "" if it is none."""
    if not (m := _ISO6709.match(text.strip())):
        return ""
    latitude, longitude = _angle(m[2], 2), _angle(m[4], 3)
    if latitude > 90 or longitude > 180 or latitude == longitude == 0:
        return ""
    return f"{-latitude if m[1] == '-' else latitude:.6f},{-longitude if m[3] == '-' else longitude:.6f}"


def _angle(text: str, digits: int) -> float:
    """Degrees, with minutes and seconds where so many digits stand before the point."""
    whole, _, fraction = text.partition(".")
    if len(whole) <= digits:
        return float(text)
    minutes = whole[digits : digits + 2]
    if len(whole) <= digits + 2:
        return int(whole[:digits]) + float(f"{minutes}.{fraction or 0}") / 60
    return int(whole[:digits]) + int(minutes) / 60 + float(f"{whole[digits + 2 :]}.{fraction or 0}") / 3600
