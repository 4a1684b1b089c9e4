from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from moisson.errors import DamagedError, EvidenceError, LimitError, PasswordError
from moisson.evidence import derive, luks, unlock
from moisson.evidence.cipher import Decrypted
from moisson.reader import Memory
from tests.evidence.media import changed, part, run, sha256, whole


@pytest.fixture(scope="module")
def folder(corpora: Path) -> Path:
    return corpora / "filesystems"


@pytest.fixture(scope="module")
def expected(folder: Path) -> dict:
    return json.loads((folder / "expected.json").read_text())


def test_luks2_key_opens_the_volume(folder: Path, expected: dict) -> None:
    """The specimen's header says sectors of 4096 bytes, its maker wrote sectors of 512."""
    _, medium = part(folder, "made/luks2.raw.gz")
    header = luks.find_header(medium)
    assert header is not None
    key = luks.unlock(medium, header, ["moisson"])
    clear = Decrypted(medium, 16777216, 524288, "aes-xts-plain64", key, 512, 0)
    assert sha256(clear) == expected["made/luks2.raw.gz"]["luks"]["sha256"]


@pytest.mark.parametrize("name", ["compatimage", "compatimage2"])
def test_luks_with_cbc_opens(name: str, folder: Path) -> None:
    _, medium = part(folder, f"cryptsetup/{name}.img.xz")
    assert unlock.open_clear(medium, unlock.probe(medium), ["compatkey"]).size > 0


def test_wrong_passwords_are_counted(folder: Path) -> None:
    _, medium = part(folder, "made/luks2.raw.gz")
    with pytest.raises(PasswordError, match="luks2: 2 keys tried"):
        unlock.open_clear(medium, "luks2", ["one", "two"])


def test_the_second_header_serves(folder: Path) -> None:
    data = whole(part(folder, "made/luks2.raw.gz")[1])
    header = luks.find_header(Memory(changed(data, 0, bytes(4096))))
    assert header is not None
    assert header.notes == ("second header",)
    with pytest.raises(DamagedError, match="checksum"):
        luks.find_header(Memory(changed(changed(data, 5000, b"xx"), 16384, bytes(4096))))


@pytest.mark.parametrize(
    "options",
    [
        ["--pbkdf", "argon2id", "--pbkdf-memory", "32768", "--pbkdf-parallel", "4", "--sector-size", "4096"],
        ["--pbkdf", "argon2i", "--pbkdf-memory", "1024", "--pbkdf-parallel", "1", "--key-size", "256"],
        ["--pbkdf", "pbkdf2", "--hash", "sha512"],
    ],
    ids=lambda options: options[1],
)
def test_cryptsetup_finds_the_same_volume_key(options: list[str], tmp_path: Path) -> None:
    (tmp_path / "disk").write_bytes(bytes(20 << 20))
    (tmp_path / "key").write_bytes("clé de voûte".encode())
    force = ["--pbkdf-force-iterations", "1000" if "pbkdf2" in options else "4"]
    run("cryptsetup", "-q", "luksFormat", "--type", "luks2", *options, *force, "disk", "key", cwd=tmp_path)
    command = ["cryptsetup", "-q", "luksDump", "--dump-volume-key", "--key-file", "key", "disk"]
    dump = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True).stdout
    wanted = "".join(re.findall(r"\b[0-9a-f]{2}\b", dump[dump.index("MK dump:") :]))
    medium = Memory((tmp_path / "disk").read_bytes())
    header = luks.find_header(medium)
    assert header is not None
    assert luks.unlock(medium, header, ["clé de voûte"]).hex() == wanted


def test_greedy_derivations_are_refused() -> None:
    with pytest.raises(LimitError, match="4096 MiB"):
        derive.derive(derive.Kdf("argon2id", "00" * 16, time=4, memory=4 << 20, cpus=4), b"x", 64)
    with pytest.raises(LimitError, match="rounds"):
        derive.derive(derive.Kdf("pbkdf2", "00" * 16, "sha256", iterations=1 << 31), b"x", 64)
    with pytest.raises(DamagedError):
        derive.derive(derive.Kdf("argon2id", "00" * 16, time=0, memory=64, cpus=1), b"x", 64)


def test_headers_of_noise_are_refused_in_kind(folder: Path) -> None:
    import random

    rng = random.Random(4)
    for name, kind in (("luks1", 1), ("luks2", 2)):
        data = whole(part(folder, f"made/{name}.raw.gz")[1])[: 1 << 20]
        for _ in range(60):
            damaged = bytearray(data[: rng.choice((len(data), rng.randrange(6, 5000)))])
            for _ in range(4):
                damaged[rng.randrange(8, min(600 if kind == 1 else 9000, len(damaged)))] = rng.randrange(256)
            medium = Memory(bytes(damaged))
            try:
                if sort := unlock.probe(medium):
                    unlock.open_clear(medium, sort, ["x"]).pread(0, 512)
            except EvidenceError as error:
                assert str(error)
