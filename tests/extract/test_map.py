"""Maps: places with their names, tracks with their limits."""

from __future__ import annotations

import io
import zipfile
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moisson.errors import DamagedError, EvidenceError
from moisson.extract.map import MAX_POINTS, read_gpx, read_kml, read_kmz
from moisson.model import Event, Fact, Flag, Passage, Stated
from moisson.reader import Child, Reader

GPX = """<?xml version="1.0"?><gpx xmlns="http://www.topografix.com/GPX/1/1" version="1.1">
<wpt lat="48.89526" lon="2.31006"><time>2024-05-01T10:00:00Z</time><name>Dépôt</name><desc>chez Souhad</desc></wpt>
<wpt lat="36.0" lon="41.5"><name>Tell Qarmid</name></wpt>
<trk><name>Trajet</name><trkseg>{}</trkseg></trk></gpx>"""
KML = """<kml xmlns="http://www.opengis.net/kml/2.2"><Document><Placemark><name>مخزن</name>
<description><![CDATA[<b>Porte</b> bleue]]></description><TimeStamp><when>2024-05-01T10:00:00Z</when></TimeStamp>
<Point><coordinates> 40.96409,36.25251,0 </coordinates></Point></Placemark>
<Placemark><name>Route</name><LineString><coordinates>1,2 3,4,5
-6.5,-7.25</coordinates></LineString></Placemark></Document></kml>"""


def read(raw: str | bytes, reader) -> list:
    return list(reader(Reader.of(raw.encode() if isinstance(raw, str) else raw)))


def stated(pieces: list) -> list[tuple[str, str]]:
    return [(p.raw, p.owner) for p in pieces if isinstance(p, Stated)]


def text(pieces: list) -> str:
    return "".join(p.text for p in pieces if isinstance(p, Passage))


def test_waypoints_are_places_and_dated_ones_events():
    pieces = read(GPX.format('<trkpt lat="1" lon="2"><time>2024-05-01T11:00:00Z</time></trkpt>'), read_gpx)
    assert stated(pieces) == [("48.89526,2.31006", "Dépôt"), ("36.0,41.5", "Tell Qarmid"), ("1,2", "")]
    (event,) = (p for p in pieces if isinstance(p, Event))
    assert (event.kind, str(event.when), event.text) == ("position", "2024-05-01T10:00:00Z", "Dépôt")
    assert event.meta == {"coords": "48.89526,2.31006"}
    assert all(wanted in text(pieces) for wanted in ("chez Souhad", "Trajet", "48.89526,2.31006", "1,2"))


def test_a_long_track_is_cut_and_its_waypoints_are_not():
    points = '<trkpt lat="1.5" lon="2.5"/>' * (MAX_POINTS + 500)
    waypoints = "".join(f'<wpt lat="{n}" lon="3"><name>w{n}</name></wpt>' for n in range(50))
    pieces = read(GPX.format(points).replace("</gpx>", waypoints + "</gpx>"), read_gpx)
    assert sum(owner == "" for _, owner in stated(pieces)) == MAX_POINTS
    assert ("49,3", "w49") in stated(pieces)
    assert [p.name for p in pieces if isinstance(p, Flag)] == ["truncated"]


def test_placemarks_and_lines():
    pieces = read(KML, read_kml)
    assert stated(pieces) == [
        ("36.25251,40.96409", "مخزن"),
        ("2,1", "Route"),
        ("4,3", "Route"),
        ("-7.25,-6.5", "Route"),
    ]
    assert "Porte" in text(pieces)
    assert "<b>" not in text(pieces)
    assert [p.text for p in pieces if isinstance(p, Event)] == ["مخزن"]
    assert [p.value for p in pieces if isinstance(p, Fact) and p.key == "map.place"] == ["مخزن", "Route"]


def test_maps_of_the_corpus(corpora):
    for name in ("be/src-tests/KML_Samples.kml", "photos/tika/testKML.kml"):
        pieces = read((corpora / name).read_bytes(), read_kml)
        assert ("37.42228990140251,-122.0822035425683", "Simple placemark") in stated(pieces)
        assert len(stated(pieces)) > 50


def test_a_zipped_map_gives_its_members(corpora):
    children = [p for p in read((corpora / "docs/tika/testKMZ.kmz").read_bytes(), read_kmz) if isinstance(p, Child)]
    assert [c.name for c in children] == ["testKML.kml"]
    assert stated(read(children[0].open().whole(), read_kml))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as target:
        target.writestr("doc.kml", KML)
    (child,) = (p for p in read(out.getvalue(), read_kmz) if isinstance(p, Child))
    assert child.open().whole() == KML.encode()


def test_entities_are_not_fetched_or_multiplied():
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    doctype = f'<!DOCTYPE kml [<!ENTITY l0 "ha">{laughs}<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    point = "<Point><coordinates>1,2</coordinates></Point>"
    raw = f"{doctype}<kml><Placemark><name>n &x; &l9;</name>{point}</Placemark></kml>"
    with suppress(DamagedError):
        assert len(text(read(raw, read_kml))) < 1000
        assert "root:" not in text(read(raw, read_kml))


@pytest.mark.parametrize("reader", [read_kml, read_gpx])
def test_what_is_no_map_is_damaged(reader):
    for raw in (b"", b"no xml", b"<html><body/></html>", bytes(100)):
        with pytest.raises(DamagedError):
            read(raw, reader)


def test_deep_nesting_is_bounded():
    with suppress(EvidenceError):
        read("<kml>" + "<Folder>" * 100_000, read_kml)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from((KML, GPX)), st.integers(0, 900), st.binary(max_size=20), st.integers(0, 40))
def test_broken_xml_does_no_harm(whole, at, bite, lost):
    raw = whole.encode()
    raw = raw[:at] + bite + raw[at + lost :]
    for reader in (read_kml, read_gpx):
        with suppress(EvidenceError):
            read(raw, reader)
