"""Secrets to plant in raw images: seed phrases, keys, what programs keep of networks and logins, wallets."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import TYPE_CHECKING

from benches.scanvalues import Planted, base58, word
from moisson.scan.phrases import wordlist
from moisson.selectors import checks

if TYPE_CHECKING:
    from random import Random


def phrase(rng: Random) -> Planted:
    entropy = rng.randbytes(rng.choice((16, 32)))
    bits = len(entropy) // 4
    number = int.from_bytes(entropy, "big") << bits | hashlib.sha256(entropy).digest()[0] >> (8 - bits)
    words = wordlist()
    count = (len(entropy) * 8 + bits) // 11
    text = " ".join(words[number >> 11 * i & 2047] for i in reversed(range(count)))
    return Planted("secret", f"bip39:{text}", text)


def private_key(rng: Random) -> Planted:
    body = rng.randbytes(rng.choice((120, 620)))
    lines = base64.encodebytes(body).decode().replace("\n", "")
    folded = "\n".join(lines[i : i + 64] for i in range(0, len(lines), 64))
    name = rng.choice(("RSA PRIVATE KEY", "OPENSSH PRIVATE KEY", "PRIVATE KEY", "EC PRIVATE KEY"))
    text = f"-----BEGIN {name}-----\n{folded}\n-----END {name}-----\n"
    return Planted("secret", f"pem:{hashlib.sha256(body).hexdigest()}", text)


def wifi(rng: Random) -> Planted:
    name, secret = f"{word(rng)}-{rng.randint(1, 99)}", word(rng, 8, 16)
    return Planted(
        "secret", f"wifi:{name}:{secret}", f'network={{\n\tssid="{name}"\n\tpsk="{secret}"\n\tkey_mgmt=WPA-PSK\n}}\n'
    )


def login(rng: Random) -> Planted:
    """What a browser, a program for file transfer or one for networks keeps."""
    name, secret, host = word(rng), word(rng, 8, 14), f"{word(rng, 5, 9)}.example"
    shape = rng.randint(0, 4)
    if shape == 0:
        inside = b"0\x3a" + rng.randbytes(58)
        value = f"login:moz-proxy://{host}:{hashlib.sha256(inside).hexdigest()}"
        kept = {"id": 3, "hostname": f"moz-proxy://{host}", "encryptedPassword": base64.b64encode(inside).decode()}
        return Planted("secret", value, json.dumps(kept, separators=(",", ":")))
    if shape == 1:
        word64 = base64.b64encode(secret.encode()).decode()
        server = f'<Server><Host>{host}</Host><Port>21</Port><User>{name}</User><Pass encoding="base64">{word64}</Pass>'
        return Planted("secret", f"ftp:{host}:{name}:{secret}", f"{server}</Server>")
    if shape == 2:
        plain = (
            bytes([255, 0, len(name + host + secret), 2]) + b"xy" + (name + host + secret).encode() + rng.randbytes(4)
        )
        hidden = bytes(~byte & 255 ^ 0xA3 for byte in plain).hex().upper()
        session = f"[Sessions\\{name}]\nHostName={host}\nUserName={name}\nPassword={hidden}\n"
        return Planted("secret", f"ftp:{host}:{name}:{secret}", session)
    if shape == 3:
        text = f"[wifi]\nssid={name}\n\n[wifi-security]\nkey-mgmt=wpa-psk\npsk={secret}\n\n[ipv4]\n"
        return Planted("secret", f"wifi:{name}:{secret}", text)
    return Planted("secret", f"ftp:{host}:{name}:{secret}", f"machine {host} login {name} password {secret}\n")


def wallet(rng: Random) -> Planted:
    """A key file of Ethereum, an exported key, or an extended one."""
    shape = rng.randint(0, 2)
    if shape == 0:
        owner = rng.randbytes(20).hex()
        kept = {"kdf": "scrypt", "mac": rng.randbytes(32).hex(), "ciphertext": rng.randbytes(32).hex()}
        return Planted(
            "secret", f"ethereum:0x{checks.eip55(owner)}", json.dumps({"version": 3, "address": owner, "crypto": kept})
        )
    if shape == 1:
        text = base58(b"\x80" + rng.randbytes(32) + rng.choice((b"", b"\1")))
        return Planted("secret", f"wif:{text}", text)
    text = base58(bytes.fromhex("0488ade4") + rng.randbytes(41) + b"\0" + rng.randbytes(32))
    return Planted("secret", f"bip32:{text}", text)
