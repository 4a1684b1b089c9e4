"""What the stand-alone sweep and its children tell each other: a piece of the medium, what is in it, how it ended."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from moisson.model import Failure, Sighting
from moisson.settings import Settings


class Piece(Struct, frozen=True, tag="piece"):
    """What a child is to do from `start` to `stop`: scan it, hash on what goes on where its last piece ended, or both.

    With `sample` it looks at some places of the medium instead, and with `scan` besides tells what is in each of them
    that holds anything, in one message.
    """

    names: tuple[str, ...]
    base: str
    settings: Settings
    start: int = 0
    stop: int = 0
    scan: bool = False
    digest: bool = False
    sample: bool = False


class Seen(Struct, frozen=True, tag="seen"):
    """Some sightings, how much of the medium is what (offset, length, flags of `scan.gates`), what cannot be read."""

    sightings: tuple[Sighting, ...] = ()
    stretches: tuple[tuple[int, int, int], ...] = ()
    failures: tuple[Failure, ...] = ()


class Ended(Struct, frozen=True, tag="ended"):
    """A piece is done, or failed for `error`; `digests` come once every byte from the first to the last went by.

    `faults` (offset, length, reason) are what the image could not give so far and counts as zeros.
    """

    size: int
    digests: dict[str, str] = {}
    stored: dict[str, str] = {}
    faults: tuple[tuple[int, int, str], ...] = ()
    error: str = ""
    places: int = 0
    counts: dict[str, int] = {}


pieces = msgspec.json.Decoder(Piece)
replies: msgspec.json.Decoder[Seen | Ended] = msgspec.json.Decoder(Seen | Ended)
encode = msgspec.json.encode
