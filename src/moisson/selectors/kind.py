"""What a kind of selector is, and the circumstances under which a value is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, NamedTuple

from msgspec import Struct

if TYPE_CHECKING:
    from moisson.model import Role


class Context(Struct, frozen=True):
    """What is known before reading: regions in order of likelihood, languages, a country, whether short codes count."""

    regions: tuple[str, ...] = ("IQ", "SY", "TR", "LB", "JO", "TN", "MA", "DZ", "FR", "BE", "DE", "NL", "GB")
    languages: tuple[str, ...] = ("ar", "fr", "en")
    country: str = ""
    short: bool = False


class Reason(NamedTuple):
    """A country a value speaks for (ISO 3166-1 alpha-2), why in words, and how strongly from 0 to 1."""

    country: str
    why: str
    strength: float


class Found(NamedTuple):
    """A selector in a text: `start` and `length` count characters of the text as it was given."""

    kind: str
    value: str
    raw: str
    start: int
    length: int
    confidence: float
    role: Role = "mentioned"


class Hit(NamedTuple):
    """What a seeker reports of one stretch of folded text."""

    kind: str
    value: str
    start: int
    end: int
    confidence: float


class Kind:
    """A kind of selector; `pivot` values join exhibits, `strong` ones identify by themselves.

    This class itself is the kind of everything unknown: trimmed text, weak.
    """

    name: ClassVar[str] = ""
    label: ClassVar[str] = ""
    pivot: ClassVar[bool] = False
    strong: ClassVar[bool] = False
    weight: ClassVar[float] = 0.3

    @classmethod
    def clean(cls, raw: str, ctx: Context) -> str | None:
        """The canonical form, or None for what is no value of this kind; canonical values come back unchanged."""
        return " ".join(raw.split()) or None

    @classmethod
    def meanings(cls, raw: str, ctx: Context) -> tuple[str, ...]:
        """All values that may be meant, the likeliest first."""
        value = cls.clean(raw, ctx)
        return (value,) if value else ()

    @classmethod
    def specificity(cls, value: str) -> float:
        """How much two things that share this value have in common, from 0 to 1."""
        return cls.weight

    @classmethod
    def caption(cls, value: str) -> str:
        """The value as people like to read it."""
        return value

    @classmethod
    def country(cls, value: str) -> list[Reason]:
        """The countries the value speaks for, strongest first."""
        return []
