"""What archives as exhibits have in common: where each member stands, noted so that the next process need not look.

A table of 16 bytes a member leads from a locator to a place in the archive; whoever uses it reads the member's own
header there and compares the name, so that a wrong table costs a member and never gives another one's bytes.
"""

from __future__ import annotations

import re
from array import array
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Literal

import msgspec
import numpy as np
from msgspec import Struct

from moisson.address import encode
from moisson.evidence.filesystem import printable
from moisson.evidence.inflated import Index
from moisson.reader import Memory

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moisson.reader import Medium, Reader

MOST = 2_000_000
_TURN = re.compile(r"#\d+\Z")


class Notes(Struct, frozen=True):
    """What was found out about one archive; derived, and worth nothing without it.

    `size` is that of the delivered file. `shift`, `guess` and `step` are what a row of a zip's directory is read with.
    """

    kind: Literal["zip", "tar"]
    size: int
    keys: bytes
    places: bytes
    shift: int = 0
    guess: str = "cp437"
    index: Index | None = None
    step: int = 0


def read_notes(raw: bytes, kind: str, size: int) -> Notes | None:
    """What `write_notes` wrote about this archive, or None when it is about another or damaged."""
    try:
        notes = msgspec.msgpack.decode(raw, type=Notes)
    except msgspec.DecodeError:
        return None
    whole = len(notes.keys) == len(notes.places) and not len(notes.keys) % 8
    points = notes.index.points if notes.index else ()
    sound = not notes.index or (points and points[0].out == 0 and all(p.bits <= 7 for p in points))
    return notes if whole and sound and (notes.kind, notes.size) == (kind, size) else None


def write_notes(notes: Notes) -> bytes:
    """The notes as bytes."""
    return msgspec.msgpack.encode(notes)


class Table:
    """Locators and the places they lead to."""

    def __init__(self) -> None:
        self._met: dict[int, int] = {}
        self._turns: dict[str, int] = {}
        self._keys, self._places, self.sizes = array("Q"), array("Q"), array("Q")

    def __len__(self) -> int:
        return len(self._keys)

    def add(self, name: str, place: int, size: int = 0) -> str:
        """Note one more member; gives its locator: the name, percent-encoded, with `#2` for the second of that name."""
        locator = encode(name) or "-"
        if _hash(locator) in self._met:
            turn = self._turns[locator] = self._turns.get(locator, 1) + 1
            locator = f"{locator}#{turn}"
        key = _hash(locator)
        self._met.setdefault(key, len(self._keys))
        self._keys.append(key)
        self._places.append(place)
        self.sizes.append(size)
        return locator

    def size(self, name: str) -> int | None:
        """The size of a member noted before."""
        at = self._met.get(_hash(encode(name) or "-"))
        return None if at is None else self.sizes[at]

    def sorted(self) -> tuple[bytes, bytes]:
        """Keys in order, and their places."""
        keys, places = np.array(self._keys, "<u8"), np.array(self._places, "<u8")
        order = np.argsort(keys, kind="stable")
        return keys[order].tobytes(), places[order].tobytes()


def find(notes: Notes, locator: str) -> Iterator[int]:
    """The places where a member of that locator may stand."""
    keys: Any = np.frombuffer(notes.keys, "<u8")
    key = np.uint64(_hash(locator))
    for n in range(int(np.searchsorted(keys, key)), len(keys)):
        if keys[n] != key:
            return
        yield int.from_bytes(notes.places[8 * n : 8 * n + 8], "little")


def fits(name: str, locator: str) -> bool:
    """Whether a member of that name may have this locator."""
    return (encode(name) or "-") == _TURN.sub("", locator)


def path_of(name: str) -> str:
    """A name as a path inside the volume: what leads upwards or to a root is left out."""
    return printable("/".join(part for part in name.split("/") if part not in ("", ".", "..")))


def _hash(locator: str) -> int:
    return int.from_bytes(blake2b(locator.encode(), digest_size=8).digest(), "little")


class Salvaged:
    """A medium with something to say against it."""

    def __init__(self, medium: Medium, damage: str) -> None:
        self.medium, self.damage = medium, damage
        self.size, self.present = medium.size, medium.present

    @classmethod
    def of(cls, data: bytes, damage: str) -> Salvaged:
        """What could be unpacked."""
        return cls(Memory(data), damage)

    def pread(self, offset: int, n: int) -> bytes:
        """Bytes at an offset."""
        return self.medium.pread(offset, n)


def damage(data: Reader) -> str:
    """What is wrong with bytes that could be read all the same; empty for most."""
    return str(getattr(data.medium, "damage", ""))
