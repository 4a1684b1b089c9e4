"""What a child has in hand: which items are begun and not ended, so that a break costs only the item at fault."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moisson.engine import messages as m
from moisson.model import Failure, Item, Sighting
from moisson.scan.block import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from moisson.engine.attribute import Attribution
    from moisson.model import Record

    Add = Callable[[Record, str], None]


class InHand:
    """Takes what the child says of one file; after a break, tells who was at fault and what was already delivered.

    `write` gets each record and the outermost item it came out of, `read` is how many bytes of that were read.
    `plainly` says that a last attempt without any reader makes sense.
    """

    tries = 4
    plainly = True

    def __init__(self, write: Add, origin: str) -> None:
        self.write, self.origin = write, origin
        self.stack: list[tuple[str, int]] = []
        self.seen = self.skip = self.read = 0

    def take(self, reply: m.Reply) -> None:
        """Take one message of the child."""
        match reply:
            case m.Begin():
                if not self.stack or self.stack[-1][0] != reply.address:
                    self.stack.append((reply.address, self.seen))
            case m.Batch():
                while self.stack and self.stack.pop()[0] != reply.address:
                    pass
                self.seen += 1
                if self.seen > self.skip:
                    self.batch(reply.records)
            case m.Refused():
                where = self.stack[-1][0] if self.stack else self.origin
                self.add(Failure(where, "engine.read@1", reply.kind, reply.detail))

    def batch(self, records: Sequence[Record]) -> None:
        """Take what was found at one place."""
        for record in records:
            self.add(record)

    def add(self, record: Record) -> None:
        """Write a record."""
        if isinstance(record, Item) and record.address == self.origin and record.sha256:
            self.read = record.size
        self.write(record, self.origin)

    def broken(self) -> tuple[str, int, int]:
        """The item in hand when the child broke, how many were done before it was begun, and how many in all."""
        address, before = self.stack[-1] if self.stack else (self.origin, 0)
        seen, self.seen, self.stack = self.seen, 0, []
        return address, before, seen


class Swept(InHand):
    """Takes what the child says of a stretch of a medium: what a deleted file gave already is not carved again.

    The child begins each step of the stretch, in it each carved file, in that its members; so the depth tells which is
    which. Raw sightings wait for `settle`.
    """

    tries = 12
    plainly = False

    def __init__(self, write: Add, medium: str, attribution: Attribution) -> None:
        super().__init__(write, medium)
        self.attribution = attribution
        self.held: list[Record] = []
        self.raw: list[Sighting] = []

    def batch(self, records: Sequence[Record]) -> None:
        """Hold what is inside of a carved file until it is done; then write all of it, or nothing."""
        if len(self.stack) > 1:
            self.held += records
        elif self.stack:
            held, self.held = [*self.held, *records], []
            item = next((r for r in records if isinstance(r, Item)), None)
            if item is None or not self.attribution.has(item):
                for record in held:
                    self.write(record, item.address if item else "")
        else:
            for record in records:
                if isinstance(record, Sighting) and record.run == VERSION:
                    self.raw.append(record)
                else:
                    self.write(record, "")

    def settle(self) -> None:
        """Write the raw sightings that are new, each with the item whose bytes it lies in."""
        for sighting in self.attribution.settle(self.raw):
            self.write(sighting, sighting.item)
