"""Ed25519 keys in OpenSSH's format, and signatures that anybody can check with `ssh-keygen -Y verify`.

Detached signatures as in OpenSSH's PROTOCOL.sshsig, made over SHA-512 of the message.
"""

from __future__ import annotations

import base64
import binascii
import os
import struct
from dataclasses import dataclass
from hashlib import sha512
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from moisson.errors import CustodyError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

_BEGIN, _END = "-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----"
_MAGIC = b"SSHSIG"
_TYPE = b"ssh-ed25519"
_MOST = 1 << 14


@dataclass(frozen=True)
class Key:
    """A signing key and the name it signs under."""

    private: Ed25519PrivateKey
    name: str

    @property
    def raw(self) -> bytes:
        """The 32 bytes of the public key."""
        return self.private.public_key().public_bytes_raw()

    @property
    def public(self) -> str:
        """The public key as a line of `authorized_keys`."""
        return public_line(self.raw, self.name)

    def sign(self, message: bytes, namespace: str) -> str:
        """An armoured detached signature; the same bytes as `ssh-keygen -Y sign -n namespace`."""
        signature = _string(_TYPE) + _string(self.private.sign(_signed(message, namespace)))
        blob = _MAGIC + struct.pack(">I", 1) + _string(_blob(self.raw)) + _strings(namespace) + _string(signature)
        text = base64.b64encode(blob).decode()
        lines = [text[at : at + 70] for at in range(0, len(text), 70)]
        return "\n".join((_BEGIN, *lines, _END, ""))


def create_key(path: Path, name: str) -> Key:
    """Make a key and write it and its `.pub`, the private half readable by its owner only; raises `UsageError`."""
    if not name or not name.isprintable() or any(c in " +\n" for c in name):
        raise UsageError(f"a key cannot be called {name!r}")
    key = Key(Ed25519PrivateKey.generate(), name)
    private = key.private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(private)
            file.flush()
            os.fsync(descriptor)
        os.link(part, path)
        path.with_name(path.name + ".pub").write_text(key.public + "\n", "utf-8")
    except FileExistsError as error:
        raise UsageError(f"{path}: there is a key already") from error
    except OSError as error:
        raise CustodyError(f"{path}: cannot write the key: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)
    return key


def load_key(path: Path) -> Key:
    """Read a key that `create_key` or `ssh-keygen -t ed25519` wrote; raises `CustodyError`."""
    try:
        if path.stat().st_mode & 0o077:
            raise CustodyError(f"{path}: others may read this key; chmod 600 it, or make a new one")
        private = serialization.load_ssh_private_key(path.read_bytes(), None)
        comment = path.with_name(path.name + ".pub").read_text("utf-8").split(None, 2)[2:]
    except FileNotFoundError as error:
        raise CustodyError(f"{error.filename}: no such key") from error
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise CustodyError(f"{path}: not a readable OpenSSH key without passphrase: {error}") from error
    if not isinstance(private, Ed25519PrivateKey):
        raise CustodyError(f"{path}: not an Ed25519 key")
    return Key(private, comment[0].strip() if comment else path.stem)


def case_key(root: Path) -> Key:
    """The key of a case folder, made on first use."""
    path = root / "keys" / "case"
    if not path.exists():
        try:
            return create_key(path, "moisson-case")
        except UsageError:
            if not path.exists():
                raise
    return load_key(path)


def public_line(raw: bytes, name: str = "") -> str:
    """A public key as a line of `authorized_keys`."""
    return f"ssh-ed25519 {base64.b64encode(_blob(raw)).decode()} {name}".strip()


def read_public(line: str) -> bytes:
    """The 32 bytes of a public key in a line of `authorized_keys`; raises `CustodyError`."""
    words = line.split()
    try:
        if words[0] == _TYPE.decode():
            return _key_of(base64.b64decode(words[1], validate=True))
    except (IndexError, ValueError) as error:
        raise CustodyError("not an ssh-ed25519 public key") from error
    raise CustodyError("not an ssh-ed25519 public key")


def verify_signature(message: bytes, signature: str, namespace: str, trusted: str = "") -> str:
    """Check an armoured signature and return the line of the public key that made it; raises `CustodyError`.

    Without `trusted` (a line of `authorized_keys`) any key will do, and the caller judges the one returned.
    """
    raw, value = _parse(signature, namespace)
    if trusted and read_public(trusted) != raw:
        raise CustodyError("the signature was made by another key")
    try:
        Ed25519PublicKey.from_public_bytes(raw).verify(value, _signed(message, namespace))
    except (InvalidSignature, ValueError) as error:
        raise CustodyError("the signature does not fit the message") from error
    return public_line(raw)


def _parse(signature: str, namespace: str) -> tuple[bytes, bytes]:
    lines = signature.strip().splitlines()
    if len(signature) > _MOST or len(lines) < 3 or lines[0] != _BEGIN or lines[-1] != _END:
        raise CustodyError("not an SSH signature")
    try:
        blob = base64.b64decode("".join(lines[1:-1]), validate=True)
        if blob[:10] != _MAGIC + struct.pack(">I", 1):
            raise CustodyError("not an SSH signature of version 1")
        key, name, reserved, algorithm, value = _split(blob[10:])
        kind, raw_value = _split(value)
    except (ValueError, binascii.Error) as error:
        raise CustodyError("a damaged SSH signature") from error
    if name != namespace.encode() or reserved:
        raise CustodyError(f"the signature was made for {name.decode(errors='replace')!r}, not {namespace!r}")
    if algorithm != b"sha512" or kind != _TYPE:
        raise CustodyError("the signature is not Ed25519 over SHA-512")
    return _key_of(key), raw_value


def _key_of(blob: bytes) -> bytes:
    try:
        kind, raw = _split(blob)
    except ValueError as error:
        raise CustodyError("not an Ed25519 key") from error
    if kind != _TYPE or len(raw) != 32:
        raise CustodyError("not an Ed25519 key")
    return raw


def _blob(raw: bytes) -> bytes:
    return _string(_TYPE) + _string(raw)


def _signed(message: bytes, namespace: str) -> bytes:
    return _MAGIC + _strings(namespace) + _string(sha512(message).digest())


def _strings(namespace: str) -> bytes:
    return _string(namespace.encode()) + _string(b"") + _string(b"sha512")


def _string(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


def _split(blob: bytes) -> list[bytes]:
    """Undo a row of `_string`; raises `ValueError`."""
    parts, at = list[bytes](), 0
    while at < len(blob):
        if at + 4 > len(blob) or at + 4 + (n := int.from_bytes(blob[at : at + 4], "big")) > len(blob):
            raise ValueError("truncated")
        parts.append(blob[at + 4 : at + 4 + n])
        at += 4 + n
    return parts
