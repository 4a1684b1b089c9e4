"""Words that editors leave in pictures: XMP packets (ISO 16684-1) and IPTC records (IIM 4.2)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lxml import etree

from moisson.extract.exif import characters, clean, datasets
from moisson.model import Fact, Passage, Stated

if TYPE_CHECKING:
    from collections.abc import Iterator

_LEAVES = 300
_VALUE = 20_000
_DEGREES = re.compile(r"(\d+),(\d+(?:\.\d+)?)(?:,(\d+(?:\.\d+)?))?([NSEW])")
_WORDS = frozenset(
    (
        "title", "description", "subject", "creator", "Headline", "Instructions", "CaptionWriter", "Name",
        "PersonInImage", "Location", "City", "State", "Country", "Event", "UserComment", "Description",
        "hierarchicalSubject", "Label", "LocationCreated", "LocationShown", "Sublocation", "CountryName",
        "ProvinceState", "Nickname", "AuthorsPosition",
    )
)  # fmt: skip
_FACTS = frozenset(
    (
        "CreatorTool", "CreateDate", "ModifyDate", "DateTimeOriginal", "DateCreated", "DocumentID",
        "OriginalDocumentID", "SerialNumber", "OwnerName", "Model", "Make", "LensSerialNumber", "WebStatement",
        "Credit", "Source",
    )
)  # fmt: skip
_PARSER = {"resolve_entities": False, "no_network": True, "huge_tree": False, "recover": True, "remove_comments": True}


def read_xmp(packet: bytes) -> Iterator[Passage | Fact | Stated]:
    """The words, dates, names and positions of an XMP packet."""
    leaves = list(_leaves(packet))
    for name, value in leaves:
        if name in _WORDS:
            yield Passage(f"{value}\n", f"xmp.{name}")
        elif name in _FACTS:
            yield Fact(f"xmp.{name}", value)
    values = dict(leaves)
    position = _position(values.get("GPSLatitude", ""), values.get("GPSLongitude", ""))
    if position:
        yield Fact("xmp.gps", position)
        yield Stated("coords", position, "location", "xmp.gps")


def _leaves(packet: bytes) -> Iterator[tuple[str, str]]:
    """The attributes and elements that hold a value, by local name; items of a list by the name of the list."""
    start = packet.find(b"<")
    if start < 0:
        return
    try:
        root = etree.fromstring(packet[start:].rstrip(b"\0 \n\r\t"), etree.XMLParser(**_PARSER))
    except (etree.XMLSyntaxError, ValueError):
        return
    if root is None:
        return
    given = 0
    for element in root.iter():
        if not isinstance(element.tag, str):
            continue
        pairs = [(_local(str(key)), str(value)) for key, value in element.attrib.items()]
        if element.text and element.text.strip() and not len(element):
            pairs.append((_name(element), element.text))
        for name, value in pairs:
            if given < _LEAVES and (text := clean(value)[:_VALUE]):
                given += 1
                yield name, text


def _name(element: etree._Element) -> str:
    for _ in range(3):
        local = _local(str(element.tag))
        parent = element.getparent()
        if local not in ("li", "Alt", "Bag", "Seq") or parent is None:
            break
        element = parent
    return _local(str(element.tag))


def _local(tag: str) -> str:
    """A name without its namespace; where the packet is damaged, its prefix was never bound to one."""
    return tag.rpartition("}")[2].rpartition(":")[2]


def _position(latitude: str, longitude: str) -> str:
    pair = [_degrees(latitude), _degrees(longitude)]
    if pair[0] is None or pair[1] is None or pair == [0, 0]:
        return ""
    return f"{pair[0]:.7f},{pair[1]:.7f}" if abs(pair[0]) <= 90 and abs(pair[1]) <= 180 else ""


def _degrees(text: str) -> float | None:
    if not (m := _DEGREES.fullmatch(text.strip())):
        return None
    value = int(m[1]) + float(m[2]) / 60 + float(m[3] or 0) / 3600
    return -value if m[4] in "SW" else value


def read_iptc(raw: bytes) -> Iterator[Passage]:
    """The editorial data sets of an IPTC block."""
    at, utf8 = max(0, raw.find(b"\x1c")), False
    while raw[at : at + 1] == b"\x1c" and at + 5 <= len(raw):
        record, number = raw[at + 1], raw[at + 2]
        size = int.from_bytes(raw[at + 3 : at + 5], "big")
        at += 5
        if size & 0x8000:
            width = min(size & 0x7FFF, 4)
            size, at = int.from_bytes(raw[at : at + width], "big"), at + width
        value = raw[at : at + size]
        at += size
        if (record, number) == (1, 90):
            utf8 = value == b"\x1b%G"
        elif record == 2 and number in datasets() and value:
            text = clean(value.decode("utf-8", "replace") if utf8 else characters(value))
            yield Passage(f"{text}\n", f"iptc.{datasets()[number]}")
