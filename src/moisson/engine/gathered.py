"""What a reader says of one item as it comes in, and what may still come out of one file."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from moisson.errors import LimitError

if TYPE_CHECKING:
    from moisson.model import Fact, Record, Value

_CAPPED_FLAGS = 32
_META_CHARS = 64_000


class Abandoned(LimitError):
    """The budget of the whole file is spent."""


@dataclass
class Budget:
    """What may still come out of one file of a volume, all its descendants together."""

    bytes_left: int
    children_left: int
    depth: int

    def spend(self, size: int) -> None:
        """Count one more child; raises `Abandoned` when that is too much."""
        self.children_left -= 1
        self.bytes_left -= size
        if self.children_left < 0:
            raise Abandoned("more members than one file may have")
        if self.bytes_left < 0:
            raise Abandoned("more bytes came out than the size of the file allows")


@dataclass
class Gathered:
    """What a reader said of one item."""

    text: list[str] = field(default_factory=list)
    marks: list[tuple[int, str]] = field(default_factory=list)
    meta: dict[str, Value] = field(default_factory=dict)
    flags: list[str] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    length: int = 0
    meta_left: int = _META_CHARS

    def flag(self, name: str) -> None:
        """Add a flag once."""
        if name not in self.flags and len(self.flags) < _CAPPED_FLAGS:
            self.flags.append(name)

    def fact(self, fact: Fact) -> None:
        """Keep a field of metadata while there is room; a repeated key gathers into a list."""
        cost = len(fact.key) + len(str(fact.value))
        if cost > self.meta_left:
            return
        self.meta_left -= cost
        if (old := self.meta.get(fact.key)) is None:
            self.meta[fact.key] = fact.value
        elif old != fact.value:
            values = old if isinstance(old, list) else [str(old)]
            self.meta[fact.key] = [*values, *(fact.value if isinstance(fact.value, list) else [str(fact.value)])]
