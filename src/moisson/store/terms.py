"""A query tree as a tantivy query, and as a test for the words of a text."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import tantivy
from tantivy import FieldType, Occur, Query

from moisson.errors import UsageError
from moisson.store.index import schema
from moisson.store.language import Group, Match, Node, Not, Words, refuse
from moisson.store.stems import asked, meets

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_META = re.compile(r"([.+*?()|\[\]{}^$\\])")
_SIZE = re.compile(r"(\d{1,15}(?:\.\d{1,3})?)\s*([kmgt]?)i?b?", re.IGNORECASE)
_POWERS = {"": 0, "k": 10, "m": 20, "g": 30, "t": 40}
_DATE = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d))?Z?)?)?)?")
_LOW, _HIGH = -(1 << 63) + 1, (1 << 63) - 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_RELATED = 0.5


def compile_query(node: Node) -> tantivy.Query:
    """The query that tantivy runs on each segment."""
    match node:
        case Words():
            return _words(node)
        case Match():
            return _any([_field(node, value) for value in node.values])
        case Not(part):
            return Query.boolean_query([(Occur.Must, Query.all_query()), (Occur.MustNot, compile_query(part))])
        case Group(every, parts):
            return _group(every, parts)


def _group(every: bool, parts: Sequence[Node]) -> tantivy.Query:
    if not parts:
        return Query.all_query()
    if not every:
        return _any([compile_query(part) for part in parts])
    wanted = [(Occur.Must, compile_query(part)) for part in parts if not isinstance(part, Not)]
    unwanted = [(Occur.MustNot, compile_query(part.part)) for part in parts if isinstance(part, Not)]
    return Query.boolean_query([*(wanted or [(Occur.Must, Query.all_query())]), *unwanted])


def _any(queries: Sequence[tantivy.Query]) -> tantivy.Query:
    return queries[0] if len(queries) == 1 else Query.boolean_query([(Occur.Should, query) for query in queries])


def _words(node: Words) -> tantivy.Query:
    fields = ("path",) if node.field == "path" else ("body", "path")
    queries = [_one_field(node, field) for field in fields]
    if node.form == "word" and len(node.words) == 1 and node.field == "":
        word = node.words[0]
        roots = sorted(asked(word))
        related = [Query.term_query(schema(), "stem", root, "basic") for root in roots]
        related += [
            Query.term_query(schema(), field, root, "basic") for root in roots if root != word for field in fields
        ]
        queries.append(Query.boost_query(_any(related), _RELATED))
    return _any(queries)


def _one_field(node: Words, field: str) -> tantivy.Query:
    *_, last = words = list(node.words)
    if node.form == "fuzzy":
        return Query.fuzzy_term_query(schema(), field, last, node.distance)
    if node.form == "wild":
        if len(words) > 1 and last.endswith("*"):
            return Query.phrase_prefix_query(schema(), field, [*words[:-1], last.rstrip("*")])
        if "*" in last:
            return _regex(field, last.replace("*", ".*"))
    if len(words) == 1:
        return Query.term_query(schema(), field, last, "freq")
    return Query.phrase_query(schema(), field, list(words))


def _field(node: Match, value: str) -> tantivy.Query:
    match node.field:
        case "size":
            return _range("size", *_bounds(value, node.column, _size))
        case "date":
            return _range("time", *_bounds(value, node.column, _date))
        case "token":
            return Query.term_query(schema(), "sel", value, "basic")
        case "sel":
            return _any([_term("sel", value), _regex("sel", f"[^:]*:{_pattern(value)}")])
        case "kind":
            value = value.lower()
            if "/" in value or "*" in value:
                return _term("kind", value)
            part = _META.sub(r"\\\1", value)
            return _regex("kind", f"{part}|{part}/.*|[^/]*/{part}")
        case "exhibit":
            return _term("exhibit", value)
        case field:
            return _term(field, value.lower().lstrip("."))


def _term(field: str, value: str) -> tantivy.Query:
    if "*" in value:
        return _regex(field, _pattern(value))
    return Query.term_query(schema(), field, value, "basic")


def _regex(field: str, pattern: str) -> tantivy.Query:
    try:
        return Query.regex_query(schema(), field, pattern)
    except ValueError as error:
        raise UsageError("a word or value of the query has too many stars") from error


def _pattern(value: str) -> str:
    return ".*".join(_META.sub(r"\\\1", part) for part in value.split("*"))


def _range(field: str, low: int | None, high: int | None) -> tantivy.Query:
    """From `low` to before `high`."""
    low = _LOW if low is None else max(_LOW, min(_HIGH, low))
    high = _HIGH if high is None else max(_LOW, min(_HIGH, high))
    return Query.range_query(schema(), field, FieldType.Integer, low, high, include_upper=False)


def _bounds(text: str, column: int, read: Callable[[str, int], tuple[int, int]]) -> tuple[int | None, int | None]:
    """`a..b`, `a..`, `..b`, `>a`, `>=a`, `<a`, `<=a` or `a` as a half-open range; `read` gives start and end of one."""
    if ".." in text:
        first, _, last = text.partition("..")
        if not (first or last):
            refuse("a range wants a beginning or an end", column)
        return (read(first, column)[0] if first else None), (read(last, column)[1] if last else None)
    for sign in (">=", "<=", ">", "<"):
        if text.startswith(sign):
            start, end = read(text[len(sign) :], column)
            return {">=": (start, None), "<=": (None, end), ">": (end, None), "<": (None, start)}[sign]
    return read(text, column)


def _size(text: str, column: int) -> tuple[int, int]:
    if not (m := _SIZE.fullmatch(text)):
        refuse(f"{text!r} is no size; write it as 500, 20K, 1.5M or 2G", column)
    size = int(float(m[1]) * (1 << _POWERS[m[2].lower()])) if "." in m[1] else int(m[1]) << _POWERS[m[2].lower()]
    return size, size + 1


def _date(text: str, column: int) -> tuple[int, int]:
    if not (m := _DATE.fullmatch(text)):
        refuse(f"{text!r} is no date; write it as 2024, 2024-01 or 2024-01-31", column)
    year, month, day, hour, minute, second = (int(part) if part else None for part in m.groups())
    try:
        start = datetime(year or 0, month or 1, day or 1, hour or 0, minute or 0, second or 0, tzinfo=UTC)
        if day is not None:
            units = {"seconds": 1} if second is not None else {"minutes": 1} if hour is not None else {"days": 1}
            end = start + timedelta(**units)
        elif month is not None:
            end = start.replace(year=start.year + month // 12, month=month % 12 + 1)
        else:
            end = start.replace(year=start.year + 1)
    except (ValueError, OverflowError):
        refuse(f"{text!r} is no date in the calendar", column)
    return _ns(start), _ns(end)


def _ns(moment: datetime) -> int:
    delta = moment - _EPOCH
    return (delta.days * 86_400 + delta.seconds) * 1_000_000_000


def matcher(node: Node) -> Callable[[str], bool] | None:
    """A test whether a folded word is one that the query asks for; None if it asks for no word of the text."""
    exact, roots, patterns = set[str](), set[str](), list[str]()
    close: list[tuple[str, int]] = []
    for leaf in _leaves(node):
        if leaf.form == "fuzzy":
            close.append((leaf.words[0], leaf.distance))
            continue
        for word in leaf.words:
            if "*" in word:
                patterns.append(re.escape(word).replace(r"\*", ".*"))
            else:
                exact.add(word)
                if leaf.form == "word" and len(leaf.words) == 1 and not leaf.field:
                    roots.update(asked(word))
    pattern = re.compile("|".join(patterns)) if patterns else None
    if not (exact or close or pattern):
        return None

    def test(word: str) -> bool:
        return bool(
            word in exact
            or (roots and meets(word, roots))
            or (pattern and pattern.fullmatch(word))
            or any(_near(word, other, most) for other, most in close)
        )

    return test


def _leaves(node: Node) -> list[Words]:
    match node:
        case Words():
            return [] if node.field == "path" else [node]
        case Group():
            return [leaf for part in node.parts for leaf in _leaves(part)]
        case _:
            return []


def _near(a: str, b: str, most: int) -> bool:
    """True if at most `most` letters must be changed, added, dropped or swapped with their neighbour."""
    if abs(len(a) - len(b)) > most:
        return False
    before, row = list[int](), list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        older, before, row = before, row, [i]
        for j, y in enumerate(b, 1):
            cost = min(before[j] + 1, row[-1] + 1, before[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                cost = min(cost, older[j - 2] + 1)
            row.append(cost)
    return row[-1] <= most
