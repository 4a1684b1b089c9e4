"""A case folder: its settings, its exhibits, and the bytes at any address in it."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import msgspec

from moisson.address import Address
from moisson.custody.keys import case_key
from moisson.custody.ledger import Ledger
from moisson.engine import messages as m
from moisson.engine.supply import Supply
from moisson.errors import (
    AddressError,
    CaseError,
    CustodyError,
    DamagedError,
    LimitError,
    PasswordError,
    UnsupportedError,
)
from moisson.model import Item
from moisson.settings import Settings
from moisson.store.manifest import Manifest
from moisson.store.query import Reader

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from moisson.model import Exhibit, Record

_ERRORS = {"password": PasswordError, "unsupported": UnsupportedError, "limit": LimitError}


class Case:
    """An existing case, for reading; `Case.create` makes the folder of a new one."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.manifest = Manifest(root / "manifest.db", readonly=True)
        self.settings = msgspec.json.decode(self.manifest.setting("settings") or "{}", type=Settings)
        self.exhibits: dict[str, Exhibit] = {e.id: e for e in self.manifest.exhibits()}
        self.store = Reader(root)
        self._supply: Supply | None = None

    def ledger(self) -> Ledger:
        """The custody ledger of this case; raises `CustodyError` when it is gone."""
        if not (self.root / "ledger.db").is_file():
            raise CustodyError(f"{self.root}: the ledger of this case is gone")
        return Ledger.open(self.root / "ledger.db")

    def read(self, address: str | Address, limit: int = 1 << 30) -> bytes:
        """The bytes at an address, from the evidence, through the confined child; raises `EvidenceError`."""
        parsed = Address.parse(address) if isinstance(address, str) else address
        if parsed.exhibit not in self.exhibits:
            raise AddressError(f"no exhibit {parsed.exhibit} in this case")
        if self._supply is None:
            self._supply = Supply(self.root, self.settings, self.exhibits)
        request, pieces = m.Fetch(str(parsed), self._names(parsed), limit), list[bytes]()
        refused: list[m.Refused] = []

        def take(reply: m.Reply) -> None:
            if isinstance(reply, m.Bytes):
                pieces.append(reply.data)
            elif isinstance(reply, m.Refused):
                refused.append(reply)

        try:
            kind, detail = self._supply.call(parsed.exhibit, request, self._supply.patience(parsed.exhibit), take)
        except OSError as error:
            raise DamagedError(f"{parsed}: {error.filename or parsed.exhibit}: {error.strerror}") from error
        if kind != "ok":
            raise DamagedError(f"{parsed}: reading it ended in {kind} {detail}")
        for reply in refused:
            raise _ERRORS.get(reply.kind, DamagedError)(f"{parsed}: {reply.detail}")
        return b"".join(pieces)

    def _names(self, address: Address) -> dict[str, str]:
        names, at = {}, address
        while at.parent is not None:
            if isinstance(found := self.store.record_at(str(at)), Item):
                names[str(at)] = found.name
            at = at.parent
        return names

    def note(self, act: str, **fields: Any) -> None:
        """Enter an act into the ledger and sign it; the fields are those of a ledger's entry."""
        with self.ledger() as ledger:
            ledger.append(act, **fields)
            ledger.checkpoint(case_key(self.root))

    def records(self, kind: str) -> Iterator[Record]:
        """Every record of a kind (items, texts, sightings …)."""
        return self.store.records(kind)

    def close(self) -> None:
        """End the confined child, if one was needed."""
        if self._supply is not None:
            self._supply.close()
            self._supply = None


def create(root: Path) -> Manifest:
    """Open the manifest of a case for writing, making the folder when it is new; raises `CaseError`."""
    if root.exists() and not (root / "manifest.db").exists() and any(root.iterdir()):
        raise CaseError(f"{root} is a folder with other things in it; name a new folder for the case")
    for part in ("seg", "tmp", "lists"):
        (root / part).mkdir(parents=True, exist_ok=True)
    return Manifest(root / "manifest.db")


@contextmanager
def locked(root: Path) -> Iterator[None]:
    """Hold the case for one coordinator; raises `CaseError` if another has it."""
    descriptor = os.open(root / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise CaseError(f"{root} is being harvested by another process") from error
        yield
    finally:
        os.close(descriptor)
