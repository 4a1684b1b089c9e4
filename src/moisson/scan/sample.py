"""What a medium holds, from a thousand places of it: a guess in seconds, with how far it may be wrong.

Places are drawn one from each of equal parts of the medium (stratified), so that nothing large is missed. JPEG is known
by its byte stuffing (ITU-T T.81 B.1.1.5: 0xFF is followed by 0x00 or a restart marker), MPEG transport streams by their
sync bytes, encrypted data by a distribution of bytes that a chi-square test cannot tell from chance.
"""

from __future__ import annotations

import random
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from moisson.scan import gates
from moisson.scan.shares import MOSTLY, SIZE, Sample

if TYPE_CHECKING:
    from collections.abc import Callable

    from moisson.reader import Reader

PLACES = 1024
_STUFFED, _ENOUGH = 0.9, 24
_CHANCE = 340.0
_PACKET, _SYNC = 188, 0x47


def sample(
    reader: Reader, seed: int = 0, places: int = PLACES, look: Callable[[int, bytes], object] = lambda at, data: None
) -> Sample:
    """Look at so many places of a medium, in order; `look` gets each with its offset."""
    size = reader.size
    parts = max(1, min(places, -(-size // SIZE)))
    draw = random.Random(seed)
    counts: Counter[str] = Counter()
    seen = 0
    for n in range(parts):
        first, last = size * n // parts, size * (n + 1) // parts
        span = max(0, last - first - SIZE) // gates.PAGE
        at = (first + draw.randint(0, span) * gates.PAGE) // gates.PAGE * gates.PAGE
        data = reader.pread(at, SIZE)
        if data:
            counts[sort_of(data)] += 1
            seen += 1
            look(at, data)
    return Sample(seen, size, dict(counts))


def sort_of(data: bytes) -> str:
    """The sort of most of some bytes: one of `shares.SORTS`."""
    raw = np.frombuffer(data, np.uint8)
    if not raw.any() or (raw == raw[0]).all():
        return "empty"
    flags = np.frombuffer(gates.look(data).flags, np.uint8)
    used = (flags & gates.ZERO) == 0
    if used.mean() < MOSTLY:
        return "empty"
    raw, flags = raw[np.repeat(used, gates.PAGE)[: len(raw)]], flags[used]
    if ((flags & (gates.TEXT | gates.WIDE | gates.ARABIC)) != 0).mean() > MOSTLY:
        return "text"
    if _is_jpeg(raw):
        return "pictures"
    if _is_transport(raw):
        return "video"
    if ((flags & gates.RANDOM) != 0).mean() > MOSTLY:
        return "random" if _chi_square(raw) < _CHANCE else "compressed"
    return "other"


def _is_jpeg(raw: np.ndarray[tuple[int], np.dtype[np.uint8]]) -> bool:
    after = raw[1:][raw[:-1] == 0xFF]
    return len(after) >= _ENOUGH and float(((after == 0) | ((after >= 0xD0) & (after <= 0xD7))).mean()) >= _STUFFED


def _is_transport(raw: np.ndarray[tuple[int], np.dtype[np.uint8]]) -> bool:
    starts = [float((raw[at::_PACKET] == _SYNC).mean()) for at in range(_PACKET)]
    return len(raw) > 16 * _PACKET and max(starts) > _STUFFED


def _chi_square(raw: np.ndarray[tuple[int], np.dtype[np.uint8]]) -> float:
    counts = np.bincount(raw, minlength=256)
    expected = len(raw) / 256
    return float(((counts - expected) ** 2 / expected).sum())
