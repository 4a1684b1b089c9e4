from __future__ import annotations

from typing import TYPE_CHECKING

from moisson.link.holders import holders, parts
from moisson.model import Role, Sighting
from tests.link.test_countries import FR, IMEI, TN, case, told

if TYPE_CHECKING:
    from pathlib import Path


def states(kind: str, value: str, role: Role) -> Sighting:
    return Sighting(f"A/prefs/m:{kind}{value}", "s@1", kind, value, value, "A/prefs", role=role)


def test_a_device_says_whose_it_is_and_what_it_knows(tmp_path: Path) -> None:
    reader = case(
        tmp_path,
        states("phone", FR, "owner"),
        states("ssid", "Maison 5", "device"),
        states("imei", IMEI, "device"),
        states("phone", TN, "contact"),
    )
    assert holders(reader) == {"A": [("phone", FR)]}
    assert parts(reader) == {"A": [("imei", IMEI), ("ssid", "Maison 5")]}


def test_what_a_device_knows_concerns_its_owners_country(tmp_path: Path) -> None:
    many = [states("ssid", f"Maison {n}", "device") for n in range(40)]
    found = told(case(tmp_path, states("phone", FR, "owner"), states("phone", TN, "contact"), *many))
    assert all(found["ssid", f"Maison {n}"] == {"FR"} for n in range(40))
    assert found["phone", TN] == {"TN"}
