"""Which country a position lies in, by the borders of Natural Earth 1:50 million (public domain).

`borders.json.xz` has, by ISO 3166-1 code, rings of longitude and latitude in steps of 1/200 degree, each pair as the
difference from the one before. Edges are kept by bands of one degree of latitude, so that a question touches few.
"""

from __future__ import annotations

import json
import lzma
from collections import defaultdict
from functools import cache, lru_cache
from importlib.resources import files
from math import floor

STEPS = 200
NEAR, CLOSE = 0.1, 0.05

Edge = tuple[int, int, int, int]


def country_at(lat: float, lon: float, near: float = NEAR) -> tuple[str, tuple[str, ...]]:
    """The country of a position, empty at sea, and the others within `near` degrees: some ten kilometres.

    Within `CLOSE`, half of that, the map itself may be wrong.
    """
    here = _inside(lat, lon)
    sides = ((near, 0.0), (-near, 0.0), (0.0, near), (0.0, -near))
    around = {_inside(lat + north, lon + east) for north, east in sides} - {here, ""}
    if not here and len(around) == 1:
        return around.pop(), ()
    return here, tuple(sorted(around))


@lru_cache(maxsize=65_536)
def _inside(lat: float, lon: float) -> str:
    x, y = lon * STEPS, lat * STEPS
    for country, edges in _bands().get(floor(lat), {}).items():
        if sum(_left_of(x, y, edge) for edge in edges) % 2:
            return country
    return ""


def _left_of(x: float, y: float, edge: Edge) -> bool:
    x1, y1, x2, y2 = edge
    return (y1 > y) != (y2 > y) and x < (x2 - x1) * (y - y1) / (y2 - y1) + x1


@cache
def _bands() -> dict[int, dict[str, list[Edge]]]:
    packed = files("moisson.link").joinpath("borders.json.xz").read_bytes()
    bands: dict[int, dict[str, list[Edge]]] = defaultdict(lambda: defaultdict(list))
    for country, rings in json.loads(lzma.decompress(packed)).items():
        for ring in rings:
            for edge in _edges(ring):
                low, high = sorted((edge[1], edge[3]))
                for band in range(low // STEPS, high // STEPS + 1):
                    bands[band][country].append(edge)
    return bands


def _edges(ring: list[int]) -> list[Edge]:
    points, x, y = [], 0, 0
    for east, north in zip(ring[::2], ring[1::2], strict=True):
        x, y = x + east, y + north
        points.append((x, y))
    return [(*a, *b) for a, b in zip(points, points[1:] + points[:1], strict=True) if a[1] != b[1]]
