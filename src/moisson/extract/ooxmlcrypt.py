"""Office Open XML under a password: agile and standard encryption ([MS-OFFCRYPTO] 2.3.4)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from lxml import etree

from moisson.errors import DamagedError, LimitError, PasswordError, UnsupportedError
from moisson.extract.compound import Compound
from moisson.reader import Reader

if TYPE_CHECKING:
    from collections.abc import Iterable

DEFAULT_PASSWORD = "VelvetSweatshop"  # what Excel sets where a user only asks for protection
MAX_SPINS = 10_000_000
MAX_PACKAGE = 256 << 20
_SEGMENT = 4096
_VERIFIER_INPUT = bytes.fromhex("fea7d2763b4b9e79")
_VERIFIER_VALUE = bytes.fromhex("d7aa0f6d3061344e")
_KEY_VALUE = bytes.fromhex("146e0be7abacd0d6")
_HASHES = ("sha1", "sha256", "sha384", "sha512", "md5")


def unlock(data: Reader, keys: Iterable[str]) -> Reader:
    """The package inside a locked file; raises `PasswordError` when no key opens it."""
    with Compound(data) as file:
        info, packed = file.read("EncryptionInfo", 1 << 20), file.read("EncryptedPackage", MAX_PACKAGE)
    if len(info) < 8 or len(packed) < 8:
        raise UnsupportedError("no password-protected package")
    try:
        agile = info[:4] == b"\4\0\4\0"
        scheme = _agile(info[8:]) if agile else _standard(info)
        for key in dict.fromkeys((DEFAULT_PASSWORD, *keys)):
            if secret := scheme.secret(key):
                return Reader.of(scheme.decrypt(packed[8:], secret)[: struct.unpack("<Q", packed[:8])[0]])
    except (struct.error, ValueError, KeyError, TypeError, etree.LxmlError, IndexError) as why:
        raise DamagedError(f"no readable encryption: {why}") from why
    raise PasswordError("a password opens this document; none at hand does")


@dataclass(frozen=True, slots=True)
class Standard:
    """ECMA-376 standard encryption: AES in ECB mode, SHA-1, 50,000 rounds."""

    salt: bytes
    bits: int
    verifier: bytes
    verifier_hash: bytes

    def secret(self, password: str) -> bytes:
        digest = hashlib.sha1(self.salt + password.encode("utf-16-le"), usedforsecurity=False).digest()
        for i in range(50_000):
            digest = hashlib.sha1(i.to_bytes(4, "little") + digest, usedforsecurity=False).digest()
        digest = hashlib.sha1(digest + bytes(4), usedforsecurity=False).digest()
        key = b"".join(
            hashlib.sha1(bytes(d ^ pad for d in digest.ljust(64, b"\0")), usedforsecurity=False).digest()
            for pad in (0x36, 0x5C)
        )[: self.bits // 8]
        plain = _aes_ecb(key, self.verifier)
        found = hashlib.sha1(plain, usedforsecurity=False).digest()
        return key if hmac.compare_digest(found, _aes_ecb(key, self.verifier_hash)[:20]) else b""

    def decrypt(self, packed: bytes, secret: bytes) -> bytes:
        return _aes_ecb(secret, packed[: len(packed) & ~15])


@dataclass(frozen=True, slots=True)
class Agile:
    """Agile encryption: AES in CBC mode by segments of 4 KiB."""

    salt: bytes
    block: int
    hash: str
    key_salt: bytes
    key_bits: int
    key_block: int
    key_hash: str
    spins: int
    verifier: bytes
    verifier_hash: bytes
    key_value: bytes

    def secret(self, password: str) -> bytes:
        digest = _hash(self.key_hash, self.key_salt + password.encode("utf-16-le"))
        for i in range(self.spins):
            digest = hashlib.new(self.key_hash, i.to_bytes(4, "little") + digest, usedforsecurity=False).digest()
        iv = _sized(self.key_salt, self.key_block)

        def opened(purpose: bytes, value: bytes) -> bytes:
            return _aes_cbc(_sized(_hash(self.key_hash, digest + purpose), self.key_bits // 8), iv, value)

        found = _hash(self.key_hash, opened(_VERIFIER_INPUT, self.verifier))
        size = hashlib.new(self.key_hash, usedforsecurity=False).digest_size
        if not hmac.compare_digest(found, opened(_VERIFIER_VALUE, self.verifier_hash)[:size]):
            return b""
        return opened(_KEY_VALUE, self.key_value)[: self.key_bits // 8]

    def decrypt(self, packed: bytes, secret: bytes) -> bytes:
        out = bytearray()
        for number, at in enumerate(range(0, len(packed), _SEGMENT)):
            iv = _sized(_hash(self.hash, self.salt + number.to_bytes(4, "little")), self.block)
            segment = packed[at : at + _SEGMENT]
            out += _aes_cbc(secret, iv, segment[: len(segment) & ~15])
        return bytes(out)


def _standard(info: bytes) -> Standard:
    if info[2:4] != b"\2\0" or info[:2] not in (b"\2\0", b"\3\0", b"\4\0"):
        raise UnsupportedError(f"encryption of version {info[:4].hex()}")
    (header_size,) = struct.unpack_from("<I", info, 8)
    algorithm, _, bits = struct.unpack_from("<III", info, 20)
    if algorithm not in (0x660E, 0x660F, 0x6610, 0):
        raise UnsupportedError(f"cipher {algorithm:#x}")
    at = 12 + header_size
    if len(info) < at + 72:
        raise DamagedError("the verifier breaks off")
    return Standard(info[at + 4 : at + 20], bits or 128, info[at + 20 : at + 36], info[at + 40 : at + 72])


def _agile(raw: bytes) -> Agile:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False, load_dtd=False)
    root = etree.fromstring(raw.rstrip(b"\0"), parser)
    data = next(root.iter("{*}keyData"), None)
    key = next(root.iter("{*}encryptedKey"), None)
    if data is None or key is None:
        raise UnsupportedError("no password opens this document, only a certificate")
    names = [_hash_name(element.get("hashAlgorithm", "")) for element in (data, key)]
    if "AES" not in (data.get("cipherAlgorithm") or "") or "CBC" not in (data.get("cipherChaining") or ""):
        raise UnsupportedError(f"cipher {data.get('cipherAlgorithm')}")
    spins = int(key.get("spinCount", "0"))
    if not 0 <= spins <= MAX_SPINS:
        raise LimitError(f"{spins} rounds")
    salts = [base64.b64decode(element.get("saltValue", "")) for element in (data, key)]
    values = [base64.b64decode(key.get(name, "")) for name in
              ("encryptedVerifierHashInput", "encryptedVerifierHashValue", "encryptedKeyValue")]  # fmt: skip
    return Agile(
        salts[0], int(data.get("blockSize", "16")), names[0], salts[1], int(key.get("keyBits", "256")),
        int(key.get("blockSize", "16")), names[1], spins, *values,
    )  # fmt: skip


def _hash_name(name: str) -> str:
    plain = name.lower().replace("-", "")
    if plain not in _HASHES:
        raise UnsupportedError(f"hash {name}")
    return plain


def _hash(name: str, data: bytes) -> bytes:
    return hashlib.new(name, data, usedforsecurity=False).digest()


def _sized(value: bytes, size: int) -> bytes:
    return value[:size].ljust(size, b"\x36")


def _aes_cbc(key: bytes, iv: bytes, data: bytes) -> bytes:
    decryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).decryptor()
    return decryptor.update(data) + decryptor.finalize()


def _aes_ecb(key: bytes, data: bytes) -> bytes:
    decryptor = Cipher(algorithms.AES(key), modes.ECB()).decryptor()
    return decryptor.update(data) + decryptor.finalize()
