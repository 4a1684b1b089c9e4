"""What two exhibits share, the rarest first: inverted lists and document frequency, no table of pairs.

weight = specificity of the kind × rarity in the case × (1 - base rate). The rarity of a value on `df` of `n` exhibits
is log(1 + n / df) / log(1 + n / 2), which is 1 for a value on exactly two. A value in a single file of each exhibit may
be there by chance; each further file takes half of that doubt away.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections import defaultdict
from functools import lru_cache
from importlib.resources import files
from itertools import combinations
from typing import TYPE_CHECKING

from msgspec import Struct

from moisson.link.aliases import aliases
from moisson.selectors import kinds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moisson.store.query import Reader

FLOOR = 0.08
COMMON_SHARE = 0.6
MANY_EXHIBITS = 5
MOST_ROWS = 200_000
PAIR_DF, PAIR_FLOOR = 24, 0.1
CHANCE, NAMESAKE = 0.3, 0.5
_SHARED = """with alias as (select unnest(?::varchar[]) kind, unnest(?::varchar[]) value, unnest(?::varchar[]) meant),
    seen as (select s.kind, coalesce(meant, s.value) as value, exhibit, n
        from selectors s left join alias using (kind, value) where list_contains(?, s.kind)),
    common as (
        select kind, value, count(*) df, sum(n)::bigint n, list(exhibit order by exhibit) exhibits from (
            select kind, value, exhibit, sum(n) n from seen group by all)
        group by kind, value having df > 1 order by df, kind, value limit ?),
    held as (
        select c.kind, c.value, count(distinct item) items from (
            select s.kind, coalesce(meant, s.value) as value, item from sightings s left join alias using (kind, value)
        ) c semi join common using (kind, value) group by all)
    select kind, value, df, n, exhibits, coalesce(items, 0) from common left join held using (kind, value)"""


class Shared(Struct, frozen=True):
    """A selector on two or more exhibits, and what that is worth."""

    kind: str
    value: str
    exhibits: tuple[str, ...]
    sightings: int
    weight: float
    why: str


class Pair(Struct, frozen=True):
    """Two exhibits, how strongly they belong together, and the selectors that say so."""

    a: str
    b: str
    score: float
    selectors: tuple[tuple[str, str], ...]


@lru_cache(maxsize=1)
def _rates() -> dict[str, list[tuple[re.Pattern[str], float]]]:
    table = tomllib.loads(files("moisson.link").joinpath("base_rates.toml").read_text(encoding="utf-8"))
    rates: dict[str, list[tuple[re.Pattern[str], float]]] = defaultdict(list)
    for row in table["rate"]:
        rates[row["kind"]] += [(re.compile(p, re.IGNORECASE), row["share"]) for p in row["patterns"]]
    return rates


def base_rate(kind: str, value: str) -> float:
    """The share of clean systems on which such a value is expected, 0 when nothing is known of it."""
    return max((share for pattern, share in _rates().get(kind, ()) if pattern.fullmatch(value)), default=0.0)


def weigh(kind: str, value: str, df: int, n: int, items: int = 0) -> tuple[float, str]:
    """The worth of a value on `df` of `n` exhibits, and why, in words; `items` files hold it, 0 if that is unknown."""
    specificity, base = kinds.get(kind).specificity(value), base_rate(kind, value)
    rarity = math.log(1 + n / df) / math.log(1 + n / 2) if n > 1 else 1.0
    why = f"on {df} of {n} exhibits"
    if n > MANY_EXHIBITS and df / n > COMMON_SHARE:
        rarity *= (1 - df / n) / (1 - COMMON_SHARE) * 0.8 + 0.2
        why += ", too common to mean much"
    if base:
        why += f", expected on {base:.0%} of clean systems"
    doubt = CHANCE * 0.5 ** (items - df) if items >= df else 0.0
    if items == df:
        why += ", in one file of each"
    return round(specificity * rarity * (1 - base) * (1 - doubt), 4), why


def shared(reader: Reader, limit: int = 1000, *, floor: float = FLOOR) -> list[Shared]:
    """Selectors on two or more exhibits by falling weight; what weighs less than `floor` is left out.

    Values that mean another one count with it (`moisson.link.aliases`).
    """
    pivots = sorted(name for name, kind in kinds.KINDS.items() if kind.pivot)
    n = reader.sql("select count(distinct exhibit) from selectors")[0][0]
    meant = aliases(reader)
    kinds_of, values = [kind for kind, _ in meant], [value for _, value in meant]
    rows = reader.sql(_SHARED, kinds_of, values, list(meant.values()), pivots, MOST_ROWS)
    found = []
    for kind, value, df, seen, exhibits, items in rows:
        weight, why = weigh(kind, value, df, n, items)
        if weight >= floor:
            found.append(Shared(kind, value, tuple(exhibits), int(seen), weight, why))
    found.sort(key=lambda s: (-s.weight, -s.sightings, s.kind, s.value))
    return found[:limit]


def pairs(found: list[Shared], limit: int = 1000) -> list[Pair]:
    """Exhibits that belong together, by what they share.

    A value on very many exhibits speaks for no pair, and a name alone may be a namesake's. Pairs for which little
    speaks are left out.
    """
    evidence: dict[tuple[str, str], list[Shared]] = defaultdict(list)
    for s in found:
        if len(s.exhibits) <= PAIR_DF:
            for pair in combinations(s.exhibits, 2):
                evidence[pair].append(s)
    ranked = [
        Pair(a, b, round(1 - math.prod(map(_unlikely, all_of)), 4), _best(all_of))
        for (a, b), all_of in evidence.items()
    ]
    return sorted((p for p in ranked if p.score >= PAIR_FLOOR), key=lambda p: (-p.score, p.a, p.b))[:limit]


def _unlikely(s: Shared) -> float:
    """How likely two exhibits share this without belonging together."""
    return 1 - min(s.weight, 0.99) * 0.5 * (NAMESAKE if s.kind == "name" else 1.0)


def _best(found: list[Shared]) -> tuple[tuple[str, str], ...]:
    return tuple((s.kind, s.value) for s in found[:5])


def proof(reader: Reader, kind: str, value: str, most: int = 20) -> Iterator[tuple[str, str, str, str]]:
    """Where a selector stands: exhibit, address, path of the item, context; one sighting an exhibit first.

    What means it stands for it.
    """
    values = [value, *(other for (of, other), meant in aliases(reader).items() if of == kind and meant == value)]
    yield from reader.sql(
        """select s.exhibit, s.address, coalesce(i.path, ''), s.context from (
               select *, row_number() over (partition by exhibit order by address) k from sightings
               where kind = ? and list_contains(?::varchar[], value)) s
           left join items i on i.address = s.item and i.exhibit = s.exhibit
           order by s.k, s.exhibit, s.address limit ?""",
        kind,
        values,
        most,
    )
