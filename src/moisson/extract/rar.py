"""RAR archives of every age, locked ones too."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import rars

from moisson.errors import DamagedError, EvidenceError, LimitError, PasswordError, UnsupportedError
from moisson.extract import rest
from moisson.extract.unpack import KEEP, Names
from moisson.model import Fact, Flag
from moisson.reader import Child, Reader
from moisson.registry import Limits, step
from moisson.times import Instant, from_datetime

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

MAX_ARCHIVE = 256 << 20
MAX_MEMBER = 256 << 20
MAX_ENTRIES = 100_000


def _guarded(call: Callable[[], Any]) -> Any:
    """Run the library; its errors and its panics become ours."""
    try:
        return call()
    except (rars.PasswordRequired, rars.BadPassword) as why:
        raise PasswordError(f"RAR: {why}") from why
    except rars.UnsupportedRarFeature as why:
        raise UnsupportedError(f"RAR: {why}") from why
    except (rars.Error, OSError, ValueError, KeyError, OverflowError, MemoryError) as why:
        raise (LimitError if "limit" in str(why) else DamagedError)(f"RAR: {why}") from why
    except BaseException as why:
        if type(why).__name__ != "PanicException":
            raise
        raise DamagedError("RAR: the reader gave up") from why


def _options(total: int) -> Any:
    return rars.ReadOptions(
        max_member_output_bytes=MAX_MEMBER,
        max_total_output_bytes=total,
        rar50_dictionary_size_limit=256 << 20,
        max_header_count=MAX_ENTRIES,
        max_header_bytes=64 << 20,
    )


class _Batch:
    """Members read a run at a time, so that a solid archive is not decoded anew for each."""

    def __init__(self, archive: Any, members: list[Any], key: str | None) -> None:
        self._archive, self._members, self._key = archive, members, key
        self._kept: dict[int, bytes] = {}

    def open(self, number: int) -> Reader:
        """The reader of a member by its place in the list."""
        if number not in self._kept:
            self._kept = self._read(number)
        return Reader.of(self._kept[number])

    def _read(self, first: int) -> dict[int, bytes]:
        run, total = [first], self._members[first].file_size
        for number in range(first + 1, len(self._members)):
            total += self._members[number].file_size
            if total > KEEP:
                break
            run.append(number)
        options = _options(1 << 30)
        if len(run) > 1:
            wanted = [self._members[n] for n in run]
            try:
                found = _guarded(lambda: self._archive.read_many(wanted, self._key, options=options))
                return dict(zip(run, map(bytes, found), strict=True))
            except EvidenceError:
                pass
        one = self._members[first]
        return {first: bytes(_guarded(lambda: self._archive.read(one, self._key, options=options)))}


@step(
    "extract.rar",
    version=1,
    kinds=("application/vnd.rar", "application/x-rar", "application/x-rar-compressed"),
    names=("*.rar", "*.cbr"),
    limits=Limits(seconds=60, per_mb=4),
    reference="RAR 1.3 to 7",
)
def read_rar(data: Reader, keys: Sequence[str] = ()) -> Iterator[Child | Fact | Flag]:
    """The members of a RAR archive; where even the names are locked, only that is said."""
    if data.size > MAX_ARCHIVE:
        yield from rest.read_any(data, "rar")
        return
    try:
        archive, sealed = _archive(data.whole(), keys)
    except PasswordError as why:
        yield Flag("password", str(why))
        return
    members = [m for m in _guarded(archive.infolist) if not m.is_dir()]
    if sealed is None and any(m.is_split_after and not m.is_encrypted for m in members):
        # This library wants each volume as a file; the other one reads on into the next, where they were joined.
        yield from rest.read_any(data, "rar")
        return
    key = sealed
    if key is None and any(m.is_encrypted for m in members):
        key = _key(archive, members, keys)
    if sealed is not None:
        yield Flag("encrypted", "names and contents")
    yield from _members(members, _Batch(archive, members, key), key)


def _archive(raw: bytes, keys: Sequence[str]) -> tuple[Any, str | None]:
    """The archive, and the key it took to see the names."""
    options = _options(1 << 30)
    try:
        return _guarded(lambda: rars.RarFile.from_bytes(raw, options=options)), None
    except PasswordError:
        for key in keys:
            try:
                archive = _guarded(partial(rars.RarFile.from_bytes, raw, password=key, options=options))
            except EvidenceError:
                continue
            return archive, key
        raise


def _key(archive: Any, members: list[Any], keys: Sequence[str]) -> str | None:
    smallest = min((m for m in members if m.is_encrypted), key=lambda m: (m.file_size == 0, m.file_size))
    for key in keys:
        try:
            _guarded(partial(archive.read, smallest, key, options=_options(1 << 30)))
        except EvidenceError:
            continue
        return key
    return None


def _members(members: list[Any], batch: _Batch, key: str | None) -> Iterator[Child | Flag]:
    names, locked = Names("rar"), False
    for number, member in enumerate(members):
        name = str(member.filename).replace("\\", "/")
        flags: tuple[str, ...] = ()
        opener: Callable[[], Reader] = partial(batch.open, number)
        if member.is_encrypted and key is None:
            locked, flags, opener = True, ("password",), _locked
        elif member.is_encrypted or key is not None:
            flags = ("encrypted",)
        if member.is_split_before or member.is_split_after:
            flags = (*flags, "split")
        yield Child(name, names.layer(name), opener, int(member.file_size), modified=_when(member), flags=flags)
    if locked:
        yield Flag("password", "locked members")


def _locked() -> Reader:
    raise PasswordError("the member is encrypted")


def _when(member: Any) -> Instant | None:
    try:
        return from_datetime(datetime(*member.date_time), "2s")  # noqa: DTZ001
    except (ValueError, TypeError):
        return None
