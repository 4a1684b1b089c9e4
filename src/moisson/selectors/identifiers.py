"""Numbers that devices, documents and files carry: IMEI, IMSI, ICCID, plates, passports (ICAO 9303), digests, keys."""

from __future__ import annotations

import re
import tomllib
from datetime import date
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from moisson.selectors import checks
from moisson.selectors.fold import plain
from moisson.selectors.kind import Context, Hit, Kind, Reason

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moisson.selectors.fold import Folded

_NOISE = re.compile(r"[\s.\-/:\u00a0\u202f]")
_IMEI = re.compile(r"\d{15,16}(?!\d)|\d{2}[-/ ]\d{6}[-/ ]\d{6}[-/ ]\d(?![\d-])|\d{8}[-/ ]\d{6}[-/ ]\d(?![\d-])")
_LONG = re.compile(r"89\d{17,18}(?!\d)")
_BODIES = frozenset(["01", "10", "33", "35", "44", "45", "49", "50", "51", "52", "53", "54", "86", "91", "98", "99"])
_HEX = {32: "md5", 40: "sha1", 64: "sha256"}
_PGP = re.compile(
    r"(?<![0-9A-Fa-f]{4}\s)(?:[0-9A-Fa-f]{4}[ \u00a0]{1,2}){9}[0-9A-Fa-f]{4}(?![0-9A-Fa-f])(?!\s+[0-9A-Fa-f]{4}\b)"
)
_MRZ3 = re.compile(
    r"(P[A-Z<])([A-Z<]{3})([A-Z<]{39})[ \t]*\r?\n[ \t]*([A-Z0-9<]{9})([0-9<])([A-Z<]{3})(\d{6})"
    r"(\d)[MFX<](\d{6})(\d)([A-Z0-9<]{14})([0-9<])(\d)"
)
_MRZ2 = re.compile(
    r"([ACIPV][A-Z<])([A-Z<]{3})([A-Z<]{31})[ \t]*\r?\n[ \t]*([A-Z0-9<]{9})([0-9<])([A-Z<]{3})(\d{6})"
    r"(\d)[MFX<](\d{6})(\d)([A-Z0-9<]{7})(\d)"
)
_MRZ1 = re.compile(
    r"([ACI][A-Z<])([A-Z<]{3})([A-Z0-9<]{9})([0-9<])([A-Z0-9<]{15})[ \t]*\r?\n[ \t]*(\d{6})(\d)[MFX<](\d{6})"
    r"(\d)([A-Z<]{3})([A-Z0-9<]{11})(\d)[ \t]*\r?\n[ \t]*([A-Z<]{30})"
)
_PASSPORT = re.compile(r"(?:([A-Z]{2}):)?([A-Z0-9]{6,9})")
_LABELS = re.compile(r"imsi|iccid|imei")
_DATE_ISO = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?![-/.]?\d)")
_DATE_DAY = re.compile(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4}|\d{2})(?!\2?\d)")


class Imei(Kind):
    """A mobile equipment identity: 15 digits, Luhn; the two digits of an IMEISV are replaced."""

    name = "imei"
    label = "IMEI"
    pivot = True
    strong = True
    weight = 1.0

    @classmethod
    def clean(cls, raw: str, ctx: Context) -> str | None:
        text = _NOISE.sub("", plain(raw))
        if not text.isdigit() or not text.isascii() or len(text) not in (15, 16) or len(set(text)) < 3:
            return None
        if len(text) == 16:
            return next(text[:14] + str(d) for d in range(10) if checks.luhn(text[:14] + str(d)))
        return text if checks.luhn(text) else None


class Imsi(Kind):
    """A subscriber identity: 15 digits that begin with the code of a country (ITU-T E.212)."""

    name = "imsi"
    label = "IMSI"
    pivot = True
    strong = True
    weight = 1.0

    @classmethod
    def clean(cls, raw: str, ctx: Context) -> str | None:
        text = _NOISE.sub("", plain(raw))
        return text if text.isascii() and text.isdigit() and 14 <= len(text) <= 15 and "2" <= text[0] <= "7" else None

    @classmethod
    def country(cls, value: str) -> list[Reason]:
        iso = _codes()["mcc"].get(value[:3], "")
        return [Reason(iso, f"SIM card of mobile country code {value[:3]}", 0.8)] if iso else []


class Iccid(Kind):
    """The number of a SIM card: 19 or 20 digits from 89 on, Luhn (ITU-T E.118)."""

    name = "iccid"
    label = "SIM card (ICCID)"
    pivot = True
    strong = True
    weight = 1.0

    @classmethod
    def clean(cls, raw: str, ctx: Context) -> str | None:
        text = _NOISE.sub("", plain(raw)).upper().rstrip("F")
        if not text.isascii() or not text.isdigit() or not text.startswith("89") or len(text) not in (19, 20):
            return None
        return text if checks.luhn(text) else None


class Digest(Kind):
    """An MD5, SHA-1 or SHA-256 in lower-case hexadecimal."""

    name = "hash"
    label = "File digest"
    pivot = True

    @classmethod
    def clean(cls, raw: str, ctx: Context) -> str | None:
        text = plain(raw).strip().lower()
        if len(text) not in _HEX or not re.fullmatch("[0-9a-f]+", text) or len(set(text)) < 6:
            return None
        return text

    @classmethod
    def caption(cls, value: str) -> str:
        return f"{_HEX.get(len(value), '')} {value}".strip()

    @classmethod
    def specificity(cls, value: str) -> float:
        return 0.6


class Pgp(Kind):
    """The fingerprint of an OpenPGP key (RFC 4880), forty upper-case hexadecimal digits."""

    name = "pgp"
    label = "OpenPGP fingerprint"
    pivot = True
    strong = True
    weight = 0.95

    @classmethod
    def clean(cls, raw: str, ctx: Context) -> str | None:
        text = re.sub(r"[\s:]", "", plain(raw)).upper().removeprefix("0X")
        return text if re.fullmatch("[0-9A-F]{40}", text) else None


class Passport(Kind):
    """A passport or identity card as `country:number`, or its number alone."""

    name = "passport"
    label = "Travel document"
    pivot = True
    strong = True
    weight = 0.9

    @classmethod
    def clean(cls, raw: str, ctx: Context) -> str | None:
        text = plain(raw).strip().upper()
        if len(text) > 60:
            hit = next(seek_documents(text), None)
            return hit.value if hit else None
        text = re.sub(r"[\s.\-<]", "", text)
        m = _PASSPORT.fullmatch(text)
        return text if m and sum(map(str.isdigit, m[2])) >= 4 else None

    @classmethod
    def country(cls, value: str) -> list[Reason]:
        iso, mark, _ = value.partition(":")
        return [Reason(iso, f"travel document issued by {iso}", 0.9)] if mark and iso != "XX" else []


class Date(Kind):
    """A day as `YYYY-MM-DD`; day before month unless that is impossible."""

    name = "date"
    label = "Date"
    weight = 0.05

    @classmethod
    def clean(cls, raw: str, ctx: Context) -> str | None:
        text = plain(raw).strip()
        if m := _DATE_ISO.fullmatch(text):
            return _day(int(m[1]), int(m[2]), int(m[3]))
        if m := _DATE_DAY.fullmatch(text):
            year = int(m[4]) if len(m[4]) == 4 else int(m[4]) + (1900 if int(m[4]) > 40 else 2000)
            return _day(year, int(m[3]), int(m[1])) or _day(year, int(m[1]), int(m[3]))
        return None


@cache
def _codes() -> dict[str, dict[str, str]]:
    table: dict[str, dict[str, str]] = tomllib.loads(
        files("moisson.selectors").joinpath("data/countries.toml").read_text("utf-8")
    )
    return table


def _day(year: int, month: int, day: int) -> str | None:
    try:
        return date(year, month, day).isoformat() if 1900 <= year <= 2100 else None
    except ValueError:
        return None


def date_end(text: str, start: int) -> tuple[str, int] | None:
    """The date that begins here and where it ends."""
    m = _DATE_ISO.match(text, start) or _DATE_DAY.match(text, start)
    value = Date.clean(m[0], Context()) if m else None
    return (value, m.end()) if m and value else None


def device_at(page: Folded, start: int, ctx: Context, near: str) -> Hit | None:
    """An IMEI, IMSI or ICCID that begins here; without a word for it an IMEI needs a known allocation."""
    text = page.text
    if m := _LONG.match(text, start):
        value = Iccid.clean(m[0], ctx)
        return Hit("iccid", value, start, m.end(), 0.9) if value else None
    m = _IMEI.match(text, start)
    if not m:
        return None
    words = _LABELS.findall(page.low, max(0, start - 40), start)
    label = near if near in ("imei", "imsi") else words[-1] if words else ""
    if label == "imsi":
        value = Imsi.clean(m[0], ctx)
        return Hit("imsi", value, start, m.end(), 0.9) if value else None
    value = Imei.clean(m[0], ctx)
    grouped = not m[0].isdigit()
    if not value or (label != "imei" and (m[0][:2] not in _BODIES or len(m[0]) == 16)):
        return None
    return Hit("imei", value, start, m.end(), 0.97 if label == "imei" else 0.85 if grouped else 0.7)


def digest_hit(token: str, start: int, ctx: Context) -> Hit | None:
    """A digest in hexadecimal, of one case."""
    if len(token) not in _HEX or (token != token.lower() and token != token.upper()) or token.isdigit():
        return None
    value = Digest.clean(token, ctx)
    return Hit("hash", value, start, start + len(token), 0.85) if value else None


def seek_documents(text: str) -> Iterator[Hit]:
    """Machine-readable zones of two and three lines whose check digits hold."""
    at = text.find("<<")
    last = 0
    while at >= 0:
        start = max(last, text.rfind("\n", max(0, at - 50), at) + 1, at - 50)
        for pattern in (_MRZ3, _MRZ2, _MRZ1):
            m = pattern.search(text, start, min(len(text), at + 240)) if at >= last else None
            if m and (hits := _zone(m, pattern is _MRZ1)):
                last = m.end()
                yield from hits
                break
        at = text.find("<<", max(at + 2, last, text.find("\n", at) if "\n" in text[at : at + 60] else at + 2))


def _zone(m: re.Match[str], card: bool) -> list[Hit]:
    if card:
        number, digit, birth, birth_digit, nation, names = m[3], m[4], m[6], m[7], m[10], m[13]
    else:
        number, digit, nation, birth, birth_digit, names = m[4], m[5], m[6], m[7], m[8], m[3]
    if not (checks.mrz(number, digit) and checks.mrz(birth, birth_digit)):
        return []
    last, _, first = names.partition("<<")
    name = " ".join(f"{first} {last}".replace("<", " ").split()).title()
    iso = _codes()["alpha3"].get(nation.rstrip("<"), nation.rstrip("<"))
    hits = [
        Hit(
            "passport",
            f"{iso if len(iso) == 2 else 'XX'}:{number.rstrip('<').replace('<', '')}",
            m.start(),
            m.end(),
            0.98,
        )
    ]
    if name:
        hits.append(Hit("name", name, m.start(3 if not card else 13), m.end(3 if not card else 13), 0.95))
    century = 1900 if int(birth[:2]) > 30 else 2000
    if day := _day(century + int(birth[:2]), int(birth[2:4]), int(birth[4:])):
        at = m.start(6 if card else 7)
        hits.append(Hit("date", day, at, at + 6, 0.9))
    return hits


def pgp_at(text: str, start: int) -> Hit | None:
    """A fingerprint in groups of four that begins here; eleven groups and more are a table of something else."""
    m = _PGP.match(text, start)
    return Hit("pgp", re.sub(r"\s", "", m[0]).upper(), start, m.end(), 0.9) if m else None
