"""The attested names of data/names.tsv.gz: Arabic tokens with their Latin spellings, given names, ordinary words."""

from __future__ import annotations

import gzip
import re
import tomllib
from functools import cache, lru_cache
from importlib.resources import files
from typing import NamedTuple

from moisson.selectors.clerks import respellings
from moisson.selectors.spelling import fold, is_arabic, skeleton, tokens

_SHARE = 20
_FREQUENT = 20
_GLUED = re.compile("[ae]l(?=[a-z]{4})")
_ALIKE = str.maketrans("hd", "kt")


class Role(NamedTuple):
    """How often a token was seen as a given name and as a surname."""

    given: int
    last: int


class Lexicon(NamedTuple):
    """`roles` of every token in both scripts, `arabic` tokens behind a Latin one, words that are ordinary too."""

    roles: dict[str, Role]
    arabic: dict[str, tuple[str, ...]]
    western: frozenset[str]
    ordinary: frozenset[str]


_NONE = Role(0, 0)


@cache
def lexicon() -> Lexicon:
    """Read once per process."""
    raw = gzip.decompress(files("moisson.selectors").joinpath("data/names.tsv.gz").read_bytes())
    units, _, rest = raw.decode("utf-8").partition("\n=given\n")
    given, _, rest = rest.partition("\n=surname\n")
    last, _, common = rest.partition("\n=ordinary\n")
    roles: dict[str, Role] = {}
    behind: dict[str, list[tuple[int, str]]] = {}
    for line in units.split("\n"):
        arabic, first, second, spelled = line.split("\t")
        role = roles[arabic] = Role(int(first), int(second))
        whole = max(1, role.given + role.last)
        for part in spelled.split(" "):
            word, _, count = part.partition(":")
            n = int(count)
            behind.setdefault(word, []).append((n, arabic))
            old = roles.get(word, _NONE)
            roles[word] = Role(old.given + -(-n * role.given // whole), old.last + -(-n * role.last // whole))
    keys = {word: _top(found) for word, found in behind.items()}
    _add(roles, given.split("\n"), Role(30, 0))
    _add(roles, last.split("\n"), Role(0, 30))
    western = frozenset(given.split("\n"))
    return Lexicon(roles, keys, western, frozenset(common.split("\n")) | frozenset(words()["ordinary"]))


def _top(found: list[tuple[int, str]]) -> tuple[str, ...]:
    if len(found) == 1:
        return (found[0][1],)
    most = max(n for n, _ in found)
    return tuple(arabic for n, arabic in found if n * _SHARE >= most and (n > 1 or most < 4))


def _add(roles: dict[str, Role], names: list[str], role: Role) -> None:
    for name in names:
        old = roles.get(name, _NONE)
        roles[name] = Role(old.given + role.given, old.last + role.last)


@cache
def words() -> dict[str, frozenset[str]]:
    """The hand-made lists of data/words.toml, folded."""
    table = tomllib.loads(files("moisson.selectors").joinpath("data/words.toml").read_text("utf-8"))
    return {name: frozenset(fold(word) for word in text.split()) for name, text in table.items()}


@cache
def _shortened() -> dict[str, list[str]]:
    """Frequent Latin given names under what is left when one letter is dropped."""
    out: dict[str, list[str]] = {}
    for word, found in lexicon().roles.items():
        if found.given >= _FREQUENT and len(word) >= 5 and word.isascii():
            for part in {word, *(word[:i] + word[i + 1 :] for i in range(len(word)))}:
                out.setdefault(part, []).append(word)
    return out


@lru_cache(maxsize=16_384)
def near_given(word: str) -> bool:
    """Whether a clerk could have written a frequent given name so, or it is one letter off it and sounds the same."""
    if not word.isascii() or word in lexicon().ordinary:
        return False
    known, roles = lexicon().arabic, lexicon().roles
    if any(v in known and roles[v].given >= _FREQUENT and v not in lexicon().ordinary for v in respellings(word)):
        return True
    return len(word) > 4 and _near(word)


@lru_cache(maxsize=65_536)
def meanings(token: str) -> frozenset[str]:
    """The Arabic forms a Latin token may stand for, as attested or as another clerk would have written it."""
    known = lexicon().arabic
    if token in known and token not in lexicon().western:
        return frozenset(known[token])
    return frozenset(arabic for variant in (token, *respellings(token)) for arabic in known.get(variant, ()))


@lru_cache(maxsize=65_536)
def bared(token: str) -> str:
    """A token without a glued article of which only the rest is attested, as in Alravi."""
    m = _GLUED.match(token)
    if not m or token in lexicon().roles:
        return token
    rest = token[m.end() :]
    return rest if any(w in lexicon().arabic for w in (rest, *respellings(rest))) else token


@cache
def _sounds() -> frozenset[str]:
    """The consonants of every surname seen three times."""
    bones = (skeleton(word) for word, found in lexicon().roles.items() if found.last >= 3)
    return frozenset(b for b in bones if len(b) >= 3)


def sounds_like_surname(word: str) -> bool:
    """Whether an unknown word has the consonants of an attested surname."""
    parts = tokens(word)
    return bool(parts) and word not in lexicon().ordinary and skeleton(parts[-1]) in _sounds()


@lru_cache(maxsize=16_384)
def _loose(word: str) -> str:
    return skeleton(word).translate(_ALIKE)


def _near(word: str) -> bool:
    parts = {word, *(word[:i] + word[i + 1 :] for i in range(len(word)))}
    others = [other for part in parts for other in _shortened().get(part, ())]
    return bool(others) and _loose(word) in map(_loose, others)


def role(word: str) -> Role:
    """The role of a folded word, its article and glued particles set aside."""
    found = lexicon().roles.get(word, _NONE)
    parts = tokens(word)
    if not parts:
        return found
    bare = lexicon().roles.get(parts[-1], _NONE)
    best = Role(max(found.given, bare.given), max(found.last, bare.last))
    if best.given < 3 and not is_arabic(word) and parts[-1].startswith("abd") and len(parts[-1]) > 6:
        return Role(20, 0)
    return best
