"""From a password to a key: PBKDF2 (RFC 8018), Argon2 (RFC 9106), and the anti-forensic splitter of LUKS (TKS1).

Costs come from the evidence, so each has a ceiling; beyond it `LimitError`.
"""

from __future__ import annotations

import hashlib
from typing import Any

from argon2 import low_level
from msgspec import Struct

from moisson.errors import DamagedError, LimitError, UnsupportedError

core, ffi = low_level.core, low_level.ffi
lib: Any = vars(low_level)["lib"]
MEMORY_KIB = 1 << 20
ARGON_WORK = 32 << 20
ITERATIONS = 100_000_000
HASHES = frozenset({"sha1", "sha224", "sha256", "sha384", "sha512", "ripemd160"})


class Kdf(Struct, frozen=True):
    type: str
    salt: str
    hash: str = ""
    iterations: int = 0
    time: int = 0
    memory: int = 0
    cpus: int = 0


class Splitter(Struct, frozen=True):
    stripes: int
    hash: str


def derive(kdf: Kdf, password: bytes, length: int) -> bytes:
    if kdf.type == "pbkdf2":
        return pbkdf2(kdf.hash, password, unhex(kdf.salt), kdf.iterations, length)
    kind = {"argon2i": 1, "argon2id": 2}.get(kdf.type)
    if kind is None:
        raise UnsupportedError(f"key derivation {kdf.type[:40]} is not known here")
    if kdf.memory > MEMORY_KIB or kdf.memory * max(kdf.time, 1) > ARGON_WORK or not 0 < length <= 512:
        raise LimitError(f"key derivation asks for {kdf.memory >> 10} MiB {kdf.time} times")
    return _argon2(kind, kdf, password, length)


def _argon2(kind: int, kdf: Kdf, password: bytes, length: int) -> bytes:
    """Argon2 with the lanes the header asks for, computed one after the other: no threads in a confined process."""
    salt = unhex(kdf.salt)
    out, secret, grain = ffi.new("uint8_t[]", length), ffi.new("uint8_t[]", password), ffi.new("uint8_t[]", salt)
    fields: dict[str, Any] = {"version": 0x13, "out": out, "outlen": length, "pwd": secret, "pwdlen": len(password)}
    fields |= {"salt": grain, "saltlen": len(salt), "secret": ffi.NULL, "secretlen": 0, "ad": ffi.NULL, "adlen": 0}
    fields |= {"t_cost": kdf.time, "m_cost": kdf.memory, "lanes": kdf.cpus, "threads": 1}
    fields |= {"allocate_cbk": ffi.NULL, "free_cbk": ffi.NULL, "flags": lib.ARGON2_DEFAULT_FLAGS}
    try:
        code = core(ffi.new("argon2_context *", fields), kind)
    except OverflowError as error:
        raise DamagedError("impossible costs of a LUKS key derivation") from error
    if code == lib.ARGON2_MEMORY_ALLOCATION_ERROR:
        raise LimitError(f"key derivation needs {kdf.memory >> 10} MiB, which are not there")
    if code != lib.ARGON2_OK:
        raise DamagedError(f"key derivation refuses its costs (code {code})")
    return bytes(ffi.buffer(out, length))


def pbkdf2(name: str, secret: bytes, salt: bytes, iterations: int, length: int) -> bytes:
    if name not in HASHES or not 0 < length <= 512 or iterations < 1:
        raise UnsupportedError(f"key derivation with {name[:40]} and {iterations} rounds is not known here")
    if iterations > ITERATIONS:
        raise LimitError(f"key derivation asks for {iterations} rounds")
    try:
        return hashlib.pbkdf2_hmac(name, secret, salt, iterations, length)
    except ValueError as error:
        raise UnsupportedError(f"{name} is not in this build of OpenSSL") from error


def merge(data: bytes, size: int, af: Splitter) -> bytes:
    """Undo the anti-forensic splitter (TKS1)."""
    if af.hash not in HASHES:
        raise UnsupportedError(f"splitter with {af.hash[:40]} is not known here")
    last = bytes(size)
    for stripe in range(af.stripes):
        piece = int.from_bytes(last, "big") ^ int.from_bytes(data[stripe * size : (stripe + 1) * size], "big")
        last = piece.to_bytes(size, "big")
        if stripe < af.stripes - 1:
            last = _diffuse(last, af.hash)
    return last


def _diffuse(data: bytes, name: str) -> bytes:
    width = hashlib.new(name).digest_size
    hashed = [
        hashlib.new(name, number.to_bytes(4, "big") + data[at : at + width]).digest()[: len(data) - at]
        for number, at in enumerate(range(0, len(data), width))
    ]
    return b"".join(hashed)


def _hex(text: str) -> bytes:
    return bytes.fromhex(text)


def unhex(text: str) -> bytes:
    """Bytes from hexadecimal text that this program wrote."""
    return bytes.fromhex(text)
