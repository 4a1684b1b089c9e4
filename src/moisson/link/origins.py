"""What a selector says by itself of the country it concerns: the reasons of its kind, and what the maps know."""

from __future__ import annotations

import re
import tomllib
from functools import cache, lru_cache
from importlib.resources import files

from phonenumbers import NumberParseException, parse, region_code_for_country_code

from moisson.link.borders import CLOSE, country_at
from moisson.link.rarity import base_rate
from moisson.selectors import kinds
from moisson.selectors.kind import Reason

COMMON_BASE = 0.9
_DOUBT = 0.3


def is_common(kind: str, value: str) -> bool:
    """Whether a value stands on nearly every system, so that it concerns no country and nobody."""
    return base_rate(kind, value) >= COMMON_BASE


@lru_cache(maxsize=262_144)
def origins(kind: str, value: str) -> tuple[Reason, ...]:
    """The countries a value names by itself, none for what stands on nearly every system."""
    if is_common(kind, value):
        return ()
    said = list(kinds.get(kind).country(value))
    if kind == "coords" and not said:
        return tuple(_position(value))
    if kind == "ssid" and not said:
        return tuple(_network(value))
    if kind == "phone":
        said += _shared_code(value, said)
    return tuple(said)


def _position(value: str) -> list[Reason]:
    lat, _, lon = value.partition(",")
    try:
        here = float(lat), float(lon)
    except ValueError:
        return []
    country, beside = country_at(*here)
    if not country:
        return []
    if not beside:
        return [Reason(country, f"position in {country}", 0.8)]
    close = country_at(*here, CLOSE)[1]
    near = [
        Reason(o, f"position some {'five' if o in close else 'ten'} kilometres from {o}", 0.35 if o in close else 0.2)
        for o in beside
    ]
    return [Reason(country, f"position in {country}, near {', '.join(beside)}", 0.5 if close else 0.65), *near]


def _network(value: str) -> list[Reason]:
    name = value.casefold()
    return [Reason(c, f"network named as providers in {c} do", 0.5) for p, c in _providers() if p.match(name)][:1]


@cache
def _providers() -> list[tuple[re.Pattern[str], str]]:
    table = tomllib.loads(files("moisson.link").joinpath("networks.toml").read_text(encoding="utf-8"))
    return [(re.compile(p), country) for country, rows in table["patterns"].items() for p in rows]


def _shared_code(value: str, said: list[Reason]) -> list[Reason]:
    """The main country of a code that several share: its numbers are sold and used across them."""
    try:
        code = parse(value).country_code or 0
    except NumberParseException:
        return []
    main = region_code_for_country_code(code)
    if not said or main in {r.country for r in said} | {"001", "ZZ", "US"}:
        return []
    return [Reason(main, f"number begins with +{code}, which {main} shares with {said[0].country}", _DOUBT)]
