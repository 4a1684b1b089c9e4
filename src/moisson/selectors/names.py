"""Names of persons: their kind, the keys by which two spellings meet, and how alike two names are.

Research on Arabic names decides the rules: short vowels are not written, French and English clerks differ, so attested
spellings come first, consonants second, and edit distance only between spellings in one script.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from typing import Literal, NamedTuple

from rapidfuzz.distance import JaroWinkler, Levenshtein

from moisson.selectors.clerks import respellings
from moisson.selectors.fold import plain
from moisson.selectors.kind import Context, Kind
from moisson.selectors.lexicon import bared, lexicon, meanings
from moisson.selectors.persons import tidy
from moisson.selectors.spelling import is_arabic, skeleton, tokens

Band = Literal["same", "possible", "different"]
SAME, POSSIBLE = 0.82, 0.70
_FRAME = frozenset({"abu", "umm"})
_FRAME_WEIGHT = 0.45
_UNMATCHED = 0.8
_SHORTEST = 2


class NameScore(NamedTuple):
    """How alike two names are from 0 to 1, the band that is in, and why in words."""

    value: float
    band: Band
    reason: str


class Name(Kind):
    """The name of a person as written, single spaces."""

    name = "name"
    label = "Name"
    pivot = True

    @classmethod
    def clean(cls, raw: str, ctx: Context) -> str | None:
        text = tidy(plain(raw)[:200])
        return text if sum(map(str.isalpha, text)) >= 2 else None

    @classmethod
    def specificity(cls, value: str) -> float:
        parts = tokens(value)
        return 0.15 if len(parts) < 2 else 0.3 if _FRAME & set(parts) else min(0.7, 0.25 * len(parts))


def _keys(token: str) -> frozenset[str]:
    """The Arabic forms a token may stand for; empty if there is no telling."""
    return frozenset((token,)) if is_arabic(token) else meanings(token)


def _parts(name: str) -> tuple[str, ...]:
    return tuple(map(bared, tokens(name)))


def keys(name: str) -> frozenset[str]:
    """Blocking keys: names that share none of them are different; from all parts but `abu` and `umm`."""
    parts = [token for token in _parts(name) if token not in _FRAME]
    bones = [skeleton(token) for token in parts]
    out = {"~" + b for b in bones} | {"~" + a + b for a, b in pairwise(bones)}
    return frozenset(out.union(*map(_keys, parts)))


def score(a: str, b: str) -> NameScore:
    """Compare two names in any script; symmetric, 1.0 for the same tokens."""
    left, right = _parts(a), _parts(b)
    if not left or not right:
        return NameScore(0.0, "different", "no name")
    if len(left) != len(right):
        left, right = _joined(left, right), _joined(right, left)
    return _score(*sorted((left, right)))


def _joined(parts: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    """With two parts in one where the other name has them so and no vowel counts, as in Kara Dagh and Karadağ."""
    bones = {skeleton(token): token for token in other}
    for i, (a, b) in enumerate(pairwise(parts)):
        both = skeleton(a) + skeleton(b)
        if len(both) > _SHORTEST and both in bones and a not in _FRAME:
            return (*parts[:i], bones[both], *parts[i + 2 :])
    return parts


@lru_cache(maxsize=65_536)
def _score(left: tuple[str, ...], right: tuple[str, ...]) -> NameScore:
    pairs = sorted(
        ((_pair(x, y), i, j) for i, x in enumerate(left) for j, y in enumerate(right)),
        key=lambda p: (-p[0], abs(p[1] - p[2]), p[1]),
    )
    used: tuple[set[int], set[int]] = (set(), set())
    total = weight = 0.0
    said: list[str] = []
    for value, i, j in pairs:
        if i in used[0] or j in used[1] or value < 0.3:
            continue
        used[0].add(i)
        used[1].add(j)
        part = _FRAME_WEIGHT if left[i] in _FRAME and right[j] in _FRAME else 1.0
        total += part * value * value
        weight += part
        said.append(f"{left[i]} = {right[j]}" if value >= 0.95 else f"{left[i]} ~ {right[j]} {value:.2f}")
    alone = [t for i, t in enumerate(left) if i not in used[0]] + [t for j, t in enumerate(right) if j not in used[1]]
    for token in alone:
        weight += _UNMATCHED * (_FRAME_WEIGHT if token in _FRAME else 1.0)
        said.append(f"{token} alone")
    value = round(total / weight if weight else 0.0, 4)
    band: Band = "same" if value >= SAME else "possible" if value >= POSSIBLE else "different"
    return NameScore(value, band, ", ".join(said))


@lru_cache(maxsize=262_144)
def _pair(a: str, b: str) -> float:
    """How alike two tokens are: same, attested together, or near in consonants."""
    if a == b:
        return 1.0
    if a in _FRAME or b in _FRAME:
        return 0.0
    left, right = _keys(a), _keys(b)
    if left & right:
        return 0.97
    attested = a in lexicon().roles and b in lexicon().roles
    if not attested and (b in respellings(a) or a in respellings(b)):
        return 0.95
    bones = Levenshtein.normalized_similarity(skeleton(a), skeleton(b))
    if left and right and attested:
        close = max(Levenshtein.normalized_similarity(x, y) for x in left for y in right)
        return 0.35 + 0.5 * close if close >= 0.5 else 0.6 * close
    if is_arabic(a) == is_arabic(b):
        return (bones + JaroWinkler.similarity(a, b)) / 2
    return bones * 0.97
