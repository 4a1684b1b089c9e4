from __future__ import annotations

import pytest

from moisson.extract.android import read_settings
from moisson.identify.kind import identify
from moisson.model import Fact, Flag, Passage, Stated
from moisson.reader import Reader

HEAD = "<?xml version='1.0' encoding='utf-8' standalone='yes' ?>\n"


def settings(body, root="map"):
    return Reader.of(f"{HEAD}<{root}>{body}</{root}>".encode())


def stated(data):
    return [(s.kind, s.raw, s.role, s.owner) for s in read_settings(data) if isinstance(s, Stated)]


def test_the_number_of_the_device_is_its_owners():
    data = settings('<string name="cc">33</string><string name="ph">612345678</string>')
    assert identify(data, "prefs.xml").mime == "application/x-android-preferences+xml"
    assert stated(data) == [("phone", "+33612345678", "owner", "")]


def test_a_number_with_its_code_stays_as_it_is():
    data = settings('<string name="ph">+9647500000001</string><string name="push_name">أم نور</string>')
    assert stated(data) == [("phone", "+9647500000001", "owner", "أم نور"), ("name", "أم نور", "owner", "")]


def test_known_networks_are_stated_without_their_quotes():
    row = '<Network><WifiConfiguration><string name="SSID">&quot;Maison 5&quot;</string></WifiConfiguration></Network>'
    data = settings(row, "WifiConfigStoreData")
    assert identify(data, "WifiConfigStore.xml").mime == "application/x-android-wifi+xml"
    assert stated(data) == [("ssid", "Maison 5", "device", "")]


def test_what_is_stated_is_a_field_and_stands_in_the_text():
    pieces = list(read_settings(settings('<string name="pref_local_number">+33612345678</string>')))
    facts = {p.key: p.value for p in pieces if isinstance(p, Fact)}
    assert all(facts[s.place] == s.raw for s in pieces if isinstance(s, Stated))
    assert "+33612345678" in "".join(p.text for p in pieces if isinstance(p, Passage))


@pytest.mark.parametrize("body", ["", "<string name=", "<string>x</string>" * 10, '<string name="ph"></string>'])
def test_settings_that_say_nothing_state_nothing(body):
    assert stated(settings(body)) == []


def test_entities_are_not_expanded():
    bomb = b'<!DOCTYPE map [<!ENTITY a "' + b"9" * 1000 + b'">]><map><string name="ph">&a;&a;&a;</string></map>'
    assert stated(Reader.of(bomb)) == []
    assert not any(isinstance(p, Flag) and p.name == "limit" for p in read_settings(Reader.of(bomb)))
