"""Measuring a command and all its descendants: CPU seconds, wall seconds, peak memory by role."""

from __future__ import annotations

import os
import resource
import subprocess
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

ROLES = {"moisson.engine.local": "worker", "moisson.engine.zygote": "reader"}


@dataclass
class Cost:
    """What a command cost; `peaks` in MB of resident memory: the largest process of each role."""

    cpu: float = 0.0
    wall: float = 0.0
    code: int = 0
    peaks: dict[str, float] = field(default_factory=lambda: defaultdict(float))


def measure(command: Sequence[str | Path], *, every: float = 0.1) -> Cost:
    """Run a command to its end."""
    cost, before = Cost(), resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.monotonic()
    process = subprocess.Popen([str(word) for word in command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None:
        for pid in [process.pid, *descendants(process.pid)]:
            role, mb = look(pid)
            cost.peaks[role] = max(cost.peaks[role], mb)
        time.sleep(every)
    cost.wall, cost.code = time.monotonic() - began, process.returncode
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cost.cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return cost


def look(pid: int) -> tuple[str, float]:
    """A process's role and its private resident memory in MB (shared pages of a fork are its parent's)."""
    try:
        line = Path(f"/proc/{pid}/cmdline").read_bytes().decode("utf-8", "replace")
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return "gone", 0.0
    role = next((name for module, name in ROLES.items() if module in line), "coordinator")
    return role, sum(int(row.split()[1]) for row in rollup.splitlines() if row.startswith("Pss:")) / 1024


def descendants(pid: int) -> list[int]:
    """Every process below another."""
    found, at = [], [pid]
    while at:
        try:
            mine = [int(w) for w in Path(f"/proc/{at[0]}/task/{at.pop(0)}/children").read_text().split()]
        except OSError:
            continue
        found += mine
        at += mine
    return found


def cores() -> int:
    """The cores this process may use."""
    return len(os.sched_getaffinity(0))
