"""Addresses of devices: IPv4, IPv6 (RFC 5952) and hardware addresses (IEEE 802)."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING

from moisson.selectors.fold import plain
from moisson.selectors.kind import Context, Hit, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moisson.selectors.fold import Folded

_V4 = re.compile(r"(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?:25[0-5]|2[0-4]\d|1?\d?\d)){3}(?![\d])(?!\.\d)")
_MAC = re.compile(r"([0-9a-f]{2})([:-])(?:[0-9a-f]{2}\2){4}[0-9a-f]{2}")
_MAC_ANCHOR = re.compile(r"[:-][0-9a-f]{2}[:-][0-9a-f]{2}[:-]")
_V6 = re.compile(r"(?:[0-9a-f]{0,4}:){2,7}(?:[0-9a-f]{1,4}|(?:\d{1,3}\.){3}\d{1,3})?")
_V6_ANCHOR = re.compile(r":[0-9a-f]{0,4}:")
_VERSION = re.compile(r"(?:version|vers\.?|v|build|release|firmware|الإصدار)[ \t.:=]*$")


class Ipv4(Kind):
    """A dotted IPv4 address."""

    name = "ipv4"
    label = "IPv4 address"
    pivot = True

    @classmethod
    def clean(cls, raw: str, ctx: Context) -> str | None:
        text = re.sub(r"\b0{1,2}(?=\d)", "", plain(raw).strip())
        return text if _V4.fullmatch(text) else None

    @classmethod
    def specificity(cls, value: str) -> float:
        return 0.5 if ipaddress.ip_address(value).is_global else 0.05


class Ipv6(Kind):
    """An IPv6 address as RFC 5952 writes it."""

    name = "ipv6"
    label = "IPv6 address"
    pivot = True

    @classmethod
    def clean(cls, raw: str, ctx: Context) -> str | None:
        text = plain(raw).strip().strip("[]").partition("%")[0]
        try:
            return str(ipaddress.IPv6Address(text)) if len(text) < 50 else None
        except ValueError:
            return None

    @classmethod
    def specificity(cls, value: str) -> float:
        return 0.6 if ipaddress.ip_address(value).is_global else 0.05


class Mac(Kind):
    """A hardware address, upper case with colons."""

    name = "mac"
    label = "Hardware address"
    pivot = True
    strong = True

    @classmethod
    def clean(cls, raw: str, ctx: Context) -> str | None:
        text = re.sub(r"[\s:.-]", "", plain(raw)).upper()
        if not re.fullmatch("[0-9A-F]{12}", text):
            return None
        return ":".join(text[i : i + 2] for i in range(0, 12, 2))

    @classmethod
    def specificity(cls, value: str) -> float:
        if value in ("FF:FF:FF:FF:FF:FF", "00:00:00:00:00:00") or int(value[:2], 16) & 1:
            return 0.0
        return 0.3 if int(value[:2], 16) & 2 else 0.95


def seek_hardware(page: Folded, ctx: Context) -> Iterator[Hit]:
    """Hardware addresses with separators, and IPv6 addresses."""
    low = page.low
    last = 0
    for anchor in _MAC_ANCHOR.finditer(low):
        start = anchor.start() - 2
        if start < last:
            continue
        m = _MAC.match(low, start)
        if m and not _inside(low, m.start(), m.end()):
            last = m.end()
            yield Hit("mac", m[0].upper().replace("-", ":"), m.start(), m.end(), 0.95)
    yield from _seek_v6(low, ctx)


def _seek_v6(low: str, ctx: Context) -> Iterator[Hit]:
    last = 0
    for anchor in _V6_ANCHOR.finditer(low):
        if anchor.start() < last:
            continue
        start = anchor.start()
        while start > last and anchor.start() - start < 4 and low[start - 1] in "0123456789abcdef":
            start -= 1
        m = _V6.match(low, start)
        if not m or _inside(low, m.start(), m.end()):
            continue
        last = m.end()
        value = Ipv6.clean(m[0], ctx) if m[0].count(":") == 7 or ("::" in m[0] and len(m[0]) > 4) else None
        if value and any(c.isdigit() for c in m[0]):
            yield Hit("ipv6", value, m.start(), m.end(), 0.9)


def _inside(low: str, start: int, end: int) -> bool:
    """Whether a span is cut out of a longer one of the same make."""
    before, after = low[start - 1] if start else " ", low[end] if end < len(low) else " "
    more = after in ":-" and low[end + 1 : end + 2].isalnum()
    return before.isalnum() or (before in ":-" and low[start - 2 : start - 1].isalnum()) or after.isalnum() or more


def ipv4_at(page: Folded, start: int) -> Hit | None:
    """An IPv4 address that begins here, unless the words before say it is a version."""
    m = _V4.match(page.low, start)
    if not m or page.low[start - 1 : start] in (".", "-") or _VERSION.search(page.low, max(0, start - 16), start):
        return None
    value = ".".join(str(int(part)) for part in m[0].split("."))
    return Hit("ipv4", value, start, m.end(), 0.85)
