"""Names of persons in running text: kunyas, attested given names with what follows, capitalised runs, labels."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from moisson.selectors.kind import Context, Hit
from moisson.selectors.lexicon import lexicon, near_given, role, sounds_like_surname, words
from moisson.selectors.spelling import fold

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moisson.selectors.fold import Folded

_UP = "A-ZÀ-ÖØ-ÞĀĂĄĆČĎĐĒĘĚĞĪİŁŃŇŌŐŘŚŞŠŤŪŮŰŹŻŽḌḤḪṢṬẒ"
_TOKEN = rf"[{_UP}][^\W\d_]{{0,30}}(?:['’ʿ‘-][^\W\d_]{{1,30}}){{0,3}}"
_ARTICLE = r"(?:a[dlnrstz]|e[dlnrstz]|ul|ash|ach|ech|esh)"
_PARTICLE = rf"(?:{_ARTICLE}['’-]|(?:al|el|bin|ben|ibn|bint|de|du|van|von|der|den|le|la|ter|abu|abou|ould)[ \u00a0])"
_RUN = re.compile(rf"{_TOKEN}(?:[ \u00a0](?:{_PARTICLE}){{0,2}}{_TOKEN}){{1,6}}")
_PIECE = re.compile(r"[^\s\u00a0]+")
_FATHERS = frozenset(["abu", "abou", "abo", "aba", "bu", "umm", "oum", "um"])
_JOINERS = frozenset(
    [
        "al",
        "el",
        "bin",
        "ben",
        "ibn",
        "bint",
        "de",
        "du",
        "van",
        "von",
        "der",
        "den",
        "le",
        "la",
        "ter",
        "ould",
        "abd",
        "abdul",
        "abdel",
        "abdal",
        "abdoul",
        "bou",
    ]
)
_CAPITAL_ARTICLES = frozenset(
    ["ar", "as", "at", "az", "an", "ad", "er", "es", "et", "ed", "ash", "ech", "ach", "esh", "ett", "ech"]
)
_ELIDED = re.compile(r"(?:[CDJLMNST]|Qu|Jusqu|Lorsqu|Puisqu)['’][a-zà-ÿ]")
_LOWER_KUNYA = re.compile(
    rf"(?:abu|abou|abo|oum|umm)[ \u00a0-]([^\W\d_]{{3,20}})(?:[ \u00a0](?:al|el)[ \u00a0-]?[^\W\d_]{{3,20}}"
    rf"|[ \u00a0]{_ARTICLE}-[^\W\d_]{{3,20}})?"
)
_LABEL = re.compile(
    r"(?m)^[ \t\"'*-]{0,12}(?:full ?name|name|nom(?: et pr[ée]noms?| complet)?|pr[ée]noms?(?: et nom)?|fn|ad soyad|naam"
    r"|الاسم(?: الكامل| الثلاثي)?|اسم)[\"']?[ \t\u00a0]{0,3}[:=][ \t]{0,3}[\"']?([^\n\r\t:;,=<>{}\d|]{3,60})"
)
_DISPLAY = re.compile(r"[^\W\d_][^\n\t\r<>,;:\"“”@|\d]{2,60}$")
_LETTERS = re.compile(r"[^\W\d_]+")


class _Unit(NamedTuple):
    """A word of a run with its particles: folded, where it is, what is known of it."""

    word: str
    start: int
    end: int
    given: int
    last: int
    ordinary: bool
    caps: bool
    kunya: bool


def seek_latin(page: Folded, ctx: Context) -> Iterator[Hit]:
    """Runs of capitalised words that hold a name, and kunyas in small letters."""
    for m in _RUN.finditer(page.text):
        inside = m.start() and page.text[m.start() - 1].isalpha()
        if not inside and (hit := _judge(page, m.start(), m[0])):
            yield hit
    low = page.low
    for word in ("abu ", "abou ", "abo ", "oum ", "umm "):
        at = low.find(word)
        while at >= 0:
            if page.text[at].islower() and not low[at - 1 : at].isalnum() and (k := _LOWER_KUNYA.match(low, at)):
                known = role(fold(k[1]))
                if known.given >= 5 and fold(k[1]) not in words()["kunya_places"]:
                    yield Hit("name", tidy(page.text[at : k.end()]), at, k.end(), 0.7)
            at = low.find(word, at + 3)


def _judge(page: Folded, start: int, run: str) -> Hit | None:
    """The name inside a capitalised run, if there is one."""
    units = _units(start, run)
    lists = words()
    titled = False
    before = page.text[max(0, start - 2) : start]
    opening = not before or before[-1] in '\n\t:;>"' or before[0] in ".!?:"
    while units and (units[0].word in lists["titles"] or _empty(units, opening and units[0].start == start)):
        titled = titled or units[0].word in lists["titles"]
        units = units[1:]
    for i, unit in enumerate(units):
        if unit.word in lists["things"]:
            units = units[:i]
            break
    if not units or any(w in lists["things"] for w in _line_before(page, units[0].start)[-1:]):
        return None
    units = _cut(units)
    if units and units[0].word in lists["toponyms"] and not titled:
        return None
    sure = _evidence(units, titled)
    if not sure:
        return None
    words_before = _line_before(page, units[0].start)
    if words_before and words_before[-1] in lists["places"] and not units[0].kunya and sure < 0.85:
        return None
    first, last = units[0].start, units[-1].end
    return Hit("name", tidy(page.text[first:last]), first, last, sure)


def _empty(units: list[_Unit], opening: bool) -> bool:
    """Whether the first unit says nothing: a capital that only opens a sentence, or an ordinary word."""
    first = units[0]
    if first.kunya:
        return False
    if first.caps and len(first.word) > 2 and len(units) > 1 and not units[1].caps and _is_given(units[-1]):
        return False
    known = first.given + first.last
    if first.word == "elided":
        return True
    return (
        (opening and not known)
        or (first.word in words()["ordinary"] and first.word not in words()["trusted"])
        or (first.ordinary and first.word not in words()["trusted"])
    )


def _is_given(unit: _Unit) -> bool:
    return unit.given >= 3 and unit.given * 2 >= unit.last


def _cut(units: list[_Unit]) -> list[_Unit]:
    """Without what trails behind the name: ordinary words, and more than one unknown word."""
    out: list[_Unit] = []
    unknown = 0
    for unit in units[:6]:
        kept = (unit.caps and not out[0].caps) or unit.last >= 3 or unit.word in words()["trusted"] if out else True
        if unit.ordinary and not kept:
            break
        unknown += not (unit.given or unit.last)
        kunya_done = out and out[-1].kunya and not (unit.last or "al" in unit.word[:2] or unit.word[:2] == "el")
        if unknown > 1 or kunya_done:
            break
        out.append(unit)
    return out


def _evidence(units: list[_Unit], titled: bool) -> float:
    """How sure a run is a name; 0 for not."""
    if not units:
        return 0.0
    if any(u.kunya for u in units):
        return 0.9
    given = [u for u in units if _is_given(u)]
    if len(units) < 2:
        return 0.75 if titled and given and not units[0].ordinary else 0.0
    if not given:
        return 0.6 if titled else 0.0
    known = sum(bool(u.given or u.last) for u in units)
    plain = all(u.ordinary for u in given)
    if plain and (known < 2 or units[1].ordinary):
        return 0.0
    if given[0] is not units[0] and not (units[0].caps or units[0].last):
        return 0.0
    strong = max(u.given for u in given) >= 5
    if known < len(units):
        return 0.75 if strong and not plain else 0.0
    return 0.9 if strong and not plain else 0.7


def _line_before(page: Folded, at: int) -> list[str]:
    line = page.low[max(0, at - 24) : at].rpartition("\n")[2]
    if line[-1:] not in (" ", "\u00a0"):
        return []
    return [fold(w) for w in _LETTERS.findall(line)][-2:] if line.strip()[-1:].isalpha() else []


def _units(start: int, run: str) -> list[_Unit]:
    """Words joined with the particles before them; `Abou X` is one unit."""
    out: list[_Unit] = []
    waiting: tuple[str, int] | None = None
    for m in _PIECE.finditer(run):
        word = fold(m[0]).replace("-", " ").strip()
        begin = start + m.start()
        if _ELIDED.match(m[0]):
            out.append(_Unit("elided", begin, start + m.end(), 0, 0, True, False, False))
            waiting = None
            continue
        if word in _CAPITAL_ARTICLES and out and m.end() < len(run):
            waiting = (word, begin)
            continue
        if word in _JOINERS or word in _FATHERS:
            waiting = (f"{waiting[0]} {word}" if waiting else word, waiting[1] if waiting else begin)
            continue
        lead = waiting[0] if waiting else ""
        kunya = bool(_FATHERS & set(lead.split())) or (word.partition(" ")[0] in _FATHERS and " " in word)
        kunya = kunya and word.rpartition(" ")[2] not in words()["kunya_places"]
        at = waiting[1] if waiting else begin
        out.append(_unit(word, lead, at, start + m.end(), m[0].isupper(), kunya))
        waiting = None
    if waiting and out and waiting[0].startswith("abd"):
        out.append(_unit(waiting[0], "", waiting[1], start + len(run), False, False))
    return out


def _unit(word: str, lead: str, start: int, end: int, caps: bool, kunya: bool) -> _Unit:
    given, last, ordinary = _known(word)
    if lead.startswith("abd"):
        given, last, ordinary = max(given, 20), 0, False
    elif lead and not kunya:
        last, given, ordinary = max(last, 1), 0, False
    if " " in word and word.partition(" ")[0] in ("al", "el", "ar", "as", "at", "az", "an", "ad", "ech", "ash"):
        last, ordinary = max(last, 1), False
    return _Unit(word, start, end, given, last, ordinary, caps and len(word) > 1, kunya)


@lru_cache(maxsize=16_384)
def _known(word: str) -> tuple[int, int, bool]:
    found = role(word) if " " not in word else max((role(w) for w in word.split()), key=sum)
    if found.given < 3 and found.last < 30 and len(word) >= 4 and near_given(word):
        return 5, found.last, word in lexicon().ordinary
    if not any(found) and sounds_like_surname(word.rpartition(" ")[2]):
        return 0, 1, word in lexicon().ordinary
    return found.given, found.last, word in lexicon().ordinary


def seek_labelled(page: Folded, ctx: Context) -> Iterator[Hit]:
    """What stands behind `Name:` at the beginning of a line."""
    low = page.low
    if not any(w in low for w in ("name", "nom", "fn:", "naam", "soyad", "اسم")):
        return
    for m in _LABEL.finditer(low):
        raw = page.text[m.start(1) : m.end(1)]
        if looks_like_name(raw):
            start = m.start(1) + len(raw) - len(raw.lstrip())
            yield Hit("name", tidy(raw), start, start + len(raw.strip()), 0.85)


def before_address(page: Folded, start: int) -> Hit | None:
    """The display name in `Name <address>`, where the address begins at `start`."""
    text = page.text
    if text[start - 1 : start] != "<":
        return None
    end = start - 1
    while end and text[end - 1] in " \t\"'”":
        end -= 1
    m = _DISPLAY.search(text, max(0, end - 64), end)
    if not m or not looks_like_name(m[0]) or len(m[0].split()) < 2 or not _capital(m[0]):
        return None
    return Hit("name", tidy(m[0]), m.start(), m.end(), 0.85)


def _capital(raw: str) -> bool:
    """Whether each word but the particles begins with no small letter."""
    return all(
        not w[0].islower() or fold(w).partition("-")[0] in _JOINERS | _FATHERS | _CAPITAL_ARTICLES for w in raw.split()
    )


def looks_like_name(raw: str) -> bool:
    """Whether a cell or a labelled value can be somebody's name: one to six words of letters."""
    parts = raw.strip().strip("\"'").split()
    if not 1 <= len(parts) <= 6 or not 2 <= len(raw.strip()) <= 60:
        return False
    if any(not _LETTERS.search(p) or any(c.isdigit() or c in "@/\\_{}[]<>=#*" for c in p) for p in parts):
        return False
    folded = [fold(p) for p in parts]
    return (
        not all(f in lexicon().ordinary and f not in words()["trusted"] for f in folded)
        and folded[0] not in words()["things"]
    )


def tidy(raw: str) -> str:
    """A name as it is shown and compared: single spaces, no quotes and signs at its ends."""
    return " ".join(raw.split()).strip(" \t.,;:\"'“”«»()[]<>-–—،؛*")
