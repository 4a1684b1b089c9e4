"""The search index of one segment: derived from its tables and its pack, and rebuilt from them at any time.

One document for each item, for each event that has words, and for each place that only sightings or texts speak of.
`sel` has the selectors as `kind:value`; `stem` has the stems that differ from their word, so that the stems of a query
are looked for there and in `body`. `hit` keeps what a list of results shows.
"""

from __future__ import annotations

import os
import shutil
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import msgspec
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]
import tantivy
from msgspec import Struct

from moisson.errors import CaseError
from moisson.store.normal import fold
from moisson.store.stems import stems
from moisson.store.textpack import PackReader, Place
from moisson.times import Instant

if TYPE_CHECKING:
    from collections.abc import Iterator

VERSION = "2"
HEAP = 32_000_000
PATHS = 1 << 32
NEVER = -(1 << 63)
FACETS = ("exhibit", "kind", "state", "lang", "ext", "year")
_TIMES = [f"{name}_{part}" for name in ("modified", "created") for part in ("ns", "precision", "zone")]
_ITEM = ["address", "exhibit", "name", "path", "kind", "size", "state", *_TIMES]
_EVENT = ["address", "exhibit", "kind", "app", "text", "item", "state", "when_ns", "when_precision", "when_zone"]
_LONGEST = 60_000


class Stored(Struct, frozen=True, array_like=True):
    """What the index itself remembers of a document."""

    address: str
    path: str
    exhibit: str
    kind: str = ""
    state: str = ""
    time: Instant | None = None
    size: int = 0
    texts: tuple[tuple[int, int, int], ...] = ()
    words: str = ""


@cache
def schema() -> tantivy.Schema:
    """The fields of every index."""
    b = tantivy.SchemaBuilder()
    for name in FACETS:
        b.add_text_field(name, tokenizer_name="raw", fast=True, index_option="basic")
    for name in ("address", "sel"):
        b.add_text_field(name, tokenizer_name="raw", index_option="basic")
    for name in ("time", "size", "rank"):
        b.add_integer_field(name, fast=True, indexed=name != "rank")
    for name, option in (("path", "position"), ("body", "position"), ("stem", "basic")):
        b.add_text_field(name, tokenizer_name="words", index_option=option)
    b.add_bytes_field("hit", stored=True)
    return b.build()


def usable(segment: Path) -> bool:
    """True if a segment has an index that this program wrote or would have written the same."""
    mark = segment / "index" / "version"
    return mark.is_file() and mark.read_text() == VERSION


def rebuild(segment: Path) -> None:
    """Write the index of a published segment anew; several processes may do so at once."""
    fresh, old = segment / f"index-{uuid4().hex}", segment / f"index-{uuid4().hex}"
    build(segment, fresh)
    try:
        if (segment / "index").exists():
            (segment / "index").rename(old)
        fresh.rename(segment / "index")
    except OSError as error:
        if not usable(segment):
            raise CaseError(f"the index of {segment} cannot be put in its place: {error}") from error
    for rest in (fresh, old):
        shutil.rmtree(rest, ignore_errors=True)


@contextmanager
def lockable(folder: Path) -> Iterator[Path]:
    """A place to open an index from: opening takes a lock beside its files, which may lie where nobody can write."""
    if os.access(folder, os.W_OK):
        yield folder
        return
    with TemporaryDirectory(prefix="moisson-") as name:
        place = Path(name)
        for file in (each for each in folder.iterdir() if each.suffix != ".lock"):
            (place / file.name).symlink_to(file.absolute())
        yield place


def create(folder: Path) -> tantivy.Index:
    """A new, empty index in a new folder."""
    folder.mkdir()
    index = tantivy.Index(schema(), str(folder), reuse=False)
    words = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace()).build()
    index.register_tokenizer("words", words)
    return index


@dataclass(slots=True)
class _Extras:
    """What the other tables say of an item, by its address; what is used is taken out, so the rest remains."""

    texts: dict[str, list[tuple[Place, str]]] = field(default_factory=lambda: defaultdict(list))
    owners: dict[str, int] = field(default_factory=dict)
    tokens: Any = None

    def selectors(self, address: str) -> list[str]:
        at = self.owners.pop(address, None)
        if at is None:
            return []
        start, end = self.tokens.offsets[at].as_py(), self.tokens.offsets[at + 1].as_py()
        found: list[str] = self.tokens.values.slice(start, end - start).to_pylist()
        return found


def build(segment: Path, folder: Path | None = None) -> int:
    """Write the index of a segment from its tables; the number of documents."""
    folder = folder or segment / "index"
    extras = _Extras()
    _read_texts(segment / "texts.parquet", extras)
    _read_sightings(segment / "sightings.parquet", extras)
    writer = create(folder).writer(HEAP, 1)
    count = 0
    pack = PackReader(segment / "text.pack") if extras.texts else None
    try:
        for document in _documents(segment, extras, pack):
            writer.add_document(tantivy.Document.from_dict(document, schema()))
            count += 1
    finally:
        if pack:
            pack.close()
    writer.commit()
    writer.garbage_collect_files()
    writer.wait_merging_threads()
    (folder / "version").write_text(VERSION)
    return count


def _documents(segment: Path, extras: _Extras, pack: PackReader | None) -> Iterator[dict[str, Any]]:
    ranks = _ranks(segment / "items.parquet")
    paths = {event["item"]: "" for event in _rows(segment / "events.parquet", ["item"])}
    for row, item in enumerate(_rows(segment / "items.parquet", _ITEM)):
        address, time = item["address"], _instant(item, "modified") or _instant(item, "created")
        texts = extras.texts.pop(address, [])
        if address in paths:
            paths[address] = item["path"]
        stored = Stored(
            address,
            item["path"] or item["name"],
            item["exhibit"],
            item["kind"],
            item["state"],
            time,
            item["size"],
            tuple(place for place, _ in texts),
        )
        yield _document(stored, pack, texts, extras.selectors(address), ranks[row])
    for event in _rows(segment / "events.parquet", _EVENT):
        if event["text"]:
            yield _document(_event(event, paths), None, [], extras.selectors(event["address"]), 0)
    for address in [*extras.texts, *(owner for owner in extras.owners if owner not in extras.texts)]:
        texts = extras.texts.get(address, [])
        stored = Stored(address, "", address.partition("/")[0], texts=tuple(place for place, _ in texts))
        yield _document(stored, pack, texts, extras.selectors(address), 0)


def _event(event: dict[str, Any], paths: dict[str, str]) -> Stored:
    return Stored(
        event["address"],
        paths.get(event["item"]) or event["app"],
        event["exhibit"],
        f"event/{event['kind']}",
        event["state"],
        _instant(event, "when"),
        words=event["text"],
    )


def _document(
    stored: Stored, pack: PackReader | None, texts: list[tuple[Place, str]], selectors: list[str], rank: int
) -> dict[str, Any]:
    raw = [pack.text(place) for place, _ in texts] if pack else [stored.words]
    body = fold(raw[0] if len(raw) == 1 else "\n".join(raw))
    path = fold(stored.path)
    document: dict[str, Any] = {
        "address": stored.address[:_LONGEST],
        "exhibit": stored.exhibit,
        "kind": stored.kind,
        "state": stored.state,
        "time": NEVER if stored.time is None else stored.time.ns,
        "size": stored.size,
        "rank": rank,
        "hit": msgspec.msgpack.encode(stored),
    }
    optional = {
        "ext": extension(stored.path),
        "year": _year(stored.time),
        "path": path,
        "body": body,
        "lang": sorted({lang for _, lang in texts if lang}),
        "sel": sorted(token for token in selectors if len(token) < _LONGEST),
        "stem": " ".join(sorted(stems({*body.split(" "), *path.split(" ")}))),
    }
    return document | {name: value for name, value in optional.items() if value}


def extension(path: str) -> str:
    """The extension of a name as the index has it: up to ten letters and digits, lower case."""
    stem, dot, last = path.rpartition("/")[2].rpartition(".")
    return last.lower() if dot and stem and last.isascii() and last.isalnum() and len(last) <= 10 else ""


def _instant(row: dict[str, Any], name: str) -> Instant | None:
    ns = row[f"{name}_ns"]
    return None if ns is None else Instant(ns, row[f"{name}_precision"], row[f"{name}_zone"])


def _year(time: Instant | None) -> str:
    return "" if time is None else str(datetime.fromtimestamp(time.ns // 1_000_000_000, UTC).year)


def _rows(path: Path, columns: list[str]) -> Iterator[dict[str, Any]]:
    if path.exists():
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(4096, columns=columns, use_threads=False):
                yield from batch.to_pylist()


def _ranks(path: Path) -> list[int]:
    """For each item its place in the order of paths, counted from `PATHS`; whatever has no path comes before."""
    if not path.exists():
        return []
    table = pq.read_table(path, columns=["path", "address"], use_threads=False)
    order = pc.sort_indices(table, [("path", "ascending"), ("address", "ascending")])
    ranks: list[int] = pc.add(pc.sort_indices(order).cast(pa.int64()), PATHS).to_pylist()
    return ranks


def _read_texts(path: Path, extras: _Extras) -> None:
    for row in _rows(path, ["address", "lang", "offset", "length", "dictionary"]):
        place = Place(row["offset"], row["length"], row["dictionary"])
        extras.texts[row["address"]].append((place, row["lang"]))


def _read_sightings(path: Path, extras: _Extras) -> None:
    if not path.exists():
        return
    seen = pq.read_table(path, columns=["address", "item", "kind", "value"], use_threads=False)
    owner = pc.if_else(pc.equal(seen["item"], ""), seen["address"], seen["item"])
    token = pc.binary_join_element_wise(seen["kind"], seen["value"], ":")
    pairs = pa.table({"owner": owner, "token": token}).group_by("owner", use_threads=False)
    grouped = pairs.aggregate([("token", "distinct")]).combine_chunks()
    extras.owners = {name: n for n, name in enumerate(grouped["owner"].to_pylist())}
    extras.tokens = grouped["token_distinct"].chunk(0) if grouped.num_rows else None
