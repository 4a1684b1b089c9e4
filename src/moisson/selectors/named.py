"""Positions of which a word or a letter says what is latitude and what longitude, and those in the links of maps.

Labels are those of JSON, XML, property lists, GPX, forms and prose; `latitudeE7` is of Google's location history.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from moisson.selectors.kind import Context, Hit
from moisson.selectors.places import position

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moisson.selectors.fold import Folded

_LAT = "(?:latitude|lat|enlem|breitengrad|breite|خط العرض|دائرة العرض|العرض)"
_LON = "(?:longitude|long|lon|lng|boylam|längengrad|länge|خط الطول|الطول)"
_IS = r"""(?:_?deg|_?dd)?["'\]]?(?:</(?:key|string)>\s{0,12}<\w{1,10}>|[ \t]{0,3}(?:[:=>]|=>)?[ \t]{0,3}["'(]?)"""
_VALUE = r"([+-]?\d{1,3}[.,]\d{3,15})(?!\d)(?:[ \t]?°)?(?:[ \t]?([nsewo])(?![a-z]))?"
_EDGE = "(?<![a-z])"
_LABELLED = re.compile(
    rf"(?:{_LAT}{_IS}{_VALUE}\D{{1,40}}?{_EDGE}{_LON}{_IS}{_VALUE}"
    rf"|{_LON}{_IS}{_VALUE}\D{{1,40}}?{_EDGE}{_LAT}{_IS}{_VALUE})"
)
_INTEGERS = re.compile(
    r"latitudee7[\"']?\s{0,3}[:=]\s{0,3}[\"']?(-?\d{5,9})(?!\d)\D{1,30}?"
    r"longitudee7[\"']?\s{0,3}[:=]\s{0,3}[\"']?(-?\d{5,10})(?!\d)"
)
_FINE = r"(\d{1,3}\.\d{4,12})(?!\d|\.\d)"
_SIDED = re.compile(
    rf"{_FINE} ?([ns])(?:[ \t]?[,;/]?[ \t]{{0,2}}){_FINE} ?([ewo])(?![a-z])"
    rf"|([ns]) ?{_FINE}[ \t]?[,;/]?[ \t]{{0,2}}([ewo]) ?{_FINE}"
)
_MAPPED = re.compile(
    r"(?:@|[?&](?:q|ll|sll|cbll|query|center|destination|daddr|saddr|at|near)=(?:loc:)?|!3d|[?&]mlat=)"
    r"([+-]?\d{1,2}\.\d{3,15})(?:,|%2c|\+|,\+|!4d|&mlon=)([+-]?\d{1,3}\.\d{3,15})(?!\d|\.\d)"
)
_LONGEST_KEY = 16
# Every label begins with one of these; points of numbers are met sooner than their figures.
_STEMS = ("lat", "lon", "lng", "enlem", "boylam", "breite", "läng", "خط ", "دائرة ", "العرض", "الطول")
_POINT = re.compile(r"\.\d{3}")


def seek_named(page: Folded, ctx: Context) -> Iterator[Hit]:
    """All of them, each from its first figure to its last, in no order."""
    low = page.low
    for stem in _STEMS:
        at = low.find(stem)
        while at >= 0:
            if not ("a" <= low[at - 1 : at] <= "z") and (m := _LABELLED.match(low, at)):
                first = 1 if m[1] else 5
                one, two = _signed(m[first], m[first + 1]), _signed(m[first + 2], m[first + 3])
                yield from _hit(*((one, two) if m[1] else (two, one)), m.start(first), m.end(first + 2))
            at = low.find(stem, at + len(stem))
    if "latitudee7" in low:
        for m in _INTEGERS.finditer(low):
            yield from _hit(int(m[1]) / 1e7, int(m[2]) / 1e7, m.start(1), m.end(2))
    last = 0
    for point in _POINT.finditer(low):
        if point.start() >= last:
            for hit in _at_point(low, last, point.start()):
                last = hit.end
                yield hit


def _at_point(low: str, last: int, point: int) -> Iterator[Hit]:
    """What the number with this point begins."""
    start = point
    while start > last and point - start < 3 and low[start - 1].isdigit():
        start -= 1
    before = low[start - 1 : start]
    if before.isdigit() or start == point:
        return
    if before in ("@", "=", ":", "d", "-", "+") and (
        m := _MAPPED.search(low, max(last, start - _LONGEST_KEY), start + 48)
    ):
        yield from _hit(float(m[1]), float(m[2]), m.start(1), m.end(2))
        return
    side = start - 1 - (before == " ")
    if side >= last and low[side] in "ns":
        start, before = side, low[side - 1 : side] if side else ""
    if before == "." or (before.isascii() and before.isalnum()) or before == "_":
        return
    if (before != "," or not low[start - 2 : start - 1].isdigit()) and (m := _SIDED.match(low, start)):
        first = m[1] is not None
        lat, lon = (_signed(m[1], m[2]), _signed(m[3], m[4])) if first else (_signed(m[6], m[5]), _signed(m[8], m[7]))
        yield from _hit(lat, lon, *m.span())


def _signed(number: str, side: str | None) -> float:
    value = float(number.replace(",", "."))
    return -abs(value) if side in ("s", "w", "o") else value


def _hit(lat: float, lon: float, start: int, end: int) -> Iterator[Hit]:
    if value := position(lat, lon):
        yield Hit("coords", value, start, end, 0.95)
