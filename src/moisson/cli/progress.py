"""What a harvest says while it works: items, bytes, what is running, what was given up, and leads as they come."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from rich.live import Live
from rich.text import Text

from moisson.cli.output import clean, console
from moisson.link import rarity
from moisson.store.query import Reader

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from moisson.engine.harvest import Totals
    from moisson.engine.plan import Unit
    from moisson.engine.result import Result
    from moisson.model import Exhibit
    from moisson.store.manifest import Manifest

# A look at what exhibits share costs more the more there is: it may take a fiftieth of the time.
_LOOK_EVERY, _SHARE, _SAY_EVERY = 8.0, 50, 60.0
_SHOWN = 12


class Progress:
    """Prints to the terminal; on a file or a pipe, only lines that stay true."""

    def __init__(self, manifest: Manifest | None = None) -> None:
        self.manifest = manifest
        self.running: dict[str, Unit] = {}
        self.began = time.monotonic()
        self.said = self.began
        self.look_at = self.began + _LOOK_EVERY
        self.told: set[tuple[str, str]] = set()
        self.notes = 0
        self.reader: Reader | None = None
        self.live = Live(console=console, refresh_per_second=4, transient=True) if console.is_terminal else None

    def __enter__(self) -> Progress:
        if self.live:
            self.live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.live:
            self.live.stop()

    def say(self, text: str, style: str = "") -> None:
        """Print a line that stays."""
        console.print(Text(f"{time.monotonic() - self.began:7.1f}s  {clean(text, 400)}", style=style))

    def registered(self, exhibits: Sequence[Exhibit]) -> None:
        """Say which exhibits there are."""
        self.say(f"{len(exhibits)} exhibit{'s' * (len(exhibits) != 1)} registered")

    def started(self, unit: Unit) -> None:
        """Remember what is running."""
        self.running[unit.id] = unit

    def finished(self, unit: Unit, result: Result, total: Totals) -> None:
        """Say what a unit found, if that cannot wait."""
        self.running.pop(unit.id, None)
        for note in result.notes:
            self.notes += 1
            if self.notes <= _SHOWN:
                self.say(f"lead: {note}", "bold yellow")
            elif self.notes == _SHOWN + 1:
                self.say("more leads follow; `moisson leads` lists them all", "yellow")

    def broken(self, unit: Unit, detail: str) -> None:
        """Say that a unit was given up."""
        self.running.pop(unit.id, None)
        self.say(f"given up: {unit.id}: {detail}", "bold red")

    def tick(self, root: Path, total: Totals) -> None:
        """Redraw, and now and then look for what the exhibits share."""
        now = time.monotonic()
        if now > self.look_at:
            self._look(root)
            after = time.monotonic()
            self.look_at = after + max(_LOOK_EVERY, _SHARE * (after - now))
        if self.live:
            self.live.update(Text(self._line(total)))
        elif now - self.said > _SAY_EVERY:
            self.said = now
            self.say(self._line(total))

    def _line(self, total: Totals) -> str:
        seconds = max(0.1, total.seconds)
        running = ", ".join(sorted({f"{u.do} {u.exhibit}" for u in self.running.values()}))
        given_up = f", {total.failures} not read" if total.failures else ""
        rate = total.bytes / 1e6 / seconds
        done = f"{total.listed} listed, {total.items} read, {total.bytes / 1e6:.0f} MB ({rate:.0f} MB/s)"
        return f"{done}{given_up}; {running}"

    def _look(self, root: Path) -> None:
        self.reader = self.reader or Reader(root, memory_mb=128, threads=1)
        self.reader.refresh()
        for found in rarity.shared(self.reader, 40):
            if (found.kind, found.value) not in self.told and len(self.told) < _SHOWN:
                self.told.add((found.kind, found.value))
                self.say(f"shared: {found.kind} {found.value} on {', '.join(found.exhibits[:6])}", "bold green")
