"""The six seams: which step reads which thing.

A step is a plain generator function under `@step`. Built-ins are listed by module in `BUILT_IN` and imported when first
asked for; third parties add theirs through the entry-point group `moisson.steps` (a module name that, once imported,
has declared its steps). Applicability is a score: an exact kind beats a wildcard, the best wins, ties go by name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from importlib import import_module, metadata
from typing import Any, Literal, TypeVar

Seam = Literal["open", "carve", "identify", "extract", "find", "export"]

BUILT_IN = (
    "moisson.carve.keys",
    "moisson.carve.rows",
    "moisson.extract.android",
    "moisson.extract.archive",
    "moisson.extract.calendar",
    "moisson.extract.ebook",
    "moisson.extract.html",
    "moisson.extract.image",
    "moisson.extract.mail",
    "moisson.extract.map",
    "moisson.extract.media",
    "moisson.extract.office",
    "moisson.extract.ole",
    "moisson.extract.opendocument",
    "moisson.extract.outlook",
    "moisson.extract.pdf",
    "moisson.extract.plist",
    "moisson.extract.pst",
    "moisson.extract.rar",
    "moisson.extract.registry",
    "moisson.extract.rest",
    "moisson.extract.rtf",
    "moisson.extract.sevenzip",
    "moisson.extract.table",
    "moisson.extract.tar",
    "moisson.extract.text",
    "moisson.extract.thumbcache",
    "moisson.extract.tnef",
)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one item may cost: seconds + per_mb × MB of input, memory, characters of text, children, depth, ratio."""

    seconds: float = 30
    per_mb: float = 2
    memory_mb: int = 768
    text: int = 20_000_000
    children: int = 100_000
    depth: int = 12
    ratio: int = 200
    spare_mb: int = 256

    def bytes_from(self, size: int) -> int:
        """How many bytes may come out of an item of `size` bytes, all its descendants together."""
        return max(self.spare_mb << 20, size * self.ratio)


@dataclass(frozen=True, slots=True)
class Step:
    """One registered function and what it says of itself."""

    name: str
    version: int
    seam: Seam
    run: Callable[..., Iterable[Any]]
    kinds: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    limits: Limits = Limits()
    reference: str = ""

    @property
    def label(self) -> str:
        """What a record's `run` says: `name@version`."""
        return f"{self.name}@{self.version}"

    def score(self, kind: str, name: str) -> int:
        """How well this step fits: 100 for its very kind, 50 for its name, 10 for a wildcard of kinds, 0 for not."""
        if kind in self.kinds:
            return 100
        lower = name.casefold()
        if any(fnmatchcase(lower, pattern) for pattern in self.names):
            return 50
        return 10 if any("*" in pattern and fnmatchcase(kind, pattern) for pattern in self.kinds) else 0


_steps: dict[str, Step] = {}
_loaded: set[str] = set()
F = TypeVar("F", bound=Callable[..., Iterable[Any]])


def step(
    name: str,
    *,
    version: int,
    kinds: Sequence[str] = (),
    names: Sequence[str] = (),
    limits: Limits = Limits(),
    reference: str = "",
) -> Callable[[F], F]:
    """Declare a step; `name` begins with its seam, as in `extract.pdf`; `version` grows when its output changes."""
    seam: Any = name.partition(".")[0]

    def add(function: F) -> F:
        _steps[name] = Step(name, version, seam, function, tuple(kinds), tuple(names), limits, reference)
        return function

    return add


def load() -> None:
    """Import every built-in and every installed third-party module of steps, once."""
    if not _loaded:
        for module in (*BUILT_IN, *(e.value for e in metadata.entry_points(group="moisson.steps"))):
            import_module(module)
            _loaded.add(module)


def steps(seam: Seam) -> list[Step]:
    """The steps of a seam, by name."""
    load()
    return [_steps[name] for name in sorted(_steps) if _steps[name].seam == seam]


def best(seam: Seam, kind: str, name: str = "") -> Step | None:
    """The step that fits a kind and a file name best, or None."""
    winner = max(steps(seam), key=lambda s: s.score(kind, name), default=None)
    return winner if winner and winner.score(kind, name) else None


def named(name: str) -> Step:
    """The step of that name; raises `KeyError`."""
    load()
    return _steps[name]
