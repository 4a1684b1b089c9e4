"""The check of a ledger from its entries upwards: what was edited, cut, reordered, or signed by nobody known."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

import msgspec
from msgspec import Struct

from moisson.custody import keys, merkle
from moisson.custody import ledger as log
from moisson.custody.note import read_checkpoint, verify_note
from moisson.errors import CustodyError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from moisson.custody.ledger import Ledger, Signed

_SAME = timedelta(seconds=1)
Kind = Literal[
    "damaged", "missing", "edited", "reordered", "tree", "truncated", "checkpoint", "signature", "triggers", "clock"
]


class Problem(Struct, frozen=True):
    """One thing that does not hold; `seq` is the entry it shows at, or -1."""

    kind: Kind
    detail: str
    seq: int = -1

    def __str__(self) -> str:
        return self.detail


def audit(ledger: Ledger, known: Sequence[str] = (), trusted: Sequence[str] = ()) -> Iterator[Problem]:
    """Recompute the whole ledger and name what does not hold, the first thing first.

    `known` are signed notes that others kept; `trusted` are the public keys that may have signed (any, when empty).
    """
    try:
        signed = ledger.checkpoints()
        stops = {s.size for s in signed} | {size for note in known if (size := _size(note)) is not None}
        roots: dict[int, bytes] = {}
        yield from _entries(ledger, stops, roots)
        yield from _tree(ledger)
        for each in signed:
            yield from _checkpoint(each, ledger.origin, roots, trusted)
        for note in known:
            yield from _kept(note, ledger.origin, roots, trusted)
        yield from _triggers(ledger)
        yield from _clock(ledger)
    except (CustodyError, msgspec.ValidationError) as error:
        yield Problem("damaged", str(error))


def _size(note: str) -> int | None:
    try:
        return read_checkpoint(note).size
    except CustodyError:
        return None


def _entries(ledger: Ledger, stops: set[int], roots: dict[int, bytes]) -> Iterator[Problem]:
    tree = merkle.Growing()
    roots[0] = merkle.EMPTY
    stored = ledger.rows("select idx, hash from nodes where level = 0 order by idx")
    expected = next(stored, None)
    for seq, body in ledger.bodies():
        if seq != tree.size:
            yield Problem("missing", f"entry {tree.size} is missing: entry {seq} comes in its place", tree.size)
            return
        leaf = merkle.leaf_hash(body)
        if expected is None or expected[0] != seq:
            yield Problem("tree", f"the hash of entry {seq} is missing", seq)
        elif expected[1] != leaf:
            yield from _changed(seq, body)
        else:
            yield from _form(seq, body)
        if expected is not None and expected[0] <= seq:
            expected = next(stored, None)
        for _ in tree.add(leaf):
            pass
        if tree.size in stops:
            roots[tree.size] = tree.root()
    roots[tree.size] = tree.root()
    if expected is not None:
        yield Problem("truncated", f"the ledger ends at entry {tree.size - 1}, its hashes go further", tree.size)


def _changed(seq: int, body: bytes) -> Iterator[Problem]:
    """Say of an entry that does not fit its hash whether it is another one or was edited."""
    form = next(_form(seq, body), None)
    if form is not None and form.kind == "reordered":
        yield form
    else:
        yield Problem("edited", f"entry {seq} was edited: it does not fit its hash", seq)


def _form(seq: int, body: bytes) -> Iterator[Problem]:
    try:
        entry = msgspec.json.decode(body, type=log.Entry)
        canonical = log.encode(entry)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, UsageError) as error:
        yield Problem("damaged", f"entry {seq} is no ledger entry: {error}", seq)
        return
    if entry.seq != seq:
        yield Problem("reordered", f"entry {entry.seq} stands in the place of entry {seq}", seq)
    elif canonical != body:
        yield Problem("edited", f"entry {seq} is not in the one form that entries have", seq)


def _tree(ledger: Ledger) -> Iterator[Problem]:
    """Compare the stored hashes of subtrees with those below them."""
    sql = """select p.level, p.idx, p.hash, l.hash, r.hash from nodes p
        left join nodes l on l.level = p.level - 1 and l.idx = p.idx * 2
        left join nodes r on r.level = p.level - 1 and r.idx = p.idx * 2 + 1
        where p.level > 0 order by p.level, p.idx"""
    for level, index, value, left, right in ledger.rows(sql):
        if left is None or right is None or merkle.node_hash(left, right) != value:
            start = index << level
            yield Problem("tree", f"the hash over entries {start} to {start + (1 << level) - 1} does not hold", start)
            return
    yield from _gaps(ledger)


def _gaps(ledger: Ledger) -> Iterator[Problem]:
    size = len(ledger)
    for level, count, last in ledger.rows("select level, count(*), max(idx) from nodes group by level order by level"):
        if count != last + 1 or (level and count != size >> level):
            yield Problem("tree", f"hashes of level {level} are missing", 0)
            return


def _checkpoint(signed: Signed, origin: str, roots: dict[int, bytes], trusted: Sequence[str]) -> Iterator[Problem]:
    try:
        text = verify_note(signed.note, keys.read_public(signed.key))
        log.check_signature(signed, text, trusted)
        if read_checkpoint(signed.note).size != signed.size:
            raise CustodyError("it is filed under another size")
    except CustodyError as error:
        yield Problem("signature", f"the checkpoint at {signed.size} entries: {error}", signed.size)
        return
    yield from _stood(signed.note, origin, roots, "the checkpoint")


def _kept(note: str, origin: str, roots: dict[int, bytes], trusted: Sequence[str]) -> Iterator[Problem]:
    try:
        if trusted:
            _any_of(note, trusted)
        yield from _stood(note, origin, roots, "the checkpoint kept elsewhere")
    except CustodyError as error:
        yield Problem("signature", f"a checkpoint kept elsewhere: {error}")


def _any_of(note: str, trusted: Sequence[str]) -> None:
    for line in trusted:
        try:
            verify_note(note, keys.read_public(line))
        except CustodyError:
            continue
        return
    raise CustodyError("no trusted key signed it")


def _stood(note: str, origin: str, roots: dict[int, bytes], what: str) -> Iterator[Problem]:
    checkpoint = read_checkpoint(note)
    here = max(roots)
    if checkpoint.origin != origin:
        yield Problem("checkpoint", f"{what} is of another ledger, {checkpoint.origin}", checkpoint.size)
    elif checkpoint.size > here:
        detail = f"the ledger was cut: {what} saw {checkpoint.size} entries, {here} can be recomputed"
        yield Problem("truncated", detail, here)
    elif roots.get(checkpoint.size) != checkpoint.root:
        detail = f"the first {checkpoint.size} entries are not those that {what} was signed over"
        yield Problem("checkpoint", detail, checkpoint.size)


def _clock(ledger: Ledger) -> Iterator[Problem]:
    """Where the clock of one host went back; entries of one second may be out of order, several processes write."""
    last: dict[str, tuple[datetime, int]] = {}
    for entry in ledger.entries():
        try:
            now = datetime.fromisoformat(entry.time)
            before, seq = last.get(entry.host, (now, entry.seq))
            behind = before - now
        except (ValueError, TypeError):
            yield Problem("damaged", f"entry {entry.seq} has no time: {entry.time[:40]!r}", entry.seq)
            continue
        if behind > _SAME:
            detail = f"the clock of {entry.host} went back by {behind} between entries {seq} and {entry.seq}"
            yield Problem("clock", detail, entry.seq)
        last[entry.host] = now, entry.seq


def _triggers(ledger: Ledger) -> Iterator[Problem]:
    wanted = {f"{table}_no_{verb}" for table in log.TABLES for verb in ("update", "delete")}
    found = {name for (name,) in ledger.rows("select name from sqlite_schema where type = 'trigger'")}
    if missing := sorted(wanted - found):
        yield Problem("triggers", f"the ledger is no longer append-only: {missing[0]} is gone")
