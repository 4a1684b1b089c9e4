"""Positions: decimal degrees, degrees with minutes, MGRS, geo URIs (RFC 5870); canonical `lat,lon`, five decimals."""

from __future__ import annotations

import re
import warnings
from functools import cache
from importlib import import_module
from math import asin, cos, radians, sin, sqrt
from typing import TYPE_CHECKING, Any

from moisson.selectors.fold import lower, plain
from moisson.selectors.kind import Context, Hit, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moisson.selectors.fold import Folded

_GAP = "[ \t\u00a0\u202f]"
_DECIMAL = re.compile(
    rf"([+-]?\d{{1,2}}\.\d{{3,12}})°?(?:{_GAP}{{0,2}}[,;،/]{_GAP}{{0,2}}"
    rf"|{_GAP}{{1,2}})([+-]?\d{{1,3}}\.\d{{3,12}})°?(?![\d.]?\d)"
)
_POSITIONS = re.compile(r"""<coordinates>[\s\d.,+-]*|"coordinates"\s*:\s*\[[\s\d.,+\-\[\]]*""")
_LIST = 4000
_COMMA = re.compile(rf"([+-]?\d{{1,2}},\d{{4,12}}){_GAP}{{0,2}}[;/]{_GAP}{{0,2}}([+-]?\d{{1,3}},\d{{4,12}})(?!\d)")
_SIDE = (
    "north|south|east|west|nord|sud|est|ouest|kuzey|güney|doğu|batı|شمالا|شمال|جنوبا|جنوب|شرقا|شرق|غربا|غرب"
    "|osten|süd|ost|oost|zuid|noord|[nsewo]"
)
_SIDES = {
    "N": ("n", "north", "nord", "noord", "kuzey", "شمال", "شمالا"),
    "S": ("s", "south", "sud", "süd", "zuid", "güney", "جنوب", "جنوبا"),
    "E": ("e", "east", "est", "ost", "osten", "oost", "doğu", "شرق", "شرقا"),
    "W": ("w", "o", "west", "ouest", "batı", "غرب", "غربا"),
}
_SIDE_OF = {word: side for side, words in _SIDES.items() for word in words}
_ANGLE = (
    rf"(\d{{1,3}}(?:[.,]\d{{1,10}})?){_GAP}?[°º˚d]{_GAP}?(?:(\d{{1,2}}(?:[.,]\d{{1,8}})?){_GAP}?['′’‘´`m]{_GAP}?"
    rf"(?:(\d{{1,2}}(?:[.,]\d{{1,8}})?){_GAP}?(?:\"\"|\\?[\"″”“]|''|’’|′′|s){_GAP}?)?)?"
)
_AFTER = re.compile(rf"{_ANGLE}({_SIDE})(?![^\W\d_])")
_BEFORE = re.compile(rf"(?<![^\W\d_])({_SIDE}){_GAP}?[:.]?{_GAP}?{_ANGLE}")
_BETWEEN = re.compile(rf"{_GAP}{{0,3}}[,;،/]?(?:{_GAP}?و)?{_GAP}{{0,3}}(?:\r?\n{_GAP}{{0,3}})?")
_GEO = re.compile(r"geo:([+-]?\d{1,2}(?:\.\d{1,12})?),([+-]?\d{1,3}(?:\.\d{1,12})?)")
_MGRS = re.compile(
    r"(\d{1,2}[C-HJ-NP-X])[ \u00a0]?([A-HJ-NP-Z][A-HJ-NP-V])[ \u00a0]?(?:(\d{2,5})[ \u00a0](\d{2,5})"
    r"|(\d{4,10}))(?![\d A-Za-z]?\d|[A-Za-z])"
)
# A grid reference in a line from right to left whose groups of digits came out before its zone and square.
_TURNED = re.compile(
    r"(\d{4,5})[ \u00a0](?:(\d{4,5})[ \u00a0])?(\d{1,2}[C-HJ-NP-X])[ \u00a0]?([A-HJ-NP-Z][A-HJ-NP-V])(?![A-Za-z])"
    r"(?:[ \u00a0](\d{4,5}))?(?![ \u00a0]?\d)"
)
_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff]")
_LINE = 80


class Coords(Kind):
    """A position on Earth (WGS 84)."""

    name = "coords"
    label = "Position"
    pivot = True

    @classmethod
    def clean(cls, raw: str, ctx: Context) -> str | None:
        text = plain(raw).strip()
        low = lower(text)
        m = _GEO.match(low) or re.fullmatch(
            r"\(?([+-]?\d{1,2}(?:\.\d{1,15})?)°?\s*[,;،\s]\s*([+-]?\d{1,3}(?:\.\d{1,15})?)°?\)?", low
        )
        if m:
            return position(float(m[1]), float(m[2]))
        if m := _COMMA.fullmatch(low):
            return position(_number(m[1]), _number(m[2]))
        hit = _mgrs(text.upper(), 0) or _degrees(low, 0, len(low))
        return hit.value if hit and hit.start == 0 else None

    @classmethod
    def specificity(cls, value: str) -> float:
        return 0.7


def position(lat: float, lon: float) -> str | None:
    """The canonical form, or None off the Earth and at its null island."""
    if not (-90 <= lat <= 90 and -180 <= lon <= 180) or (abs(lat) < 0.0005 and abs(lon) < 0.0005):
        return None
    return f"{lat + 0.0:.5f},{lon + 0.0:.5f}".replace("-0.00000", "0.00000")


def metres(one: str, other: str) -> float:
    """How far two positions in their canonical form are apart, on a sphere."""
    lat, lon, lat2, lon2 = (radians(float(v)) for value in (one, other) for v in value.split(","))
    half = sin((lat2 - lat) / 2) ** 2 + cos(lat) * cos(lat2) * sin((lon2 - lon) / 2) ** 2
    return 2 * 6_371_000 * asin(min(1.0, sqrt(half)))


def _number(text: str) -> float:
    return float(text.replace(",", "."))


@cache
def _converter() -> Any:
    return import_module("mgrs").MGRS()


def _mgrs(text: str, start: int) -> Hit | None:
    m = _MGRS.match(text, start)
    if not m:
        return None
    digits = m[5] or m[3] + m[4]
    if len(digits) % 2 or (m[3] and len(m[3]) != len(m[4])) or not 1 <= int(m[1][:-1]) <= 60:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # a latitude that does not fit its letter is refused below
            lat, lon = _converter().toLatLon(f"{m[1]}{m[2]}{digits}")
    except (import_module("mgrs").core.MGRSError, ValueError):
        return None
    value = position(lat, lon)
    return Hit("coords", value, start, m.end(), 0.95 if len(digits) >= 6 else 0.6) if value else None


def mgrs_at(page: Folded, start: int) -> Hit | None:
    """A grid reference that begins here; short ones only with a word that announces them."""
    hit = _mgrs(page.text, start)
    if hit and (
        hit.confidence > 0.9 or any(w in page.low[max(0, start - 24) : start] for w in ("mgrs", "grid", "utm"))
    ):
        return hit
    return None


def turned_at(page: Folded, start: int) -> Hit | None:
    """A grid reference whose northing begins here, before the easting, zone and square: the words turned round."""
    text = page.text
    m = _TURNED.match(text, start)
    if not m or bool(m[2]) == bool(m[5]) or len(m[1]) != len(m[2] or m[5]):
        return None
    line = text[max(0, start - _LINE) : start].rpartition("\n")[2] + text[m.end() : m.end() + _LINE].partition("\n")[0]
    if not _RIGHT_TO_LEFT.search(line):
        return None
    hit = _mgrs(f"{m[3]}{m[4]}{m[2] or m[5]}{m[1]}", 0)
    return Hit("coords", hit.value, start, m.end(), 0.8) if hit else None


def decimal_at(page: Folded, start: int) -> Hit | None:
    """A pair of decimal degrees whose digits begin here."""
    low = page.low
    at = start - 1 if start and low[start - 1] in "+-" else start
    m = _DECIMAL.match(low, at) or _COMMA.match(low, at)
    if not m or (at and (low[at - 1].isalnum() or low[at - 1] in ".,") and low[at - 1] != ","):
        return None
    if at > 1 and low[at - 1] in ".," and low[at - 2].isdigit():
        return None
    lat, lon = (m[2], m[1]) if _eastward(low, at) else (m[1], m[2])
    fine = min(len(re.split("[.,]", part)[1]) for part in (lat, lon))
    value = position(_number(lat), _number(lon))
    if not value or (fine < 4 and not _announced(low, at)):
        return None
    return Hit("coords", value, at, m.end(), 0.9 if fine >= 4 else 0.7)


def _eastward(low: str, at: int) -> bool:
    """Whether a pair stands among the coordinates of KML or GeoJSON (RFC 7946): these have the longitude first."""
    before = low[max(0, at - _LIST) : at]
    tag = before.rfind("coordinates")
    return tag > 0 and bool(_POSITIONS.fullmatch(before, tag - 1))


def _announced(low: str, at: int) -> bool:
    before = low[max(0, at - 30) : at]
    return any(w in before for w in ("gps", "coord", "lat", "posit", "loc", "إحداث", "احداث", "موقع", "geo"))


def seek_positions(page: Folded, ctx: Context) -> Iterator[Hit]:
    """Geo URIs and degrees with minutes, from the rare characters they contain."""
    low = page.low
    at = low.find("geo:")
    while at >= 0:
        if (m := _GEO.match(low, at)) and (value := position(float(m[1]), float(m[2]))):
            yield Hit("coords", value, at, m.end(), 0.97)
        at = low.find("geo:", at + 4)
    last = 0
    for sign in "°º˚":
        at = low.find(sign)
        while at >= 0:
            if at >= last and (hit := _degrees(low, max(last, at - 24), at + 80)):
                last = hit.end
                yield hit
            at = low.find(sign, at + 1)


def _degrees(low: str, start: int, stop: int) -> Hit | None:
    """The first two angles that belong together, sides after or before them."""
    for pattern, side, first in ((_AFTER, 4, 1), (_BEFORE, 1, 2)):
        one = pattern.search(low, start, min(len(low), stop))
        if not one:
            continue
        gap = _BETWEEN.match(low, one.end())
        two = pattern.match(low, gap.end()) if gap else None
        if not two:
            continue
        sides = _SIDE_OF[one[side]] + _SIDE_OF[two[side]]
        if sides[0] in "NS" and sides[1] in "EW":
            lat, lon = _angle(one, first, sides[0]), _angle(two, first, sides[1])
        elif sides[0] in "EW" and sides[1] in "NS":
            lon, lat = _angle(one, first, sides[0]), _angle(two, first, sides[1])
        else:
            continue
        if value := position(lat, lon):
            return Hit("coords", value, one.start(), two.end(), 0.95)
    return None


def _angle(m: re.Match[str], first: int, side: str) -> float:
    degrees, minutes, seconds = (_number(m[first + i] or "0") for i in range(3))
    if minutes >= 60 or seconds >= 60:
        return 999.0
    value = degrees + minutes / 60 + seconds / 3600
    return -value if side in "SW" else value
