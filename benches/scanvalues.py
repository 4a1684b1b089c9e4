"""Values to plant in raw images, with their canonical forms, and look-alikes that must never be reported."""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import json
from typing import TYPE_CHECKING, NamedTuple

import phonenumbers

from moisson.scan.phrases import holds, wordlist
from moisson.selectors import checks

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

_B58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BECH = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_LOW = "abcdefghijklmnopqrstuvwxyz"
_EASTERN = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")
_TOPS = ("com", "org", "net", "fr", "de", "iq", "info", "tn")
_REGIONS = ("IQ", "SY", "TR", "LB", "JO", "FR", "BE", "DE", "GB", "US")
ARABIC = [
    "السلام",
    "عليكم",
    "ورحمة",
    "الله",
    "مرحبا",
    "كيف",
    "الحال",
    "اليوم",
    "وصلنا",
    "الى",
    "المدينة",
    "القديمة",
    "بعد",
    "الظهر",
    "اجتماع",
    "عند",
    "الجسر",
    "الكبير",
    "غدا",
    "صباحا",
    "لا",
    "تنس",
    "الهاتف",
    "الجديد",
    "سيارة",
    "بيضاء",
    "قرب",
    "السوق",
    "المركزي",
    "نلتقي",
    "هناك",
    "ثم",
    "نذهب",
    "الى",
    "البيت",
    "ارسل",
    "الصور",
    "والعنوان",
    "شكرا",
]
PROSE = [
    "the",
    "meeting",
    "was",
    "moved",
    "to",
    "next",
    "week",
    "because",
    "nobody",
    "could",
    "find",
    "the",
    "old",
    "house",
    "near",
    "river",
    "and",
    "market",
    "while",
    "trains",
    "ran",
    "late",
    "again",
    "so",
    "we",
    "waited",
    "until",
    "evening",
    "when",
    "lights",
    "came",
    "back",
    "on",
    "and",
    "everyone",
    "went",
    "home",
    "quietly",
    "la",
    "voiture",
    "blanche",
    "est",
    "devant",
    "le",
    "garage",
    "depuis",
    "hier",
    "matin",
    "personne",
    "ne",
    "sait",
    "pourquoi",
    "alors",
    "on",
    "attend",
    "encore",
]


class Planted(NamedTuple):
    """A value as it is written and as it must be reported."""

    kind: str
    value: str
    written: str


def word(rng: Random, least: int = 4, most: int = 10) -> str:
    """A made-up word in small letters."""
    return "".join(rng.choice(_LOW) for _ in range(rng.randint(least, most)))


def _digits(rng: Random, n: int) -> str:
    return "".join(str(rng.randint(0, 9)) for _ in range(n))


def luhned(body: str) -> str:
    """The digits with their check digit."""
    return next(body + c for c in "0123456789" if checks.luhn(body + c))


def _grouped(text: str, sign: str = " ") -> str:
    return sign.join(text[i : i + 4] for i in range(0, len(text), 4))


def email(rng: Random) -> Planted:
    text = f"{word(rng)}.{word(rng)}{rng.randint(1, 99)}@{word(rng)}.{rng.choice(_TOPS)}"
    return Planted("email", text, text)


def url(rng: Random) -> Planted:
    scheme = rng.choice(("http", "https", "https", "ftp"))
    text = f"{scheme}://www.{word(rng)}.{rng.choice(_TOPS)}/{word(rng)}/{word(rng)}?id={rng.randint(1, 9999)}"
    return Planted("url", text, text)


def phone(rng: Random) -> Planted:
    while True:
        example = phonenumbers.example_number_for_type(rng.choice(_REGIONS), phonenumbers.PhoneNumberType.MOBILE)
        national = str(example.national_number)
        text = f"+{example.country_code}{national[:-6]}{_digits(rng, 6)}"
        number = phonenumbers.parse(text)
        if phonenumbers.is_valid_number(number):
            break
    shape = rng.randint(0, 4)
    written = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL)
    if shape == 0:
        written = text
    elif shape == 1:
        written = "00" + text[1:]
    elif shape == 2:
        written = written.replace(" ", "-")
    elif shape == 3:
        written = written.replace("+", "00 ", 1) if len(text) < 14 else text
    return Planted("phone", text, written)


def eastern_phone(rng: Random) -> Planted:
    while True:
        national = f"7{rng.choice('578')}{rng.randint(0, 9)}{_digits(rng, 7)}"
        if phonenumbers.is_valid_number(phonenumbers.parse(f"+964{national}")):
            break
    shapes = (f"0{national}", f"0{national[:3]} {national[3:6]} {national[6:]}", f"+964{national}", f"00964{national}")
    return Planted("phone", f"+964{national}", rng.choice(shapes).translate(_EASTERN))


def ipv4(rng: Random) -> Planted:
    text = ".".join(str(n) for n in (rng.randint(11, 223), *(rng.randint(0, 255) for _ in range(3))))
    return Planted("ipv4", text, text)


def mac(rng: Random) -> Planted:
    raw = rng.randbytes(6).hex(rng.choice(":-"))
    return Planted("mac", raw.upper().replace("-", ":"), raw if rng.random() < 0.5 else raw.upper())


def card(rng: Random) -> Planted:
    text = luhned(rng.choice(("4", "51", "52", "53", "54", "55")).ljust(2, str(rng.randint(0, 9))) + _digits(rng, 13))
    return Planted("card", text, rng.choice((text, _grouped(text), _grouped(text, "-"))))


def imei(rng: Random) -> Planted:
    text = luhned("35" + _digits(rng, 12))
    return Planted("imei", text, f"IMEI: {text}")


def iban(rng: Random) -> Planted:
    country, size = rng.choice((("DE", 18), ("FR", 23), ("BE", 12), ("GB", 18), ("NL", 14)))
    body = _digits(rng, size)
    if country in ("GB", "NL"):
        body = "".join(rng.choice("ABCDEFGH") for _ in range(4)) + body[4:]
    number = int("".join(str(int(c, 36)) for c in body + country + "00"))
    text = f"{country}{98 - number % 97:02d}{body}"
    return Planted("iban", text, rng.choice((text, _grouped(text))))


def _base58(payload: bytes) -> str:
    raw = payload + hashlib.sha256(hashlib.sha256(payload).digest()).digest()[:4]
    number, text = int.from_bytes(raw, "big"), ""
    while number:
        number, rest = divmod(number, 58)
        text = _B58[rest] + text
    return "1" * (len(raw) - len(raw.lstrip(b"\0"))) + text


def bitcoin(rng: Random) -> Planted:
    if rng.random() < 0.3:
        text = _segwit(rng.randbytes(20))
    else:
        text = _base58(bytes([rng.choice((0, 5))]) + rng.randbytes(20))
    return Planted("crypto", text, text)


def _segwit(program: bytes) -> str:
    bits = int.from_bytes(program, "big")
    data = [0, *((bits >> 5 * i) & 31 for i in reversed(range(32)))]
    values = [3, 3, 0, 2, 3, *data, 0, 0, 0, 0, 0, 0]
    check = 1
    for value in values:
        top, check = check >> 25, (check & 0x1FFFFFF) << 5 ^ value
        for i, generator in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            check ^= generator if top >> i & 1 else 0
    check ^= 1
    return "bc1" + "".join(_BECH[v] for v in (*data, *((check >> 5 * (5 - i)) & 31 for i in range(6))))


def ethereum(rng: Random) -> Planted:
    body = rng.randbytes(20).hex()
    right = checks.eip55(body)
    return Planted("crypto", f"0x{right}", f"0x{rng.choice((right, body))}")


def coords(rng: Random) -> Planted:
    lat, lon = round(rng.uniform(20, 50), 5), round(rng.uniform(1, 50), 5)
    if rng.random() < 0.3:
        parts, values = [], []
        for angle, side in ((lat, "N"), (lon, "E")):
            degrees, minutes = int(angle), int(angle % 1 * 60)
            seconds = rng.randint(0, 599) / 10
            parts.append(f"{degrees}°{minutes:02d}'{seconds:04.1f}\"{side}")
            values.append(degrees + minutes / 60 + seconds / 3600)
        return Planted("coords", f"{values[0]:.5f},{values[1]:.5f}", " ".join(parts))
    gap = rng.choice((", ", ",", " "))
    return Planted("coords", f"{lat:.5f},{lon:.5f}", f"{lat:.5f}{gap}{lon:.5f}")


def account(rng: Random) -> Planted:
    name = f"{word(rng, 5, 9)}_{rng.randint(1, 999)}"
    service, shape = rng.choice((
        ("telegram", "t.me/{}"), ("telegram", "Telegram: @{}"), ("instagram", "https://instagram.com/{}"),
        ("twitter", "https://twitter.com/{}"), ("instagram", "instagram.com/{}"),
    ))  # fmt: skip
    return Planted("account", f"{service}:@{name}", shape.format(name))


def onion(rng: Random) -> Planted:
    text = "".join(rng.choice(_LOW + "234567") for _ in range(56)) + ".onion"
    return Planted("onion", text, text)


def arabic(rng: Random) -> Planted:
    text = " ".join(rng.choice(ARABIC) for _ in range(rng.randint(5, 9)))
    return Planted("words", text, text)


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


def ipv6(rng: Random) -> Planted:
    groups = [rng.choice(("2001", "2a02", "fe80", "fd12")), *(f"{rng.randint(1, 0xFFFF):x}" for _ in range(7))]
    if rng.random() < 0.5:
        at = rng.randint(1, 5)
        groups[at : at + 2] = [""]
    text = ":".join(groups)
    return Planted("ipv6", str(ipaddress.IPv6Address(text)), rng.choice((text, text.upper())))


def domain(rng: Random) -> Planted:
    text = f"{word(rng, 4, 9)}.{rng.choice(('', f'{word(rng)}.'))}{rng.choice(('com', 'org', 'net'))}"
    return Planted("domain", text, rng.choice((text, text.title())))


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
        text = _base58(b"\x80" + rng.randbytes(32) + rng.choice((b"", b"\1")))
        return Planted("secret", f"wif:{text}", text)
    text = _base58(bytes.fromhex("0488ade4") + rng.randbytes(41) + b"\0" + rng.randbytes(32))
    return Planted("secret", f"bip32:{text}", text)


MAKERS: dict[str, Callable[[Random], Planted]] = {
    "email": email, "url": url, "phone": phone, "phone-eastern": eastern_phone, "ipv4": ipv4, "mac": mac, "card": card,
    "imei": imei, "iban": iban, "bitcoin": bitcoin, "ethereum": ethereum, "coords": coords, "account": account,
    "onion": onion, "arabic": arabic, "phrase": phrase, "key": private_key, "wifi": wifi,
    "ipv6": ipv6, "domain": domain, "login": login, "wallet": wallet,
}  # fmt: skip


def decoy(rng: Random) -> Planted:
    """A value that only its checksum or range gives away; `value` is what a careless tool would report."""
    shape = rng.randint(0, 9)
    if shape == 0:
        text = card(rng).value
        text = text[:-1] + str((int(text[-1]) + rng.randint(1, 9)) % 10)
        return Planted("card", text, rng.choice((text, _grouped(text))))
    if shape == 1:
        text = iban(rng).value
        text = text[:-1] + str((int(text[-1]) + rng.randint(1, 9)) % 10)
        return Planted("iban", text, rng.choice((text, _grouped(text))))
    if shape == 2:
        text = _base58(b"\0" + rng.randbytes(20))
        text = text[:-1] + ("2" if text[-1] != "2" else "3")
        return Planted("crypto", text, text)
    if shape == 3:
        right = checks.eip55(rng.randbytes(20).hex())
        text = f"0x{right.swapcase()}"
        return Planted("crypto", text, text)
    if shape == 4:
        text = imei(rng).value
        text = text[:-1] + str((int(text[-1]) + rng.randint(1, 9)) % 10)
        return Planted("imei", text, f"IMEI: {text}")
    if shape == 5:
        text = f"{rng.randint(256, 999)}.{rng.randint(1, 255)}.{rng.randint(1, 255)}.{rng.randint(1, 255)}"
        return Planted("ipv4", text, text)
    if shape == 6:
        words = phrase(rng).written.split()
        while holds(words):
            rng.shuffle(words)
        text = " ".join(words)
        return Planted("secret", f"bip39:{text}", text)
    if shape == 7:
        text = f"+999{_digits(rng, 9)}"
        return Planted("phone", text, text)
    if shape == 8:
        text = ":".join(f"{rng.randint(0, 0xFFFF):04x}" for _ in range(rng.choice((7, 9))))
        return Planted("ipv6", text, text)
    text = _base58(b"\x80" + rng.randbytes(32))
    text = text[:-1] + ("2" if text[-1] != "2" else "3")
    return Planted("secret", f"wif:{text}", text)
