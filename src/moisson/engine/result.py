"""What a unit came to: what it wrote, counted and found worth telling, and the units that follow."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from msgspec import Struct

from moisson.engine.plan import Unit
from moisson.model import Failure
from moisson.store.manifest import Descriptor
from moisson.store.segment import SegmentWriter

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from moisson.model import Lead, Record


class Result(Struct, frozen=True):
    """What a unit came to: the segment to publish, the units that follow, and what to tell the user."""

    unit: str
    descriptor: Descriptor
    units: tuple[Unit, ...] = ()
    items: int = 0
    bytes: int = 0
    failures: int = 0
    seconds: float = 0.0
    notes: tuple[str, ...] = ()


class Output:
    """The segment of a unit while it is written, and what is counted meanwhile."""

    def __init__(self, root: Path, unit: Unit, leads: Callable[[Record], list[Lead]]) -> None:
        self.unit, self._leads = unit, leads
        self.items = self.bytes = self.failures = 0
        self.notes: list[str] = []
        self._began = time.monotonic()
        self._writer = SegmentWriter(root, unit.exhibit, unit.id)

    def add(self, record: Record, origin: str = "") -> None:
        """Write a record, and the leads it gives."""
        if isinstance(record, Failure):
            self.failures += 1
        self.write(record, origin)
        for lead in self._leads(record):
            self.write(lead)
            self.notes.append(lead.why)

    def write(self, record: Record, origin: str = "") -> None:
        """Write a record as it is."""
        self._writer.add(record, origin)

    def close(self) -> Descriptor:
        """Complete the segment."""
        return self._writer.close()

    def abandon(self) -> None:
        """Leave nothing behind."""
        self._writer.abandon()

    def result(self, descriptor: Descriptor, units: Sequence[Unit]) -> Result:
        """What the unit came to."""
        took = time.monotonic() - self._began
        counts = self.items, self.bytes, self.failures
        return Result(self.unit.id, descriptor, tuple(units), *counts, took, tuple(self.notes))
