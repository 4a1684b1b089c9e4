"""Selectors to plant in raw images, as devices write them and in their canonical forms."""

from __future__ import annotations

import hashlib
import ipaddress
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import phonenumbers

from moisson.selectors import checks

if TYPE_CHECKING:
    from random import Random

_B58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BECH = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_LOW = "abcdefghijklmnopqrstuvwxyz"
_EASTERN = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")
_TOPS = ("com", "org", "net", "fr", "de", "iq", "info", "tn")
_REGIONS = ("IQ", "SY", "TR", "LB", "JO", "FR", "BE", "DE", "GB", "US")
_WORDS = tomllib.loads(Path(__file__).with_name("words.toml").read_text("utf-8"))
ARABIC, PROSE = _WORDS["arabic"], _WORDS["prose"]


class Planted(NamedTuple):
    """A value as it is written and as it must be reported."""

    kind: str
    value: str
    written: str


def word(rng: Random, least: int = 4, most: int = 10) -> str:
    """A made-up word in small letters."""
    return "".join(rng.choice(_LOW) for _ in range(rng.randint(least, most)))


def digits(rng: Random, n: int) -> str:
    """So many figures."""
    return "".join(str(rng.randint(0, 9)) for _ in range(n))


def luhned(body: str) -> str:
    """The digits with their check digit."""
    return next(body + c for c in "0123456789" if checks.luhn(body + c))


def grouped(text: str, sign: str = " ") -> str:
    """In groups of four."""
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
        text = f"+{example.country_code}{national[:-6]}{digits(rng, 6)}"
        number = phonenumbers.parse(text)
        if phonenumbers.is_valid_number(number):
            break
    shape = rng.randint(0, 6)
    written = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL)
    if shape == 0:
        written = text
    elif shape == 1:
        written = "00" + text[1:]
    elif shape == 2:
        written = written.replace(" ", "-")
    elif shape == 3:
        written = written.replace("+", "00 ", 1) if len(text) < 14 else text
    elif shape == 4:
        written = f"wa.me/{text[1:]}"
    elif shape == 5:
        written = f"tel:{text}"
    return Planted("phone", text, written)


def eastern_phone(rng: Random) -> Planted:
    while True:
        national = f"7{rng.choice('578')}{rng.randint(0, 9)}{digits(rng, 7)}"
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
    text = luhned(rng.choice(("4", "51", "52", "53", "54", "55")).ljust(2, str(rng.randint(0, 9))) + digits(rng, 13))
    return Planted("card", text, rng.choice((text, grouped(text), grouped(text, "-"))))


def imei(rng: Random) -> Planted:
    text = luhned("35" + digits(rng, 12))
    return Planted("imei", text, f"IMEI: {text}")


def iban(rng: Random) -> Planted:
    country, size = rng.choice((("DE", 18), ("FR", 23), ("BE", 12), ("GB", 18), ("NL", 14)))
    body = digits(rng, size)
    if country in ("GB", "NL"):
        body = "".join(rng.choice("ABCDEFGH") for _ in range(4)) + body[4:]
    number = int("".join(str(int(c, 36)) for c in body + country + "00"))
    text = f"{country}{98 - number % 97:02d}{body}"
    return Planted("iban", text, rng.choice((text, grouped(text))))


def base58(payload: bytes) -> str:
    """With its check, in the digits of Bitcoin."""
    raw = payload + hashlib.sha256(hashlib.sha256(payload).digest()).digest()[:4]
    number, text = int.from_bytes(raw, "big"), ""
    while number:
        number, rest = divmod(number, 58)
        text = _B58[rest] + text
    return "1" * (len(raw) - len(raw.lstrip(b"\0"))) + text


def bitcoin(rng: Random) -> Planted:
    program = rng.randbytes(20)
    text = _segwit(program) if rng.random() < 0.3 else base58(bytes([rng.choice((0, 5))]) + program)
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
    if rng.random() < 0.2:
        lat, lon = round(lat), round(lon)
        return Planted("coords", f"{lat:.5f},{lon:.5f}", f"{lat}°N {lon}°E")
    shape = rng.choice((
        "{:.5f}, {:.5f}", "{:.5f},{:.5f}", "{:.5f} {:.5f}", "{:.5f}N {:.5f}E", "N {:.5f}, E {:.5f}",
        '"lat":{:.5f},"lng":{:.5f}', "latitude={:.5f}&longitude={:.5f}", "Lat: {:.5f} Lon: {:.5f}",
    ))  # fmt: skip
    return Planted("coords", f"{lat:.5f},{lon:.5f}", shape.format(lat, lon))


def account(rng: Random) -> Planted:
    name = f"{word(rng, 5, 9)}_{rng.randint(1, 999)}"
    service, shape = rng.choice((
        ("telegram", "t.me/{}"), ("telegram", "Telegram: @{}"), ("instagram", "https://instagram.com/{}"),
        ("twitter", "https://twitter.com/{}"), ("instagram", "instagram.com/{}"), ("telegram", "https://t.me/{}"),
        ("twitter", "https://x.com/{}"), ("telegram", "tg://resolve?domain={}"), ("skype", "skype:{}?chat"),
    ))  # fmt: skip
    return Planted("account", f"{service}:@{name}", shape.format(name))


def onion(rng: Random) -> Planted:
    text = "".join(rng.choice(_LOW + "234567") for _ in range(56)) + ".onion"
    return Planted("onion", text, text)


def arabic(rng: Random) -> Planted:
    text = " ".join(rng.choice(ARABIC) for _ in range(rng.randint(5, 9)))
    return Planted("words", text, text)


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
