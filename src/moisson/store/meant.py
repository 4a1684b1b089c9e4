"""What a query means beyond its letters: a selector in any writing, a person's name in any spelling."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from moisson.selectors import find, kinds, names
from moisson.selectors.places import metres
from moisson.store.language import Group, Match, Node, Not, Words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_PHONE, _OTHER, _MOST, _SAME_PLACE = 6, 3, 500, 50


def meant(node: Node, context: find.Context, known: Callable[[str], Iterable[str]]) -> Node:
    """The tree with what its words mean as well; `known` gives the values of a kind in the case, when it is needed."""
    match node:
        case Words(form="word" | "phrase", field="") if tokens := _selectors(node.raw, context, known):
            return Group(False, (node, Match("token", tokens, 0)))
        case Match(field="name"):
            there = list(known("name"))
            found = (other for value in node.values for other in (value, *alike(value, there)))
            tokens = tuple(f"name:{name}" for name in dict.fromkeys(found))
            return Match("token", tokens[:_MOST], node.column)
        case Not(part):
            return Not(meant(part, context, known))
        case Group(every, parts):
            return Group(every, tuple(meant(part, context, known) for part in parts))
        case _:
            return node


def alike(name: str, others: Iterable[str]) -> list[str]:
    """Those names that are most likely the same person's, in any script and spelling."""
    keys = names.keys(name)
    near = (other for other in others if not keys.isdisjoint(names.keys(other)))
    return [other for other in near if names.score(name, other).value >= names.SAME]


def readings(value: str, context: find.Context, kind: str = "") -> list[tuple[str, str]]:
    """Kind and canonical value of everything that may be meant by what was typed."""
    wanted = [kind] if kind else list(kinds.KINDS)
    return [(each, found) for each in wanted for found in find.read_meanings(each, value, context)]


def near(place: str, others: Iterable[str]) -> list[str]:
    """Those positions that are within 50 metres, as the same place is when it is written with fewer digits."""
    found = []
    for other in others:
        with suppress(ValueError):
            if metres(place, other) <= _SAME_PLACE:
                found.append(other)
    return found


def _selectors(raw: str, context: find.Context, known: Callable[[str], Iterable[str]]) -> tuple[str, ...]:
    """A number, a position, an address for mail or an account as the index has it, in all its meanings."""
    digits = sum(map(str.isdecimal, raw))
    if digits < _OTHER and "@" not in raw:
        return ()
    found = [guess] if (guess := find.guess(raw, context)) else []
    wanted = [kind for kind, _ in found] or (["phone", "plate"] if digits >= _PHONE else ["plate"])
    found += [(kind, value) for kind in wanted for value in find.read_meanings(kind, raw, context)]
    if guess and guess[0] == "coords":
        found += [("coords", place) for place in near(guess[1], known("coords"))]
    return tuple(dict.fromkeys(f"{kind}:{value}" for kind, value in found))[:_MOST]
