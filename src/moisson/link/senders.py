"""Who sends a wallet in a message: whoever asks for money mostly names an account of their own.

Only chats and texts count, where one of two sides writes, and only a message with a single wallet. What a device sent
itself was sent by its owner. It is a weak sign: wallets are passed on too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from moisson.link.holders import holders

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from moisson.store.query import Reader

Key = tuple[str, str]

_SAID = """select distinct exhibit, parties, text from events
    where kind = 'message' and app != 'email' and length(text) >= ?"""
_SHORTEST = 26
_EDGE = "<>()[].,;:!?\"'«»"


def sent(reader: Reader, wallets: Iterable[Key]) -> Iterator[tuple[Key, Key]]:
    """Pairs of a wallet and who sent it, a number or an address as it was seen."""
    known = {value.casefold(): key for key in wallets if (value := key[1])}
    if not known:
        return
    owners = holders(reader)
    for exhibit, parties, text in reader.stream(_SAID, _SHORTEST):
        words = {word.strip(_EDGE).casefold() for word in text.split()}
        found = [known[word] for word in words if word in known]
        if len(found) == 1:
            for sender in _senders(parties or (), owners.get(exhibit, [])):
                yield found[0], sender


def _senders(parties: Iterable[dict[str, str]], owners: list[Key]) -> list[Key]:
    named = [(p["kind"], p["value"]) for p in parties if p["role"] == "sender" and p["value"]]
    return named or (owners[:1] if any(p["role"] == "recipient" for p in parties) else [])
