"""Light stemming: Arabic clitics and endings, the plurals of French and English.

What stands before or after an Arabic word may also be its own first or last letter (`وليد` is a name, `وكتاب` "and a
book"). A text is therefore found by each stem its words may have, a question asks for those it surely means.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from moisson.store.normal import Memo

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_THE = ("وبال", "وكال", "فبال", "فكال", "وال", "بال", "كال", "فال", "ولل", "فلل", "لل", "ال")
_TWO, _AND, _ONE = ("وب", "ول", "وك", "فب", "فل"), ("و",), ("ب", "ل", "ك", "ف")
_ENDINGS = (
    "تهما", "كما", "هما", "تهم", "تهن", "تكم", "تها", "تنا", "تين", "تان", "هم", "هن", "كم", "نا", "ها", "ان", "ات",
    "ون", "ين", "يه", "ته", "تي", "تك", "ه", "ي", "ا",
)  # fmt: skip
_LEAST, _SAFE = 3, 4
_ARABIC = re.compile("[\u0621-\u064a]+")
_SHORTER = re.compile(rf"([\u0621-\u064a]{{{_LEAST},}}?)(?:{'|'.join(_ENDINGS)})?")
_PLURAL = re.compile(r"[a-z]{3,}[sx]")
_HISSING = re.compile(r"(.{2,}(?:ch|sh|ss|x|z))es")
_SINGULAR = ("ss", "us", "is", "x")


def asked(word: str) -> frozenset[str]:
    """The stems that a folded word of a question stands for, itself among them."""
    return _asked[word]


def stems(words: Iterable[str]) -> set[str]:
    """All stems that folded words may have, beside themselves."""
    return {root for word in words for root in _held[word] if root != word}


def meets(word: str, roots: Iterable[str]) -> bool:
    """True if a folded word of a text may have one of these stems."""
    return not _held[word].isdisjoint(roots)


def _roots(word: str, question: bool) -> frozenset[str]:
    if word.isascii():
        return frozenset((word, _singular(word)))
    if not _ARABIC.fullmatch(word):
        return frozenset((word,))
    starts = {word, *_bare(word, question)}
    shorter = {found[1] for start in starts if (found := _SHORTER.fullmatch(start))}
    own = {start[:-1] for start in starts if not question and start.endswith("ك") and len(start) > _LEAST}
    return frozenset(starts | shorter | own)


def _bare(word: str, question: bool) -> Iterator[str]:
    """The word without what may be put before it; in a question, what might be its own letters stays."""
    sure = _SAFE if question else _LEAST
    befores = ((_THE, _LEAST), (_TWO, sure), (_AND, sure), (_ONE[:2] if question else _ONE, _SAFE))
    for before, least in ((before, least) for group, least in befores for before in group):
        if word.startswith(before) and len(word) - len(before) >= least:
            yield word[len(before) :]


def _singular(word: str) -> str:
    if not _PLURAL.fullmatch(word):
        return word
    if word.endswith("ies") and len(word) > 5:
        return word[:-3] + "y"
    if found := _HISSING.fullmatch(word):
        return found[1]
    if word.endswith("aux") and not word.endswith("eaux"):
        return word[:-2] + "l"
    if word.endswith(("eaux", "eux", "oux")) or (word.endswith("ois") and len(word) > 5):
        return word[:-1]
    return word if word.endswith(_SINGULAR) else word[:-1]


_asked: Memo[frozenset[str]] = Memo(lambda word: _roots(word, question=True))
_held: Memo[frozenset[str]] = Memo(lambda word: _roots(word, question=False))
