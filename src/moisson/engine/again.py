"""What was locked and is tried again once there are more passwords: each unit takes the place of the one before it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from moisson.engine.plan import Unit
from moisson.store.compact import locked

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from moisson.settings import Settings
    from moisson.store.manifest import Manifest

_CAN = ("scan", "read", "sweep")


def more_passwords(before: Settings, now: Settings) -> Settings:
    """The settings with the passwords of earlier runs kept: what they opened is read again by its address."""
    return replace(now, passwords=tuple(dict.fromkeys((*before.passwords, *now.passwords))))


def units_again(root: Path, manifest: Manifest, passwords: int) -> Iterator[Unit]:
    """The units that met something locked, under new names; `passwords` counts those that there are now."""
    for segment in manifest.live():
        payload = manifest.payload(segment.unit)
        if not payload or not locked(root, segment):
            continue
        unit = msgspec.json.decode(payload, type=Unit)
        if unit.do in _CAN:
            yield replace(unit, id=f"{unit.id}/again-{passwords}", replaces=(unit.id,))
