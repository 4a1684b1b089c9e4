"""Who only stands in an address book or on a page: persons of whom the case knows no more than how to reach them.

A person is set aside when all that is tied to the name are telephone numbers and addresses, when nobody wrote to or
called them, when they stand in few files, when no other name in the case may be theirs, and when neither a device nor a
watchlist names them. Whoever has no name is never set aside: too little is known. It is a label, with its reason, not a
verdict: what is set aside stays in every list.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from moisson.link.holders import holders
from moisson.link.passages import telling
from moisson.link.ties import name_key
from moisson.selectors import names

if TYPE_CHECKING:
    from moisson.link.ties import Key, Ties
    from moisson.store.query import Reader

FEW, DETAILS, ALIKE = 6, 8, 200
REACH = frozenset({"phone", "email"})
_PARTIES = """select distinct p.kind, p.value from (select unnest(parties) p from events
    where kind in ('message', 'call')) where p.value != ''"""
_LISTED = """select distinct s.kind, s.value from sightings s join (
    select unnest(evidence) address from leads where rule like 'watchlist:%') using (address)"""
_FILES = """select distinct s.kind, s.value, coalesce(nullif(i.sha256, ''), s.item)
    from sightings s join items i on i.address = s.item where s.kind in ('phone', 'email', 'name')"""


def set_aside(reader: Reader, ties: Ties, meant: dict[Key, str]) -> dict[Key, str]:
    """The keys of persons who are merely to be reached, each with the reason in words."""
    active = _active(reader, meant)
    persons = [
        group
        for key in ties.where
        if key[0] == "name" and (group := _person(key, ties)) and len(group) > 1 and not group & active
    ]
    files = _files(reader, meant, {key for group in persons for key in group})
    known = _names(ties, {key for group in persons for key in group})
    seen = [set[str]().union(*(files.get(key, ()) for key in group)) for group in persons]
    quiet = [(group, len(where)) for group, where in zip(persons, seen, strict=True) if len(where) <= FEW]
    asked = _asked([group for group, _ in quiet], meant)
    more = {(kind, meant.get((kind, value), value)) for kind, value in telling(reader, asked)}
    aside: dict[Key, str] = {}
    for group, count in quiet:
        name = next(key for key in group if key[0] == "name")
        if not group & more and not _has_namesake(ties.shown(name), known, ties):
            where = f"{count} files" if count > 1 else "a single file"
            aside |= dict.fromkeys(group, f"no more than contact details, in {where}; nobody wrote or called")
    return aside


def _active(reader: Reader, meant: dict[Key, str]) -> set[Key]:
    """Who wrote, was written to, called or was called, whom a device names its owner, and who is on a watchlist."""
    stated = [tuple(row) for row in (*reader.stream(_PARTIES), *reader.stream(_LISTED))]
    stated += [key for of in holders(reader).values() for key in of]
    keys = (name_key(value) if kind == "name" else (kind, meant.get((kind, value), value)) for kind, value in stated)
    return {key for key in keys if key}


def _person(name: Key, ties: Ties) -> set[Key]:
    """A name and the details that are tied to it and to each other; nothing when anything else is tied to them."""
    group, new = {name}, [name]
    while new:
        for other in ties.of.get(new.pop(), ()):
            if other in group:
                continue
            if other[0] not in REACH or len(group) > DETAILS:
                return set()
            group.add(other)
            new.append(other)
    return group


def _asked(persons: list[set[Key]], meant: dict[Key, str]) -> set[Key]:
    """The details of some persons as they were seen: also what means one of them."""
    details = {key for group in persons for key in group if key[0] in REACH}
    return details | {key for key, value in meant.items() if (key[0], value) in details}


def _files(reader: Reader, meant: dict[Key, str], wanted: set[Key]) -> dict[Key, set[str]]:
    """The different contents in which a key stands, as many as tell few from more."""
    found: dict[Key, set[str]] = defaultdict(set)
    for kind, value, content in reader.stream(_FILES):
        key = name_key(value) if kind == "name" else (kind, meant.get((kind, value), value))
        if key in wanted and key is not None and len(found[key]) <= FEW:
            found[key].add(content)
    return found


def _names(ties: Ties, but: set[Key]) -> dict[str, list[Key]]:
    """The names of the case, without some, by the keys by which spellings meet."""
    found: dict[str, list[Key]] = defaultdict(list)
    for key in ties.where:
        if key[0] == "name" and key not in but:
            for block in names.keys(ties.shown(key)):
                found[block].append(key)
    return found


def _has_namesake(shown: str, known: dict[str, list[Key]], ties: Ties) -> bool:
    """Whether another name of the case may be the same person's, of those that share a part, the rarest part first."""
    blocks = sorted((known[block] for block in names.keys(shown) if block in known), key=len)
    near = list(dict.fromkeys(key for block in blocks for key in block[:ALIKE]))[:ALIKE]
    return any(names.score(shown, ties.shown(key)).band == "same" for key in near)
