"""Keys of wallets, made with an independent library or taken from the specifications' own examples."""

from __future__ import annotations

import base64
import json
import random

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from moisson.model import Sighting
from moisson.scan.sweep import sweep_bytes

# SEC 1 C.4 with the curve written out, as Bitcoin Core stores a key: what stands between the two halves.
_CURVE = bytes.fromhex(
    "a08185308182020101302c06072a8648ce3d0101022100fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f"
    "300604010004010704210279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798022100fffffffffffffffff"
    "ffffffffffffffebaaedce6af48a03bbfd25e8cd0364141020101a124032200"
)
_KEY = ec.derive_private_key(0x1E99423A4ED27608A15A2616A2B0E9E52CED330AC530EDCC32C8FFC6A526AEDD, ec.SECP256K1())
SHORT = _KEY.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
LONG = _KEY.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
_DER = b"\x30\x81\xd3\x02\x01\x01\x04\x20" + _KEY.private_numbers().private_value.to_bytes(32, "big") + _CURVE + SHORT
# BIP-32, test vector 1, chain m.
_BIP32 = (
    "xprv9s21ZrQH143K3QTDL4LXw2F7HEK3wJUD2nW2nRk4stbPy6cq3jPPqjiChkVvvNKmPGJxWUtg6LnF5kejMRNNU3TGtRBeJgk33yuGBxrMPHi"
)
# Web3 Secret Storage, the example with scrypt.
_KEYSTORE = {
    "address": "008aeeda4d805471df9b2a5b0f38a0c3bcba786b",
    "crypto": {
        "cipher": "aes-128-ctr",
        "cipherparams": {"iv": "83dbcc02d8ccb40e466191a123791e0e"},
        "ciphertext": "d172bf743a674da9cdad04534d56926ef8358534d458fffccd4e6ad2fbde479c",
        "kdf": "scrypt",
        "mac": "2103ac29920d71da29f15d75b4a16dbe95cfd7ff8faea1056c33131d846e3097",
    },
    "version": 3,
}
_VAULT = json.dumps(
    {
        "data": base64.b64encode(bytes(range(200)) * 3).decode(),
        "iv": base64.b64encode(bytes(range(16))).decode(),
        "keyMetadata": {"algorithm": "PBKDF2", "params": {"iterations": 600000}},
        "salt": base64.b64encode(bytes(range(32))).decode(),
    }
)


def secrets(data):
    rng = random.Random(5)
    around = rng.randbytes(700) + b"\n" + data + b"\n" + rng.randbytes(500)
    return [r.value for r in sweep_bytes(around, "E") if isinstance(r, Sighting) and r.kind == "secret"]


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b"\x03key\x21" + SHORT + b"\xd6" + _DER, f"bitcoin:{SHORT.hex()}"),
        (b"\x04ckey\x21" + SHORT + b"\x30" + bytes(48), f"bitcoin:{SHORT.hex()}"),
        (b"\x04ckey\x41" + LONG + b"\x30" + bytes(48), f"bitcoin:{LONG.hex()}"),
        (b"\x14walletdescriptorckey" + bytes(32) + b"\x21" + SHORT, f"bitcoin:{SHORT.hex()}"),
        (_BIP32.encode(), f"bip32:{_BIP32}"),
        (b"5HueCGU8rMjxEXxiPuD5BDku4MkFqeZyd4dZ1jvhTVqvbTLvyTJ", "wif:5HueCGU8rMjxEXxiPuD5BDku4MkFqeZyd4dZ1jvhTVqvbTLvyTJ"),
        (b"KxFC1jmwwCoACiCAWZ3eXa96mBM6tb3TYzGmf6YwgdGWZgawvrtJ", "wif:KxFC1jmwwCoACiCAWZ3eXa96mBM6tb3TYzGmf6YwgdGWZgawvrtJ"),
        (json.dumps(_KEYSTORE).encode(), "ethereum:0x008AeEda4D805471dF9b2A5B0f38A0C3bCBA786b"),
        (json.dumps({"vault": _VAULT}).encode(), f"vault:{json.loads(_VAULT)['data'][:64]}"),
        (_VAULT.encode(), f"vault:{json.loads(_VAULT)['data'][:64]}"),
        (base64.b64encode(b"BIE1" + SHORT + bytes(300)), f"electrum:{SHORT.hex()}"),
        (
            b'"seed": "wild father tree among universe such mobile favorite target dynamic credit identify"',
            "electrum:wild father tree among universe such mobile favorite target dynamic credit identify",
        ),
    ],
)  # fmt: skip
def test_keys_are_known_again(data, value):
    assert secrets(data) == [value]


@pytest.mark.parametrize(
    "data",
    [
        b"\x04ckey\x21\x02" + (5).to_bytes(32, "big"),
        _BIP32.replace("k", "m", 1).encode(),
        b"5HueCGU8rMjxEXxiPuD5BDku4MkFqeZyd4dZ1jvhTVqvbTLvyTK",
        _DER[:-40],
        b'{"ciphertext":"d172bf743a674da9cdad04534d56926e"}',
        base64.b64encode(b"BIE1\x02" + bytes(300)),
    ],
)
def test_what_does_not_hold_is_passed_over(data):
    assert secrets(data) == []


def test_each_key_file_has_the_address_beside_it():
    other = {**_KEYSTORE, "address": "931ea8b048c7c2dcb0cf46a0bf1e6b4d37b7a2c5"}
    texts = [json.dumps(one) for one in (other, _KEYSTORE)]
    assert [value[:14] for value in secrets("\n".join(texts).encode())] == ["ethereum:0x931", "ethereum:0x008"]
