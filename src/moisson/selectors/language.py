"""Languages and scripts of a text: runs of one script first, then py3langid among the languages of the case.

Sorani and Kurmanji are told apart by their script, whatever the model calls them; Arabic in Latin letters and digits
(3 for ع, 7 for ح) is `ar-Latn`. A share is one of the letters looked at.
"""

from __future__ import annotations

import re
from collections import Counter
from copy import copy
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moisson.selectors.kind import Context

_SAMPLE, _PARTS, _PIECE = 20_000, 10, 2_000
_SHORT = 12
_RUN_LIMIT = 40
_ALWAYS = (
    "ar",
    "fr",
    "en",
    "tr",
    "ckb",
    "kmr",
    "fa",
    "ru",
    "de",
    "nl",
    "es",
    "it",
    "ur",
    "ps",
    "he",
    "uk",
    "az",
    "so",
    "pt",
    "pl",
    "ro",
    "id",
    "sw",
    "vi",
    "cs",
    "sv",
    "sq",
)
_TO_MODEL = {"ckb": ("sdh", "ku"), "kmr": ("ku", "kmr"), "ar-Latn": ()}
_SCRIPTS = (
    ("Latin", "A-Za-z\u00aa\u00ba\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u1e00-\u1eff"),
    ("Arabic", "\u0621-\u064a\u066e-\u06d3\u06d5\u06ee-\u06ff\u0750-\u077f\u08a0-\u08b4\ufb50-\ufdff\ufe70-\ufefc"),
    ("Cyrillic", "\u0400-\u052f"),
    ("Hebrew", "\u05d0-\u05ea\u05f0-\u05f2\ufb1d-\ufb4f"),
    ("Greek", "\u0370-\u03ff\u1f00-\u1fff"),
    ("Han", "\u3400-\u4dbf\u4e00-\u9fff"),
    ("Hiragana", "\u3041-\u309f"),
    ("Katakana", "\u30a1-\u30ff"),
    ("Hangul", "\uac00-\ud7a3\u1100-\u11ff"),
    ("Devanagari", "\u0900-\u0963\u0970-\u097f"),
    ("Ethiopic", "\u1200-\u137f"),
    ("Armenian", "\u0531-\u0587"),
    ("Georgian", "\u10a0-\u10ff"),
    ("Thai", "\u0e01-\u0e4e"),
)
_BY_SCRIPT = {
    "Hebrew": "he",
    "Greek": "el",
    "Hiragana": "ja",
    "Katakana": "ja",
    "Hangul": "ko",
    "Armenian": "hy",
    "Georgian": "ka",
    "Thai": "th",
    "Ethiopic": "am",
}
_WRITES = {
    "Arabic": frozenset(["ar", "fa", "ckb", "ur", "ps", "ug", "sd", "yi"]),
    "Cyrillic": frozenset(["ru", "uk", "bg", "sr", "mk", "be", "kk", "tg", "ky", "mn", "tt"]),
    "Han": frozenset({"zh", "ja"}),
    "Devanagari": frozenset({"hi", "mr", "ne"}),
}
_RUNS = [(name, re.compile(f"[{letters}]+")) for name, letters in _SCRIPTS]
_ANY = re.compile(
    "|".join(
        f"(?P<{name}>[{letters}](?:[{letters}\\s\\d.,'’;:!?،؛؟()\u064b-\u0652-]*[{letters}])?)"
        for name, letters in _SCRIPTS
    )
)
_SORANI = re.compile("[ەێۆڕڵ]")
_PERSIAN = re.compile("[پچژگ]")
_ARABIZI_WORDS = frozenset(
    [
        "wallah",
        "wallahi",
        "inshallah",
        "inchallah",
        "inshalla",
        "hamdoullah",
        "hamdulillah",
        "khoya",
        "khouya",
        "akhi",
        "akhy",
        "labas",
        "chnowa",
        "chnia",
        "bkra",
        "bukra",
        "kifak",
        "kifek",
        "keefak",
        "shlonak",
        "habibi",
        "yalla",
        "mashallah",
        "barsha",
        "barcha",
        "wesh",
        "wach",
        "walakin",
        "mazal",
        "3lik",
        "7abibi",
        "sa7a",
        "choukran",
        "shukran",
        "ya3ni",
        "3al",
        "salam",
        "alaykom",
        "3alaykom",
        "mafi",
        "mafish",
        "sah",
        "khalas",
        "khlas",
    ]
)
_ARABIZI = re.compile(r"(?<![A-Za-z0-9])(?:[A-Za-z]+[235679]+[A-Za-z]+|[379][a-z]{2,}|[a-z]{2,}[379])(?![A-Za-z0-9])")
_HEX = re.compile(r"[0-9a-f]+", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_]+")


def scripts(text: str) -> tuple[tuple[str, float], ...]:
    """The scripts of a text and their shares of its letters, the largest first."""
    counts: Counter[str] = Counter()
    for piece in _pieces(text):
        for name, run in _RUNS:
            if found := sum(map(len, run.findall(piece))):
                counts[name] += found
    return _shares(counts)


def languages(text: str, ctx: Context) -> tuple[tuple[str, float], ...]:
    """BCP 47 tags and shares, the largest first; empty for a text without enough letters."""
    counts: Counter[str] = Counter()
    for piece in _pieces(text):
        for script, run in _runs(piece):
            letters = sum(map(len, _WORD.findall(run)))
            if letters >= _SHORT and (language := _identify(script, run, ctx.languages)):
                counts[language] += letters
    if not counts:
        return ()
    total = sum(counts.values())
    return _shares(Counter({tag: n for tag, n in counts.items() if n * 50 >= total}))


def _pieces(text: str) -> Iterator[str]:
    """The whole of a short text, evenly spread parts of a long one."""
    if len(text) <= _SAMPLE:
        yield text
        return
    step = (len(text) - _PIECE) // (_PARTS - 1)
    for i in range(_PARTS):
        yield text[i * step : i * step + _PIECE]


def _runs(piece: str) -> Iterator[tuple[str, str]]:
    """Stretches in one script, joined by script when there are many small ones; long ones by paragraph."""
    joined: dict[str, list[str]] = {}
    for paragraph in re.split(r"\n\s*\n|(?<=[.!?؟])\s*\n", piece):
        for m in _ANY.finditer(paragraph):
            script = m.lastgroup or ""
            if len(m[0]) >= _RUN_LIMIT:
                yield script, m[0]
            else:
                joined.setdefault(script, []).append(m[0])
    for script, parts in joined.items():
        yield script, " ".join(parts)


def _identify(script: str, run: str, expected: tuple[str, ...]) -> str:
    if script in _BY_SCRIPT:
        return _BY_SCRIPT[script]
    if script == "Latin" and _is_arabizi(run):
        return "ar-Latn"
    if script == "Arabic" and len(_SORANI.findall(run)) * 25 >= len(run):
        return "ug" if re.search("[ۇۈۋ]", run) else "ckb"
    return _model_says(script, run, expected)


def _is_arabizi(run: str) -> bool:
    """Latin words with digits for Arabic letters between them, or two words that only Arabic has."""
    low = run.lower()
    digits = [w for w in _ARABIZI.findall(low) if not _HEX.fullmatch(w)]
    known = sum(w in _ARABIZI_WORDS for w in re.findall(r"[a-z0-9]+", low))
    return 2 * len(digits) + known >= 2 and (len(digits) + known) * 12 >= len(low.split())


@cache
def _whole() -> Any:
    langid = import_module("py3langid.langid")
    return langid.LanguageIdentifier.from_model_file(langid.MODEL_FILE)


@cache
def _identifier(languages: tuple[str, ...]) -> Any:
    """The model for these languages; each set has its own, since a model keeps its restriction."""
    model = copy(_whole())
    known = set(model.nb_classes)
    wanted = {code for tag in languages for code in _TO_MODEL.get(tag, (tag.partition("-")[0],))}
    model.set_languages(sorted(wanted & known))
    return model


def _model_says(script: str, run: str, expected: tuple[str, ...]) -> str:
    fits = tuple(sorted({tag for tag in (*expected, *_ALWAYS, *_WRITES.get(script, ())) if _can(tag, script)}))
    if not fits:
        return ""
    model = _identifier(fits)
    code = str(model.classify(run[:_SAMPLE])[0])
    if code in ("ku", "sdh", "kmr", "ckb"):
        return "ckb" if script == "Arabic" else "kmr"
    if code == "fa" and script == "Arabic" and "ar" in fits and not _PERSIAN.search(run) and len(run) > 60:
        return "ar" if re.search("[ةىأإ]", run) else "fa"
    return code


def _can(tag: str, script: str) -> bool:
    """Whether a language is written in a script."""
    if script == "Latin":
        return all(tag not in tags for tags in _WRITES.values()) and tag not in _BY_SCRIPT.values()
    return tag in _WRITES.get(script, frozenset())


def _shares(counts: Counter[str]) -> tuple[tuple[str, float], ...]:
    total = sum(counts.values())
    return tuple((name, round(n / total, 3)) for name, n in sorted(counts.items(), key=lambda c: (-c[1], c[0])))
