from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moisson.selectors.find import Context, find
from moisson.selectors.fold import Folded
from moisson.selectors.named import seek_named

HERE = "33.31520,44.36610"


def coords(text):
    return [(f.value, f.raw) for f in find(text, Context()) if f.kind == "coords"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"lat":33.3152,"lng":44.3661}', HERE),
        ("lat=33.3152&lon=44.3661", HERE),
        ('"latitude": 33.3152, "longitude": 44.3661', HERE),
        ("longitude=44.3661 latitude=33.3152", HERE),
        ("Lat: 33.3152 Lon: 44.3661", HERE),
        ("Latitude : 33,3152 Longitude : 44,3661", HERE),
        ("Lat 33.8688 S, Long 151.2093 E", "-33.86880,151.20930"),
        ("lat 33.3152 N lon 70.1234 W", "33.31520,-70.12340"),
        ("خط العرض: 33.3152 خط الطول: 44.3661", HERE),
        ("خط العرض: ٣٣٫٣١٥٢ خط الطول: ٤٤٫٣٦٦١", HERE),
        ('<trkpt lat="33.3152" lon="44.3661">', HERE),
        ("<lat>33.3152</lat>\n<lng>44.3661</lng>", HERE),
        (
            "<key>latitude</key>\n\t<real>33.3152</real>\n\t<key>longitude</key>\n\t<real>-44.3661</real>",
            "33.31520,-44.36610",
        ),
        ('"latitudeE7" : 333152000,\n "longitudeE7" : -443661000', "33.31520,-44.36610"),
        ("N33.3152 E44.3661", HERE),
        ("N 33.3152, E 44.3661", HERE),
        ("33.3152N 44.3661E", HERE),
        ("33.8688 S, 70.1234 W", "-33.86880,-70.12340"),
        ("https://www.google.com/maps/@33.3152,44.3661,15z", HERE),
        ("https://maps.google.com/?q=33.3152,44.3661", HERE),
        ("https://maps.google.com/?q=33.3152%2C44.3661&z=1", HERE),
        ("https://www.google.com/maps/place/X/data=!3m1!4b1!3d33.3152!4d44.3661", HERE),
        ("https://www.openstreetmap.org/?mlat=33.3152&mlon=44.3661#map", HERE),
    ],
)
def test_what_names_a_position(text, value):
    assert [found for found, _ in coords(text)] == [value]
    assert [found for found, _ in coords(f"«{text}» at noon")] == [value]


@pytest.mark.parametrize(
    "text",
    [
        "the latest 33.3152 long 44.3661 relation",
        "lat 33 lon 44",
        "lat 93.3152 lon 44.3661",
        "flat=33.3152 salon=44.3661",
        "https://example.org/?q=1.5,2.5",
        "33.3152 n 1.1 ms 44.3661 e",
        "latitude 33.3152 and 400 words later longitude 44.3661",
    ],
)
def test_what_names_none(text):
    assert coords(text) == []


def test_a_link_to_a_map_is_both():
    text = "see https://maps.google.com/?q=33.3152,44.3661 there"
    assert {(f.kind, f.raw) for f in find(text, Context())} == {
        ("url", "https://maps.google.com/?q=33.3152,44.3661"),
        ("domain", "maps.google.com"),
        ("coords", "33.3152,44.3661"),
    }


@given(st.text("latonge0123456789.,:=&NSEW @?q%2C!3d4\"' ", max_size=80))
def test_nothing_is_said_of_places_off_the_text(text):
    page = Folded(text)
    for hit in seek_named(page, Context()):
        lat, lon = map(float, hit.value.split(","))
        assert -90 <= lat <= 90
        assert -180 <= lon <= 180
        assert 0 <= hit.start < hit.end <= len(page.text)
