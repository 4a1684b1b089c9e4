"""Tape archives found inside evidence: their files become children, which are ranges of the archive."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from moisson.errors import LimitError
from moisson.extract.tarhead import Member, Tape
from moisson.extract.unpack import Names
from moisson.model import Fact, Flag
from moisson.reader import Child, Reader
from moisson.registry import step

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MAX_ENTRIES = 200_000


@step("extract.tar", version=2, kinds=("application/x-tar",), names=("*.tar",), reference="POSIX.1-2001 pax, GNU tar")
def read_tar(data: Reader, keys: Sequence[str] = ()) -> Iterator[Child | Fact | Flag]:
    """The files of a tape archive, also of a truncated one."""
    names, tape, count = Names("tar"), Tape(data.medium), 0
    for member in tape.members():
        count += 1
        if count > MAX_ENTRIES:
            raise LimitError(f"more than {MAX_ENTRIES} members")
        if member.is_file:
            yield _child(data, member, names)
    if tape.damage:
        yield Flag("damaged", tape.damage)
    if not count:
        yield Flag("empty", "no member")


def _child(data: Reader, member: Member, names: Names) -> Child:
    cut = member.start + member.stored > data.size
    flags = (*(("truncated",) if cut else ()), *(("sparse",) if member.pieces else ()))
    size = member.size if member.pieces else max(0, min(member.size, data.size - member.start))
    layer = names.layer(member.name)
    return Child(member.name, layer, partial(_open, data, member), size, modified=member.modified, flags=flags)


def _open(data: Reader, member: Member) -> Reader:
    return Reader(member.content(data.medium))
