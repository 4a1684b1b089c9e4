"""Names that are nobody's: what software writes where an author or the holder of an account belongs."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from moisson.selectors.spelling import fold

_LONGEST = 40


def is_nobody(name: str) -> bool:
    """Whether the whole of a field is a default of some software; a name inside a text is never judged."""
    return len(name) <= _LONGEST and " ".join(fold(name).split()) in _defaults()


@cache
def _defaults() -> frozenset[str]:
    lines = files("moisson.selectors").joinpath("data/nobody.txt").read_text("utf-8").splitlines()
    return frozenset(" ".join(fold(line).split()) for line in lines if line and line[0] != "#")
