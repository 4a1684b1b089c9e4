"""Every value that the corpus of pictures expects is held, or excused by name with its reason."""

from __future__ import annotations

import gzip
import json

import pytest

from moisson import registry
from moisson.extract.map import read_kml, read_kmz
from moisson.identify.kind import identify
from moisson.model import Event, Fact, Passage, Stated
from moisson.reader import Child, Reader

pytestmark = pytest.mark.corpus
_OWN_PLACE = "stands only where this maker's own container or notes say it"
EXCUSED = {
    "jpg/exif-org/olympus-d320l.jpg: DateTimeOriginal": _OWN_PLACE,
    "jpg/exif-org/sony-powershota5.jpg: DateTimeOriginal": _OWN_PLACE,
    "jpg/exif-org/sony-powershota5.jpg: Make": _OWN_PLACE,
    "jpg/exif-org/sony-powershota5.jpg: Model": _OWN_PLACE,
    "jpg/exif-org/olympus-d320l.jpg: SerialNumber": "«#00000001» names the model's first firmware, no camera",
}
_COMPLAINT = "Warning"  # what the other program complains of


def told(data: Reader, name: str) -> list:
    step = registry.best("extract", identify(data, name).mime, name)
    assert step, name
    return list(step.run(data, ()))


def holds(key: str, value, pieces: list, mime: str) -> bool:
    facts = {p.key: p.value for p in pieces if isinstance(p, Fact)}
    words = "\n".join([*map(str, facts.values()), *(p.text for p in pieces if isinstance(p, Passage))])
    events = [p for p in pieces if isinstance(p, Event)]
    if key in ("ImageWidth", "ImageHeight"):
        return str(facts["image.size"]).split("x")[key == "ImageHeight"] == str(value)
    if key == "MIMEType":
        return mime == value
    if key in ("GPSLatitude", "GPSLongitude"):
        degrees = float(facts["exif.gps"].split(",")[key == "GPSLongitude"])
        place = any(isinstance(p, Stated) and p.raw == facts["exif.gps"] for p in pieces)
        return place and degrees == pytest.approx(value, abs=3e-7)
    if key == "GPSAltitude":
        return facts["exif.altitude"] == pytest.approx(value, abs=0.006)
    if key in ("GPSDateTime", "GPSDateStamp"):
        moment = value.replace(":", "-", 2).replace(" ", "T").split(".")[0].rstrip("Z")
        return str(facts.get("exif.gps_time", "")).startswith(moment)
    if key in ("DateTimeOriginal", "CreateDate"):
        written = value.replace(":", "-", 2).replace(" ", "T")
        when = written[:19] in (str(event.when)[:19] for event in events)
        return when or value in words or written in words
    if key == "Orientation":
        return facts.get("exif.orientation", 1) == value
    return str(value).strip() in words


def wrong_in(path, values: dict) -> list[str]:
    data = Reader.of(path.read_bytes())
    if "placemarks" in values:
        reader = read_kmz if "member" in values else read_kml
        pieces = list(reader(data))
        if "member" in values:
            (child,) = (p for p in pieces if isinstance(p, Child) and p.name == values["member"])
            pieces = list(read_kml(child.open()))
        whole = "\n".join(p.text for p in pieces if isinstance(p, Passage))
        found = [] if whole else ["placemarks"]
        points = [p.raw for p in pieces if isinstance(p, Stated) and p.kind == "coords"]
        for place in values["first_coordinates"]:
            longitude, latitude, _ = place.split(",")
            if not any(abs(float(a) - float(latitude)) < 1e-6 and abs(float(b) - float(longitude)) < 1e-6
                       for a, b in (p.split(",")[:2] for p in points)):  # fmt: skip
                found.append("first_coordinates")
        return found
    pieces, mime = told(data, path.name), identify(data, path.name).mime
    return [
        key
        for key, value in values.items()
        if key != _COMPLAINT and str(value).strip() and not holds(key, value, pieces, mime)
    ]


def test_every_value_of_the_pictures_is_held_or_excused(corpora):
    folder = corpora / "photos"
    expected = {k: v for k, v in json.loads((folder / "expected.json").read_text()).items() if isinstance(v, dict)}
    named = {name: values for name, values in expected.items() if "note" not in values}
    assert set(expected) - set(named) == {"dump.gz"}, "another project's listing of the same pictures"
    wrong = {f"{name}: {key}" for name, values in named.items() for key in wrong_in(folder / name, values)}
    assert wrong - set(EXCUSED) == set()
    assert set(EXCUSED) - wrong == set(), "these hold now: take the excuse away"


def test_the_clock_of_the_satellites_is_told_beside_that_of_the_camera(corpora):
    """The finding that the corpus notes: they differ by hours."""
    for path in sorted((corpora / "photos/jpg/gps").glob("DSCN00*.jpg")):
        (event,) = (p for p in told(Reader.of(path.read_bytes()), path.name) if isinstance(p, Event))
        assert str(event.when)[:10] != str(event.meta["gps_time"])[:10] or str(event.when) != event.meta["gps_time"]


def test_the_source_project_s_listing_is_there(corpora):
    assert gzip.decompress((corpora / "photos/dump.gz").read_bytes())
