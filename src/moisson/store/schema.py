"""The columns of every table of a segment, in one place, and how a record becomes a row and comes back.

A column is written `name` for a string or `name:form`. An instant takes three columns (`…_ns`, `…_precision`,
`…_zone`). `exhibit` stands in every table; `origin` is the address of the outermost item of the volume. A record whose
numbers do not fit 64 bits keeps clamped columns and its whole self, as JSON, in `exact`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import pyarrow as pa  # type: ignore[import-untyped]

from moisson import model
from moisson.times import Instant

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

LAYOUT = {
    model.Item: """items: address exhibit:home origin:home run name path kind size:int sha256 md5 state
        modified:instant accessed:instant changed:instant created:instant parent role flags:list meta:json
        exact:exact""",
    model.Extent: "extents: address exhibit:home run medium offset:int length:int at:int state exact:exact",
    model.Stretch: "stretches: address exhibit:home run medium offset:int length:int kinds:json exact:exact",
    model.Text: """texts: address exhibit:home origin:home run source lang:derived chars:derived languages:json
        scripts:json marks:json offset:derived length:derived dictionary:derived exact:exact""",
    model.Sighting: """sightings: address exhibit:home origin:home run kind value raw item context role
        confidence:float line:int exact:exact""",
    model.Event: """events: address exhibit:home origin:home run kind when:instant app parties:parties text item state
        meta:json exact:exact""",
    model.Lead: "leads: address exhibit:home run rule severity:int why evidence:list exact:exact",
    model.Failure: "failures: address exhibit:home run kind detail exact:exact",
    model.Run: """runs: address exhibit:home run unit settings tools:json host sandbox started:instant ended:instant
        exact:exact""",
    model.Link: """links: address exhibit:home run source target relation when:instant weight:float why evidence:list
        exact:exact""",
}
DERIVED = {"lang": pa.string(), "chars": pa.int64(), "offset": pa.int64(), "length": pa.int64()}
DERIVED["dictionary"] = pa.int64()
SELECTORS = pa.schema([("kind", pa.string()), ("value", pa.string()), ("exhibit", pa.string()), ("n", pa.int64())])
_PARTY = pa.struct([("role", pa.string()), ("kind", pa.string()), ("value", pa.string()), ("name", pa.string())])
_TYPES = {
    "text": pa.string(),
    "home": pa.string(),
    "json": pa.string(),
    "exact": pa.string(),
    "int": pa.int64(),
    "float": pa.float64(),
    "list": pa.list_(pa.string()),
    "parties": pa.list_(_PARTY),
}
_LOW, _HIGH = -(1 << 63), (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class Table:
    """One table of a segment: the record it holds, and its fields with their forms."""

    name: str
    record: type[Any]
    fields: tuple[tuple[str, str], ...]
    schema: pa.Schema


def _table(record: type[Any], layout: str) -> Table:
    name, _, layout = layout.partition(":")
    fields = tuple((field, form or "text") for field, _, form in (word.partition(":") for word in layout.split()))
    columns: list[tuple[str, pa.DataType]] = []
    for field, form in fields:
        if form == "instant":
            columns += [
                (f"{field}_ns", pa.int64()),
                (f"{field}_precision", pa.string()),
                (f"{field}_zone", pa.string()),
            ]
        else:
            columns.append((field, DERIVED[field] if form == "derived" else _TYPES[form]))
    return Table(name, record, fields, pa.schema(columns))


TABLE_OF = {record: _table(record, layout) for record, layout in LAYOUT.items()}
TABLES = {table.name: table for table in TABLE_OF.values()}
SCHEMAS: dict[str, pa.Schema] = {name: table.schema for name, table in TABLES.items()} | {"selectors": SELECTORS}


def batch(table: Table, records: Sequence[Any], extra: dict[str, Sequence[Any]]) -> pa.RecordBatch:
    """Records as columns; `extra` has the columns that are not fields of the record (exhibit, origin, offsets …)."""
    pairs = list(zip(records, extra["exhibit"], strict=True))
    try:
        return _batch(table, records, extra | {"exact": [_odd(table, r, home) for r, home in pairs]})
    except OverflowError:
        exact = [_odd(table, r, home) if _fits(table, r) else whole(r) for r, home in pairs]
        return _batch(table, [_clamp(table, r) for r in records], extra | {"exact": exact})


def whole(record: Any) -> str:
    """A record as JSON, its text left out, which is in the pack."""
    bare = msgspec.structs.replace(record, content="") if isinstance(record, model.Text) else record
    return model.encode(bare).decode()


def _odd(table: Table, record: Any, home: str) -> str | None:
    return whole(record) if table.name == "leads" and record.exhibit != home else None


def _batch(table: Table, records: Sequence[Any], extra: dict[str, Sequence[Any]]) -> pa.RecordBatch:
    arrays: list[pa.Array] = []
    for field, form in table.fields:
        if form in ("home", "derived", "exact"):
            arrays.append(pa.array(extra[field], table.schema.field(field).type))
        elif form == "instant":
            times = [getattr(r, field) for r in records]
            arrays.append(pa.array([None if t is None else t.ns for t in times], pa.int64()))
            arrays.append(pa.array([None if t is None else t.precision for t in times], pa.string()))
            arrays.append(pa.array([None if t is None else t.zone for t in times], pa.string()))
        else:
            convert = _WRITE.get(form)
            values = [getattr(r, field) for r in records]
            arrays.append(pa.array(list(map(convert, values)) if convert else values, _TYPES[form]))
    return pa.RecordBatch.from_arrays(arrays, schema=table.schema)


def _json(value: Any) -> str | None:
    return msgspec.json.encode(value).decode() if value else None


def _parties(value: tuple[model.Party, ...]) -> list[dict[str, str]]:
    return [{"role": p.role, "kind": p.kind, "value": p.value, "name": p.name} for p in value]


_WRITE: dict[str, Callable[[Any], Any]] = {"json": _json, "parties": _parties}


def _numbers(table: Table) -> list[tuple[str, str]]:
    return [(field, form) for field, form in table.fields if form in ("int", "instant")]


def _fits(table: Table, record: Any) -> bool:
    values = [(getattr(record, field), form) for field, form in _numbers(table)]
    return all(v is None or _LOW <= (v.ns if form == "instant" else v) <= _HIGH for v, form in values)


def _clamp(table: Table, record: Any) -> Any:
    if _fits(table, record):
        return record
    changes: dict[str, Any] = {}
    for field, form in _numbers(table):
        value = getattr(record, field)
        if form == "instant" and value is not None:
            changes[field] = Instant(max(_LOW, min(_HIGH, value.ns)), value.precision, value.zone)
        elif form == "int":
            changes[field] = max(_LOW, min(_HIGH, value))
    return msgspec.structs.replace(record, **changes)


_EMPTY: dict[str, Any] = {"meta": {}, "kinds": {}, "tools": {}, "languages": (), "scripts": (), "marks": ()}
_META: msgspec.json.Decoder[dict[str, Any]] = msgspec.json.Decoder(dict[str, model.Value])
_READ: dict[str, Callable[[str], Any]] = {
    "meta": _META.decode,
    "tools": msgspec.json.Decoder(dict[str, str]).decode,
    "kinds": msgspec.json.Decoder(dict[str, int]).decode,
    "languages": msgspec.json.Decoder(tuple[tuple[str, float], ...]).decode,
    "scripts": msgspec.json.Decoder(tuple[tuple[str, float], ...]).decode,
    "marks": msgspec.json.Decoder(tuple[tuple[int, str], ...]).decode,
}


def record(table: Table, row: dict[str, Any], content: str = "") -> Any:
    """The record a row was made of; `content` is what the pack has for a text."""
    if row["exact"] is not None:
        found = model.decode(row["exact"])
        return msgspec.structs.replace(found, content=content) if isinstance(found, model.Text) else found
    values: dict[str, Any] = {}
    for field, form in table.fields:
        if form == "instant":
            ns = row[f"{field}_ns"]
            values[field] = None if ns is None else Instant(ns, row[f"{field}_precision"], row[f"{field}_zone"])
        elif form == "json":
            values[field] = _EMPTY[field] if row[field] is None else _READ[field](row[field])
        elif form == "list":
            values[field] = tuple(row[field])
        elif form == "parties":
            values[field] = tuple(model.Party(**party) for party in row[field])
        elif form not in ("home", "derived", "exact"):
            values[field] = row[field]
    if table.name == "leads":
        values["exhibit"] = row["exhibit"]
    if table.name == "texts":
        values["content"] = content
    return table.record(**values)
