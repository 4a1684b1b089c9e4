"""How much work something is, counted and not timed: the same on every machine, however busy."""

from __future__ import annotations

import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from moisson.reader import Medium


def steps(work: Callable[[], object]) -> int:
    """How many lines of Python are run, a line of a loop each time."""
    count, before = 0, sys.gettrace()

    def trace(frame: Any, event: str, argument: Any) -> Any:
        nonlocal count
        count += 1
        return trace

    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


def calls(work: Callable[[], object]) -> Counter[str]:
    """How often each function written in C is called."""
    counted, before = Counter[str](), sys.getprofile()

    def profile(frame: Any, event: str, argument: Any) -> None:
        if event == "c_call":
            counted[argument.__name__] += 1

    sys.setprofile(profile)
    try:
        work()
    finally:
        sys.setprofile(before)
    return counted


def growth(work: Callable[[int], object], n: int) -> float:
    """How many times the steps for `n` the steps for twice as much are: 2 for linear work, 4 for quadratic."""
    work(n)
    return steps(lambda: work(2 * n)) / steps(lambda: work(n))


class Counted:
    """A medium that counts the bytes that are asked of it."""

    def __init__(self, medium: Medium) -> None:
        self.medium, self.size, self.present = medium, medium.size, medium.present
        self.bytes = 0

    def pread(self, offset: int, n: int) -> bytes:
        data = self.medium.pread(offset, n)
        self.bytes += len(data)
        return data
