"""Hives of the Windows registry: every key with its values as text, and what some values are known to state."""

from __future__ import annotations

import tomllib
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import msgspec
import pyregf

from moisson.errors import DamagedError
from moisson.extract.strings import read_strings
from moisson.model import Fact, Flag, Passage, Role, Stated
from moisson.reader import Reader
from moisson.registry import step

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_VALUES, _DEPTH, _STRING, _PART = 2_000_000, 512, 1 << 16, 1 << 18
_TEXT = (1, 2, 6)
_NUMBER, _WIDTH, _LEAST = (4, 5, 11), {4: 4, 5: 4, 11: 8}, 10
_LIST = 7


class Stating(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One entry of `registry.toml`."""

    key: str
    value: str
    kind: str
    role: Role
    form: str = ""
    prefix: str = ""
    unless: dict[str, int] = {}


@cache
def statings() -> tuple[Stating, ...]:
    """All entries of `registry.toml`."""
    table = tomllib.loads(files("moisson.extract").joinpath("registry.toml").read_text(encoding="utf-8"))
    return tuple(msgspec.convert(entry, Stating) for entry in table["states"])


@step(
    "extract.registry",
    version=1,
    kinds=["application/x-ms-regf"],
    reference="Joachim Metz, Windows NT Registry File (REGF) format",
)
def read_registry(data: Reader, keys: Sequence[str] = ()) -> Iterator[Passage | Fact | Stated | Flag]:
    """Each key on a line of its own in brackets, then its values as `name: value`; of bytes, the strings in them."""
    hive = pyregf.file()
    try:
        hive.open_file_object(data.file())
        root = hive.get_root_key()
    except OSError as error:
        raise DamagedError(f"no registry hive: {error}"[:300]) from error
    if hive.is_corrupted():
        yield Flag("damaged", "the hive says that it was not written to its end")
    if root is None or not (root.get_number_of_sub_keys() or root.get_number_of_values()):
        raise DamagedError("a registry hive without a key")
    yield from _walk(root)


def _walk(root: Any) -> Iterator[Passage | Fact | Stated | Flag]:
    left, parts, size = _VALUES, list[str](), 0
    waiting: list[tuple[Any, str, int]] = [(root, "", 0)]
    while waiting:
        key, path, depth = waiting.pop()
        values, damaged = _values(key)
        left -= len(values) + 1
        if damaged:
            yield Flag("damaged", f"{path}: {damaged}"[:200])
        if left < 0:
            yield Flag("rows-cut", f"more than {_VALUES} keys and values")
            break
        lines = [f"{name or '(default)'}: {text}" for name, text, _ in values if text]
        if lines:
            parts.append("\n".join((f"[{path}]", *lines, "")))
            size += len(parts[-1])
        yield from _stated(path, values)
        if size > _PART:
            yield Passage("\n".join(parts) + "\n")
            parts, size = [], 0
        if depth < _DEPTH:
            waiting += reversed(_below(key, path, depth))
    if parts:
        yield Passage("\n".join(parts))


def _below(key: Any, path: str, depth: int) -> list[tuple[Any, str, int]]:
    found = []
    try:
        for n in range(key.get_number_of_sub_keys()):
            child = key.get_sub_key(n)
            found.append((child, f"{path}\\{child.get_name()}" if path else str(child.get_name()), depth + 1))
    except OSError:
        return found  # what a damaged list still gives; the hive is flagged by its own sums
    return found


def _values(key: Any) -> tuple[list[tuple[str, str, Any]], str]:
    """Name, text and number or bytes of each value, and what could not be read."""
    found: list[tuple[str, str, Any]] = []
    try:
        for n in range(key.get_number_of_values()):
            value = key.get_value(n)
            found.append((value.get_name() or "", *_content(value)))
    except OSError as error:
        return found, str(error)
    return found, ""


def _content(value: Any) -> tuple[str, Any]:
    kind, size = value.get_type(), value.get_data_size() or 0
    if kind in _NUMBER and size == _WIDTH[kind]:
        number = value.get_data_as_integer()
        return str(number), number
    if kind in _TEXT:
        return _clean(value.get_data_as_string()), None
    if kind == _LIST:
        strings = value.get_data_as_multi_string()
        return _clean(" ; ".join(strings[n] or "" for n in range(min(len(strings), 1000)))), None
    raw = (value.get_data() or b"")[:_STRING]
    return " ; ".join(p.text.replace("\n", " ; ") for p in read_strings(Reader.of(raw))) if len(
        raw
    ) >= _LEAST else "", raw


def _clean(text: str | None) -> str:
    return " ".join((text or "")[:_STRING].replace("\0", " ").split())


def _stated(path: str, values: Sequence[tuple[str, str, Any]]) -> Iterator[Fact | Stated]:
    folded = path.casefold()
    fitting = [s for s in statings() if fnmatchcase(folded, s.key)]
    if not fitting:
        return
    numbers = {name.casefold(): raw for name, _, raw in values if isinstance(raw, int)}
    for name, text, raw in values:
        for stating in fitting:
            if not fnmatchcase(name.casefold(), stating.value):
                continue
            if any(numbers.get(n) == unwanted for n, unwanted in stating.unless.items()):
                continue
            said = ":".join(f"{b:02x}" for b in raw) if stating.form == "mac" and isinstance(raw, bytes) else text
            if said:
                place = f"registry.{path}\\{name}"
                yield Fact(place, stating.prefix + said)
                yield Stated(stating.kind, stating.prefix + said, stating.role, place)
