"""All kinds of selectors by name, those that a user describes in a TOML file included."""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Any

import msgspec

from moisson.errors import UsageError
from moisson.selectors import accounts, hardware, identifiers, money, names, network, phones, places, plates, wireless
from moisson.selectors.checks import CHECKS
from moisson.selectors.fold import plain
from moisson.selectors.kind import Context, Found, Hit, Kind, Reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from moisson.selectors.fold import Folded

__all__ = ["KINDS", "Context", "Found", "Hit", "Kind", "Reason", "get", "load", "seek_described"]

KINDS: dict[str, type[Kind]] = {
    kind.name: kind
    for kind in (
        phones.Phone, network.Email, network.Url, network.Domain, hardware.Ipv4, hardware.Ipv6, hardware.Mac,
        network.Onion, identifiers.Imei, identifiers.Imsi, identifiers.Iccid, identifiers.Digest, identifiers.Pgp,
        identifiers.Passport, identifiers.Date, wireless.Ssid, plates.Plate, money.Iban, money.Card, money.Crypto,
        places.Coords, accounts.Account, names.Name,
    )
}  # fmt: skip
_REACH = 80
_STEP = 1000


class Description(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A kind in a user's words: `pattern` is a regular expression, `check` one of `checks.CHECKS`.

    With `keywords`, a value counts only within 80 characters of one of them.
    """

    name: str
    label: str
    pattern: str
    check: str = ""
    specificity: float = 0.5
    pivot: bool = True
    strong: bool = False
    keywords: tuple[str, ...] = ()


_described: dict[str, tuple[re.Pattern[str], tuple[str, ...]]] = {}


def get(name: str) -> type[Kind]:
    """The kind of that name; an unknown name gives a generic kind that only trims."""
    known = KINDS.get(name)
    return known if known is not None else _made(name, name, {})


def _made(name: str, label: str, more: dict[str, Any]) -> type[Kind]:
    return type(f"Kind_{name}", (Kind,), {"name": name, "label": label, "__doc__": label, **more})


def load(paths: Iterable[Path]) -> None:
    """Add the kinds of these TOML files; raises `UsageError` for one that cannot be used."""
    for path in paths:
        try:
            said = msgspec.convert(tomllib.loads(path.read_text("utf-8")), Description)
            pattern = re.compile(said.pattern)
        except (OSError, ValueError, re.error) as e:
            raise UsageError(f"{path.name} does not describe a kind: {e}") from e
        if said.check and said.check not in CHECKS:
            raise UsageError(f"{path.name}: no check {said.check!r}; there are {', '.join(sorted(CHECKS))}")
        if not said.name or (said.name in KINDS and said.name not in _described):
            raise UsageError(f"{path.name}: the name {said.name!r} is taken")
        _described[said.name] = pattern, tuple(word.lower() for word in said.keywords)
        KINDS[said.name] = _made(said.name, said.label, _methods(said, pattern))


def _methods(said: Description, pattern: re.Pattern[str]) -> dict[str, Any]:
    check = CHECKS.get(said.check, bool)

    def clean(cls: type[Kind], raw: str, ctx: Context) -> str | None:
        text = " ".join(plain(raw).split())
        return text if len(text) <= _STEP and pattern.fullmatch(text) and check(re.sub(r"\W", "", text)) else None

    return {"clean": classmethod(clean), "pivot": said.pivot, "strong": said.strong, "weight": said.specificity}


def seek_described(page: Folded, ctx: Context) -> Iterator[Hit]:
    """Values of the kinds that users described, looked for in short stretches of text only."""
    for name, (pattern, keywords) in _described.items():
        for start, stop in _stretches(page, keywords):
            for m in pattern.finditer(page.text, start, stop):
                if (value := KINDS[name].clean(m[0], ctx)) is not None:
                    yield Hit(name, value, m.start(), m.end(), 0.8)


def _stretches(page: Folded, keywords: tuple[str, ...]) -> Iterator[tuple[int, int]]:
    size = len(page.text)
    if not keywords:
        yield from ((at, min(size, at + _STEP)) for at in range(0, size, _STEP))
        return
    last = 0
    spots = sorted(m.start() for word in keywords for m in re.finditer(re.escape(word), page.low))
    for spot in spots:
        start, stop = max(last, spot - _REACH), min(size, spot + _REACH)
        if start < stop:
            yield start, stop
            last = stop
