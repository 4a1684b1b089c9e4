from __future__ import annotations

import json
from pathlib import Path

import pytest

from moisson.errors import DamagedError, PasswordError
from moisson.evidence import unlock
from moisson.reader import Memory
from tests.evidence.media import part, sha256, whole

BITLOCKER = [
    "aes-cbc-128",
    "aes-cbc-elephant-256",
    "aes-xts-128-clearkey-only",
    "aes-xts-128-startup-key",
    "aes-xts-128-two-recovery",
    "aes-xts-128-unicode",
    "aes-xts-128",
    "aes-xts-256",
]


@pytest.fixture(scope="module")
def folder(corpora: Path) -> Path:
    return corpora / "filesystems"


@pytest.fixture(scope="module")
def expected(folder: Path) -> dict:
    return json.loads((folder / "expected.json").read_text())


def test_luks1_opens(folder: Path, expected: dict) -> None:
    _, medium = part(folder, "made/luks1.raw.gz")
    assert unlock.probe(medium) == "luks1"
    clear = unlock.open_clear(medium, "luks1", ["wrong", "moisson"])
    assert sha256(clear) == expected["made/luks1.raw.gz"]["luks"]["sha256"]


def test_a_volume_key_stands_for_the_password(folder: Path) -> None:
    _, medium = part(folder, "made/luks1.raw.gz")
    keys = unlock.volume_keys(medium, ["moisson"])
    assert whole(unlock.open_clear(medium, "luks1", keys)) == whole(unlock.open_clear(medium, "luks1", ["moisson"]))
    with pytest.raises(PasswordError):
        unlock.open_clear(medium, "luks1", [keys[0][:-2] + "00", "luks-volume-key:x:zz"])


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[] if "clearkey" in n else pytest.mark.slow) for n in BITLOCKER]
)
def test_bitlocker_opens(name: str, folder: Path, expected: dict) -> None:
    name = f"cryptsetup/bitlk-{name}.img.xz"
    _, medium = part(folder, name)
    known = expected[name]["bitlocker"]["published"]
    keys = [key for key in (known["password"], known["recovery_password"]) if key][:1]
    assert unlock.probe(medium) == "bitlocker"
    assert sha256(unlock.open_clear(medium, "bitlocker", keys)) == known["decrypted_sha256"]


@pytest.mark.slow
def test_bitlocker_to_go_opens_with_a_recovery_key_written_loosely(folder: Path, expected: dict) -> None:
    name = "cryptsetup/bitlk-togo-aes-xts-128.img.xz"
    known = expected[name]["bitlocker"]["published"]
    _, medium = part(folder, name)
    keys = [known["recovery_password"].replace("-", " ")]
    assert sha256(unlock.open_clear(medium, "bitlocker", keys)) == known["decrypted_sha256"]


def test_bitlocker_stays_shut_without_a_key(folder: Path) -> None:
    _, medium = part(folder, "cryptsetup/bitlk-aes-xts-128.img.xz")
    with pytest.raises(PasswordError, match="bitlocker: 0 keys tried"):
        unlock.open_clear(medium, "bitlocker", [])
    with pytest.raises(DamagedError):
        unlock.open_clear(Memory(whole(medium)[:600]), "bitlocker", [])
