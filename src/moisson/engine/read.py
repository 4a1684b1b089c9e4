"""One file and all that is in it: bytes → kind → text, facts, children → selectors, depth first, within a budget."""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from moisson import registry
from moisson.address import Address, Layer, parse_layer
from moisson.custody.parts import is_part
from moisson.engine.agree import agree
from moisson.engine.gathered import Abandoned, Budget, Gathered
from moisson.engine.opened import failure_kind
from moisson.engine.sightings import in_meta, in_text, party, stated, sureness
from moisson.engine.split import FLAG, SAID
from moisson.errors import EvidenceError, LimitError
from moisson.evidence.members import damage
from moisson.extract.strings import read_strings
from moisson.identify.kind import identify
from moisson.model import Event, Fact, Failure, Flag, Item, Passage, Sighting, Stated, Text, encode
from moisson.reader import Child, Reader
from moisson.selectors import find, language

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from moisson.engine.messages import Read, Wanted
    from moisson.model import Record, Value
    from moisson.settings import Settings

_EVENT_TEXT = 500_000
_NO_STRINGS = ("image/", "video/", "audio/", "font/")


class Walk:
    """Reads one file of a volume and everything in it; `begin` and `done` tell the worker how far it is."""

    def __init__(
        self,
        settings: Settings,
        known: Callable[[dict[str, str]], bool] | None,
        algorithms: tuple[str, ...],
        begin: Callable[[str], None],
        done: Callable[[str, list[Record]], None],
    ) -> None:
        self.settings, self.known, self.begin, self.done = settings, known, begin, done
        self.algorithms = tuple(dict.fromkeys(("sha256", *algorithms)))
        self.context = find.Context(regions=settings.regions, languages=settings.languages)
        self.avoid: frozenset[str] = frozenset()
        self.plain = False

    def read(self, request: Read, data: Reader, slack: Reader | None) -> None:
        """Read the file that was asked for, and its slack when there is any."""
        item, limits = request.item, self.settings.limits
        self.avoid, self.plain = frozenset(request.avoid), request.plain
        budget = Budget(limits.bytes_from(data.size), limits.children, limits.depth)
        self._item(_from_wanted(item), data, Address.parse(item.address), budget, 0)
        if slack is not None and (tail := slack.head(1 << 20)).strip(b"\0"):
            self._slack(item, Reader.of(tail))

    @contextmanager
    def watching(self, watch: Callable[[list[Record]], None]) -> Iterator[None]:
        """Show the records of every item to another as well, as long as this lasts."""
        done = self.done

        def both(where: str, records: list[Record]) -> None:
            watch(records)
            done(where, records)

        self.done = both
        try:
            yield
        finally:
            self.done = done

    def words(self, address: Address, data: Reader, least: int) -> list[Record]:
        """What can be read in bytes that are nobody's, if it is at least so many characters."""
        gathered = Gathered()
        self._text(gathered, read_strings(data))
        base = Item(str(address), "engine.words@1", "", "")
        return self._finish(base, address, data, gathered, "", "strings", {})[1:] if gathered.length >= least else []

    def _slack(self, item: Wanted, data: Reader) -> None:
        address = Address.parse(item.address).child(Layer("slack"))
        base = Item(
            str(address), "engine.slack@1", item.name, item.path, state="slack", parent=item.address, role="slack"
        )
        self.begin(str(address))
        gathered = Gathered()
        self._text(gathered, read_strings(data))
        records = (
            self._finish(base, address, data, gathered, "application/octet-stream", "strings") if gathered.text else []
        )
        self.done(str(address), records)

    def _item(self, base: Item, data: Reader, address: Address, budget: Budget, depth: int) -> None:
        where = str(address)
        self.begin(where)
        if where in self.avoid:
            self.done(where, [base])
            return
        gathered = Gathered(flags=list(base.flags))
        digests: dict[str, str] = {}
        kind, source = "", "native"
        try:
            digests = digest(data, self.algorithms)
            if why := damage(data):
                gathered.records.append(Failure(where, "engine.read@1", "damaged", why))
                gathered.flag("damaged")
            if self.known and self.known(digests):
                self.done(where, [_with(base, data.size, digests, "", (*gathered.flags, "known"), {})])
                return
            found = identify(data, base.name)
            kind = found.mime if found.confident or not base.kind else base.kind
            if found.mismatch:
                gathered.flag("mismatch")
            source = self._extract(base, data, kind, address, gathered, budget, depth)
            if is_part(base.name) and (source == "strings" or "damaged" in gathered.flags):
                gathered.records.append(Failure(where, "engine.read@1", "unsupported", SAID))
        except (EvidenceError, MemoryError, OSError, RecursionError) as error:
            if isinstance(error, Abandoned) and depth:
                self.done(where, self._finish(base, address, data, gathered, kind, "native", digests))
                raise
            gathered.records.append(Failure(where, "engine.read@1", failure_kind(error), str(error)[:500]))  # type: ignore[arg-type]
            gathered.flag(failure_kind(error))
        self.done(where, self._finish(base, address, data, gathered, kind, source, digests))

    def _extract(
        self, base: Item, data: Reader, kind: str, address: Address, gathered: Gathered, budget: Budget, depth: int
    ) -> str:
        if FLAG in base.flags:  # the archive is read as a whole, and is an item of its own
            return "native"
        step = None if self.plain else registry.best("extract", kind, base.name)
        if step is None:
            if not kind.startswith(_NO_STRINGS) and data.size:
                self._text(gathered, read_strings(data))
            return "strings"
        try:
            for piece in step.run(data, self.settings.passwords):
                self._take(piece, step.label, base, address, gathered, budget, depth)
        except Abandoned:
            raise
        except EvidenceError as error:
            guessed = step.score(kind, "") == 0 and failure_kind(error) == "damaged"
            if not guessed:
                failure = Failure(str(address), step.label, failure_kind(error), str(error)[:500])  # type: ignore[arg-type]
                gathered.records.append(failure)
                gathered.flag(failure_kind(error))
            if failure_kind(error) == "damaged" and not gathered.text and not kind.startswith(_NO_STRINGS):
                self._text(gathered, read_strings(data))
                return "strings"
        return "native"

    def _take(
        self, piece: Any, label: str, base: Item, address: Address, gathered: Gathered, budget: Budget, depth: int
    ) -> None:
        where = str(address)
        match piece:
            case Passage():
                self._text(gathered, (piece,))
            case Fact():
                gathered.fact(piece)
            case Flag():
                gathered.flag(piece.name)
            case Stated():
                if sighting := stated(piece, address, label, self.context):
                    gathered.records.append(sighting)
            case Event():
                if len(piece.text) > _EVENT_TEXT:
                    gathered.flag("text-cut")
                event = _event(piece, address, label, len(gathered.records), where, base)
                gathered.records.append(
                    replace(event, parties=tuple(party(one, self.context) for one in event.parties))
                )
            case Child():
                self._child(piece, label, base, address, budget, depth)
            case _:
                raise TypeError(f"{label} gave {type(piece).__name__}")

    def _text(self, gathered: Gathered, passages: Iterator[Passage] | tuple[Passage, ...]) -> None:
        for passage in passages:
            room = self.settings.limits.text - gathered.length
            if room <= 0:
                gathered.flag("text-cut")
                return
            text = passage.text[:room].encode("utf-8", "replace").decode()
            if passage.place:
                gathered.marks.append((gathered.length, passage.place))
            gathered.text.append(text)
            gathered.length += len(text)

    def _child(self, child: Child, label: str, base: Item, address: Address, budget: Budget, depth: int) -> None:
        inner = address.child(child.layer)
        item = Item(
            str(inner),
            label,
            child.name,
            f"{base.path}/{child.name}",
            kind=child.kind,
            size=child.size or 0,
            state="embedded",
            modified=child.modified,
            parent=str(address),
            role=child.role,
            flags=child.flags,
        )
        if depth + 1 > budget.depth:
            self._refuse(item, LimitError(f"nested deeper than {budget.depth}"))
            return
        if str(inner) in self.avoid:
            self.begin(str(inner))
            self.done(str(inner), [item])
            return
        self.begin(str(inner))
        try:
            data = child.open()
            budget.spend(data.size)
        except Abandoned as error:
            self._refuse(item, error, begun=True)
            raise
        except (EvidenceError, MemoryError, OSError) as error:
            self._refuse(item, error, begun=True)
            return
        self._item(item, data, inner, budget, depth + 1)

    def _refuse(self, item: Item, error: BaseException, *, begun: bool = False) -> None:
        kind: Any = failure_kind(error)
        if not begun:
            self.begin(item.address)
        flagged = _with(item, item.size, {}, item.kind, tuple(dict.fromkeys((*item.flags, kind))), {})
        self.done(item.address, [flagged, Failure(item.address, item.run, kind, str(error)[:500])])

    def _finish(
        self,
        base: Item,
        address: Address,
        data: Reader,
        gathered: Gathered,
        kind: str,
        source: Any,
        digests: dict[str, str] | None = None,
    ) -> list[Record]:
        digests = digests if digests is not None else digest(data, self.algorithms)
        where, content = str(address), "".join(gathered.text)
        item = _with(base, data.size, digests, kind, tuple(gathered.flags), gathered.meta)
        records: list[Record] = [item]
        if content.strip():
            tongues, scripts = language.languages(content, self.context), language.scripts(content)
            marks = tuple(gathered.marks)
            records.append(Text(where, base.run, content, tuple(tongues), tuple(scripts), source, marks))
            sure = sureness(data, content) if source == "strings" else 0.0
            records += in_text(content, address, sure, self.context)
        gathered.records[:] = agree(gathered.records, records, self.context)
        said = {(r.address, r.value) for r in gathered.records if isinstance(r, Sighting)}
        records += (s for s in in_meta(gathered.meta, address, self.context) if (s.address, s.value) not in said)
        return [*records, *_once(gathered.records)]


def digest(data: Reader, algorithms: tuple[str, ...]) -> dict[str, str]:
    """The digests of all the bytes, in one reading."""
    hashes = {name: hashlib.new(name, usedforsecurity=False) for name in algorithms}
    for chunk in data.chunks():
        for h in hashes.values():
            h.update(chunk)
    return {name: h.hexdigest() for name, h in hashes.items()}


def _from_wanted(item: Wanted) -> Item:
    return Item(
        item.address,
        item.run,
        item.name,
        item.path,
        item.kind,
        size=item.size,
        state=item.state,
        modified=item.modified,
        accessed=item.accessed,
        changed=item.changed,
        created=item.created,
        parent=item.parent,
        role=item.role,
        flags=item.flags,
    )


def _with(
    base: Item, size: int, digests: dict[str, str], kind: str, flags: tuple[str, ...], meta: dict[str, Value]
) -> Item:
    return replace(
        base, size=size, sha256=digests.get("sha256", ""), md5=digests.get("md5", ""), kind=kind, flags=flags, meta=meta
    )


def _event(piece: Event, address: Address, label: str, number: int, where: str, base: Item) -> Event:
    place = piece.address or f"e:{number}"
    state = base.state if base.state in ("live", "deleted", "orphan") and piece.state == "live" else piece.state
    address, text = address.child(parse_layer(place)), piece.text[:_EVENT_TEXT]
    return replace(piece, address=str(address), run=label, item=where, state=state, text=text)


def _once(records: list[Record]) -> list[Record]:
    seen: dict[bytes, Record] = {}
    for record in records:
        seen.setdefault(encode(record), record)
    return list(seen.values())
