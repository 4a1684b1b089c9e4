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
_CONVENTIONS = tuple(
    (re.compile(pattern), letters)
    for pattern, letters in (
        ("dsch", "j"), ("tsch", "ch"), ("(?<!d)sch", "sh"), ("(?<!s)ch", "kh"), ("(?<![st])ch", "sh"), ("j", "y"),
        ("dj|dg(?=[ei])", "j"), ("c(?=[eiy])", "s"), ("c(?=[eiy])", "ss"), ("c(?!h)", "j"), ("^ou(?=[aei])", "w"),
        ("ou", "u"), ("ou", "w"), ("gu(?=[ei])", "g"), ("g(?=[aeiou])", "j"), ("^r", "gh"),
        (f"(?<={_VOWEL})r(?={_VOWEL})", "gh"), (f"(?<={_VOWEL})h(?={_VOWEL})", ""),
        ("v", "w"), ("p$", "b"), ("t$", "d"), ("k", "q"), ("^h", "kh"),
        ("s", "th"), ("z", "dh"), ("ee", "i"), ("oo", "u"), ("aa", "a"), ("e[iy]", "ay"), ("a[iy]", "ay"),
        ("e", "a"), ("y$", "i"), ("i", "y"), ("y", "i"), ("([bcdfjklmnrstz])(?=\\1)", ""),
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
    return [new for pattern, letters in _CONVENTIONS if (new := pattern.sub(letters, word)) != word]
