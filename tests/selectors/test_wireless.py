from __future__ import annotations

import pytest

from moisson.selectors.find import Context, find


def networks(text):
    return [f.value for f in find(text, Context()) if f.kind == "ssid"]


@pytest.mark.parametrize(
    "name",
    [
        "Livebox-2728",
        "bbox3-037A",
        "FRITZ!Box 7530 FAC3",
        "TTNET_ZyXEL_7963",
        "AndroidAP",
        "TP-LINK_4F2A",
        "WLAN-123456",
    ],
)
def test_default_names_need_no_label(name):
    assert networks(f"ProfileName\n{name}\nDescription") == [name]
    assert networks(f"connecté à {name}, puis parti") == [name]


@pytest.mark.parametrize(
    "text", ["livebox-", "Livebox-orange", "x_Livebox-2728", "AndroidAPI", "a-2024", "SFR-dossier", "WLAN-12", "f-2728"]
)
def test_what_only_looks_alike(text):
    assert not networks(text)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("SSID: Cafe_Central", ["Cafe_Central"]), ("wifi: Home-12", ["Home-12"]), ("the wifi is slow", []),
        ("The SSID of the network is hidden", []),
    ],
)  # fmt: skip
def test_labelled_names(text, names):
    assert networks(text) == names
