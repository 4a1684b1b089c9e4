"""BitLocker with every kind of key, against published digests; what is locked stays locked."""

from __future__ import annotations

import json
import random

import pytest

from moisson.errors import DamagedError, EvidenceError, PasswordError
from moisson.evidence import unlock
from moisson.evidence.volume import Damage, Locked, Volume, open_volume, scan
from moisson.reader import Memory, Reader, Window
from tests.conftest import unpack

from .specimens import sha

CBC, ELEPHANT = "bitlk-aes-cbc-128", "bitlk-aes-cbc-elephant-256"
CLEAR, STARTUP = "bitlk-aes-xts-128-clearkey-only", "bitlk-aes-xts-128-startup-key"
RECOVERIES, UNICODE, XTS, TO_GO = (
    f"bitlk-{name}-128{rest}"
    for name, rest in (("aes-xts", "-two-recovery"), ("aes-xts", "-unicode"), ("aes-xts", ""), ("togo-aes-xts", ""))
)


@pytest.fixture(scope="module")
def vault(corpora):
    """A medium and what is published of it; the last one is kept."""
    values = json.loads((corpora / "filesystems" / "expected.json").read_text())
    kept = {}

    def load(name):
        if name not in kept:
            kept.clear()
            kept[name] = Memory(unpack(corpora / "filesystems" / "cryptsetup" / f"{name}.img.xz"))
        return kept[name], values[f"cryptsetup/{name}.img.xz"]["bitlocker"]["published"]

    return load


def serial(medium, published):
    head = medium.pread(0, 512)
    if "-" in published["filesystem_uuid"]:
        return head[39:43][::-1].hex("-", 2).upper()
    return head[72:80][::-1].hex().upper()


@pytest.mark.corpus
@pytest.mark.parametrize(
    ("name", "which"),
    [
        (CBC, "password"),
        (ELEPHANT, "password"),
        (CLEAR, None),
        (STARTUP, "recovery_password"),
        (UNICODE, "password"),
        (TO_GO, "password"),
    ],
)
def test_the_published_key_opens_the_published_volume(vault, name, which):
    medium, published = vault(name)
    keys = (published[which],) if which else ()
    assert unlock.probe(medium) == "bitlocker"
    (volume,) = scan(medium, keys)
    assert isinstance(volume, Volume)
    assert (str(volume.layers[0]), volume.kind) == ("bde", "fat" if name == TO_GO else "ntfs")
    clear = open_volume(medium, volume.layers, keys)
    assert serial(clear, published) == published["filesystem_uuid"]
    assert clear.size == medium.size


@pytest.mark.corpus
def test_all_of_a_volume_has_the_published_digest(vault):
    medium, published = vault(CLEAR)
    clear = unlock.open_clear(medium, "bitlocker", ())
    assert clear.pread(clear.size - 10, 100) == clear.pread(clear.size - 10, 10)
    assert clear.pread(clear.size, 10) == b""
    assert sha(Reader(clear)) == published["decrypted_sha256"]


@pytest.mark.slow
@pytest.mark.corpus
@pytest.mark.parametrize("name", [CBC, ELEPHANT, STARTUP, RECOVERIES, UNICODE, XTS, TO_GO, "bitlk-aes-xts-256"])
@pytest.mark.parametrize("which", ["password", "recovery_password"])
def test_every_published_digest(vault, name, which):
    medium, published = vault(name)
    if not published[which]:
        pytest.skip("this volume has no such key")
    clear = unlock.open_clear(medium, "bitlocker", (published[which],))
    assert sha(Reader(clear)) == published["decrypted_sha256"]


@pytest.mark.corpus
def test_without_a_key_or_with_wrong_ones_it_is_locked(vault):
    medium, _ = vault(XTS)
    for keys in ((), ("\ud800",)):
        (found,) = scan(medium, keys)
        assert isinstance(found, Locked), keys
        assert found.kind == "bitlocker"
        with pytest.raises(PasswordError):
            unlock.open_clear(medium, "bitlocker", keys)


@pytest.mark.slow
@pytest.mark.corpus
def test_wrong_keys_of_every_form(vault):
    medium, _ = vault(XTS)
    with pytest.raises(PasswordError):
        unlock.open_clear(medium, "bitlocker", ("falsch", "a\0b", "123456-" * 7 + "123456"))


@pytest.mark.corpus
def test_the_second_recovery_password(vault):
    medium, published = vault(RECOVERIES)
    clear = unlock.open_clear(medium, "bitlocker", (published["second_recovery_password"],))
    assert serial(clear, published) == published["filesystem_uuid"]
    with pytest.raises(PasswordError):
        unlock.open_clear(medium, "bitlocker", ("055055-" * 7 + "055055",))


@pytest.mark.corpus
def test_recovery_passwords_as_people_write_them(vault):
    medium, published = vault(XTS)
    loose = " " + published["recovery_password"].replace("-", " ") + "\n"
    assert unlock.open_clear(medium, "bitlocker", (loose,)).pread(3, 8) == b"NTFS    "


@pytest.mark.corpus
def test_in_a_window_of_a_larger_medium(vault):
    medium, _ = vault(CLEAR)
    shifted = Window(Memory(bytes(4096) + medium.data + bytes(4096)), 4096, medium.size)
    assert unlock.open_clear(shifted, "bitlocker", ()).pread(3, 8) == b"NTFS    "
    assert unlock.probe(Window(shifted.medium, 0, 4096)) == ""


@pytest.mark.corpus
def test_luks_through_the_same_door(corpora):
    made = corpora / "filesystems" / "made"
    medium, plain = Memory(unpack(made / "luks1.raw.gz")), unpack(made / "secret.raw.gz")
    (volume,) = scan(medium, ("nein", "moisson"))
    assert (str(volume.layers[0]), volume.kind) == ("luks", "fat")
    clear = open_volume(medium, volume.layers, ("nein", "moisson"))
    assert clear.pread(0, len(plain)) == plain
    (locked,) = scan(medium, ())
    assert isinstance(locked, Locked)


@pytest.mark.corpus
def test_damaged_containers_raise_nothing_else(vault):
    medium, _ = vault(CLEAR)
    chance = random.Random(5)
    whole = bytearray(medium.data[: 80 << 20])
    places = [i for i in range(0, len(whole), 512) if any(whole[i : i + 512])][:200]
    seen = set()
    for _ in range(6):
        raw = whole[:]
        for at in chance.sample(places, 20) + [0] * chance.randrange(2):
            raw[at + 16 : at + 500] = chance.randbytes(484)
        for found in scan(Memory(bytes(raw))):
            seen.add(type(found))
            if isinstance(found, Volume):
                try:
                    open_volume(Memory(bytes(raw)), found.layers).pread(0, 4096)
                except EvidenceError:
                    seen.add(EvidenceError)
    assert seen & {Damage, Locked, DamagedError, Volume}


@pytest.mark.parametrize("raw", [b"", b"\xeb\x58\x90-FVE-FS-" + bytes(501), b"\xeb\x58\x90-FVE-FS-" + b"\xff" * 4096])
def test_headers_that_promise_too_much(raw):
    for found in scan(Memory(raw)):
        assert isinstance(found, Damage)
