"""Which selectors stand together: on one line, in one contact card, on the lines of one entry.

What a line, a card or an entry holds is tied, the fewer the stronger. An entry is a run of lines in which no kind comes
twice, for a kind that comes again begins the next. Rows of a database follow each other by chance and make no entry;
without a name they are messages and calls, which say little of who is party to them. An address that spells the name of
somebody in the case is tied to it, a wallet weakly to who sent it, and what a device states of itself to the owner it
names: the networks it knows the less the more there are, for a telephone knows those of others too.
Everything is bounded: crowded lines are skipped, entries are short, a selector keeps its strongest ties.
"""

from __future__ import annotations

from collections import defaultdict
from functools import lru_cache
from heapq import nlargest
from itertools import combinations
from typing import TYPE_CHECKING

from msgspec import Struct, field

from moisson.link.addresses import spelled
from moisson.link.aliases import aliases
from moisson.link.holders import holders, parts
from moisson.link.origins import is_common
from moisson.link.senders import sent
from moisson.selectors.spelling import skeleton, tokens

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moisson.store.query import Reader

Key = tuple[str, str]

SAME_LINE, NEXT_LINE, SAME_CARD, FAINT, SPELLED, KUNYA = 1.0, 0.5, 1.5, 0.05, 1.5, 0.5
OWNED, SENT, MANY = 2.0, 0.15, 5
CROWD, ENTRY, GAP = 12, 10, 2
KEEP, MOST, SPELLINGS = 48, 192, 8
AT_ONCE = 100_000
KINDS = (
    "phone", "email", "account", "iban", "crypto", "imei", "imsi", "iccid", "mac", "ssid", "plate", "coords", "name",
    "passport",
)  # fmt: skip
_FRAME = frozenset({"abu", "umm"})
_NETWORK = frozenset({"ssid", "mac"})
_PART = """select item, line,
    case when line < 0 and run not like 'find.%' and run not like 'sweep.%' then context else '' end card,
    kind, value, exhibit
    from sightings where list_contains(?, kind) and exhibit = ? and hash(item) % ? = ?
    order by item, line, card, address"""


class Line(Struct):
    """What stands on one line, or in one card when `card` is set."""

    item: str
    number: int
    card: str
    exhibit: str
    keys: dict[Key, str]


class Ties(Struct):
    """Where each selector stands, how strongly it is tied to others, how names are spelled.

    `how` has in words what a tie is, where it is not that both stand together.
    """

    where: dict[Key, set[str]] = field(default_factory=lambda: defaultdict(set))
    of: dict[Key, dict[Key, float]] = field(default_factory=lambda: defaultdict(dict))
    spelled: dict[Key, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))
    how: dict[tuple[Key, Key], str] = field(default_factory=dict)

    def see(self, key: Key, spelling: str, exhibit: str) -> None:
        """Note that a selector stands in an exhibit, a name in this spelling."""
        self.where[key].add(exhibit)
        if key[0] == "name":
            seen = self.spelled[key]
            if spelling in seen or len(seen) < SPELLINGS:
                seen[spelling] = seen.get(spelling, 0) + 1

    def shown(self, key: Key) -> str:
        """The value as people read it: of a name, the spelling that is most common."""
        seen = self.spelled.get(key)
        return max(seen, key=lambda spelling: (seen[spelling], spelling)) if seen else key[1]

    def add(self, a: Key, b: Key, weight: float, how: str = "") -> None:
        """Strengthen a tie both ways, less so where it hangs on a kunya, which many bear; `how` says what `a` does."""
        if a != b:
            if how:
                self.how[a, b] = how
            weight *= KUNYA if _is_kunya(a) or _is_kunya(b) else 1.0
            self._one_way(a, b, weight)
            self._one_way(b, a, weight)

    def _one_way(self, a: Key, b: Key, weight: float) -> None:
        mine = self.of[a]
        mine[b] = mine.get(b, 0.0) + weight
        if len(mine) > MOST:
            self.of[a] = dict(nlargest(KEEP, mine.items(), key=lambda tie: (tie[1], tie[0])))


def gather(reader: Reader) -> Ties:
    """All ties of a case, read a part at a time."""
    ties = Ties()
    rows = {
        item for (item,) in reader.sql("select address from items where kind like '%sqlite%' or kind like '%regf%'")
    }
    meant = aliases(reader)
    parties = _parties(reader, meant)
    entry: list[Line] = []
    for line in _lines(reader, meant):
        for key, spelling in line.keys.items():
            ties.see(key, spelling, line.exhibit)
        if len(line.keys) > CROWD:
            entry = []
            continue
        _tie_line(ties, line, parties, row=line.item in rows)
        if line.number < 0 or line.item in rows:
            entry = []
            continue
        if not _continues(entry, line):
            entry = []
        for before in entry:
            _tie_near(ties, before, line)
        entry.append(line)
    _tie_spelled(ties)
    _tie_devices(ties, reader, meant)
    _tie_senders(ties, reader, meant)
    return ties


def _is_kunya(key: Key) -> bool:
    return key[0] == "name" and key[1].partition(" ")[0] in _FRAME


@lru_cache(maxsize=262_144)
def name_key(value: str) -> Key | None:
    """What the spellings of a name share: its consonants in any order; None for what is too short to tell people."""
    parts = tokens(value)
    others = [p for p in parts if p not in _FRAME]
    bones = "".join(sorted("".join(map(skeleton, others))))
    frame = next((p for p in parts if p in _FRAME), "")
    if frame:
        return ("name", f"{frame} {bones}" if len(others) == 1 else f"{bones} {frame}") if bones else None
    return ("name", bones) if len(parts) > 1 and len(bones) > 2 else None


def _tie_line(ties: Ties, line: Line, parties: dict[str, frozenset[Key]], *, row: bool) -> None:
    """Tie what stands on a line; who is party to messages is tied to what stands beside it only on a card."""
    weight = (SAME_LINE if line.number >= 0 else SAME_CARD) / max(1, len(line.keys) - 1)
    anonymous = row and not any(kind == "name" for kind, _ in line.keys)
    known = parties.get(line.item, frozenset()) if line.number >= 0 else frozenset()
    for a, b in combinations(line.keys, 2):
        ties.add(a, b, weight * FAINT if anonymous or a in known or b in known else weight)


def _tie_near(ties: Ties, before: Line, line: Line) -> None:
    weight = NEXT_LINE / (len(before.keys) * len(line.keys) * (line.number - before.number) ** 0.5)
    for a in before.keys:
        for b in line.keys:
            ties.add(a, b, weight)


def _tie_spelled(ties: Ties) -> None:
    shown = {key: ties.shown(key) for key in ties.where if key[0] == "name"}
    for address, name in spelled([key for key in ties.where if key[0] == "email"], shown):
        ties.add(address, name, SPELLED, "spells")


def _tie_devices(ties: Ties, reader: Reader, meant: dict[Key, str]) -> None:
    stated = parts(reader)
    for exhibit, owners in holders(reader).items():
        keys = [name_key(v) if k == "name" else (k, meant.get((k, v), v)) for k, v in owners]
        known = [part for part in stated.get(exhibit, ()) if part in ties.where and not is_common(*part)]
        networks = sum(kind == "ssid" for kind, _ in known)
        for owner in {key for key in keys if key in ties.where and key is not None}:
            for part in known:
                if part[0] in _NETWORK:
                    ties.add(part, owner, OWNED / max(1, min(networks, MANY)), "is known to the device of")
                else:
                    ties.add(part, owner, OWNED, "is of the device of")


def _tie_senders(ties: Ties, reader: Reader, meant: dict[Key, str]) -> None:
    wallets = [key for key in ties.where if key[0] == "crypto"]
    for wallet, (kind, value) in sent(reader, wallets):
        if (sender := (kind, meant.get((kind, value), value))) in ties.where:
            ties.add(wallet, sender, SENT, "was sent by")


def _continues(entry: list[Line], line: Line) -> bool:
    if not entry or entry[-1].item != line.item or len(entry) >= ENTRY:
        return False
    kinds = {kind for before in entry for kind, _ in before.keys}
    return line.number - entry[-1].number <= GAP and not kinds & {kind for kind, _ in line.keys}


def _parties(reader: Reader, meant: dict[Key, str]) -> dict[str, frozenset[Key]]:
    """By item, who writes to whom in it: what a message says seldom describes who sent it."""
    found: dict[str, set[Key]] = defaultdict(set)
    for item, kind, value in reader.sql(
        """select distinct item, p.kind, p.value from (select item, unnest(parties) p from events
           where kind = 'message' and item != '') where p.value != ''"""
    ):
        found[item].add((kind, meant.get((kind, value), value)))
    return {item: frozenset(keys) for item, keys in found.items()}


def _owner(card: str) -> Key | None:
    """Whom a card is of: somebody's name, or for a name the address it was given."""
    if "@" in card and " " not in card:
        return None if is_common("email", card.lower()) else ("email", card.lower())
    return name_key(card) if card else None


def _lines(reader: Reader, meant: dict[Key, str]) -> Iterator[Line]:
    for exhibit, n in reader.sql("select exhibit, count(*) from sightings group by exhibit order by exhibit"):
        parts = n // AT_ONCE + 1
        for part in range(parts):
            yield from _grouped(reader, meant, exhibit, parts, part)


def _grouped(reader: Reader, meant: dict[Key, str], exhibit: str, parts: int, part: int) -> Iterator[Line]:
    now: Line | None = None
    for item, number, card, kind, value, home in reader.stream(_PART, list(KINDS), exhibit, parts, part):
        key = name_key(value) if kind == "name" else (kind, meant.get((kind, value), value))
        if key is None or is_common(*key):
            continue
        alone = number < 0 and not card
        if now is None or alone or (now.item, now.number, now.card) != (item, number, card):
            if now is not None:
                yield now
            owner = _owner(card)
            now = Line(item, number, card, home, {owner: card} if owner else {})
        now.keys.setdefault(key, value)
    if now is not None:
        yield now
