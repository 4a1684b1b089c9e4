"""In which character set a few words are, by their letters: names in an archive, a subject, a note."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from functools import cache
from importlib import resources
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from moisson.extract.charset import codec

if TYPE_CHECKING:
    from collections.abc import Iterable

_SAMPLE = 2048
_RUN = re.compile(rb"[\x80-\xff]{3}")
_DOUBTFUL, _SURE = 0.5, 2.3
_STRANGE, _SYMBOL, _FOREIGN, _RARE = -8.0, -4.0, -1.0, 0.5
_EVERYDAY, _SELDOM = 4.0, 0.0
_KANA, _HANGUL = 4.5, 4.2
_MISSHAPEN, _CAPITALS = -4.0, -3.0


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads((resources.files(__package__) / "letters.toml").read_text("utf-8"))


@cache
def _grades(charset: str) -> tuple[dict[str, float], ...]:
    """What each letter of each language of a character set is worth: three grades by how common it is."""
    out = []
    for language in _table()["charsets"][charset]:
        letters = _table()["letters"][language]
        out.append({c: 3.0 - 2.0 * (i // 8 * 8) / len(letters) for i, c in enumerate(letters)})
    return tuple(out)


def guess_names(raws: Iterable[bytes]) -> str:
    """One character set for all the names that are neither ASCII nor declared; DOS's own by default."""
    words = [raw for raw in dict.fromkeys(raws) if not raw.isascii()]
    if not words:
        return "cp437"
    size = 0
    for count, word in enumerate(words):
        if (size := size + len(word)) > _SAMPLE and count:
            words = words[:count]
            break
    whole = b"\n".join(words)
    return _best(whole, _table()["charsets"]) or _detected(whole)


def guess_words(raw: bytes) -> str:
    """The character set of a short text that no program for DOS wrote, or "" where nothing fits."""
    return _best(raw, _table()["texts"])


def mislabelled(raw: bytes) -> str:
    """The set of a text that is called Western and cannot be, as mail programs label any text; "" where it may be."""
    if not (run := _RUN.search(raw)):
        return ""
    sample = raw[max(0, run.start() - _SAMPLE // 8) :][: _SAMPLE // 2]
    if _by_letters(sample, "cp1252") > _DOUBTFUL:
        return ""
    best = max(_table()["texts"], key=lambda name: _by_letters(sample, name))
    return best if _by_letters(sample, best) > _SURE else ""


def _best(whole: bytes, single: Iterable[str]) -> str:
    """The set under which the bytes look most like words."""
    scores: dict[str, float] = {name: _by_letters(whole, name) for name in single}
    scores |= {name: _by_lead(whole, name) for name in _table()["lead"]}
    best, score = max(scores.items(), key=lambda pair: pair[1])
    return best if score > 0 else ""


def _detected(whole: bytes) -> str:
    import chardet

    found = chardet.detect(whole)
    name = codec(found.get("encoding") or "") or "cp437"
    return name if (found.get("confidence") or 0) > 0.1 and name not in ("cp1252", "iso8859-1") else "cp437"


def _by_letters(whole: bytes, charset: str) -> float:
    """How much the names look like words of a language of this character set, for each byte that is not ASCII."""
    try:
        text = whole.decode(charset)
    except UnicodeDecodeError:
        return _STRANGE
    odd, against = sum(byte > 0x7F for byte in whole), 0.0
    if charset == "cp864":
        against, text = _misshapen(text) * _MISSHAPEN - odd, unicodedata.normalize("NFKC", text)
    total = max(sum(_worth(c, grades) for c in text if c > "\x7f") for grades in _grades(charset))
    against += sum(_neighbours(a, b) for a, b in pairwise(text))
    against += _CAPITALS * sum(
        a.isupper() and b.isupper() and c.islower() for a, b, c in zip(text, text[1:], text[2:], strict=False)
    )
    return (total + against) / odd


def _misshapen(text: str) -> int:
    """How many shapes stand where no such shape can: a first letter with none after it, a last with none before."""
    shapes = [(unicodedata.decomposition(c) or " ").split(" ")[0] for c in f" {text} "]
    count = 0
    for before, shape, after in zip(shapes, shapes[1:], shapes[2:], strict=False):
        count += shape in ("<initial>", "<medial>") and not after
        count += shape in ("<final>", "<medial>") and before not in ("<initial>", "<medial>")
    return count


def _worth(char: str, grades: dict[str, float]) -> float:
    sort = unicodedata.category(char)
    if sort[0] == "L":
        return grades.get(char, grades.get(char.lower(), _FOREIGN))
    if char in "°«»–—‘’“”…€ـ،؟º":
        return _RARE
    return _STRANGE if sort in ("Cc", "Cn", "Co") else _RARE if sort[0] in "MN" else _SYMBOL


def _neighbours(a: str, b: str) -> float:
    """What speaks against two characters side by side: a capital within a word, two alphabets, accents in a row."""
    if not (a.isalpha() and b.isalpha()) or (a < "\x80" and b < "\x80"):
        return 0.0
    latin = (_is_latin(a), _is_latin(b))
    if latin[0] != latin[1]:
        return -3.0
    against = -2.5 if a.islower() and b.isupper() else 0.0
    if a > "\x7f" and b > "\x7f" and all(latin):
        against -= 1.5
    return against


def _is_latin(char: str) -> bool:
    return char < "\u0250"


def _by_lead(whole: bytes, charset: str) -> float:
    """How many characters of a writing with thousands of them are everyday ones, for each byte that is not ASCII."""
    try:
        text = whole.decode(charset)
    except UnicodeDecodeError:
        return _STRANGE
    low, high = _table()["lead"][charset]
    total, odd = 0.0, 0
    for char in text:
        raw = char.encode(charset)
        if raw.isascii():
            continue
        odd += len(raw)
        if charset in ("cp932", "euc_jp") and "\u3040" <= char <= "\u30ff":
            total += len(raw) * _KANA / 2
        elif len(raw) == 2 and low <= raw[0] <= high:
            total += _HANGUL if charset == "cp949" else _EVERYDAY
        else:
            total += _SELDOM if unicodedata.category(char)[0] == "L" else _SYMBOL
    return total / odd if odd else _STRANGE
