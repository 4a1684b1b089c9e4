"""A closer look at wallets: keys as Bitcoin Core, Electrum, Ethereum's programs and MetaMask store them."""

from __future__ import annotations

import base64
import re
from hashlib import sha256
from typing import TYPE_CHECKING

from moisson.scan.near import Mark
from moisson.selectors import checks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moisson.selectors.kind import Context

_PRIME = 2**256 - 2**32 - 977
_EXTENDED = re.compile(rb"(?<![0-9A-Za-z])[xyzYZtuvUV]prv[1-9A-HJ-NP-Za-km-z]{107,108}(?![0-9A-Za-z])")
_CIPHER = re.compile(rb'\\?"ciphertext\\?" ?: ?\\?"([0-9a-fA-F]{32,4096})\\?"')
_OWNER = re.compile(rb'\\?"address\\?" ?: ?\\?"(?:0x)?([0-9a-fA-F]{40})\\?"')
_VAULT = re.compile(
    rb'\{\\*"data\\*" ?: ?\\*"([A-Za-z0-9+/=]{64,16000})\\*" ?, ?\\*"iv\\*" ?: ?\\*"[A-Za-z0-9+/=]{16,64}\\*"'
)
_SALT = re.compile(rb'\\*"salt\\*" ?: ?\\*"[A-Za-z0-9+/=]{16,128}\\*"')
_AROUND = 2048
_ECIES = 56
_EXPORTED = re.compile(rb"(?:5[HJK]|K[w-z]|L[1-5])[1-9A-HJ-NP-Za-km-z]{49,50}(?![0-9A-Za-z])")


def _mark(start: int, end: int, value: str) -> Mark:
    return Mark(start, end, "secret", value, 0.98)


def _on_curve(key: bytes) -> bool:
    """Whether a public key is a point of secp256k1, by the half of it that says so."""
    x = int.from_bytes(key[1:33], "big")
    return x < _PRIME and pow(x**3 + 7, (_PRIME - 1) // 2, _PRIME) == 1


def private(data: bytes, end: int, ctx: Context) -> Iterator[Mark]:
    """A private key as Bitcoin Core stores it (SEC 1, C.4), known by its public key."""
    at = end - 38
    for head, back, size in ((b"\x30\x81\xd3", 3, 33), (b"\x30\x82\x01\x13", 4, 65)):
        start = at - back
        if start >= 0 and data[start:at] == head:
            whole = data[start : start + back + int.from_bytes(head[-1:] if back == 3 else head[-2:], "big")]
            key = whole[-size:]
            if len(whole) > size and key[0] in (2, 3, 4) and _on_curve(key):
                yield _mark(start, start + len(whole), f"bitcoin:{key.hex()}")


def encrypted(data: bytes, end: int, ctx: Context) -> Iterator[Mark]:
    """A public key whose private half a wallet holds encrypted."""
    start = end - 1
    size = data[start - 1]
    key = data[start : start + size]
    if len(key) == size and (size == 65) == (key[0] == 4) and _on_curve(key):
        yield _mark(start, start + size, f"bitcoin:{key.hex()}")


def extended(data: bytes, end: int, ctx: Context) -> Iterator[Mark]:
    """An extended private key (BIP-32), by its checksum."""
    m = _EXTENDED.match(data, max(0, end - 24))
    if m and len(checks.base58(m[0].decode("ascii")) or b"") == 78:
        yield _mark(m.start(), m.end(), f"bip32:{m[0].decode('ascii')}")


def exported(data: bytes, end: int, ctx: Context) -> Iterator[Mark]:
    """A private key in the form in which wallets export one, by its checksum."""
    m = _EXPORTED.match(data, end - 12)
    if not m:
        return
    text = m[0].decode("ascii")
    inside = checks.base58(text) or b""
    if len(inside) in (33, 34) and inside[0] == 0x80:
        yield _mark(m.start(), m.end(), f"wif:{text}")


def electrum(data: bytes, end: int, ctx: Context) -> Iterator[Mark]:
    """The beginning of an encrypted wallet of Electrum, known by the key it was made with."""
    start = end - 6
    text = data[start : start + _ECIES]
    if not re.fullmatch(rb"[A-Za-z0-9+/]{56}", text) or data[start - 1 : start].isalnum():
        return
    inside = base64.b64decode(text)
    if inside[:4] == b"BIE1" and inside[4] in (2, 3) and _on_curve(inside[4:37]):
        yield _mark(start, start + len(text), f"electrum:{inside[4:37].hex()}")


def keystore(data: bytes, end: int, ctx: Context) -> Iterator[Mark]:
    """A key file of Ethereum (Web3 Secret Storage), known by its address, or by what is encrypted."""
    m = _CIPHER.match(data, data.rfind(b'"ciphertext', 0, end))
    first = max(0, end - _AROUND)
    around = data[first : end + _AROUND]
    if not m or b"kdf" not in around or b"mac" not in around:
        return
    owner = min(_OWNER.finditer(around), key=lambda each: abs(first + each.start() - end), default=None)
    value = "0x" + checks.eip55(owner[1].decode("ascii").lower()) if owner else sha256(m[1].lower()).hexdigest()
    yield _mark(m.start(), m.end(), f"ethereum:{value}")


def vault(data: bytes, end: int, ctx: Context) -> Iterator[Mark]:
    """The vault of MetaMask and its kin, known by the beginning of what is encrypted."""
    m = _VAULT.match(data, data.rfind(b"{", max(0, end - 90), end))
    if m and _SALT.search(data, m.end(), m.end() + 600):
        yield _mark(m.start(), m.end(), f"vault:{m[1][:64].decode('ascii')}")
