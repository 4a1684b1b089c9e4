"""The digests of a segment's files, by which the ledger vouches for them."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any

import msgspec

from moisson.errors import CaseError
from moisson.store.schema import SCHEMAS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

INDEX = "index"
_NAME = re.compile(r"[0-9a-f]{32}")
_FILES = frozenset((*(f"{name}.parquet" for name in SCHEMAS), "text.pack"))
_OWN = frozenset((".managed.json", ".tantivy-meta.lock", ".tantivy-writer.lock"))


def made_here(folder: Path) -> bool:
    """Whether a folder could be a segment by its name and what lies in it; whose it is, only the ledger says."""
    if folder.is_symlink() or not folder.is_dir() or not _NAME.fullmatch(folder.name):
        return False
    return all(
        not path.is_symlink() and (path.is_dir() if path.name == INDEX else path.name in _FILES and path.is_file())
        for path in folder.iterdir()
    )


def seal(segment: Path) -> dict[str, str]:
    """SHA-256 by name of a segment's tables and texts, and of its index; raises `CaseError` for what is unreadable."""
    found = {path.name: _digest(path) for path in sorted(segment.iterdir()) if path.is_file()}
    if (segment / INDEX).is_dir():
        found[INDEX] = seal_index(segment / INDEX)
    return found


def seal_index(folder: Path) -> str:
    """The digest over an index, the same for every one that is built from the same tables.

    Its files are named at random, so that only what they are (`term`, `pos` …) and what they hold counts.
    """
    lines = (f"{name}\0{digest}\n" for name, digest in sorted(_parts(folder)))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _parts(folder: Path) -> Iterator[tuple[str, str]]:
    for path in folder.iterdir():
        if path.name == "meta.json":
            yield "meta", hashlib.sha256(msgspec.json.encode(_meta(path))).hexdigest()
        elif path.name not in _OWN:
            yield path.suffix or path.name, _digest(path)


def _meta(path: Path) -> Any:
    """What the table of contents says, without the random names."""
    try:
        said = msgspec.json.decode(path.read_bytes())
        segments = sorted((part["max_doc"], str(part["deletes"])) for part in said["segments"])
    except (OSError, msgspec.DecodeError, KeyError, TypeError, UnicodeDecodeError, RecursionError) as error:
        raise CaseError(f"{path} is damaged: {error}") from error
    return segments, said.get("schema"), said.get("index_settings")


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise CaseError(f"{path}: {error.strerror}") from error
