"""Seed phrases of wallets (BIP-39, and Electrum's): words of the English list whose checksum holds."""

from __future__ import annotations

import hashlib
import hmac
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

LENGTHS = (24, 21, 18, 15, 12)
# Standard, segregated witness, and two factors of both; a phrase of Electrum has twelve words.
_VERSIONS = ("01", "100", "101", "102")


@cache
def wordlist() -> tuple[str, ...]:
    """The 2048 words in order."""
    return tuple(files("moisson.scan").joinpath("data/bip39.txt").read_text("ascii").split())


@cache
def numbers() -> dict[str, int]:
    """The place of each word in the list."""
    return {word: i for i, word in enumerate(wordlist())}


@cache
def listed() -> frozenset[bytes]:
    """The words as they stand in bytes."""
    return frozenset(word.encode("ascii") for word in wordlist())


def holds(words: Sequence[str]) -> bool:
    """Whether these words are a phrase: a proper number of listed words, and the checksum at the end fits."""
    known = numbers()
    if len(words) not in LENGTHS or any(word not in known for word in words):
        return False
    number = 0
    for word in words:
        number = number << 11 | known[word]
    check = len(words) // 3
    entropy = (number >> check).to_bytes(check * 4, "big")
    return hashlib.sha256(entropy).digest()[0] >> (8 - check) == number & ((1 << check) - 1)


def holds_version(words: Sequence[str]) -> bool:
    """Whether twelve listed words are a phrase of Electrum: their digest begins with one of its versions."""
    if len(words) != 12 or any(word not in numbers() for word in words):
        return False
    return hmac.new(b"Seed version", " ".join(words).encode("ascii"), "sha512").hexdigest().startswith(_VERSIONS)
