"""Number plates of vehicles, by the patterns of data/plates.toml."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, NamedTuple

from moisson.selectors.fold import plain
from moisson.selectors.kind import Context, Hit, Kind, Reason

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moisson.selectors.fold import Folded

_WORDS = (
    "hicule", "vehicle", "voiture", "plaque", "immatricul", "plate", "car ", "truck", "camion", "van ", "fourgon",
    "kennzeichen", "auto ", "wagen", "kenteken", "plaka", "araç", "araba", "lorry", "registration",
    "سيارة", "لوحة", "مركبة", "شاحنة",
)  # fmt: skip
_LEAD = re.compile(
    r"[^\W\d]{0,12}[ \t\u00a0]{0,2}(?:(?:no\.?|n\.|n°)(?=[ \t:])|num[ée]ro|number|nr\.?|رقمها|رقم"
    r"|immatricul\w{0,4}|plate|plaque)?[ \t\u00a0]{0,2}[:=,(\-]?[ \t\u00a0]{0,2}"
)
_END = r"(?![\w])(?!-\d)(?!-[A-Z])"
_MONTHS = frozenset(["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"])


class _Format(NamedTuple):
    country: str
    loose: re.Pattern[str]
    bare: re.Pattern[str] | None
    form: str


@cache
def _formats() -> tuple[_Format, ...]:
    table = tomllib.loads(files("moisson.selectors").joinpath("data/plates.toml").read_text("utf-8"))
    return tuple(_format(row) for row in table["plate"])


def _format(row: dict[str, str]) -> _Format:
    bare = re.compile(row["bare"] + _END) if "bare" in row else None
    return _Format(row["country"], re.compile(row["pattern"] + _END), bare, row["form"])


class Plate(Kind):
    """The number plate of a vehicle, upper case, with the separators of its country."""

    name = "plate"
    label = "Number plate"
    pivot = True

    @classmethod
    def clean(cls, raw: str, ctx: Context) -> str | None:
        text = " ".join(plain(raw).upper().split())
        found = _match(text, 0, text_end=len(text))
        return found[0] if found else None

    @classmethod
    def specificity(cls, value: str) -> float:
        return 0.85 if len(value) > 6 else 0.5

    @classmethod
    def country(cls, value: str) -> list[Reason]:
        fits = list(dict.fromkeys(f.country for f in _formats() if f.loose.fullmatch(value)))
        return [Reason(c, f"plate in the form of {c}", round(0.6 / len(fits), 2)) for c in fits]


def _match(text: str, start: int, text_end: int | None = None, *, bare: bool = False) -> tuple[str, int] | None:
    """The canonical form of the plate that begins here, and where it ends; the longest wins."""
    best: tuple[str, int] | None = None
    for form in _formats():
        pattern = form.bare if bare else form.loose
        m = pattern.match(text, start) if pattern else None
        if not m or (text_end is not None and m.end() != text_end):
            continue
        whole = form.loose.match(text, start)
        if whole and (best is None or whole.end() > best[1]) and not _MONTHS & set(whole.groups()):
            best = form.form.format(*whole.groups()), whole.end()
    return best


def bare_at(page: Folded, start: int) -> Hit | None:
    """A plate that needs no announcement."""
    found = _match(page.text, start, bare=True)
    return Hit("plate", found[0], start, found[1], 0.75) if found else None


def seek_plates(page: Folded, ctx: Context) -> Iterator[Hit]:
    """Plates right behind a word for a vehicle."""
    for word in _WORDS:
        at = page.low.find(word)
        while at >= 0:
            lead = _LEAD.match(page.low, at + len(word.rstrip()))
            begin = lead.end() if lead else at
            found = _match(page.text, begin)
            if found and any(c.isdigit() for c in found[0]):
                yield Hit("plate", found[0], begin, found[1], 0.9)
            at = page.low.find(word, at + len(word))
