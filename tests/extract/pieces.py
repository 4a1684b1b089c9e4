"""What a reader gave, sorted by what it is."""

from __future__ import annotations

from dataclasses import dataclass

from moisson.model import Fact, Flag, Passage
from moisson.reader import Child, Reader


@dataclass
class Given:
    text: str
    facts: dict
    flags: set
    children: list
    places: list

    @property
    def everything(self) -> str:
        return self.text + "".join(f"\n{value}" for value in self.facts.values())


def read(step, data, keys=()) -> Given:
    pieces = list(step(Reader.of(data), keys))
    return Given(
        "".join(p.text for p in pieces if isinstance(p, Passage)),
        {p.key: p.value for p in pieces if isinstance(p, Fact)},
        {p.name for p in pieces if isinstance(p, Flag)},
        [p for p in pieces if isinstance(p, Child)],
        [p.place for p in pieces if isinstance(p, Passage) and p.place],
    )


def golden(corpora, name, expected) -> list[str]:
    """The sentences that must be found in a specimen, those another tool has confirmed."""
    values = expected[name]
    confirmed = [t["text"] for t in values.get("text_must_contain", []) if t.get("also_seen_by")]
    return confirmed + [line for line in values.get("text_after_password", []) if " " in line]


def squeezed(text: str) -> str:
    return "".join(text.split()).lower()
