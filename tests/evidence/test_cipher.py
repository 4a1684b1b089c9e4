from __future__ import annotations

from hashlib import sha256, sha512

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given
from hypothesis import strategies as st

from moisson.errors import DamagedError, UnsupportedError
from moisson.evidence.cipher import Decrypted, sectors
from moisson.reader import Memory, Window


def seal(data: bytes, encryption: str, key: bytes, sector: int, first: int) -> bytes:
    """The same ciphers written the plain way, sector by sector."""
    done = []
    for at in range(0, len(data), sector):
        vector = (first + at // 512).to_bytes(16, "little")
        if "essiv" in encryption:
            vector = Cipher(algorithms.AES(sha256(key).digest()), modes.ECB()).encryptor().update(vector)
        mode = modes.XTS(vector) if "xts" in encryption else modes.CBC(vector)
        done.append(Cipher(algorithms.AES(key), mode).encryptor().update(data[at : at + sector]))
    return b"".join(done)


@given(
    st.sampled_from(
        [("aes-xts-plain64", 32), ("aes-xts-plain64", 64), ("aes-cbc-plain64", 32), ("aes-cbc-essiv:sha256", 16)]
    ),
    st.sampled_from([512, 4096]),
    st.integers(0, 2**40),
    st.binary(min_size=64, max_size=64),
    st.integers(1, 5),
)
def test_sectors_open_as_they_were_sealed(
    kind: tuple[str, int], sector: int, first: int, seed: bytes, count: int
) -> None:
    encryption, size = kind
    key = sha512(seed).digest()[:size]
    data = (seed * (sector // 64)) * count
    assert sectors(encryption, key, sector)(seal(data, encryption, key, sector, first), first) == data


@given(st.integers(0, 70_000), st.integers(0, 40_000))
def test_any_range_and_zeros_beyond_the_end(offset: int, n: int) -> None:
    key, plain = bytes(range(64)), bytes(range(251)) * 264
    plain = plain[: len(plain) // 512 * 512]
    held = Window(Memory(b"head" * 128 + seal(plain, "aes-xts-plain64", key, 512, 0)), 0, 512 + len(plain) + 4096)
    clear = Decrypted(held, 512, len(plain) + 4096, "aes-xts-plain64", key, 512, 0)
    assert clear.present == len(plain)
    assert clear.pread(offset, n) == (plain + bytes(4096))[offset : offset + n]


def test_what_is_not_known_is_named() -> None:
    with pytest.raises(UnsupportedError, match="serpent"):
        sectors("serpent-xts-plain64", bytes(64), 512)
    with pytest.raises(DamagedError, match="does not fit"):
        sectors("aes-xts-plain64", bytes(48), 512)
