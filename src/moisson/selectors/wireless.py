"""Names of wireless networks: behind a label, and those that access points and telephones give themselves."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from moisson.selectors.kind import Context, Hit, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moisson.selectors.fold import Folded

_SSID = re.compile(r"[ \t]{0,3}(?:[:=>]|is|est)?[ \t]{0,3}[\"'«]?[ \t]?([^\n\r\t,;|<>\"«»\u060c]{1,40})")
_LEAD = re.compile(r"([A-Za-z][A-Za-z0-9!]{0,15})(?:[-_][A-Za-z][A-Za-z0-9]{1,12})?$")
_SERIAL = re.compile(r"(?:[0-9A-F]{4,12}|[0-9a-f]{4,12})(?:[-_ ](?:5G|5GHz|2[.]?4G|EXT))?(?![\w-])")
_BOX = re.compile(r"FRITZ!Box (?:\d{4}|[A-Z][a-z]+ \d{4})(?: [A-Z0-9]{2,8}){0,2}(?!\w)")
_ANDROID = re.compile(r"AndroidAP(?:[-_]?[0-9A-Fa-f]{4})?(?![\w.-])")
_LONGEST = 28


@cache
def _makers() -> frozenset[str]:
    table = tomllib.loads(files("moisson.selectors").joinpath("data/wireless.toml").read_text("utf-8"))
    return frozenset(table["parted"])


class Ssid(Kind):
    """The name of a wireless network, exactly as written."""

    name = "ssid"
    label = "Wi-Fi network"
    pivot = True

    @classmethod
    def clean(cls, raw: str, ctx: Context) -> str | None:
        text = raw.strip().strip("\x00")
        if len(text) > 1 and text[0] == text[-1] == '"':
            text = text[1:-1].strip()
        if not text or len(text.encode("utf-8", "replace")) > 32 or not text.isprintable():
            return None
        return text

    @classmethod
    def specificity(cls, value: str) -> float:
        low = value.lower()
        stock = (
            "androidap",
            "iphone",
            "default",
            "guest",
            "free",
            "linksys",
            "eduroam",
            "dlink",
            "wifi",
            "wi-fi",
            "home",
        )
        return 0.1 if low.startswith(stock) and not any(c.isdigit() for c in low) else 0.8


def seek_networks(page: Folded, ctx: Context) -> Iterator[Hit]:
    """Names of wireless networks behind `SSID` or `wifi:`."""
    for word, needs in (("ssid", ""), ("wi-fi", ":"), ("wifi", ":"), ("واي فاي", ":")):
        at = page.low.find(word)
        while at >= 0:
            end = at + len(word)
            if not page.low[at - 1 : at].isalnum() and (hit := _network(page.text, end, needs, ctx)):
                yield hit
            at = page.low.find(word, end)


def _network(text: str, end: int, needs: str, ctx: Context) -> Hit | None:
    m = _SSID.match(text, end)
    lead = text[end : m.start(1)] if m else ""
    if not m or not lead or needs not in lead:
        return None
    raw = m[1].split("  ")[0].rstrip(" .)")
    value = Ssid.clean(raw, ctx)
    telling = any(c.isdigit() or c.isupper() or c in "_-" for c in raw) and not raw[:1].isspace()
    if not value or not telling or len(raw.split()) > 4 or raw.startswith(("/", "(", "=")):
        return None
    return Hit("ssid", value, m.start(1), m.start(1) + len(raw), 0.9)


def seek_defaults(page: Folded, ctx: Context) -> Iterator[Hit]:
    """Default names that have no serial part or gaps: of Android's access point and of a FRITZ!Box."""
    for word, pattern, sure in (("AndroidAP", _ANDROID, 0.7), ("FRITZ!Box ", _BOX, 0.9)):
        at = page.text.find(word)
        while at >= 0:
            m = pattern.match(page.text, at)
            if m and not page.text[at - 1 : at].isalnum():
                yield Hit("ssid", m[0], at, m.end(), sure)
            at = page.text.find(word, at + len(word))


def default_at(page: Folded, start: int) -> Hit | None:
    """A name in the form of a maker whose serial part begins here, behind a hyphen or an underscore."""
    text = page.text
    lead = _LEAD.search(text, max(0, start - _LONGEST), start - 1)
    serial = _SERIAL.match(text, start) if lead else None
    if not lead or not serial or not {lead[0].lower(), lead[1].lower()} & _makers():
        return None
    before = text[lead.start() - 1 : lead.start()]
    if (before.isalnum() or before in ("-", "_", ".", "/", "\\", "@")) and before:
        return None
    value = text[lead.start() : serial.end()]
    return Hit("ssid", value, lead.start(), serial.end(), 0.9) if any(map(str.isdigit, serial[0])) else None
