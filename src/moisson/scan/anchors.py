"""The table of anchors, compiled: where in a block of bytes something may begin that deserves a closer look."""

from __future__ import annotations

import tomllib
from array import array
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import hyperscan
from msgspec import Struct

from moisson import native
from moisson.scan import phrases
from moisson.selectors import accounts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Event = tuple[int, int]
# The anchors that native code finds by itself: those of capitals and figures, and those around a point.
CAPITALS = ("digits", "iban", "mgrs", "card-spaces", "card-dashes", "card-amex")
POINTS = ("email", "url", "domain", "ipv4", "coords")
# Programs name their packages by these hosts, so that without a scheme they are no profile of anybody.
_PACKAGES = frozenset({"github.com"})


class Anchor(Struct, frozen=True, forbid_unknown_fields=True):
    """A byte pattern and the name of what looks closer; `dense` ones are wanted in plain text alone."""

    pattern: str
    seek: str
    dense: bool = False


@cache
def table() -> dict[str, Anchor]:
    """All anchors by name."""
    text = files("moisson.scan").joinpath("data/anchors.toml").read_text("utf-8")
    words, hosts = accounts.services()
    profiles = [host for host in hosts if host not in _PACKAGES]
    for name, known in (("{services}", list(words)), ("{hosts}", profiles)):
        text = text.replace(name, "|".join(map(_quoted, sorted(known))))
    return {name: Anchor(**row) for name, row in tomllib.loads(text).items()}


def _quoted(word: str) -> str:
    """A word as a pattern of bytes."""
    return "".join(c if c.isascii() and c.isalnum() else "".join(f"\\x{b:02x}" for b in c.encode()) for c in word)


class Matcher:
    """One compiled set of anchors with its scratch space: for one process and one thread.

    `seeks` names what each number in an event stands for. With native code `CAPITALS` and `POINTS`, which cost as much
    as all others together, are left to it.
    """

    def __init__(self, chosen: Callable[[Anchor], bool], code: native.Code | None = None) -> None:
        rows = {name: row for name, row in table().items() if chosen(row)}
        own = ((code.capitals, CAPITALS), (code.points, POINTS)) if code and rows.keys() >= {*CAPITALS, *POINTS} else ()
        self._own = [find for find, _ in own]
        apart = tuple(name for _, names in own for name in names)
        anchors = [row for name, row in rows.items() if name not in apart]
        self.seeks = (*(a.seek for a in anchors), *(rows[name].seek for name in apart))
        self._others = len(anchors)
        self._database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
        self._database.compile(
            expressions=[a.pattern.encode("ascii") for a in anchors],
            ids=list(range(len(anchors))),
            elements=len(anchors),
            flags=[hyperscan.HS_FLAG_DOTALL] * len(anchors),
        )
        self._scratch = hyperscan.Scratch(self._database)

    def match(self, data: bytes, start: int = 0, stop: int | None = None) -> list[Event]:
        """The end of each match between two offsets and the number of its anchor, by end."""
        events: list[Event] = []
        add = events.append

        def take(number: int, _start: int, end: int, _flags: int, _context: object) -> None:
            add((end + start, number))

        scan: Any = self._database.scan
        scan(memoryview(data)[start:stop], match_event_handler=take, scratch=self._scratch)
        found = [ends for find in self._own for ends in find(data, start, len(data) if stop is None else stop)]
        events += [(end, number) for number, ends in enumerate(found, self._others) for end in ends]
        events.sort()
        return events


class Plain:
    """The anchors of plain text in native code; of seed phrases it gives only those whose words are all listed."""

    seeks = ("run", "fingerprint", "phrase")

    def __init__(self, code: native.Code) -> None:
        self._code, self._words = code, _slots(phrases.listed())

    def match(self, data: bytes, start: int = 0, stop: int | None = None) -> list[Event]:
        """As `Matcher.match`, in order for each anchor."""
        found = self._code.dense(data, start, len(data) if stop is None else stop, self._words)
        return [(end, number) for number, ends in enumerate(found) for end in ends]

    def promising(self, data: bytes, start: int, stop: int, signs: array[int], offset: int) -> list[Event]:
        """The same without the runs that `signs`, a table of first digits, does not allow."""
        found = self._code.dense(data, start, stop, self._words, signs, offset)
        return [(end, number) for number, ends in enumerate(found) for end in ends]


def _slots(words: Iterable[bytes]) -> array[int]:
    """A table of words of at most eight letters, each at the slot of its hash or one after it."""
    known = [word for word in words if len(word) <= 8]
    table = array("Q", bytes(8 << (2 * len(known)).bit_length()))
    for word in known:
        number = int.from_bytes(word, "little")
        slot = (number * 0x9E3779B97F4A7C15 & (1 << 64) - 1) >> 32
        while table[slot % len(table)]:
            slot += 1
        table[slot % len(table)] = number
    return table


@cache
def everywhere() -> Matcher:
    """The anchors looked for in all bytes."""
    return Matcher(lambda anchor: not anchor.dense, native.code)


@cache
def in_text() -> Matcher | Plain:
    """The anchors looked for in long runs of ASCII."""
    wanted = {anchor.seek for anchor in table().values() if anchor.dense}
    return Plain(native.code) if native.code and wanted <= {*Plain.seeks} else Matcher(lambda anchor: anchor.dense)
