from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moisson.errors import UsageError
from moisson.selectors import kinds
from moisson.selectors.find import clean_stated, find, guess, read_query
from moisson.selectors.kinds import Context

CASE = Context(regions=("IQ", "SY", "FR", "BE", "DE", "TR", "GB", "TN", "NL"))

GOOD = [
    ("phone", "+33 (0)6 44 63 21 23", "+33644632123"),
    ("phone", "٠٠٩٦٤٧٧٠٠٠١٢٣٤٥", "+9647700012345"),
    ("phone", "06.44.63.21.23", "+33644632123"),
    ("phone", "216 98 123 456", "+21698123456"),
    ("phone", "33644632123@s.whatsapp.net", "+33644632123"),
    ("phone", "3939", "3939"),
    ("phone", "hello", None),
    ("email", "Ali <A.B@Example.ORG>", "a.b@example.org"),
    ("email", "a..b@example.org", None),
    ("url", "HTTPS://Example.org/Ab?c", "https://example.org/Ab?c"),
    ("domain", "Www.Example.org.", "www.example.org"),
    ("ipv4", "192.168.001.1", "192.168.1.1"),
    ("ipv4", "300.1.1.1", None),
    ("ipv6", "2001:DB8:0::1", "2001:db8::1"),
    ("mac", "3c-5a-b4-11-22-33", "3C:5A:B4:11:22:33"),
    ("onion", "http://" + "a" * 56 + ".onion/x", "a" * 56 + ".onion"),
    ("imei", "49-015420-323751-8", "490154203237518"),
    ("imei", "490154203237517", None),
    ("imsi", "418 20 1234567890", "418201234567890"),
    ("iccid", "89014103211118510720", "89014103211118510720"),
    ("iban", "fr14 2004 1010 0505 0001 3M02 606", "FR1420041010050500013M02606"),
    ("iban", "FR14 2004 1010 0505 0001 3M02 607", None),
    ("card", "4111 1111 1111 1111", "4111111111111111"),
    ("card", "4111 1111 1111 1112", None),
    ("crypto", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"),
    ("crypto", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb", None),
    ("crypto", "BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"),
    (
        "crypto",
        "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0",
        "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0",
    ),
    ("crypto", "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"),
    ("crypto", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD", None),
    ("coords", "36.1187, 41.5342", "36.11870,41.53420"),
    ("coords", "٣٦٫١١٨٧ ، ٤١٫٥٣٤٢", "36.11870,41.53420"),
    ("coords", "36°07'07.3\"N 41°32'03.1\"E", "36.11869,41.53419"),
    ("coords", '51°31\'24.9""N 0°08\'13.6""W', "51.52358,-0.13711"),
    ("coords", "33° 18′ 45″ شمال 44° 21′ 30″ شرق", "33.31250,44.35833"),
    ("coords", "48° 51′ 24″ Nord, 2° 21′ 03″ Ouest", "48.85667,-2.35083"),
    ("coords", "38SLF3217823283", "36.34000,43.13000"),
    ("coords", "geo:-1.5,30.25;u=3", "-1.50000,30.25000"),
    ("coords", "95.0, 10.0", None),
    ("account", "Telegram: @Ammar_12", "telegram:@ammar_12"),
    ("account", "https://t.me/ammar_12", "telegram:@ammar_12"),
    ("account", "تلغرام: @ammar_12", "telegram:@ammar_12"),
    ("account", "https://t.me/joinchat/xyz", None),
    ("ssid", '"Livebox-D610"', "Livebox-D610"),
    ("plate", "ab123cd", "AB-123-CD"),
    ("plate", "1SVV593", "1-SVV-593"),
    ("plate", "27 ABC 123", "27 ABC 123"),
    ("plate", "123 تونس 4567", "123 TN 4567"),
    ("plate", "21 B 12345", "21 B 12345"),
    ("hash", "D41D8CD98F00B204E9800998ECF8427E", "d41d8cd98f00b204e9800998ecf8427e"),
    ("date", "03/04/1985", "1985-04-03"),
    ("date", "31/31/1985", None),
    ("passport", "L898902C3", "L898902C3"),
    ("name", "  «Khaled   El Kaïssi», ", "Khaled El Kaïssi"),
]


@pytest.mark.parametrize(("kind", "raw", "value"), GOOD)
def test_canonical(kind, raw, value):
    assert kinds.get(kind).clean(raw, CASE) == value


@given(raw=st.one_of(st.text(max_size=60), st.from_regex(r"[+0-9 ().\-/:,A-F°'NSEW@]{3,40}", fullmatch=True)))
@settings(max_examples=150, deadline=None)
def test_clean_is_idempotent(raw):
    for kind in kinds.KINDS.values():
        value = kind.clean(raw, CASE)
        if value is not None:
            assert kind.clean(value, CASE) == value, kind.name


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_valid_values_stay_and_can_be_described(data):
    kind, raw, _ = data.draw(st.sampled_from(GOOD))
    cls = kinds.get(kind)
    value = cls.clean(raw, CASE)
    if value is None:
        return
    assert cls.clean(value, CASE) == value
    assert 0 <= cls.specificity(value) <= 1
    assert cls.caption(value)
    for reason in cls.country(value):
        assert len(reason.country) == 2
        assert 0 < reason.strength <= 1
        assert reason.why


def test_countries_know_the_traps():
    def strength(kind, value):
        return {r.country: r.strength for r in kinds.get(kind).country(value)}

    assert strength("phone", "+9647700012345")["IQ"] >= 0.7
    assert max(strength("phone", "+12025550123").values()) <= 0.3
    assert max(strength("phone", "+447911123281").values()) <= 0.3
    assert strength("phone", "+881631234567") == {}
    assert strength("email", "a@b.iq") == {"IQ": 0.4}
    assert strength("email", "a@b.com") == strength("email", "a@b.io") == strength("url", "https://x.tv/") == {}
    assert strength("iban", "FR1420041010050500013M02606") == {"FR": 0.8}
    assert strength("ipv4", "8.8.8.8") == {}
    assert strength("imsi", "418201234567890") == {"IQ": 0.8}


def test_an_unknown_kind_breaks_nothing():
    kind = kinds.get("ferry")
    assert kind.name == "ferry"
    assert kind.clean("  MV   Star ", CASE) == "MV Star"
    assert clean_stated("ferry", "MV Star", CASE).value == "MV Star"


def test_a_kind_from_a_file(tmp_path):
    path = tmp_path / "seal.toml"
    path.write_text('name="seal"\nlabel="Seal"\npattern="SC-[0-9]{6}"\nkeywords=["scellé"]\nstrong=true\n', "utf-8")
    try:
        kinds.load([path])
        assert [f.value for f in find("Le scellé SC-123456 est là.", CASE) if f.kind == "seal"] == ["SC-123456"]
        assert not [f for f in find("SC-123456 seul", CASE) if f.kind == "seal"]
        assert kinds.get("seal").strong
    finally:
        kinds.KINDS.pop("seal", None)
        kinds._described.pop("seal", None)


@pytest.mark.parametrize(
    "text",
    [
        "name=",
        'name="x"\nlabel="X"\npattern="("',
        'name="phone"\nlabel="X"\npattern="a"',
        'name="y"\nlabel="Y"\npattern="a"\ncheck="z"',
    ],
)
def test_a_bad_description_is_a_usage_error(tmp_path, text):
    path = tmp_path / "bad.toml"
    path.write_text(text)
    with pytest.raises(UsageError):
        kinds.load([path])


def test_watch_list_queries():
    assert read_query("phone", "0770 001 2345", CASE) == "+9647700012345"
    assert read_query("account", "telegram @x_1", CASE) == "telegram:@x_1"
    assert guess("ALI@EXAMPLE.ORG", CASE) == ("email", "ali@example.org")
    assert guess("06 44 63 21 23", CASE) == ("phone", "+33644632123")


@pytest.mark.parametrize(
    "text",
    [
        "<coordinates>41.53420,36.11870,0</coordinates>",
        "<coordinates> 41.53420,36.11870,0\n 41.53420,36.11870,0 </coordinates>",
        '"coordinates": [[41.53420, 36.11870], [41.53420, 36.11870]]',
        "coordinates: 36.11870, 41.53420",
    ],
)
def test_kml_and_geojson_have_the_longitude_first(text):
    assert {f.value for f in find(text, Context()) if f.kind == "coords"} == {"36.11870,41.53420"}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("إلى 03348 55227 37S CB المستلم مروان", "37.06523,37.37157"),
        ("المكان 03348 37S CB 55227 مروان", "37.06523,37.37157"),
        ("call 03348 55227 37S CB", None),
        ("المكان 03348 55227 37S CB 55227 03348", "37.06523,37.37157"),
    ],
)
def test_a_grid_reference_turned_round_in_a_right_to_left_line(text, value):
    assert [f.value for f in find(text, Context()) if f.kind == "coords"] == ([value] if value else [])
