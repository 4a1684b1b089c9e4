"""Checkpoints of a log as signed notes: C2SP `signed-note` and `tlog-checkpoint`, Ed25519."""

from __future__ import annotations

import base64
from hashlib import sha256
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from msgspec import Struct

from moisson.errors import CustodyError

if TYPE_CHECKING:
    from moisson.custody.keys import Key

_MOST = 1 << 16
_ED25519 = b"\1"


class Checkpoint(Struct, frozen=True):
    """What a log stood at: its origin, how many entries, the root over them, and further lines."""

    origin: str
    size: int
    root: bytes
    more: tuple[str, ...] = ()

    def text(self) -> str:
        """The body that is signed."""
        return "\n".join((self.origin, str(self.size), base64.b64encode(self.root).decode(), *self.more, ""))


def sign_note(text: str, key: Key) -> str:
    """The text, an empty line, and the signature line."""
    value = key_hash(key.name, key.raw) + key.private.sign(text.encode())
    return f"{text}\n— {key.name} {base64.b64encode(value).decode()}\n"


def key_hash(name: str, raw: bytes) -> bytes:
    """The four bytes by which a signature line names its key."""
    return sha256(name.encode() + b"\n" + _ED25519 + raw).digest()[:4]


def verify_note(note: str, raw: bytes) -> str:
    """Check that one of the signatures was made by this public key, and give the text; raises `CustodyError`."""
    text, lines = _split(note)
    for line in lines:
        name, _, coded = line.rpartition(" ")
        try:
            value = base64.b64decode(coded, validate=True)
        except ValueError as error:
            raise CustodyError("a damaged signature line in a note") from error
        if value[:4] == key_hash(name, raw):
            try:
                Ed25519PublicKey.from_public_bytes(raw).verify(value[4:], text.encode())
            except (InvalidSignature, ValueError) as error:
                raise CustodyError("the signature does not fit the note") from error
            return text
    raise CustodyError("the note is not signed by this key")


def read_checkpoint(note: str) -> Checkpoint:
    """The checkpoint in a note, its signatures unchecked; raises `CustodyError`."""
    origin, *rest = _split(note)[0].removesuffix("\n").split("\n")
    try:
        size, root = rest[0], base64.b64decode(rest[1], validate=True)
        if not size.isascii() or not size.isdigit() or str(int(size)) != size or len(root) != 32 or not origin:
            raise ValueError(size)
    except (ValueError, IndexError) as error:
        raise CustodyError("not a checkpoint") from error
    return Checkpoint(origin, int(size), root, tuple(rest[2:]))


def _split(note: str) -> tuple[str, list[str]]:
    text, empty, tail = note.rpartition("\n\n")
    lines = tail.splitlines()
    if len(note) > _MOST or not empty or not lines or not all(line.startswith("— ") for line in lines):
        raise CustodyError("not a signed note")
    return text + "\n", [line[2:] for line in lines]
