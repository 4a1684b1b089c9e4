"""Money: IBAN (ISO 13616), payment cards (ISO/IEC 7812), addresses of cryptocurrencies."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from moisson.selectors import checks
from moisson.selectors.fold import plain
from moisson.selectors.kind import Context, Hit, Kind, Reason

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moisson.selectors.fold import Folded

_GAPS = re.compile(r"[\s.\-\u00a0\u202f]")
_IBAN = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}")
_IBAN_GROUPED = re.compile(
    r"[A-Z]{2}\d{2}(?:[ \u00a0\u202f-][A-Z0-9]{4}){2,7}(?:[ \u00a0\u202f-][A-Z0-9]{1,4})?(?![A-Za-z0-9])"
)
_CARD = re.compile(
    r"(?:\d{4}([ \u00a0-])\d{4}\1\d{4}\1\d{4}(?:\1\d{1,3})?|3\d{3}([ -])\d{6}\2\d{5}"
    r"|\d{13,19})(?![\dA-Za-z])(?![.,:]\d)"
)
_BITCOIN = re.compile(r"[13][1-9A-HJ-NP-Za-km-z]{25,34}")
_SEGWIT = re.compile(r"(?:bc|BC|tb|TB)1[0-9a-zA-Z]{11,87}")
_LETTERED = re.compile(r"T[A-HJ-NP-Za-km-z]{33}(?![0-9A-Za-z_])(?<![0-9A-Za-z_].{34})")
_ETHEREUM = re.compile(r"0[xX][0-9a-fA-F]{40}")
_TRON = re.compile(r"T[1-9A-HJ-NP-Za-km-z]{33}")
_BRANDS = (
    ("4", (13, 16, 19)),
    *((str(n), (16,)) for n in range(51, 56)),
    *((str(n), (16,)) for n in range(2221, 2721)),
    ("34", (15,)),
    ("37", (15,)),
    *((str(n), (16, 19)) for n in (6011, 65, *range(644, 650))),
    ("62", (16, 17, 18, 19)),
    *((str(n), (14, 16)) for n in (36, 38, 39, *range(300, 306))),
    *((str(n), (16,)) for n in range(3528, 3590)),
    *((str(n), (16,)) for n in (9792, *range(2200, 2205))),
)
_PREFIXES = dict(_BRANDS)


@cache
def iban_lengths() -> dict[str, int]:
    """How long the IBAN of a country is."""
    text = files("moisson.selectors").joinpath("data/iban.txt").read_text("ascii")
    return {word[:2]: int(word[2:]) for line in text.splitlines() if line[:1] != "#" for word in line.split()}


class Iban(Kind):
    """An IBAN without gaps, checked for length and check digits."""

    name = "iban"
    label = "Bank account (IBAN)"
    pivot = True
    strong = True
    weight = 1.0

    @classmethod
    def clean(cls, raw: str, ctx: Context) -> str | None:
        text = _GAPS.sub("", plain(raw)).upper().removeprefix("IBAN").lstrip(":")
        if iban_lengths().get(text[:2]) != len(text) or not _IBAN.fullmatch(text) or not checks.mod97(text):
            return None
        return text

    @classmethod
    def caption(cls, value: str) -> str:
        return " ".join(value[i : i + 4] for i in range(0, len(value), 4))

    @classmethod
    def country(cls, value: str) -> list[Reason]:
        return [Reason(value[:2], f"account held in {value[:2]} (IBAN)", 0.8)]


class Card(Kind):
    """The number of a payment card: digits, Luhn, a known issuer's range."""

    name = "card"
    label = "Payment card"
    pivot = True
    strong = True
    weight = 0.95

    @classmethod
    def clean(cls, raw: str, ctx: Context) -> str | None:
        text = _GAPS.sub("", plain(raw))
        if not 13 <= len(text) <= 19 or not text.isdigit() or not checks.luhn(text) or len(set(text)) < 2:
            return None
        return text if any(len(text) in _PREFIXES.get(text[:n], ()) for n in (1, 2, 3, 4)) else None

    @classmethod
    def caption(cls, value: str) -> str:
        return f"{value[:6]}…{value[-4:]}"


class Crypto(Kind):
    """An address of Bitcoin (Base58Check, BIP 173, BIP 350), Ethereum (EIP-55) or Tron."""

    name = "crypto"
    label = "Cryptocurrency address"
    pivot = True
    strong = True
    weight = 1.0

    @classmethod
    def clean(cls, raw: str, ctx: Context) -> str | None:
        text = plain(raw).strip()
        for scheme in ("bitcoin:", "ethereum:", "tron:"):
            if text[:12].lower().startswith(scheme):
                text = text[len(scheme) :].partition("?")[0]
        if _ETHEREUM.fullmatch(text):
            body = text[2:]
            right = checks.eip55(body)
            return f"0x{right}" if body in (right, right.lower(), right.upper()) else None
        if _SEGWIT.fullmatch(text):
            small = text.lower()
            return small if text in (small, text.upper()) and checks.bech32(small) else None
        if _BITCOIN.fullmatch(text) or _TRON.fullmatch(text):
            payload = checks.base58(text)
            if payload and len(payload) == 21 and payload[0] == {"1": 0, "3": 5, "T": 0x41}[text[0]]:
                return text
        return None


def grouped_iban_at(page: Folded, start: int, ctx: Context) -> Hit | None:
    """A grouped IBAN whose first group begins here; the last group may belong to what follows."""
    m = _IBAN_GROUPED.match(page.text, start)
    if not m:
        return None
    size = iban_lengths().get(page.text[start : start + 2], 0)
    count, at = 0, start
    while at < m.end() and count < size:
        count += page.text[at].isalnum()
        at += 1
    value = Iban.clean(page.text[start:at], ctx)
    return Hit("iban", value, start, at, 0.99) if value else None


def token_hit(token: str, start: int, ctx: Context) -> Hit | None:
    """What a word of letters and digits is: an IBAN or an address of a cryptocurrency."""
    end = start + len(token)
    if 26 <= len(token) <= 90 and (value := Crypto.clean(token, ctx)):
        return Hit("crypto", value, start, end, 0.99)
    if 15 <= len(token) <= 34 and token[2:4].isdigit() and (iban := Iban.clean(token, ctx)):
        return Hit("iban", iban, start, end, 0.99)
    return None


def seek_lettered(page: Folded, ctx: Context) -> Iterator[Hit]:
    """Addresses of Tron without any figure, as one in 250 is; others are met at their figures."""
    for m in _LETTERED.finditer(page.text):
        if value := Crypto.clean(m[0], ctx):
            yield Hit("crypto", value, *m.span(), 0.99)


def card_at(page: Folded, start: int, ctx: Context) -> Hit | None:
    """A payment card that begins here."""
    m = _CARD.match(page.text, start)
    if not m or (value := Card.clean(m[0], ctx)) is None:
        return None
    return Hit("card", value, start, m.end(), 0.9 if m[1] or m[2] else 0.75)
