"""The attested names of data/names.tsv.gz: Arabic tokens with their Latin spellings, given names, ordinary words."""

from __future__ import annotations

import gzip
import tomllib
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from moisson.selectors.spelling import fold, is_arabic, tokens

_SHARE = 20


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
    return tuple(arabic for n, arabic in found if n * _SHARE >= most)


def _add(roles: dict[str, Role], names: list[str], role: Role) -> None:
    for name in names:
        old = roles.get(name, _NONE)
        roles[name] = Role(old.given + role.given, old.last + role.last)


@cache
def words() -> dict[str, frozenset[str]]:
    """The hand-made lists of data/words.toml, folded."""
    table = tomllib.loads(files("moisson.selectors").joinpath("data/words.toml").read_text("utf-8"))
    return {name: frozenset(fold(word) for word in text.split()) for name, text in table.items()}


def role(word: str) -> Role:
    """The role of a folded word, its article and glued particles set aside."""
    found = lexicon().roles.get(word)
    if found is not None:
        return found
    parts = tokens(word)
    if not parts:
        return _NONE
    best = lexicon().roles.get(parts[-1], _NONE)
    if best is _NONE and not is_arabic(word) and parts[-1].startswith("abd") and len(parts[-1]) > 6:
        return Role(20, 0)
    return best
