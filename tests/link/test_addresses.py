"""Whose name an address spells."""

from __future__ import annotations

import pytest

from moisson.link.addresses import spelled


def named(address: str, *names: str) -> list[str]:
    shown = {("name", str(n)): name for n, name in enumerate(names)}
    return [shown[name] for _, name in spelled([("email", f"{address}@x.example")], shown)]


@pytest.mark.parametrize(
    "address",
    [
        "tariq.alshammari77", "alshammari_tariq", "chammari.tareq", "tariq-al-shammari", "talshammari", "t.alshammari81",
        "tariqbin.alshammari",
    ],
)  # fmt: skip
def test_an_address_spells_a_name_in_any_script(address: str) -> None:
    assert named(address, "طارق الشمري", "كريم بن علي") == ["طارق الشمري"]


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("abdul.karimalsamarrai", "Abdul Karim al-Samarrai"),
        ("alkarimbenyoussef_abd71", "Abd al-Karim Ben Youssef"),
        ("fuad.bouzayd", "فؤاد بوزيد"),
        ("hbouzayd", "Haitham Bou Zayd"),
    ],
)
def test_what_is_glued_is_taken_apart(address: str, name: str) -> None:
    assert named(address, name, "Paul Martin") == [name]


@pytest.mark.parametrize("address", ["tariq", "info", "shammari", "ktalshammari", "xalshammari", "contact.service", ""])
def test_other_addresses_spell_nobody(address: str) -> None:
    assert named(address, "طارق الشمري") == []


def test_an_initial_of_two_persons_is_nobodys() -> None:
    assert named("nalshammari", "Nadia al-Shammari", "Nabil al-Shammari") == []
    assert named("nalshammari", "Nabil al-Shammari", "نبيل الشمري") == ["Nabil al-Shammari", "نبيل الشمري"]


def test_a_kunya_is_nobodys_name() -> None:
    assert named("abu.sami77", "أبو سامي") == []
