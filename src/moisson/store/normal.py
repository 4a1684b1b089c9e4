"""One normaliser for the index and for queries: words folded to the letters that people mean by them.

Arabic: alef and hamza carriers, ya, ta marbuta, Persian and Kurdish variants, tatweel, vowel signs, presentation forms.
Everywhere: Unicode NFKC, case, accents, ligatures, digits of every script, bidirectional and invisible marks. What is
no letter or digit separates words; scripts that write no spaces give one word a character.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

LONGEST = 200
_KEPT = 48
_ENTRIES = 100_000
_ASCII = re.compile(r"[a-z0-9]+")
_ALONE = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3041-\u30ff\u31f0-\u31ff\u3400-\u9fff\U00020000-\U0003ffff"
_MARKED = "\u0900-\u0dff\u0f00-\u0fff"
_WORD = re.compile(rf"[{_ALONE}]|(?:(?![{_ALONE}])[^\W_]|[{_MARKED}])+")
_SAME = (
    ("أإآٱٲٳٵ", "ا"),
    ("ىیېۍئێ", "ي"),
    ("ةۀەہۂۃھ", "ه"),
    ("ؤۆۇۈۋ", "و"),
    ("کڪګ", "ك"),
    ("ıİ", "i"),
    ("øØ", "o"),
    ("đðĐÐ", "d"),
    ("łŁ", "l"),
    ("ħĦ", "h"),
    ("ŧŦ", "t"),
    ("ŋ", "n"),
)
_LONGER = {"æ": "ae", "Æ": "ae", "œ": "oe", "Œ": "oe", "ß": "ss", "ẞ": "ss", "þ": "th", "Þ": "th"}
_GONE = (
    *range(0x0300, 0x0370), *range(0x0483, 0x0488), *range(0x0591, 0x05C0), 0x05C1, 0x05C2, 0x05C4, 0x05C5, 0x05C7,
    *range(0x0610, 0x061B), 0x061C, 0x0640, *range(0x064B, 0x0660), 0x0670, *range(0x06D6, 0x06DD),
    *range(0x06DF, 0x06E5), 0x06E7, 0x06E8, *range(0x06EA, 0x06EE), *range(0x0730, 0x074B), *range(0x08D3, 0x0900),
    *range(0x1AB0, 0x1B00), *range(0x1DC0, 0x1E00), *range(0x20D0, 0x2100), *range(0xFE20, 0xFE30),
    0x00AD, *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070), 0xFEFF, *range(0xFE00, 0xFE10),
)  # fmt: skip
_LETTERS: dict[int, str | None] = (
    {ord(variant): letter for variants, letter in _SAME for variant in variants}
    | {ord(letter): pair for letter, pair in _LONGER.items()}
    | dict.fromkeys(_GONE)
)
_PREFIXES = (
    "وبال", "وكال", "فبال", "فكال", "وال", "بال", "كال", "فال", "ولل", "فلل", "لل", "ال", "وب", "ول", "وك", "فب", "فل",
)  # fmt: skip
_SUFFIXES = (
    "تهما", "كما", "هما", "تهم", "تهن", "تكم", "تها", "تنا", "هم", "هن", "كم", "نا", "ها", "ان", "ات", "ون", "ين",
    "يه", "ته", "تي", "ه", "ي",
)  # fmt: skip
_ARABIC = re.compile("[\u0621-\u064a]{4,}")
_PLURAL = re.compile(r"[a-z]{4,}[sx]")


class _Memo(dict[str, str]):
    """What short strings become, remembered until there are too many."""

    def __missing__(self, word: str) -> str:
        result = self.make(word)
        if len(word) <= _KEPT:
            if len(self) >= _ENTRIES:
                self.clear()
            self[word] = result
        return result

    def make(self, word: str) -> str:
        raise NotImplementedError


class _Folded(_Memo):
    def make(self, word: str) -> str:
        return " ".join(_words(word))


class _Stems(_Memo):
    def make(self, word: str) -> str:
        if _ARABIC.fullmatch(word):
            return _stem_arabic(word)
        return _stem_latin(word) if _PLURAL.fullmatch(word) else word


_folded, _stems = _Folded(), _Stems()


def fold(text: str) -> str:
    """The folded words of a text, one space between them; a word over 200 characters is cut into several."""
    return " ".join(filter(None, map(_folded.__getitem__, text.split())))


def stem(text: str) -> str:
    """Folded words without Arabic clitics and endings, and without the plural of French and English."""
    return " ".join(map(_stems.__getitem__, text.split(" ")))


def stems(words: Iterable[str]) -> set[str]:
    """The stems of folded words, of those only that have another stem than themselves."""
    return {root for word in words if (root := _stems[word]) != word}


def _words(chunk: str) -> Iterable[str]:
    if chunk.isascii():
        words = _ASCII.findall(chunk.lower())
    else:
        plain = unicodedata.normalize("NFKD", chunk.translate(_LETTERS)).translate(_LETTERS).casefold()
        words = _WORD.findall(_digits(unicodedata.normalize("NFC", plain.translate(_LETTERS))))
    for word in words:
        if len(word) <= LONGEST:
            yield word
        else:
            yield from (word[at : at + LONGEST] for at in range(0, len(word), LONGEST))


def _digits(text: str) -> str:
    if not any(c > "\x7f" and c.isdecimal() for c in text):
        return text
    return "".join(str(unicodedata.decimal(c)) if c > "\x7f" and c.isdecimal() else c for c in text)


def _stem_arabic(word: str) -> str:
    for prefix in _PREFIXES:
        if word.startswith(prefix) and len(word) - len(prefix) >= 3:
            word = word[len(prefix) :]
            break
    else:
        if (word[0] == "و" and len(word) >= 4) or (word[0] in "فبكل" and len(word) >= 5):
            word = word[1:]
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= 3:
            return word[: -len(suffix)]
    return word


def _stem_latin(word: str) -> str:
    if word.endswith(("eaux", "eux")):
        return word[:-1]
    return word if word.endswith(("ss", "us", "is", "x")) else word[:-1]
