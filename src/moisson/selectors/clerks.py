"""How clerks of one country write what those of another spelled otherwise: a Latin name in its neighbours' orthography.

German, French, Turkish and English conventions for Arabic and Kurdish names, as the sounds they stand for: `Dschamal`,
`Djamel`, `Cemal` and `Gamal` are one name.
"""

from __future__ import annotations

import re
from functools import lru_cache

_STEPS = 2
_MOST = 48
_VOWEL = "[aeiouy]"
_LETTERS = (
    ("dsch", "j"), ("tsch", "ch"), ("j", "y"), ("dj", "j"), ("ou", "u"), ("ou", "w"), ("v", "w"), ("k", "q"),
    ("s", "th"), ("z", "dh"), ("ee", "i"), ("oo", "u"), ("aa", "a"), ("ei", "ay"), ("ey", "ay"), ("ai", "ay"),
    ("e", "a"), ("i", "y"), ("y", "i"),
)  # fmt: skip
_PLACES = tuple(
    (letters, re.compile(pattern), new)
    for letters, pattern, new in (
        ("sch", "(?<!d)sch", "sh"), ("ch", "(?<!s)ch", "kh"), ("ch", "(?<![st])ch", "sh"), ("dg", "dg(?=[ei])", "j"),
        ("c", "c(?=[eiy])", "s"), ("c", "c(?=[eiy])", "ss"), ("c", "c(?!h)", "j"), ("ou", "^ou(?=[aei])", "w"),
        ("gu", "gu(?=[ei])", "g"), ("g", "g(?=[aeiou])", "j"), ("r", "^r", "gh"),
        ("r", f"(?<={_VOWEL})r(?={_VOWEL})", "gh"), ("h", f"(?<={_VOWEL})h(?={_VOWEL})", ""), ("p", "p$", "b"),
        ("t", "t$", "d"), ("h", "^h", "kh"), ("y", "y$", "i"), ("", r"([bcdfjklmnrstz])(?=\1)", ""),
    )
)  # fmt: skip


@lru_cache(maxsize=16_384)
def respellings(word: str) -> tuple[str, ...]:
    """Other ways to write a folded Latin word, the fewest changes first; without the word itself."""
    if not word.isascii() or not 3 < len(word) < 20:
        return ()
    out = {word: None}
    newest = [word]
    for _ in range(_STEPS):
        made = [new for old in newest for new in _one_step(old)]
        newest = [new for new in dict.fromkeys(made) if new not in out][:_MOST]
        out.update(dict.fromkeys(newest))
    return tuple(out)[1 : _MOST + 1]


def _one_step(word: str) -> list[str]:
    placed = (pattern.sub(new, word) for letters, pattern, new in _PLACES if letters in word)
    return [*(word.replace(old, new) for old, new in _LETTERS if old in word), *(w for w in placed if w != word)]
