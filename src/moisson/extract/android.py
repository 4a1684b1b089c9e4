"""Settings that Android and its applications keep as XML: whose device it is, and the networks it knows."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

import msgspec
from lxml import etree

from moisson.extract.text import read_xml
from moisson.model import Fact, Flag, Passage, Role, Stated
from moisson.registry import step

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from moisson.reader import Reader

_SIZE, _MOST, _LONGEST = 16 << 20, 20_000, 500


class Stating(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One entry of `android.toml`."""

    root: str
    key: str
    kind: str
    role: Role
    after: str = ""
    named: str = ""


@cache
def statings() -> tuple[Stating, ...]:
    """All entries of `android.toml`."""
    table = tomllib.loads(files("moisson.extract").joinpath("android.toml").read_text(encoding="utf-8"))
    return tuple(msgspec.convert(entry, Stating) for entry in table["states"])


@step(
    "extract.android",
    version=1,
    kinds=("application/x-android-preferences+xml", "application/x-android-wifi+xml"),
    reference="Android Open Source Project, SharedPreferencesImpl and WifiConfigStore",
)
def read_settings(data: Reader, keys: Sequence[str] = ()) -> Iterator[Passage | Fact | Flag | Stated]:
    """The text of the settings, and the selectors that they state of the device."""
    yield from read_xml(data, keys)
    if data.size > _SIZE:
        yield Flag("metadata-cut", f"settings of {data.size} bytes")
        return
    parser = etree.XMLParser(recover=True, resolve_entities=False, no_network=True, huge_tree=False)
    root = etree.fromstring(data.whole(_SIZE), parser)
    if root is None:
        return
    rows = list(_rows(root))
    first = dict(reversed(rows))
    for number, (key, value) in enumerate(rows):
        for stating in statings():
            if (stating.root, stating.key) == (root.tag, key):
                yield from _stated(stating, value, first, f"settings.{key}.{number}")


def _rows(root: etree._Element) -> Iterator[tuple[str, str]]:
    """Names and values of the settings, in order."""
    for count, element in enumerate(root.iter("string", "int", "long")):
        if count >= _MOST:
            return
        key, value = element.get("name", ""), (element.text or element.get("value", "")).strip()
        if key and value:
            yield key, value[:_LONGEST].strip('"')


def _stated(stating: Stating, value: str, first: dict[str, str], place: str) -> Iterator[Fact | Stated]:
    code = first.get(stating.after, "")
    if stating.after and code.isdecimal() and not value.startswith("+"):
        value = f"+{code}{value}"
    yield Fact(place, value)
    yield Stated(stating.kind, value, stating.role, place, first.get(stating.named, ""))
