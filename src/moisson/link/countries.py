"""Which country a selector, a person or an exhibit concerns: a hypothesis with its reasons.

A selector may say it itself (prefix, IBAN, plate, position …). One that does not is given the country of what stands
beside it: on the same line, in the same contact card, on the line before or after. Each reason keeps its strength, so
that an analyst can contest it.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import combinations, product
from typing import TYPE_CHECKING

from msgspec import Struct

from moisson.link.rarity import base_rate
from moisson.selectors import kinds, names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moisson.store.query import Reader

Key = tuple[str, str]

SAME_LINE, NEXT_LINE, SAME_CARD = 1.0, 0.3, 1.5
CROWD = 12
ROUNDS, DAMPING = 2, 0.6
ENOUGH, LEAD = 0.25, 0.5
COMMON_BASE = 0.9
_TIES = (
    "phone",
    "email",
    "account",
    "iban",
    "crypto",
    "imei",
    "imsi",
    "mac",
    "ssid",
    "plate",
    "coords",
    "name",
    "passport",
)


class Hypothesis(Struct, frozen=True):
    """A selector concerns a country: how sure (0 to 1), and the reasons in words."""

    country: str
    kind: str
    value: str
    strength: float
    reasons: tuple[str, ...]
    exhibits: tuple[str, ...] = ()


class Summary(Struct, frozen=True):
    """What concerns a country: exhibits, selectors, and the strongest reasons."""

    country: str
    exhibits: tuple[str, ...]
    selectors: tuple[Hypothesis, ...]


def hypotheses(reader: Reader) -> list[Hypothesis]:
    """Every selector's countries, strongest first."""
    where, ties = _gather(reader)
    own = {key: _own(key) for key in where}
    spread = _spread(own, ties)
    found = []
    for key, countries in spread.items():
        best = max(countries.values(), default=0.0)
        for country, strength in countries.items():
            if strength >= ENOUGH and strength >= LEAD * best:
                reasons = [why for c, why, _ in own[key] if c == country] or _borrowed(key, country, own, ties)
                exhibits = tuple(sorted(where[key]))
                found.append(Hypothesis(country, *key, round(min(strength, 1.0), 3), tuple(reasons[:5]), exhibits))
    return sorted(found, key=lambda h: (h.country, -h.strength, h.kind, h.value))


def summarise(found: list[Hypothesis]) -> list[Summary]:
    """The hypotheses by country, the country with most selectors first."""
    by_country: dict[str, list[Hypothesis]] = defaultdict(list)
    for h in found:
        by_country[h.country].append(h)
    summaries = [
        Summary(country, tuple(sorted({e for h in of for e in h.exhibits})), tuple(of))
        for country, of in by_country.items()
    ]
    return sorted(summaries, key=lambda s: (-len(s.selectors), s.country))


def _own(key: Key) -> list[tuple[str, str, float]]:
    if base_rate(*key) >= COMMON_BASE:
        return []
    return [(r.country, r.why, r.strength) for r in kinds.get(key[0]).country(key[1])]


def _gather(reader: Reader) -> tuple[dict[Key, set[str]], dict[Key, dict[Key, float]]]:
    where: dict[Key, set[str]] = defaultdict(set)
    ties: dict[Key, dict[Key, float]] = defaultdict(lambda: defaultdict(float))
    before: tuple[str, int, list[Key]] = ("", -9, [])
    for item, line, exhibit, found in _lines(reader):
        keys = list(dict.fromkeys(found))
        for key in keys:
            where[key].add(exhibit)
        if len(keys) > CROWD:
            before = ("", -9, [])
            continue
        card = line < 0
        _tie(ties, list(combinations(keys, 2)), (SAME_CARD if card else SAME_LINE) / max(1, len(keys) - 1))
        if not card and before[0] == item and line - before[1] == 1:
            _tie(ties, list(product(before[2], keys)), NEXT_LINE / (len(keys) + len(before[2])))
        before = (item, line, keys)
    return where, ties


def _tie(ties: dict[Key, dict[Key, float]], pairs: list[tuple[Key, Key]], weight: float) -> None:
    for a, b in pairs:
        if a != b:
            ties[a][b] += weight
            ties[b][a] += weight


def _lines(reader: Reader) -> Iterator[tuple[str, int, str, list[Key]]]:
    rows = reader.sql(
        """select item, line, case when line < 0 then context else '' end card, any_value(exhibit),
                  list({'k': kind, 'v': value} order by address)
           from sightings where list_contains(?, kind) group by item, line, card
           having line >= 0 or card != '' or count(*) = 1 order by item, line, card""",
        list(_TIES),
    )
    for item, line, card, exhibit, found in rows:
        keys = [_key(f["k"], f["v"]) for f in found]
        if card:
            keys.append(_key("name", card))
        yield item, line, exhibit, keys


def _key(kind: str, value: str) -> Key:
    return (kind, " ".join(sorted(names.keys(value))[:1]) or value) if kind == "name" else (kind, value)


def _spread(
    own: dict[Key, list[tuple[str, str, float]]], ties: dict[Key, dict[Key, float]]
) -> dict[Key, dict[str, float]]:
    direct = {key: _strongest(reasons) for key, reasons in own.items()}
    now = dict(direct)
    for _ in range(ROUNDS):
        after: dict[Key, dict[str, float]] = {}
        for key, mine in direct.items():
            if max(mine.values(), default=0.0) >= ENOUGH:
                after[key] = mine
                continue
            votes: dict[str, float] = defaultdict(float)
            total = 0.0
            for other, weight in ties.get(key, {}).items():
                for country, strength in now.get(other, {}).items():
                    votes[country] += weight * strength
                    total += weight * strength
            after[key] = {c: DAMPING * v / total + mine.get(c, 0) for c, v in votes.items()} if total else mine
        now = after
    return now


def _strongest(reasons: list[tuple[str, str, float]]) -> dict[str, float]:
    best: dict[str, float] = {}
    for country, _, strength in reasons:
        best[country] = max(best.get(country, 0.0), strength)
    return best


def _borrowed(
    key: Key, country: str, own: dict[Key, list[tuple[str, str, float]]], ties: dict[Key, dict[Key, float]]
) -> list[str]:
    beside = sorted(ties.get(key, {}).items(), key=lambda t: (-t[1], t[0]))
    direct = [
        f"stands beside {k} {v}: {why}" for (k, v), _ in beside for c, why, _ in own.get((k, v), ()) if c == country
    ]
    return list(dict.fromkeys(direct)) or [f"stands beside what stands beside numbers of {country}"]
