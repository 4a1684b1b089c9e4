from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moisson.selectors.find import Context, find
from moisson.selectors.kinds import KINDS
from tests.counting import growth

CASE = Context(regions=("IQ", "SY", "FR", "BE", "DE", "TR", "GB", "TN", "NL"))


def values(text, kind=None, ctx=CASE):
    return [(f.kind, f.value) if kind is None else f.value for f in find(text, ctx) if kind in (None, f.kind)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Voir Khaled El Kaïssi, tél. 06 44 63 21 23.", [("name", "Khaled El Kaïssi"), ("phone", "+33644632123")]),
        ("اسأل طارق القيسي عن الوعاء هاتف ٠٠٩٦٤٧٧٠٠٠١٢٣٤٥", [("name", "طارق القيسي"), ("phone", "+9647700012345")]),
        ("IBAN FR14 2004 1010 0505 0001 3M02 606.", [("iban", "FR1420041010050500013M02606")]),
        ("virement GB82WEST12345698765432 fait", [("iban", "GB82WEST12345698765432")]),
        ("le 12/03/2024 à 12:30:45, puis 2024-05-13T11:27:50Z", []),
        ("carte 4111 1111 1111 1111", [("card", "4111111111111111")]),
        (
            "https://example.org/0644632123?x=4111111111111111",
            [("url", "https://example.org/0644632123?x=4111111111111111"), ("domain", "example.org")],
        ),
        ("suivez https://t.me/ammar_12.", [("account", "telegram:@ammar_12")]),
        ("https://wa.me/9647700012345", [("phone", "+9647700012345")]),
        ("Telegram : @Ammar_12, insta: @b.c_1", [("account", "telegram:@ammar_12"), ("account", "instagram:@b.c_1")]),
        (
            "SSID FRITZ!Box 7530 FAC3\nMAC 3c-5a-b4-11-22-33",
            [("ssid", "FRITZ!Box 7530 FAC3"), ("mac", "3C:5A:B4:11:22:33")],
        ),
        ("The SSID of the network is hidden", []),
        ("IMEI 35-209900-176148-1", [("imei", "352099001761481")]),
        ("Véhicule AB123CD, prévenir", [("plate", "AB-123-CD")]),
        ("السيارة 21 B 12345", [("plate", "21 B 12345")]),
        (
            "at 36.11870, 41.53420 or 37S FA 12345 54321",
            [("coords", "36.11870,41.53420"), ("coords", "36.62782,40.25652")],
        ),
        ("version 10.0.19041.1 et serveur 10.0.0.1", [("ipv4", "10.0.0.1")]),
        ("assistance 3939", [("phone", "3939")]),
        ("page 3939", []),
        ("prix 12 500 000 EUR, facture 21640123", []),
        ("mail <Ali.Ben@Example.ORG>", [("email", "ali.ben@example.org")]),
        ("De : Luc Morvan <luc@example.org>", [("name", "Luc Morvan"), ("email", "luc@example.org")]),
        ("md5 d41d8cd98f00b204e9800998ecf8427e", [("hash", "d41d8cd98f00b204e9800998ecf8427e")]),
        ("né le 03/04/1985 à Paris", [("date", "1985-04-03")]),
        ("EL KAÏSSI Samira", [("name", "EL KAÏSSI Samira")]),
        ("Abou Anas passe par Bir Zannad", [("name", "Abou Anas")]),
        ("on a vu abu yahya hier", [("name", "abu yahya")]),
        ("أبو ليث السيارة", [("name", "أبو ليث")]),
        ("صباح الخير يا جماعة", []),
        ("The Universal Declaration of Human Rights", []),
    ],
)
def test_what_is_found(text, expected):
    assert values(text) == expected


def test_passports_by_their_machine_readable_zone():
    text = "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL898902C36UTO7408122F1204159ZE184226B<<<<<10\n"
    assert values(text) == [
        ("passport", "XX:L898902C3"),
        ("name", "Anna Maria Eriksson"),
        ("date", "1974-08-12"),
    ] or set(values(text)) >= {("passport", "XX:L898902C3")}
    assert not values(text.replace("C36UTO", "C35UTO"), "passport")
    card = "I<UTOD231458907<<<<<<<<<<<<<<<\n7408122F1204159UTO<<<<<<<<<<<6\nERIKSSON<<ANNA<MARIA<<<<<<<<<<\n"
    assert values(card, "passport") == ["XX:D23145890"]


def test_numbers_of_two_lines_are_never_joined():
    assert values("tel 0644632123\n0644632124", "phone") == ["+33644632123", "+33644632124"]
    assert values("tel 06 44 63\n21 23", "phone") == []


def test_columns_say_what_is_below_them():
    text = "Date\tQui\tTéléphone\tMontant\n12/03/2024\tFuat Neccar\t٢١٦٤٠١٢٣\t21640123\n\nfin\tFuat\t21640123\t1"
    assert values(text) == [("name", "Fuat Neccar"), ("phone", "+21621640123")]


def test_marks_of_direction_inside_a_value():
    text = "هاتف \u202a+964\u200e 770 000 1234\u202c و 5"
    found = [f for f in find(text, CASE) if f.kind == "phone"]
    assert [f.value for f in found] == ["+9647700001234"]
    assert text[found[0].start : found[0].start + found[0].length] == found[0].raw
    assert found[0].raw.startswith("+964")


def test_offsets_hold_over_blocks():
    line = "Ligne sans rien de particulier, vraiment rien du tout ici.\n"
    text = "".join(line * 40 + f"mail x{i}@example.org é ١٢\n" for i in range(60))
    assert len(text) > 100_000
    found = [f for f in find(text, CASE) if f.kind == "email"]
    assert [f.value for f in found] == [f"x{i}@example.org" for i in range(60)]
    assert all(text[f.start : f.start + f.length] == f.raw for f in found)


PARTS = st.sampled_from(
    [
        "+33644632123",
        "٠٧٧٠",
        " ",
        "\n",
        "\t",
        "@",
        "a",
        ".",
        "Ali",
        "Khaled Haddad",
        "أبو ",
        "ليث",
        "<<",
        "://",
        "geo:",
        "°",
        "12",
        "\u200f",
        "İ",
        "AB-123-CD",
    ]
)


@given(text=st.one_of(st.text(max_size=200), st.lists(PARTS, max_size=30).map("".join)))
@settings(max_examples=200, deadline=None)
def test_spans_are_true_and_apart(text):
    last = 0
    for f in find(text, CASE):
        assert text[f.start : f.start + f.length] == f.raw
        assert f.kind in KINDS
        assert 0 < f.confidence <= 1
        if f.kind not in ("domain", "onion"):
            assert f.start >= last
            last = f.start + f.length


HOSTILE = [
    "a",
    "0",
    "1 ",
    "1.",
    "(1",
    "+",
    "@",
    "a@",
    "a.",
    "a-",
    ":",
    "::",
    "0:",
    "a:",
    "https://",
    "www.",
    "://",
    "Ali ",
    "A-",
    "Abou ",
    "أبو ",
    "علي ",
    "عبد ",
    "<",
    "<<",
    "P<",
    "\n<<",
    "geo:",
    "1°",
    "1°1'",
    "°",
    "21 B ",
    "AA-",
    "FR76 ",
    "0x",
    "ssid ",
    "ssid: ",
    "telegram:",
    "telegram @",
    "voiture ",
    "\t",
    "a\t",
    "1,",
    "1;",
    "٠",
    "\u200f",
    "0\u200f",
    "1:",
    "1-",
    "1/",
    "A1",
    "aA1",
    "name: ",
    ".onion",
    ".com",
    "t.me/",
    "12.345678, ",
    "N 1°",
    "38S",
    "\r\n",
    '"',
    "'",
    "A'",
    "é",
    "İ",
]


@pytest.mark.parametrize("unit", HOSTILE)
def test_work_is_linear(unit):
    def read(size):
        for _ in find((unit * (size // len(unit) + 1))[:size], CASE):
            pass

    read(130_000)
    assert growth(read, 4000) < 3
