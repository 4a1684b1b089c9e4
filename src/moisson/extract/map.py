"""Places on maps: KML, KMZ and GPX."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lxml import etree

from moisson.errors import DamagedError, EvidenceError
from moisson.extract import zipdir
from moisson.extract.archive import read_zip
from moisson.model import Event, Fact, Flag, Passage, Stated
from moisson.reader import Child, Reader
from moisson.registry import step
from moisson.times import from_iso

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Piece = Passage | Fact | Stated | Flag | Event | Child
MAX_POINTS = 5000
MAX_SIZE = 256 << 20
_PAIR = re.compile(r"(-?\d{1,3}(?:\.\d+)?)\s*,\s*(-?\d{1,2}(?:\.\d+)?)(?:\s*,\s*-?\d+(?:\.\d+)?)?")
_TEXTS = ("description", "desc", "address", "cmt", "snippet", "phonenumber", "value", "text")


class _Track:
    """How many unnamed points were stated already."""

    def __init__(self) -> None:
        self.points = self.left_out = 0

    def spend(self) -> bool:
        """True while there is room for one more."""
        if self.points >= MAX_POINTS:
            self.left_out += 1
            return False
        self.points += 1
        return True


@step(
    "extract.kml", version=1, kinds=("application/vnd.google-earth.kml+xml",), names=("*.kml",), reference="OGC KML 2.3"
)
def read_kml(data: Reader, keys: Sequence[str] = ()) -> Iterator[Piece]:
    """Named places with what is written of them; long lines give their first points only."""
    track = _Track()
    yield from _walk(data, {"placemark", "groundoverlay", "photooverlay"}, track)
    yield from _ends(track)


@step("extract.gpx", version=1, kinds=("application/gpx+xml",), names=("*.gpx",), reference="GPX 1.1")
def read_gpx(data: Reader, keys: Sequence[str] = ()) -> Iterator[Piece]:
    """Waypoints as places and events; tracks and routes as points."""
    track = _Track()
    yield from _walk(data, {"wpt", "rtept", "trkpt", "trk", "rte", "metadata"}, track)
    yield from _ends(track)


@step("extract.kmz", version=1, kinds=("application/vnd.google-earth.kmz",), names=("*.kmz",), reference="OGC KML 2.3")
def read_kmz(data: Reader, keys: Sequence[str] = ()) -> Iterator[Piece]:
    """The members of the archive, the map among them."""
    yield from read_zip(data, keys)
    entries, _ = zipdir.read_directory(data)
    yield Fact("kmz.members", len(entries))


def _ends(track: _Track) -> Iterator[Piece]:
    yield Fact("map.points", track.points + track.left_out)
    if track.left_out:
        yield Flag("truncated", f"{track.left_out} further points are not stated one by one")


def _walk(data: Reader, wanted: set[str], track: _Track) -> Iterator[Piece]:
    """The wanted elements one after the other, each forgotten once it was read."""
    if data.size > MAX_SIZE:
        raise DamagedError(f"a map of {data.size} bytes")
    events = etree.iterparse(
        data.file(), events=("end",), resolve_entities=False, no_network=True, huge_tree=False, recover=True
    )
    seen, count = False, 0
    try:
        for _, element in events:
            if not isinstance(element.tag, str):
                continue
            name = etree.QName(element).localname.lower()
            seen = seen or name in ("kml", "gpx", "document") or name in wanted
            if name in wanted:
                count += 1
                yield from _place(element, name, track, count)
                element.clear()
    except (etree.LxmlError, OSError, ValueError, EvidenceError) as why:
        if not seen:
            raise DamagedError(f"no map: {why}") from why
        yield Flag("damaged", str(why))
    if not seen:
        raise DamagedError("no map in this XML")


def _texts(element: etree._Element) -> dict[str, str]:
    found: dict[str, str] = {}
    for below in element.iter():
        if isinstance(below.tag, str) and below.text and below.text.strip():
            key = etree.QName(below).localname.lower()
            text = below.text.strip()
            found[key] = f"{found[key]}\n{text}" if key in found and key in _TEXTS else found.get(key, text)
    return found


def _place(element: etree._Element, name: str, track: _Track, number: int) -> Iterator[Piece]:
    texts = _texts(element)
    title = texts.get("name", "")
    points = list(_points(element, name))
    place = f"{name}:{number}"
    when = texts.get("when") or texts.get("begin") or texts.get("time") or ""
    named = bool(title or any(texts.get(key) for key in _TEXTS)) or name in ("wpt", "placemark")
    if named or name not in ("trkpt", "rtept"):
        shown = [title, *(texts[key] for key in _TEXTS if key in texts), *points[:1], when]
        if text := "\n".join(filter(None, shown)):
            yield Passage(f"{_untag(text)}\n\n", place)
    for raw in points:
        keeps = named and len(points) == 1
        if keeps or track.spend():
            if not named:
                yield Passage(f"{raw} {when}\n", place)
            elif raw != points[0]:
                yield Passage(f"{raw}\n", place)
            yield Stated("coords", raw, "location", place, title)
    if title and name in ("wpt", "placemark", "rtept"):
        yield Fact("map.place", title)
    if name in ("wpt", "placemark") and len(points) == 1 and (instant := from_iso(when)):
        yield Event("", "", "position", instant, "map", (), title, meta={"coords": points[0]})


def _untag(text: str) -> str:
    return re.sub(r"<[^<>]{1,2000}>", " ", text) if "<" in text else text


def _points(element: etree._Element, name: str) -> Iterator[str]:
    lat, lon = element.get("lat"), element.get("lon")
    if lat and lon and name in ("wpt", "trkpt", "rtept"):
        yield f"{lat.strip()},{lon.strip()}"
        return
    for below in element.iter():
        if not isinstance(below.tag, str) or not below.text:
            continue
        local = etree.QName(below).localname.lower()
        if local == "coordinates":
            for pair in _PAIR.finditer(below.text):
                yield f"{pair[2]},{pair[1]}"
        elif local == "coord" and len(parts := below.text.split()) >= 2:
            yield f"{parts[1]},{parts[0]}"
