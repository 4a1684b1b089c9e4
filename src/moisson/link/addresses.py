"""Addresses that spell the name of somebody in the case: `tariq.alshammari77@`, `alshammari_tariq@`, `talshammari@`.

Both parts in any order and spelling, or an initial before the last part when only one person of the case can be meant.
Whoever is known by one part or by a kunya is left out, and so are addresses of one short word.
"""

from __future__ import annotations

import re
from collections import defaultdict
from functools import lru_cache
from typing import TYPE_CHECKING

from moisson.selectors import names
from moisson.selectors.lexicon import meanings
from moisson.selectors.spelling import fold, is_arabic, tokens

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Key = tuple[str, str]

ALIKE, SHORTEST, LAST = 50, 7, 5
_WORDS = re.compile("[a-z]+")
_GLUED = re.compile("(?<=[a-z]{3})(?=(?:al|el|ben|bin|ibn)[a-z]{4}|(?:ben|bin|ibn)(?![a-z]))")
_FRAME = frozenset({"abu", "umm"})
_INITIALS = {
    "ا": "aeiouyh", "ع": "aeiou", "ب": "bp", "ت": "t", "ث": "ts", "ج": "jdgcy", "ح": "h", "خ": "khc", "د": "d",
    "ذ": "dz", "ر": "r", "ز": "z", "س": "s", "ش": "sc", "ص": "s", "ض": "dz", "ط": "t", "ظ": "zd", "غ": "gr",
    "ف": "fv", "ق": "kqgc", "ك": "kc", "ل": "l", "م": "m", "ن": "n", "ه": "h", "و": "wouv", "ي": "yij",
}  # fmt: skip


def spelled(addresses: Iterable[Key], shown: dict[Key, str]) -> Iterator[tuple[Key, Key]]:
    """Pairs of an address and a name that it spells; `shown` has the names as people read them."""
    known = _blocks(shown)
    for key in addresses:
        words = _WORDS.findall(key[1].partition("@")[0])
        if sum(map(len, words)) >= SHORTEST:
            for name in _whole(words, known, shown) or _initial(words, known, shown):
                yield key, name


def _blocks(shown: dict[Key, str]) -> dict[str, list[Key]]:
    found: dict[str, list[Key]] = defaultdict(list)
    for key, name in shown.items():
        parts = tokens(name)
        if len(parts) > 1 and parts[0] not in _FRAME:
            for block in names.keys(name):
                found[block].append(key)
    return found


def _near(text: str, known: dict[str, list[Key]]) -> list[Key]:
    """The names that share a part, the rarest part first."""
    blocks = sorted((known[block] for block in names.keys(text) if block in known), key=len)
    return list(dict.fromkeys(key for block in blocks for key in block[:ALIKE]))[:ALIKE]


def _whole(words: list[str], known: dict[str, list[Key]], shown: dict[Key, str]) -> list[Key]:
    """Whose name all the words are, as they stand or with what is glued to them apart, the last part first or last."""
    apart = _GLUED.sub(" ", " ".join(words)).split()
    texts = dict.fromkeys(" ".join(w) for w in (words, apart, apart[-1:] + apart[:-1]) if len(w) > 1)
    bands: dict[Key, str] = {}
    for text in texts:
        for key in _near(text, known):
            if (band := names.score(text, shown[key]).band) != "different" and bands.get(key) != "same":
                bands[key] = band
    same = [key for key, band in bands.items() if band == "same"]
    return same or _only(list(bands), shown)


def _initial(words: list[str], known: dict[str, list[Key]], shown: dict[Key, str]) -> list[Key]:
    """Who has this initial and this last part, nobody when they may be two."""
    if len(words) > 2 or (len(words) == 2 and len(words[0]) > 1):
        return []
    first, last = words[0][0], words[-1] if len(words) == 2 else words[0][1:]
    if len(last) < LAST:
        return []
    found = [key for key in _near(last, known) if _fits(first, last, shown[key])]
    return _only(found, shown)


def _only(found: list[Key], shown: dict[Key, str]) -> list[Key]:
    """The names when they may all be one person's, else none."""
    one = all(names.score(shown[a], shown[b]).band != "different" for a in found[1:] for b in found[:1])
    return found if one else []


def _fits(first: str, last: str, name: str) -> bool:
    parts = tokens(name)
    return first in _letters(parts[0]) and any(
        names.score(last, part).band == "same" for part in (*parts[1:], " ".join(parts[1:]))
    )


@lru_cache(maxsize=65_536)
def _letters(part: str) -> frozenset[str]:
    """With which letters a part of a name may begin in Latin."""
    forms = (part,) if is_arabic(part) else meanings(part)
    begins = "" if is_arabic(part) else fold(part)[:1]
    return frozenset(begins).union(*(_INITIALS.get(form[:1], "") for form in forms))
