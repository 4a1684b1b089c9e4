"""Which country a selector, a person or an exhibit concerns: a hypothesis with its reasons.

A selector may say it itself (prefix, IBAN, plate, position …). One that does not is given the country of what stands
with it (`moisson.link.ties`), and so, in a few rounds, are the names between. Each reason keeps its strength, so that
an analyst can contest it.
"""

from __future__ import annotations

from collections import defaultdict

from msgspec import Struct

from moisson.link.aliases import aliases
from moisson.link.origins import origins
from moisson.link.standing import set_aside
from moisson.link.ties import Key, Ties, gather
from moisson.store.query import Reader  # noqa: TC001

ROUNDS, DAMPING, PRIOR = 4, 0.7, 0.1
ENOUGH, LEAD, LIKELY = 0.25, 0.7, 0.4
SOCIABLE = 8
PASSING = 0.5
_HELD_ABROAD = frozenset({"iban"})
_DEFINITE = frozenset({"phone", "coords"})
_ONE_PLAN = frozenset({"plate"})


class Hypothesis(Struct, frozen=True):
    """A selector concerns a country: how sure (0 to 1), and the reasons in words.

    `aside` says why it is no sign that the network reaches there, empty for what is one (`moisson.link.standing`).
    """

    country: str
    kind: str
    value: str
    strength: float
    reasons: tuple[str, ...]
    exhibits: tuple[str, ...] = ()
    aside: str = ""


class Summary(Struct, frozen=True):
    """What concerns a country: the network's exhibits and selectors, the strongest first, and what is set aside."""

    country: str
    exhibits: tuple[str, ...]
    selectors: tuple[Hypothesis, ...]
    aside: tuple[Hypothesis, ...] = ()


def hypotheses(reader: Reader) -> list[Hypothesis]:
    """Every selector's countries, by country and strongest first, what is set aside behind the rest."""
    ties = gather(reader)
    apart = set_aside(reader, ties, aliases(reader))
    spread = _spread(ties)
    found = []
    for key, countries in spread.items():
        best = max(countries.values(), default=0.0)
        for country, strength in countries.items():
            if strength >= ENOUGH and strength >= LEAD * best:
                reasons = _reasons(key, country, ties)
                exhibits = tuple(sorted(ties.where[key]))
                sure, why = round(min(strength, 1.0), 3), apart.get(key, "")
                found.append(Hypothesis(country, key[0], ties.shown(key), sure, reasons, exhibits, why))
    return sorted(found, key=lambda h: (h.country, bool(h.aside), -h.strength, h.kind, h.value))


def summarise(found: list[Hypothesis]) -> list[Summary]:
    """The hypotheses by country, the country with most of the network's selectors first."""
    by_country: dict[str, list[Hypothesis]] = defaultdict(list)
    for h in found:
        by_country[h.country].append(h)
    summaries = []
    for country, of in by_country.items():
        ours, aside = tuple(h for h in of if not h.aside), tuple(h for h in of if h.aside)
        exhibits = tuple(sorted({e for h in ours if _places(h) for e in h.exhibits}))
        summaries.append(Summary(country, exhibits, ours, aside))
    return sorted(summaries, key=lambda s: (-len(s.selectors), s.country))


def _places(h: Hypothesis) -> bool:
    """Whether an exhibit concerns the country because of this; a name only when that is fairly sure."""
    return h.kind != "name" or h.strength >= LIKELY


def _spread(ties: Ties) -> dict[Key, dict[str, float]]:
    direct = {key: _strongest(key) for key in ties.where}
    unsaid = {key for key, mine in direct.items() if key[0] in _ONE_PLAN and len(mine) > 1}
    fixed = {key for key, mine in direct.items() if len(mine) == 1 and max(mine.values()) >= ENOUGH}
    now: dict[Key, dict[str, float]] = {key: {} if key in unsaid else mine for key, mine in direct.items()}
    for _ in range(ROUNDS):
        now |= {key: _settle(key, direct[key], ties, now) for key in direct.keys() - fixed - unsaid}
    now |= {key: _settle(key, direct[key], ties, now) for key in unsaid}
    for key in fixed:
        if key[0] in _HELD_ABROAD:
            now[key] = _borrow(key, ties, now) | direct[key]
    return now


def _settle(key: Key, mine: dict[str, float], ties: Ties, now: dict[Key, dict[str, float]]) -> dict[str, float]:
    """What a key concerns by itself and by its company, which only chooses where the value is definite."""
    lent = _borrow(key, ties, now)
    if mine and key[0] in _DEFINITE:
        lent = {country: strength for country, strength in lent.items() if country in mine}
    if key[0] in _ONE_PLAN and (most := max((lent.get(country, 0.0) for country in mine), default=0.0)):
        mine = {country: own for country, own in mine.items() if lent.get(country, 0.0) >= LEAD * most}
        lent = {country: strength for country, strength in lent.items() if country in mine or strength >= most}
    return {country: mine.get(country, 0.0) + lent.get(country, 0.0) for country in mine | lent}


def _borrow(key: Key, ties: Ties, now: dict[Key, dict[str, float]]) -> dict[str, float]:
    """The countries of what stands with a key; who stands with everybody says little, a single faint tie nothing."""
    votes: dict[str, float] = defaultdict(float)
    mass = PRIOR
    for other, weight in ties.of.get(key, {}).items():
        countries = now.get(other, {})
        weight *= PASSING if other[0] == "coords" else 1.0
        weight *= min(1.0, SOCIABLE / max(1, len(ties.of[other])))
        mass += weight * max(countries.values(), default=0.0)
        for country, strength in countries.items():
            votes[country] += weight * strength
    return {country: DAMPING * vote / mass for country, vote in votes.items()}


def _strongest(key: Key) -> dict[str, float]:
    best: dict[str, float] = {}
    for country, _, strength in origins(*key):
        best[country] = max(best.get(country, 0.0), strength)
    return best


def _reasons(key: Key, country: str, ties: Ties) -> tuple[str, ...]:
    own = [why for c, why, _ in origins(*key) if c == country]
    if own:
        return tuple(own[:5])
    beside = sorted(ties.of.get(key, {}).items(), key=lambda t: (-t[1], t[0]))
    direct = [
        f"{ties.how.get((key, other), 'stands with')} {other[0]} {ties.shown(other)}: {why}"
        for other, _ in beside
        for c, why, _ in origins(*other)
        if c == country
    ]
    said = [f"{ties.how[key, o]} {ties.shown(o)}, who stands with {country}" for o, _ in beside if (key, o) in ties.how]
    return tuple(dict.fromkeys(direct))[:5] or tuple(said[:1]) or (f"stands with somebody who stands with {country}",)
