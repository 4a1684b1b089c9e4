"""What one run was asked to do: frozen, hashed into each `Run`, the same in every process."""

from __future__ import annotations

from hashlib import sha256
from typing import Literal

import msgspec
from msgspec import Struct

from moisson.registry import Limits

Pass = Literal["glance", "skim", "harvest", "sweep"]


class Settings(Struct, frozen=True):
    """The options of a harvest.

    `regions` is the order in which a national telephone number is tried (ISO 3166-1 alpha-2); `languages` (BCP 47) are
    those the case expects. `passwords` are tried on everything that is locked.
    """

    until: Pass = "sweep"
    regions: tuple[str, ...] = ("IQ", "SY", "TR", "LB", "JO", "TN", "MA", "DZ", "FR", "BE", "DE", "NL", "GB")
    languages: tuple[str, ...] = ("ar", "fr", "en")
    passwords: tuple[str, ...] = ()
    limits: Limits = Limits()
    seed: int = 0

    def digest(self) -> str:
        """A short name for these settings."""
        return sha256(msgspec.json.encode(self, order="deterministic")).hexdigest()[:16]
