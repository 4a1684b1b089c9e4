"""One normaliser for the index and for queries: words folded to the letters that people mean by them.

Arabic: alef and hamza carriers, ya, ta marbuta, Persian and Kurdish variants, tatweel, vowel signs, presentation forms.
Everywhere: Unicode NFKC, case, accents, ligatures, digits of every script, bidirectional and invisible marks. What is
no letter or digit separates words; scripts that write no spaces give one word a character.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
LONGEST = 200
_KEPT = 48
_ENTRIES = 80_000
_ASCII = re.compile(r"[a-z0-9]+")
_TABLE = bytes(c | 0x20 if 65 <= c <= 90 else c if 48 <= c <= 57 or 97 <= c <= 122 else 32 for c in range(256))
_ALONE = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3041-\u30ff\u31f0-\u31ff\u3400-\u9fff\U00020000-\U0003ffff"
_ARABIC = re.compile("[\u0621-\u064a]+")
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


class Memo(dict[str, "T"], Generic[T]):
    """What short strings become, remembered until there are too many; those asked for lately survive."""

    def __init__(self, make: Callable[[str], T]) -> None:
        self.make, self.older = make, dict[str, T]()

    def __missing__(self, word: str) -> T:
        result = self.older[word] if word in self.older else self.make(word)
        if len(word) <= _KEPT:
            if len(self) >= _ENTRIES:
                self.older = dict(self)
                self.clear()
            self[word] = result
        return result


def fold(text: str) -> str:
    """The folded words of a text, one space between them; a word over 200 characters is cut into several."""
    if len(text) > _KEPT and text.isascii():
        words = text.encode().translate(_TABLE).decode().split()
        if max(map(len, words), default=0) <= LONGEST:
            return " ".join(words)
    return " ".join(filter(None, map(_folded.__getitem__, text.split())))


_folded = Memo(lambda chunk: " ".join(_words(chunk)))


def _words(chunk: str) -> list[str]:
    if chunk.isascii():
        words = [chunk.lower()] if chunk.isalnum() else _ASCII.findall(chunk.lower())
    else:
        plain = chunk.translate(_LETTERS)
        if _ARABIC.fullmatch(plain):
            words = [plain]
        else:
            plain = unicodedata.normalize("NFKD", plain).translate(_LETTERS).casefold().translate(_LETTERS)
            words = _WORD.findall(_digits(unicodedata.normalize("NFC", plain)))
    if len(chunk) <= LONGEST // 20:
        return words
    return [word[at : at + LONGEST] for word in words for at in range(0, len(word), LONGEST)]


def _digits(text: str) -> str:
    if not any(c > "\x7f" and c.isdecimal() for c in text):
        return text
    return "".join(str(unicodedata.decimal(c)) if c > "\x7f" and c.isdecimal() else c for c in text)
