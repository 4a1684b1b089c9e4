"""Who sends a wallet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moisson.link.countries import hypotheses
from moisson.link.senders import sent
from moisson.model import Event, Party, Sighting
from tests.link.test_countries import FR, TN, case, seen

if TYPE_CHECKING:
    from pathlib import Path

ONE, TWO = "0x162467053072842ba84Db15bB0F83c2561CA6CB3", "1A8VZmkEpqGJT5bKmCeRu5yuKZrhaA7xH8"


def said(text: str, role: str = "sender", app: str = "sms") -> Event:
    return Event(f"A/1/{text[:4]}", "e@1", "message", None, app, (Party(role, "phone", TN),), text, "A/1")


def owner() -> Sighting:
    return Sighting("A/1/o", "s@1", "phone", FR, FR, "A/1", role="owner")


def pairs(root: Path, *events: Event) -> list[tuple[str, str]]:
    reader = case(root, owner(), *events)
    return [(wallet[1], sender[1]) for wallet, sender in sent(reader, [("crypto", ONE), ("crypto", TWO)])]


def test_who_writes_it_sent_it(tmp_path: Path) -> None:
    assert pairs(tmp_path, said(f"Wallet : {ONE}.")) == [(ONE, TN)]


def test_what_the_device_sent_is_its_owners(tmp_path: Path) -> None:
    assert pairs(tmp_path, said(f"paie sur {ONE}", "recipient")) == [(ONE, FR)]


def test_two_wallets_and_mails_say_nothing(tmp_path: Path) -> None:
    assert pairs(tmp_path, said(f"{ONE} {TWO}"), said(f"Wallet: {ONE}", app="email")) == []


def test_a_wallet_is_weakly_of_the_senders_country(tmp_path: Path) -> None:
    reader = case(tmp_path, said(f"Wallet : {ONE}"), seen("phone", TN, 1), seen("crypto", ONE, 9))
    (wallet,) = [h for h in hypotheses(reader) if h.kind == "crypto"]
    assert (wallet.country, wallet.strength < 0.5) == ("TN", True)
    assert wallet.reasons[0].startswith(f"was sent by phone {TN}: number begins with +216")


def test_a_named_neighbour_weighs_more_than_the_sender(tmp_path: Path) -> None:
    beside = [seen("crypto", ONE, 9), seen("phone", FR, 9)]
    reader = case(tmp_path, said(f"Wallet : {ONE}"), seen("phone", TN, 1), *beside)
    assert {h.country for h in hypotheses(reader) if h.kind == "crypto"} == {"FR"}
