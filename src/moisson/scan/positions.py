"""A closer look at what may be a position: decimal degrees, angles, what names one, grid references, EXIF."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from moisson.errors import EvidenceError
from moisson.extract.exif import position_of
from moisson.extract.tiff import Tiff
from moisson.reader import Reader
from moisson.scan.near import Mark, Near
from moisson.selectors import named, places

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moisson.selectors.kind import Context

_DEGREES = re.compile(r"(?<![\d.])\d{1,2}[.,]\d{3,12}")
_LETTER = re.compile(rb"(?:[0-9] ?[NSns][,; /]{0,3}|[,; /]{1,3}[EWO] ?)[+\-]?[0-9]{1,3}\.[0-9]{4}\Z")
# Two numbers up to the fourth figure of the second, and what shows that they are two of many.
_PAIR = re.compile(rb"(?<![0-9.])[0-9]{1,2}\.[0-9]{4,12}((?:\xc2?\xb0)?[,; /]{1,3})[+\-]?[0-9]{1,3}\.[0-9]{4}\Z")
_COMMA = re.compile(rb"[,;/]")
_FIGURE_BEFORE = re.compile(rb"[0-9] {1,2}[+\-]?\Z")
_FIGURE_BEHIND = re.compile(rb"[0-9]{0,8} {1,2}[+\-]?[0-9]")
_ZONE = re.compile(r"(?<![0-9A-Za-z])\d{1,2}[C-X]")
# The sign of another angle (°, º and ˚ as they end in any charset, or d), and only text between.
_ANGLE_BEHIND = re.compile(rb"[\t\n\r\x20-\xff]{0,72}?[\xb0\xba\x9ad]")
_ANGLE_BEFORE = re.compile(rb"[\xb0\xba\x9ad][\t\n\r\x20-\xff]*\Z")
_LIST_BEFORE = re.compile(r"(?:\d|(?<![^\W\d_])[A-Za-z]) {1,2}$")
_LIST_AFTER = re.compile(r" {1,2}(?:[-+]?\d|[A-Za-z] )")
_COMMAS = re.compile("[,;،/]")
_GPS = 0x8825


def decimal(data: bytes, end: int, ctx: Context) -> Iterator[Mark]:
    """A pair of decimal degrees in which the anchor ends, unless it is cut out of a list of numbers."""
    pair = _PAIR.search(data, max(0, end - 40), end)
    if not pair:
        if _LETTER.search(data, max(0, end - 24), end):
            yield from said(data, end, ctx)
        return
    if not _COMMA.search(pair[1]) and (
        _FIGURE_BEFORE.search(data, max(0, pair.start() - 4), pair.start()) or _FIGURE_BEHIND.match(data, end)
    ):
        return
    near = Near(data, end - 48, end + 24)
    text, last = near.page.text, near.at(end)
    for m in _DEGREES.finditer(text):
        if m.start() < last:
            hit = places.decimal_at(near.page, m.start())
            if not hit or hit.confidence <= 0.8 or hit.end < last:
                continue
            listed = _LIST_BEFORE.search(text, 0, hit.start) or _LIST_AFTER.match(text, hit.end)
            if not listed or _COMMAS.search(text, hit.start, hit.end):
                yield from near.single(hit)


def degrees(data: bytes, end: int, ctx: Context) -> Iterator[Mark]:
    """Two angles with their signs, or a geo URI."""
    alone = not _ANGLE_BEHIND.match(data, end - 1) and not _ANGLE_BEFORE.search(
        data[max(0, end - 40) : max(0, end - 3)]
    )
    if alone and data.find(b"geo:", max(0, end - 6), end) < 0:
        return
    near = Near(data, end - 40, end + 72)
    yield from near.marks(places.seek_positions(near.page, ctx), end - 1)


def said(data: bytes, end: int, ctx: Context) -> Iterator[Mark]:
    """A position of which words or a link say that it is one."""
    near = Near(data, end - 110, end + 110)
    yield from near.marks(named.seek_named(near.page, ctx), end - 1)


def mgrs(data: bytes, end: int, ctx: Context) -> Iterator[Mark]:
    """A grid reference."""
    near = Near(data, end - 40, end + 16)
    for m in _ZONE.finditer(near.page.text):
        if (hit := places.mgrs_at(near.page, m.start())) and hit.confidence > 0.9:
            yield from near.marks([hit], end - 1)


def exif(data: bytes, end: int, ctx: Context) -> Iterator[Mark]:
    """The position in an EXIF block, which begins a byte before the end of the anchor."""
    start = end - 1
    block = data[start : start + 65536]
    if value := places.Coords.clean(gps(block), ctx):
        yield Mark(start, start + len(block), "coords", value, 0.95, "gps")


def gps(block: bytes) -> str:
    """Latitude and longitude of an EXIF block, or "" for want of them."""
    try:
        tiff = Tiff(Reader.of(block))
        first, _ = tiff.directory(tiff.first)
        at = tiff.number(first, _GPS)
        return position_of(tiff, tiff.directory(at)[0]) if at else ""
    except EvidenceError:
        return ""
