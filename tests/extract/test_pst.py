"""Outlook stores: the same messages as the library lists, rendered the same each time."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moisson.errors import DamagedError, EvidenceError
from moisson.extract.calendar import read_calendar, read_vcard
from moisson.extract.mail import read_mail
from moisson.extract.mapi import Attached, Bag, MapiItem, compose
from moisson.extract.mapicards import icalendar, vcard
from moisson.extract.pst import read_pst
from moisson.model import Event, Fact, Passage, Stated
from moisson.reader import Child, Reader

STORES = ("ingest-file/testPST.pst", "tika/testPST_variousBodyTypes.pst")


def items(raw: bytes) -> list[Child]:
    return [p for p in read_pst(Reader.of(raw)) if isinstance(p, Child)]


@pytest.mark.parametrize("name", STORES)
def test_messages_of_a_store(corpora, name):
    truth = json.loads((corpora / "mail" / "expected.json").read_text())[name]["messages"]
    found = items((corpora / "mail" / name).read_bytes())
    assert len(found) == len(truth)
    for child, message in zip(found, truth, strict=True):
        pieces = list(read_mail(child.open()))
        (event,) = (p for p in pieces if isinstance(p, Event))
        text = "".join(p.text for p in pieces if isinstance(p, Passage))
        assert child.name.startswith(message["folder"].strip("/"))
        assert event.text == message["subject"].strip()
        assert str(event.when) == message["client_submit_time"].replace(" ", "T") + "Z"
        assert message["sender_name"] in [p.name for p in event.parties]
        assert " ".join(message["plain_text_starts"].split())[:70] in " ".join(text.split())
        assert {f.key: f.value for f in pieces if isinstance(f, Fact)}["mail.x-folder"] == message["folder"]


@pytest.mark.parametrize("name", STORES)
def test_items_open_again_to_the_same_bytes(corpora, name):
    raw = (corpora / "mail" / name).read_bytes()
    assert [(str(c.layer), c.open().whole()) for c in items(raw)] == [
        (str(c.layer), c.open().whole()) for c in items(raw)
    ]


def text(value: str) -> tuple[int, bytes]:
    return 0x1F, value.encode("utf-16-le")


def number(value: int) -> tuple[int, bytes]:
    return 3, value.to_bytes(4, "little")


JUNE = (0x40, (133_640_064_000_000_000).to_bytes(8, "little"))


def test_attachments_and_attached_messages_survive_the_rendering():
    inner = MapiItem(Bag({0x37: text("inner"), 0x1000: text("within"), 0x5D01: text("eve@example.com")}))
    to = Bag({0x3001: text("Zoé, B."), 0x39FE: text("zoe@example.com"), 0x0C15: number(1)})
    blind = Bag({0x3001: text("hidden"), 0x39FE: text("hidden@example.com"), 0x0C15: number(3)})
    item = MapiItem(
        Bag({0x37: text("\x01\x04RE: مرحبا"), 0x1000: text("salut"), 0x1013: (0x102, b"<b>salut</b>"), 0x39: JUNE,
             0x0C1A: text('A "quoted" name'), 0x5D01: text("a@example.com")}),
        [to, blind],
        [Attached("ré sumé.bin", "application/x-y", lambda: bytes(range(256)), 256),
         Attached("inner", "message/rfc822", bytes, item=lambda: inner)],
        "/Inbox",
    )  # fmt: skip
    assert compose(item) == compose(item)
    pieces = list(read_mail(Reader.of(compose(item))))
    (event,) = (p for p in pieces if isinstance(p, Event))
    assert (event.text, str(event.when)) == ("RE: مرحبا", "2024-06-28T00:00:00Z")
    assert [(p.role, p.value) for p in event.parties] == [
        ("sender", "a@example.com"),
        ("recipient", "zoe@example.com"),
        ("recipient", "hidden@example.com"),
    ]
    first, second = (p for p in pieces if isinstance(p, Child))
    assert (first.name, first.open().whole()) == ("ré sumé.bin", bytes(range(256)))
    assert [p.text for p in read_mail(second.open()) if isinstance(p, Event)] == ["inner"]


def test_a_contact_becomes_a_card():
    bag = Bag({0x3001: text("Layla; Haddad"), 0x3A1C: text("+961 3 123 456"), 0x8083: text("layla@example.com")})
    stated = [(p.kind, p.raw, p.owner) for p in read_vcard(Reader.of(vcard(MapiItem(bag)))) if isinstance(p, Stated)]
    assert stated == [
        ("name", "Layla; Haddad", "Layla; Haddad"),
        ("phone", "+961 3 123 456", "Layla; Haddad"),
        ("email", "layla@example.com", "Layla; Haddad"),
    ]


def test_an_appointment_becomes_a_calendar():
    guest = Bag({0x3001: text("Guest"), 0x39FE: text("guest@example.com")})
    item = MapiItem(
        Bag({0x37: text("Réunion, lundi"), 0x60: JUNE, 0x0C1A: text("Host"), 0x5D01: text("h@example.com")}), [guest]
    )
    (event,) = (p for p in read_calendar(Reader.of(icalendar(item))) if isinstance(p, Event))
    assert (event.kind, event.text, str(event.when)) == ("appointment", "Réunion, lundi", "2024-06-28T00:00:00Z")
    assert [(p.role, p.value) for p in event.parties] == [
        ("sender", "h@example.com"),
        ("recipient", "guest@example.com"),
    ]


def test_what_is_no_store_is_damaged():
    for raw in (b"", b"!BDN", b"!BDN" + bytes(600), b"nonsense"):
        with pytest.raises(DamagedError):
            items(raw)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(STORES), st.integers(0, 1 << 19), st.binary(min_size=1, max_size=64), st.booleans())
def test_damaged_stores_do_no_harm(corpora, name, at, bite, cut):
    raw = bytearray((corpora / "mail" / name).read_bytes())
    at %= len(raw)
    raw[at : at + len(bite)] = bite
    with suppress(EvidenceError):
        for child in items(bytes(raw[: at + 1] if cut else raw)):
            child.open().whole()
