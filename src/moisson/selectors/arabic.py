"""Names of persons in Arabic text: kunya, nasab, attested given name with surname or nisba, titles."""

from __future__ import annotations

import re
from functools import cache
from itertools import accumulate
from typing import TYPE_CHECKING

from moisson.selectors.kind import Context, Hit
from moisson.selectors.lexicon import lexicon, words
from moisson.selectors.persons import tidy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moisson.selectors.fold import Folded

_WORD = "[\u0621-\u063a\u0640-\u0652\u0670-\u06d3]"
# Possessive, and never begun inside a word: an endless word must not be tried from each of its letters.
_RUN = re.compile(f"(?<!{_WORD}){_WORD}++(?:[ \u00a0]{_WORD}++)+")
_SAME = tuple(zip("أإآٱىیېئةەکڪگؤ\u00a0", "ااااييييههكككو ", strict=True))
_SIGNS = re.compile("[\u0640\u064b-\u0652\u0670ء]")
_VOWELLED = re.compile("[\u0640\u064b-\u0652\u0670]")
_ON = (" على ", "\nعلى ", " وعلى ", "\nوعلى ", " على\n")
_FATHERS = frozenset(["ابو", "ابي", "ابا"])
_SONS = frozenset(["بن", "ابن", "بنت", "ولد"])
_PREFIXES = frozenset(["قره", "قرا", "كوك", "اق"])
_FEW, _MANY = 5, 20


def seek_arabic(page: Folded, ctx: Context) -> Iterator[Hit]:
    """Names in every run of Arabic words."""
    if page.text.isascii():
        return
    folded = page.text
    for word in _ON:
        folded = folded.replace(word, word[0] + "\0" * (len(word) - 2) + word[-1])
    for letter, same in _SAME:
        folded = folded.replace(letter, same)
    starts = _starts()
    marked = _VOWELLED.search(folded) is not None
    for m in _RUN.finditer(folded):
        bare = _SIGNS.sub("", m[0]) if marked or "ء" in m[0] else m[0]
        plain = bare.split(" ")
        if not starts.isdisjoint(plain):
            yield from _scan(page.text, m.start(), m[0].split(" "), plain)


@cache
def _starts() -> frozenset[str]:
    """Every word that a name can begin with, those after a glued `و` included."""
    given = {w for w, r in lexicon().roles.items() if r.given >= _FEW and "\u0600" <= w[0] <= "\u06ff"}
    glued = {"و" + w for w in given if lexicon().roles[w].given >= _MANY}
    fathers = _FATHERS | {"ام", "عبد"}
    lists = words()
    never = (lists["things"] | lists["settlements"] | lists["titles"] | lists["toponyms"]) - lists["trusted"]
    weak = lists["ordinary"] - lists["trusted"] - fathers
    return frozenset((given | glued | fathers | {"و" + w for w in fathers}) - never - weak)


def _scan(text: str, start: int, raw: list[str], plain: list[str]) -> Iterator[Hit]:
    lists = words()
    titles, places, settlements, toponyms = (lists[k] for k in ("titles", "places", "settlements", "toponyms"))
    roles, starts = lexicon().roles, _starts()
    places_of = list(accumulate((len(w) + 1 for w in raw), initial=0))
    done = 0
    for i in [at for at, word in enumerate(plain) if word in starts]:
        if i < done:
            continue
        word = plain[i]
        known = roles.get(word)
        begin, shift = i, 0
        if word[:1] == "و" and not (known and known.given >= _FEW):
            shift, word = 1, word[1:]
        before = plain[i - 1] if i else ""
        end, sure = _name(plain, i, word, before in titles)
        placed = before in settlements or word in toponyms or (before in places and sure < 0.9)
        if end and not placed:
            first = start + places_of[begin] + shift
            last = start + places_of[end] - 1
            yield Hit("name", tidy(text[first:last]), first, last, sure)
            done = end


def _name(plain: list[str], i: int, word: str, titled: bool) -> tuple[int, float]:
    """Where the name that begins here ends, and how sure it is; (0, 0) for none."""
    if word in _FATHERS or word == "ام":
        return _kunya(plain, i, word)
    end, given = _given(plain, i, word)
    if not end or (given < _FEW):
        return 0, 0.0
    units, strong, sure = 1, False, given >= _MANY
    while end < len(plain) and units < 5:
        step, son = _next(plain, end, 1 if sure and word != "علي" else _MANY // 2)
        if not step:
            break
        end += step
        units += 1
        strong = strong or son
        sure = True
    common = word != "عبد" and word in lexicon().ordinary and word not in words()["trusted"]
    if units >= 2 and (not common or strong or units > 2):
        return end, 0.9 if (given >= _MANY or strong) and not common else 0.75
    return (end, 0.7) if titled and given >= _MANY and not common else (0, 0.0)


def _given(plain: list[str], i: int, word: str) -> tuple[int, int]:
    """The end of the given name that begins here, and how well it is attested."""
    if word == "عبد":
        follows = plain[i + 1] if i + 1 < len(plain) else ""
        return (i + 2, 100) if follows.startswith("ال") or follows in ("رب", "ربه") else (0, 0)
    known = lexicon().roles.get(word)
    if known is None or known.given < _FEW or known.given * 4 < known.last:
        return 0, 0
    if i + 1 < len(plain) and plain[i + 1] == "الدين":
        return i + 2, max(known.given, _MANY)
    return i + 1, known.given


def _next(plain: list[str], at: int, least: int) -> tuple[int, bool]:
    """How many words from here continue a name, and whether a word such as `بن` proves it.

    `least` is how often a surname must be attested to be taken for one.
    """
    word, follows = plain[at], plain[at + 1] if at + 1 < len(plain) else ""
    lists, roles = lexicon(), lexicon().roles
    if word in _SONS and follows and follows not in lists.ordinary:
        return 2 + (follows == "عبد" and at + 2 < len(plain)), True
    if word == "عبد" and follows.startswith("ال"):
        return 2, False
    if word == "ال" and follows:
        return 2, True
    if word in _FATHERS and follows and follows not in lists.ordinary:
        return 2, True
    if word in _PREFIXES and follows:
        return 2, False
    if word in lists.ordinary and word not in words()["trusted"]:
        return 0, False
    if word.startswith("ال") and len(word) > 4:
        known = roles.get(word[2:])
        nisba = word.endswith("ي") and len(word) > 5 and least == 1
        fits = (known and known.last >= least) or nisba
        return (1, False) if fits and word[2:] not in lists.ordinary else (0, False)
    known = roles.get(word[2:] if word.startswith("بو") and len(word) > 4 else word)
    return (
        (1, False) if known and (known.given >= 5 * least or known.last >= 2 * least) and len(word) > 2 else (0, False)
    )


def _kunya(plain: list[str], i: int, word: str) -> tuple[int, float]:
    """`أبو X` and `أم X`, with the nisba behind them."""
    follows = plain[i + 1] if i + 1 < len(plain) else ""
    lists = lexicon()
    if len(follows) < 2 or follows in words()["kunya_places"]:
        return 0, 0.0
    known = lists.roles.get(follows.removeprefix("ال"))
    if word == "ام" and not (
        known and known.given >= 2 and (follows not in lists.ordinary or follows in words()["trusted"])
    ):
        return 0, 0.0
    if word == "ابي" and not (known and known.given >= _FEW):
        return 0, 0.0
    end = i + 2
    if follows == "عبد" and end < len(plain):
        end += 1
    if end < len(plain):
        last = plain[end]
        seen = lists.roles.get(last[2:]) if last.startswith("ال") else None
        if (
            last.startswith("ال")
            and last.endswith("ي")
            and len(last) > 5
            and seen
            and seen.last
            and last not in lists.ordinary
        ):
            end += 1
    return end, 0.9
