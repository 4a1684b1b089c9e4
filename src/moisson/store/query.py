"""Asking a case: words and facets through the indexes of its segments, SQL over their tables, records at addresses."""

from __future__ import annotations

import heapq
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import msgspec
import tantivy

from moisson import model
from moisson.errors import CaseError, UsageError
from moisson.selectors.kind import Context
from moisson.settings import Settings
from moisson.store import index
from moisson.store.hits import ORDERS, Hit, Open, Result, hit, ranked
from moisson.store.language import parse
from moisson.store.manifest import Descriptor, Manifest
from moisson.store.meant import meant
from moisson.store.schema import TABLES, record
from moisson.store.snippet import Passing
from moisson.store.terms import compile_query, matcher
from moisson.store.textpack import PackReader, Place
from moisson.store.views import Views, records

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from moisson.store.language import Node

DEEPEST = 100_000
FEW = 8
_BUCKETS = 65_000
_ANYWHERE = ("entries", "texts", "events", "sightings", "leads", "failures", "links", "runs")


class Reader:
    """A case as it was at the last `refresh`; any number of readers may ask while it is written, from any thread."""

    def __init__(self, root: Path, *, memory_mb: int = 1024, threads: int = 2) -> None:
        self.root = root
        self.manifest = Manifest(root / "manifest.db", readonly=True)
        self.segments: list[Descriptor] = []
        self._open: dict[str, Open] = {}
        self._threads, self._pool = threads, ThreadPoolExecutor(threads)
        self._views = Views(root, memory_mb, threads)
        self._views.show([])
        self.refresh()

    def refresh(self) -> None:
        """Take notice of what was published since."""
        live = self.manifest.live()
        if live != self.segments:
            before = self._open
            opened = {s.name: before.get(s.name) or self._index(s) for s in live if s.counts and not s.listing}
            self._views.show(live)
            self._open, self.segments = opened, live
        self._views.fill(self.manifest.exhibits(), self.manifest.tags(), self.manifest.judgements())

    def _index(self, segment: Descriptor) -> Open:
        folder = self.root / "seg" / segment.name
        if not folder.is_dir():
            raise CaseError(f"segment {segment.name} of unit {segment.unit} is not there")
        if not index.usable(folder):
            index.rebuild(folder)
        try:
            with index.lockable(folder / "index") as place:
                opened = tantivy.Index.open(str(place))
                opened.config_reader("manual")
                searcher = opened.searcher()
        except (ValueError, OSError) as error:
            raise CaseError(f"the index {folder / 'index'} is damaged; delete it, it is made anew: {error}") from error
        pack = PackReader(folder / "text.pack") if segment.counts.get("texts") else None
        return Open(segment, searcher, pack)

    def close(self) -> None:
        """Let go of everything."""
        self._pool.shutdown()
        self._views.close()
        self.manifest.close()
        self._open = {}

    def search(self, query: str, limit: int = 50, offset: int = 0, sort: str = "relevance") -> Result:
        """Answers from `offset` on, with the exact total; newest, largest or first path first, `-` turns that round.

        Raises `UsageError` for a query or an order that makes no sense.
        """
        if sort not in ORDERS:
            raise UsageError(f"no order {sort}; there are {', '.join(ORDERS)}")
        if not 0 <= offset <= DEEPEST or not 0 <= limit <= DEEPEST:
            raise UsageError(f"at most {DEEPEST} answers can be skipped or shown")
        tree = self._meant(query)
        wanted, test = compile_query(tree), matcher(tree)
        passing = Passing(test) if test else None
        total, found = self._search(wanted, offset + limit, sort)
        return Result(total, [hit(opened, score, at, passing) for score, opened, at in list(found)[offset:]])

    def _meant(self, query: str) -> Node:
        kept = msgspec.json.decode(self.manifest.setting("settings") or "{}", type=Settings)
        context = Context(regions=kept.regions, languages=kept.languages)
        return meant(parse(query), context, self.values)

    def values(self, kind: str) -> list[str]:
        """The values of a kind of selector that were seen."""
        return [value for (value,) in self.sql("select distinct value from selectors where kind = ? order by 1", kind)]

    def _search(
        self, query: tantivy.Query, most: int, sort: str
    ) -> tuple[int, Iterator[tuple[float, Open, tantivy.DocAddress]]]:
        field, falling = ORDERS[sort]
        order = tantivy.Order.Desc if falling else tantivy.Order.Asc

        def ask(opened: Open) -> Any:
            return opened.searcher.search(query, max(1, most), True, field, 0, order)

        every = list(self._open.values())
        results = self._each(ask, every)
        total = sum(result.count for result in results)
        lists = [ranked(n, o, r.hits, sort) for n, (o, r) in enumerate(zip(every, results, strict=True)) if r.hits]
        merged = heapq.merge(*lists, key=lambda row: row[0])
        return total, ((value, opened, at) for _, (_, (value, _, opened, at)) in zip(range(most), merged, strict=False))

    def _each(self, ask: Callable[[Open], Any], every: Sequence[Open]) -> list[Any]:
        """Ask segments, several at a time, for tantivy lets other threads run."""
        if len(every) < FEW:
            return [ask(opened) for opened in every]
        shares = [every[n :: self._threads] for n in range(self._threads)]
        answers = list(self._pool.map(lambda share: [ask(opened) for opened in share], shares))
        return [answers[n % self._threads][n // self._threads] for n in range(len(every))]

    def facets(self, query: str, fields: Sequence[str] = index.FACETS) -> dict[str, dict[str, int]]:
        """Exact counts of the answers by value of each field, the most frequent first."""
        if unknown := [field for field in fields if field not in index.FACETS]:
            raise UsageError(f"no facet {unknown[0]}; there are {', '.join(index.FACETS)}")
        wanted = compile_query(self._meant(query))
        counts: dict[str, dict[str, int]] = {field: {} for field in fields}
        asked = {field: {"terms": {"field": field, "size": _BUCKETS}} for field in fields}
        for answer in self._each(lambda opened: opened.searcher.aggregate(wanted, asked), list(self._open.values())):
            for field, found in answer.items():
                for bucket in found["buckets"]:
                    counts[field][bucket["key"]] = counts[field].get(bucket["key"], 0) + bucket["doc_count"]
        return {f: dict(sorted(by.items(), key=lambda pair: (-pair[1], pair[0]))) for f, by in counts.items()}

    def items_with(self, kind: str, value: str, limit: int = 10_000) -> list[Hit]:
        """The items and places where a selector was seen, without snippets, by path."""
        wanted = tantivy.Query.term_query(index.schema(), "sel", f"{kind}:{value}", "basic")
        _, found = self._search(wanted, limit, "path")
        return [hit(opened, 0.0, at, None, bare=True) for _, opened, at in found]

    def sql(self, query: str, *args: Any) -> list[tuple[Any, ...]]:
        """The rows of a SELECT over the views; raises `UsageError` for anything else."""
        return self._views.rows(query, args)

    def stream(self, query: str, *args: Any) -> Iterator[tuple[Any, ...]]:
        """The rows of a SELECT, without having them all in memory."""
        return self._views.stream(query, *args)

    def text(self, address: str) -> model.Text | None:
        """The text of an item, the native one before one that was recognised; None when it has none."""
        found = self.texts(address)
        return min(found, key=lambda text: text.source != "native", default=None)

    def texts(self, address: str) -> list[model.Text]:
        """Every text of an item."""
        rows = [row for opened in self._holders(address) for row in self._at("texts", address, [opened.segment])]
        return [row for row in rows if isinstance(row, model.Text)]

    def record_at(self, address: str) -> model.Record | None:
        """The record at an address: the item if there is one, else whatever else says something of it."""
        holders = [opened.segment for opened in self._holders(address)]
        if holders and (found := self._at("items", address, holders)):
            return found[0]
        exhibit = address.partition("/")[0]
        own = [s for s in self.segments if s.exhibit in (exhibit, "")]
        for table in _ANYWHERE:
            among = [s for s in own if s.listing] if table == "entries" else own
            if found := self._at("items" if table == "entries" else table, address, among):
                return found[0]
        return None

    def records(self, kind: str, exhibit: str | None = None) -> Iterator[model.Record]:
        """Every record of a table, as it was written; an item that was listed and then read comes once, read."""
        if kind not in TABLES:
            raise UsageError(f"no records {kind}; there are {', '.join(TABLES)}")
        names = [name for name, *_ in self.sql(f"describe select * from {kind}")]
        query = f"select * from {kind} where ?1 is null or exhibit = ?1"
        packs = {s.name: s for s in self.segments if s.counts.get("texts") and exhibit in (None, s.exhibit)}
        if kind == "texts":
            for segment in packs.values():
                yield from self._records(kind, names, self._views.source(kind, [segment]), (), segment)
        else:
            yield from self._records(kind, names, query, (exhibit,), None)

    def _records(
        self, kind: str, names: Sequence[str], query: str, args: Sequence[Any], segment: Descriptor | None
    ) -> Iterator[model.Record]:
        opened = self._open.get(segment.name) if segment else None
        for batch in self._views.batches(query, args, 1024):
            for row in records(kind, names, batch):
                content = opened.pack.text(_place(row)) if opened and opened.pack else ""
                yield record(TABLES[kind], row, content)

    def _holders(self, address: str) -> list[Open]:
        wanted = tantivy.Query.term_query(index.schema(), "address", address, "basic")
        exhibit = address.partition("/")[0]
        near = [opened for opened in list(self._open.values()) if opened.segment.exhibit in (exhibit, "")]
        return [opened for opened in near if opened.searcher.search(wanted, 1, False).hits]

    def _at(self, table: str, address: str, segments: Sequence[Descriptor]) -> list[model.Record]:
        found: list[model.Record] = []
        names = TABLES[table].schema.names
        holding = [s for s in segments if s.counts.get(table)]
        for group in [[s] for s in holding] if table == "texts" else [holding] if holding else []:
            columns = ", ".join(f'"{name}"' for name in names)
            query = f"select {columns} from ({self._views.source(table, group)}) where address = ?"
            found += self._records(table, names, query, (address,), group[0] if table == "texts" else None)
        return found


def _place(row: dict[str, Any]) -> Place:
    return Place(row["offset"], row["length"], row["dictionary"])
