"""Of which country a number without a country code is: what else stands on its line and on its page.

A number written with its code, the country of a bank account, of a domain, of a city or of a field such as `countryiso`
speak for a country, on the same line most, less the farther they are.
"""

from __future__ import annotations

import gzip
import re
from bisect import bisect_left
from collections import Counter
from functools import cache, lru_cache
from importlib.resources import files
from math import exp
from typing import TYPE_CHECKING, NamedTuple

from msgspec import structs

from moisson.selectors.money import iban_lengths
from moisson.selectors.network import Domain
from moisson.selectors.phones import readings
from moisson.selectors.plans import Reading, is_mobile, main_region
from moisson.selectors.spelling import fold

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moisson.selectors.fold import Folded
    from moisson.selectors.kind import Context

_WORLD = re.compile(r"(?:\+|00)[ (]?[1-9][\d \u00a0().\-/]{6,20}\d")
_GROUPED = re.compile(r"(?<![\d.+])0\d{1,3}(?:[ .-]\d{2,4}){2,4}(?![.-]?\d)")
_IBAN = re.compile(r"(?<![A-Za-z0-9])([A-Z]{2})\d{2}(?=[ \u00a0]?[A-Z0-9]{4}[ \u00a0]?[A-Z0-9]{4})")
_FIELD = re.compile(r"country_?(?:iso|code)?\"?[ \t]?[:=;\t][ \t\"]{0,2}([a-z]{2})(?![^\W_])")
_TOP = re.compile(r"\.([a-z]{2})(?![\w.-])")
_WORDS = re.compile(r"[^\W\d_]{3,}(?:[ \u00a0-][^\W\d_]{3,})?")
_MOST = 2000
_COUNTRIES = 8
_NEAREST = 24
_REACH = 300
_BESIDE = 80
_PAGE = 0.6
_ENOUGH = 2.0
_ON_LINE = 3.0
_SAME_NUMBER = 6.0
_SWAY = 2.0
_PRIORS = ((0.8, 3.0), (0.65, 1.0), (0.0, 0.0))
_MOBILE = 0.8


_NOTHING = Reading("", "", 0.0)


class _Clue(NamedTuple):
    """A country, where something speaks for it, how strongly."""

    at: int
    country: str
    weight: float


@cache
def _cities() -> dict[str, str]:
    raw = gzip.decompress(files("moisson.selectors").joinpath("data/cities.tsv.gz").read_bytes()).decode("utf-8")
    rows = (line.split("\t") for line in raw.split("\n"))
    return {name: country for country, *names in rows for name in names}


@lru_cache(maxsize=8192)
def _town(words: str) -> str:
    """The country of the city that these one or two words name, or nothing."""
    for word in (words, *words.split()):
        if country := _cities().get(fold(word)) or _cities().get(fold(word[1:] if word[0] in "بلو" else "")):
            return country
    return ""


class Around:
    """What a page says of countries; nothing is read before the first question."""

    def __init__(self, page: Folded, ctx: Context) -> None:
        self._page, self._ctx = page, ctx
        self._clues: list[_Clue] | None = None
        self._near: Context | None = None
        self._numbers: set[str] = set()
        self._whole: Counter[str] = Counter()
        self._last: tuple[int, dict[str, float]] = (-1, {})

    def context(self) -> Context:
        """The context with the countries of the page before its regions."""
        if self._near is None:
            self._read()
            said = (country for country, _ in self._whole.most_common(_COUNTRIES))
            self._near = structs.replace(self._ctx, regions=tuple(dict.fromkeys((*said, *self._ctx.regions))))
        return self._near

    def settle(self, found: tuple[Reading, ...], at: int) -> Reading:
        """The likeliest of several readings of a number that begins at `at`."""
        if not found[0].region:
            return found[0]
        shares = self._shares(at)
        best, value = found[0], -1.0
        for i, reading in enumerate(found):
            prior = next(p for least, p in _PRIORS if reading.confidence >= least) + _MOBILE * is_mobile(reading.value)
            score = prior - i / 20 + _SWAY * shares.get(reading.region, 0.0)
            score += _SAME_NUMBER if reading.value in self._numbers else 0.0
            if score > value:
                best, value = reading, score
        if best.value in self._numbers:
            return best._replace(confidence=max(best.confidence, 0.93))
        rivals = {r.value for r in found if r.confidence >= best.confidence - 0.01}
        change = 0.2 if shares.get(best.region, 0.0) > 0.5 else -0.05 if len(rivals) > 1 else 0.0
        return best._replace(confidence=min(max(0.92, best.confidence), best.confidence + change))

    def corroborates(self, reading: Reading, at: int) -> bool:
        """Whether most of what is near speaks for its country, or it is mobile and beside an e-mail address."""
        beside = self._page.low[max(0, at - _BESIDE) : at + _BESIDE]
        return self._shares(at).get(reading.region, 0.0) > 0.5 or ("@" in beside and is_mobile(reading.value))

    def _shares(self, at: int) -> dict[str, float]:
        """How much speaks for each country here, from 0 to 1; little evidence gives small shares."""
        if self._last[0] != at:
            self._last = at, self._weigh(at)
        return self._last[1]

    def _weigh(self, at: int) -> dict[str, float]:
        self._read()
        clues, text = self._clues or [], self._page.text
        whole = max(_ENOUGH, sum(self._whole.values()))
        sums: dict[str, float] = {country: n / whole * _PAGE for country, n in self._whole.items()}
        middle = bisect_left(clues, (at,))
        left, right = text.rfind("\n", 0, at), text.find("\n", at)
        right = right if right >= 0 else len(text)
        for clue in (*clues[max(0, middle - _NEAREST) : middle + _NEAREST], *self._towns(at)):
            near = _ON_LINE if left < clue.at < right else exp(-abs(clue.at - at) / _REACH)
            sums[clue.country] = sums.get(clue.country, 0.0) + clue.weight * near
        total = max(1.0, sum(sums.values()))
        return {country: n / total for country, n in sums.items()}

    def _towns(self, at: int) -> Iterator[_Clue]:
        start = max(0, at - _REACH)
        for m in _WORDS.finditer(self._page.low, start, min(len(self._page.low), at + _REACH)):
            if country := _town(m[0]):
                yield _Clue(m.start(), country, 1.0)

    def _read(self) -> None:
        if self._clues is None:
            found = [clue for _, clue in zip(range(_MOST), self._said(), strict=False)]
            self._clues = sorted(found)
            for clue in found:
                self._whole[clue.country] += clue.weight  # type: ignore[assignment]

    def _said(self) -> Iterator[_Clue]:
        text, low = self._page.text, self._page.low
        for sign in ("+", "00"):
            yield from self._numbers_after(sign)
        for m in _GROUPED.finditer(text):
            first, *others = readings(m[0], self._ctx) or (_NOTHING,)
            if first.confidence > 0.8 and all(r.confidence < 0.8 for r in others):
                yield _Clue(m.start(), first.region, 0.7)
        for m in _IBAN.finditer(text):
            if m[1] in iban_lengths():
                yield _Clue(m.start(), m[1], 1.0)
        for m in _FIELD.finditer(low):
            yield _Clue(m.start(), m[1].upper(), 0.7)
        for m in _TOP.finditer(low):
            if low[m.start() - 1 : m.start()].isalnum():
                yield from (_Clue(m.start(), reason.country, 0.4) for reason in Domain.country(m[0]))

    def _numbers_after(self, sign: str) -> Iterator[_Clue]:
        text = self._page.text
        at = text.find(sign)
        while at >= 0:
            m = _WORLD.match(text, at)
            if m and (sign == "+" or not (text[at - 1 : at].isdigit() or text[at - 1 : at] == ".")):
                for reading in readings(m[0], self._ctx)[:1]:
                    self._numbers.add(reading.value)
                    yield _Clue(at, main_region(reading.value), 1.0)
            at = text.find(sign, m.end() if m else at + 1)
