"""How a person's name is taken apart for comparison: letters folded, particles dropped, consonants kept.

Arabic, Kurdish and Persian letters are unified; Latin loses its accents; Cyrillic is written in Latin. `tokens` removes
what clerks add or leave out (al, el, ben, ibn, the article glued or apart) and joins what they split (Abd al-Rahman,
Salah ed-Din).
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_ARABIC = str.maketrans({
    "أ": "ا", "إ": "ا", "آ": "ا", "ٱ": "ا", "ى": "ي", "ی": "ي", "ې": "ي", "ێ": "ي", "ئ": "ي", "ؤ": "و", "ة": "ه",
    "ە": "ه", "ۀ": "ه", "ھ": "ه", "ک": "ك", "ڪ": "ك", "گ": "ك", "ۆ": "و", "ۇ": "و", "پ": "ب", "ڤ": "ف", "ڕ": "ر",
    "ڵ": "ل", "چ": "ش", "ژ": "ج", "ء": None, "ـ": None,
})  # fmt: skip
_SOFT = str.maketrans({"ş": "sh", "ș": "sh", "ç": "ch"})
_NOT_ARTICLES = frozenset(
    ["الياس", "الهام", "الين", "البير", "البرت", "الفريد", "اليسار", "اليسا", "الكسندر", "السندرو", "الفت"]
)
_LATIN = str.maketrans({
    "ı": "i", "ø": "o", "đ": "d", "ð": "d", "ł": "l", "ß": "ss", "æ": "ae", "œ": "oe", "þ": "th", "ə": "a",
    "'": None, "’": None, "‘": None, "ʿ": None, "ʾ": None, "`": None, "´": None, "ʼ": None, "ʻ": None, ".": " ",
})  # fmt: skip
_CYRILLIC = str.maketrans({
    "а": "a", "б": "b", "в": "v", "г": "g", "д": "d", "е": "e", "ж": "j", "з": "z", "и": "i", "й": "y", "к": "k",
    "л": "l", "м": "m", "н": "n", "о": "o", "п": "p", "р": "r", "с": "s", "т": "t", "у": "u", "ф": "f", "х": "kh",
    "ц": "ts", "ч": "ch", "ш": "sh", "щ": "sh", "ъ": None, "ы": "y", "ь": None, "э": "e", "ю": "yu", "я": "ya",
    "і": "i", "ї": "yi", "є": "ye", "ґ": "g",
})  # fmt: skip
_WORDS = re.compile(r"[^\W\d_]+")
_ARTICLES = frozenset(
    [
        "al",
        "el",
        "ul",
        "ad",
        "ed",
        "ar",
        "er",
        "as",
        "es",
        "ash",
        "ech",
        "ach",
        "esh",
        "az",
        "ez",
        "an",
        "en",
        "at",
        "et",
        "il",
        "l",
        "ett",
        "at-t",
    ]
)
_SONS = frozenset(["ben", "bin", "ibn", "bint", "binti", "ould", "wuld", "oghlu", "oglu", "بن", "ابن", "بنت", "ولد"])
_FATHERS = frozenset(["abou", "abu", "abo", "abi", "aba", "bou", "bu", "ابو", "ابي", "ابا"])
_MOTHERS = frozenset(["oum", "umm", "um", "om", "ام"])
_SERVANTS = frozenset(["abd", "abdel", "abdul", "abdal", "abdol", "abdoul", "abdil", "عبد"])
_UNITED = frozenset({"bel", "bil"})
_LITTLE = {w: "عبيدله" if w == "عبيد" else "obaidlah" for w in ("عبيد", "obeid", "obaid", "ubaid", "oubaid", "ubayd")}
_GLUED_LITTLE = re.compile("(?:ou|o|u)b[ae][iy]d[aou]?l{1,2}ah?")
_GLUED_SERVANT = re.compile(r"(?:abd)(?:[aeou]+l{1,2}|[aeou](?:([dnrstz])(?=\1)|(?:sh|ch)(?=sh|ch)))?h?")
_DIN = re.compile(r"(?:[aeu]d|al|el|ul)?[dt]+[iey]+e?n+e?")
_GLUED_DIN = re.compile(r"([a-z]{3,}?)h?(?:[aeiou](?:l|d)?d|ld|dd)[iey]+n+e?")
_SOLAR = re.compile(r"(?:e|a)(?:ch(?=ch)|sh(?=sh)|([dnrstz])(?=\1))")
_GLUED_AL = re.compile(r"(?:al|el)(?=[b-df-hj-np-tv-z][a-z]{4,}|[aou][a-z]{4,})")
_FOLDS = (
    (re.compile("dj|dsch|zh"), "j"),
    (re.compile("c(?=[eiy])"), "s"),
    (re.compile("tch|sch|sh|ch"), "c"),
    (re.compile("kh|ck|q|x"), "k"),
    (re.compile("gh"), "g"),
    (re.compile("dh"), "d"),
    (re.compile("th"), "t"),
    (re.compile("ph|v"), "f"),
    (re.compile("ou|w"), "w"),
    (re.compile("p"), "b"),
)
_VOWELS = re.compile("[aeiouyw]")
_SOUNDS = str.maketrans({
    "ب": "b", "ت": "t", "ث": "t", "ج": "j", "ح": "h", "خ": "k", "د": "d", "ذ": "d", "ر": "r", "ز": "z", "س": "s",
    "ش": "c", "ص": "s", "ض": "d", "ط": "t", "ظ": "z", "غ": "g", "ف": "f", "ق": "k", "ك": "k", "ل": "l", "م": "m",
    "ن": "n", "ه": "h", "ع": None, "ا": None, "و": None, "ي": None,
})  # fmt: skip
_TWICE = re.compile(r"(.)\1+")


def is_arabic(word: str) -> bool:
    """Whether a folded word is in Arabic letters."""
    return bool(word) and "\u0600" <= word[0] <= "\u06ff"


@lru_cache(maxsize=65_536)
def fold(text: str) -> str:
    """Lower case without accents, vowel signs and variants of letters; Cyrillic in Latin letters."""
    plain = unicodedata.normalize(
        "NFKD", unicodedata.normalize("NFKC", text).translate(_ARABIC).casefold().translate(_SOFT)
    )
    plain = "".join(c for c in plain if not unicodedata.combining(c) and unicodedata.category(c) != "Cf")
    if not plain.isascii():
        plain = plain.translate(_ARABIC).translate(_CYRILLIC).translate(_LATIN)
    else:
        plain = plain.replace("'", "").replace("`", "").replace(".", " ")
    return plain


def tokens(name: str) -> tuple[str, ...]:
    """The parts of a name that count, in order, particles dropped or joined; at most 12."""
    return _tokens(name[:400])


@lru_cache(maxsize=65_536)
def _tokens(name: str) -> tuple[str, ...]:
    words = _WORDS.findall(fold(name))[:24]
    out: list[str] = []
    at = 0
    while at < len(words) and len(out) < 12:
        word, rest = words[at], words[at + 1 :]
        at += 1
        if word in _SERVANTS and rest:
            skip = 1 if rest[0] in _ARTICLES and len(rest) > 1 else 0
            out.append(_servant(words[at + skip]))
            at += skip + 1
        elif word in _UNITED and rest and len(rest[0]) > 2:
            out.append(word + rest[0])
            at += 1
        elif word in _LITTLE and rest and rest[0] in ("الله", "allah"):
            out.append(_LITTLE[word])
            at += 1
        elif out and (word == "الدين" or word == "دين" or (_DIN.fullmatch(word) and word != "tin")):
            out[-1] += _faith(out[-1])
        elif word in _ARTICLES and rest and _DIN.fullmatch(rest[0]) and out:
            out[-1] += _faith(out[-1])
            at += 1
        elif word in _FATHERS and rest:
            out.append("abu")
        elif word in _MOTHERS and rest:
            out.append("umm")
        elif (word in _ARTICLES or word in _SONS) and (rest or out):
            continue
        else:
            out.extend(_bare(word))
    return tuple(out) or tuple(words[:1])


def _faith(word: str) -> str:
    return "دين" if is_arabic(word) else "din"


def _servant(word: str) -> str:
    """`Abd` and what follows as one word that begins the same however it was written."""
    if is_arabic(word):
        return "عبد" + word.removeprefix("ال")
    return "abd" + _SOLAR.sub("", _TWICE.sub(r"\1", word), count=1)


def _bare(word: str) -> list[str]:
    """One word without the particles glued to it."""
    if is_arabic(word):
        if word.startswith("عبدال") and len(word) > 6:
            return [_servant(word[3:])]
        if word.startswith("ال") and len(word) > 4 and word not in _NOT_ARTICLES:
            word = word[2:]
        if word.startswith("بو") and len(word) > 4:
            return ["abu", word[2:]]
        if word.endswith("الدين") and len(word) > 6:
            word = word[:-5] + "دين"
        return [word]
    if (m := _GLUED_SERVANT.match(word)) and len(word) - m.end() >= 3 and m[0].startswith("abd") and len(m[0]) > 3:
        return [_servant(word[m.end() :])]
    if _GLUED_LITTLE.fullmatch(word):
        return ["obaidlah"]
    if word.startswith("abou") and len(word) > 7:
        return ["abu", word[4:]]
    if (word.startswith("bou") and len(word) > 5 and word[3] not in "aeiou") or (
        word.startswith("boua") and len(word) > 6
    ):
        return ["abu", word[3:]]
    if word.startswith("ben") and len(word) >= 6:
        word = word[3:]
    elif _SOLAR.match(word) and len(word) >= 6:
        word = _SOLAR.sub("", word, count=1)
    elif m := _GLUED_AL.match(word):
        word = word[m.end() :]
    if (m := _GLUED_DIN.fullmatch(word)) and len(m[1]) >= 2:
        word = m[1] + "din"
    return [word]


@lru_cache(maxsize=65_536)
def skeleton(word: str) -> str:
    """The consonants of a folded token in one alphabet for Arabic and Latin; never empty."""
    if is_arabic(word):
        bones = word.translate(_SOUNDS)
        bones = bones[:-1] if word.endswith("ه") and len(bones) > 1 else bones
    else:
        bones = _TWICE.sub(r"\1", word)
        for pattern, letter in _FOLDS:
            bones = pattern.sub(letter, bones)
        bones = _VOWELS.sub("", bones)
        bones = bones[:-1] if word.endswith(("ah", "eh")) and len(bones) > 1 else bones
    return bones or word[:1]
