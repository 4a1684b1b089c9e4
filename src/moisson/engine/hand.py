"""What a child has in hand: which items are begun and not ended, so that a break costs only the item at fault."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from moisson.engine import messages as m
from moisson.engine.spool import Spool
from moisson.errors import LimitError
from moisson.model import Failure, Item, Sighting, Text
from moisson.registry import Limits
from moisson.scan.finds import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from moisson.engine.attribute import Attribution
    from moisson.model import Record

    Add = Callable[[Record, str], None]

_STEP = re.compile(r"/@(\d+)\+(\d+)")
_MANY = 20_000
_LIGHT, _HEAVY = 1000, 8 << 20
_held = msgspec.json.Decoder(list[m.Part | m.Batch])


class InHand:
    """Takes what the child says of one file; after a break, tells who was at fault and what was already delivered.

    `write` gets each record and the outermost item it came out of, `read` is how many bytes of that were read. `tries`
    attempts may be made, and take `times` the time of one. `plainly` says that a last attempt without any reader makes
    sense. A text of more than `longest` characters is refused.
    """

    tries = 4
    times = 10
    plainly = True
    longest = Limits().text

    def __init__(self, write: Add, origin: str) -> None:
        self.write, self.origin = write, origin
        self.stack: list[tuple[str, int]] = []
        self.parts: list[str] = []
        self.seen = self.skip = self.read = 0

    def take(self, reply: m.Reply) -> None:
        """Take one message of the child."""
        match reply:
            case m.Begin():
                if not self.stack or self.stack[-1][0] != reply.address:
                    self.stack.append((reply.address, self.seen))
            case m.Part():
                if self.seen >= self.skip:
                    self.part(reply)
            case m.Batch():
                while self.stack and self.stack.pop()[0] != reply.address:
                    pass
                self.seen += 1
                if self.seen > self.skip:
                    self.batch(reply)
            case m.Refused():
                where = self.stack[-1][0] if self.stack else self.origin
                self.add(Failure(where, "engine.read@1", reply.kind, reply.detail))

    def part(self, part: m.Part) -> None:
        """Take the next part of a text; raises `LimitError` when it is longer than a text may be."""
        if len(part.content) + sum(map(len, self.parts)) > self.longest:
            raise LimitError(f"a text of more than {self.longest} characters")
        self.parts.append(part.content)

    def batch(self, batch: m.Batch) -> None:
        """Take what was found at one place."""
        for record in self.records(batch):
            self.add(record)

    def records(self, batch: m.Batch) -> Sequence[Record]:
        """The records of a batch, with the parts that came before it put to the text they belong to."""
        if not self.parts:
            return batch.records
        parts, self.parts = self.parts, []
        records = list(batch.records)
        for n, record in enumerate(records):
            if isinstance(record, Text) and record.address == batch.address:
                records[n] = replace(record, content="".join((*parts, record.content)))
        return records

    def add(self, record: Record) -> None:
        """Write a record."""
        if isinstance(record, Item) and record.address == self.origin and record.sha256:
            self.read = record.size
        self.write(record, self.origin)

    def broken(self) -> tuple[str, int, int]:
        """The item in hand when the child broke, how many were done before it was begun, and how many in all."""
        address, before = self.stack[-1] if self.stack else (self.origin, 0)
        seen, self.seen, self.stack, self.parts = self.seen, 0, [], []
        return address, before, seen

    def give_up(self, attempts: int) -> None:
        """Learn that there is no further attempt; each break has left its `Failure` already."""


class Swept(InHand):
    """Takes what the child says of a stretch of a medium: what a deleted file gave already is not carved again.

    The child begins each step of the stretch, in it each carved file, in that its members; so the depth tells which is
    which. Raw sightings wait until they are many, or for `settle`.
    """

    tries = 12
    times = 4
    plainly = False

    def __init__(self, write: Add, medium: str, attribution: Attribution, stretch: tuple[int, int]) -> None:
        super().__init__(write, medium)
        self.attribution, self.medium = attribution, medium
        self.start, self.stop = stretch
        self.held: list[m.Part | m.Batch] = []
        self.spool: Spool | None = None
        self.raw: list[Sighting] = []
        self._weight = 0

    @property
    def rest(self) -> str:
        """What of the stretch no finished step has covered."""
        return f"{self.medium}/@{self.start}+{self.stop - self.start}"

    def give_up(self, attempts: int) -> None:
        """Name what of the stretch was not looked at."""
        self.add(Failure(self.rest, "engine.sweep@1", "crash", f"given up after {attempts} attempts"))

    def take(self, reply: m.Reply) -> None:
        """Take one message, and note how far the child is."""
        super().take(reply)
        if isinstance(reply, m.Batch) and not self.stack and (step := _STEP.fullmatch(reply.address, len(self.medium))):
            at, length = int(step[1]), int(step[2])
            self.start = at + length if at == self.start else self.start

    def part(self, part: m.Part) -> None:
        """Take a part of a text, or hold it with the rest of what is inside of a carved file."""
        if len(self.stack) > 2:
            self._hold(part, len(part.content))
        else:
            super().part(part)

    def batch(self, batch: m.Batch) -> None:
        """Hold what is inside of a carved file until it is done; then write all of it, or nothing."""
        if len(self.stack) > 1:
            texts = (len(r.content) for r in batch.records if isinstance(r, Text))
            self._hold(batch, _LIGHT * len(batch.records) + sum(texts))
            return
        records = self.records(batch)
        if self.stack:
            item = next((r for r in records if isinstance(r, Item)), None)
            known = item is not None and self.attribution.has(item)
            self._release(item.address if item else "", keep=not known)
            for record in () if known else records:
                self.write(record, item.address if item else "")
        else:
            self._release("", keep=True)
            for record in records:
                if isinstance(record, Sighting) and record.run == VERSION:
                    self.raw.append(record)
                else:
                    self.write(record, "")
            if len(self.raw) >= _MANY:
                self.settle()

    def settle(self) -> None:
        """Write the raw sightings that are new, each with the item whose bytes it lies in."""
        raw, self.raw = self.raw, []
        for sighting in self.attribution.settle(raw):
            self.write(sighting, sighting.item)

    def _hold(self, reply: m.Part | m.Batch, weight: int) -> None:
        self.held.append(reply)
        self._weight += weight
        if self._weight > _HEAVY:
            self.spool = self.spool or Spool()
            self.spool.add(m.encode(self.held))
            self.held, self._weight = [], 0

    def _release(self, origin: str, *, keep: bool) -> None:
        """Write what is held, or forget it."""
        held, spool, self.held, self.spool, self._weight = self.held, self.spool, [], None, 0
        for packed in spool or () if keep else ():
            self._replay(_held.decode(packed), origin)
        if keep:
            self._replay(held, origin)
        if spool is not None:
            spool.close()

    def _replay(self, replies: Sequence[m.Part | m.Batch], origin: str) -> None:
        for reply in replies:
            if isinstance(reply, m.Part):
                super().part(reply)
                continue
            for record in self.records(reply):
                self.write(record, origin)
