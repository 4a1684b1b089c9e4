"""The seccomp program of a confined child: which system calls it may make, and with which arguments.

An allow-list: what `syscalls.csv` does not allow is refused. Rules of that table: `allow`; `inspect` (allowed for the
arguments given here); `refuse` (EPERM: ordinary, but not for a reader of files); `absent` (ENOSYS, so that libraries
fall back to an older call); `kill` (no reader of files makes it: the child dies of SIGSYS and that is a finding).
Classic BPF as in Linux `Documentation/userspace-api/seccomp_filter.rst`. The column for aarch64 was never run.
"""

from __future__ import annotations

import csv
import errno
import platform
import struct
from functools import lru_cache
from importlib import resources

_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_X32 = 0x40000000

_LOAD, _JEQ, _JGE, _JSET, _AND, _RET = 0x20, 0x15, 0x35, 0x45, 0x54, 0x06
_ALLOW = 0x7FFF0000
_KILL = 0x80000000
_REFUSE = 0x00050000 | errno.EPERM
_DENY = 0x00050000 | errno.EACCES
_NOTTY = 0x00050000 | errno.ENOTTY
_ABSENT = 0x00050000 | errno.ENOSYS
_RESULT = {"allow": _ALLOW, "refuse": _REFUSE, "absent": _ABSENT, "kill": _KILL}

_CLONE_THREAD = 0x00010000
_CLONE_NEW = 0x7E020080
_MAP_SHARED_ANONYMOUS = 0x21
_MAP_GROWSDOWN_HUGETLB = 0x40100
_OPEN_WRITES = 0o3 | 0o100 | 0o1000 | 0o20000000
_FCNTL = (0, 1, 2, 3, 1030, 1034)
_IOCTL = (0x5401, 0x541B, 0x5450, 0x5451, 0x1268, 0x80081272)
_PRCTL = (3, 15, 16, 39, 0x53564D41)

Code = list[tuple[int, int, int, int]]


def supported() -> bool:
    """True if there is a table of system calls for this machine."""
    return platform.machine() in _ARCH


def program(pid: int, *, threads: bool = False) -> bytes:
    """The filter for the process `pid`, which may signal nobody but itself; `threads` lets it start threads."""
    machine = platform.machine()
    numbers = _table(machine)
    own: Code = []
    for name in ("kill", "tgkill"):
        own += _case(numbers[name][1], [*_argument(0), (_JEQ, 0, 1, pid), (_RET, 0, 0, _ALLOW), (_RET, 0, 0, _REFUSE)])
    return _body(machine, threads) + _pack([*own, (_RET, 0, 0, _ABSENT)])


@lru_cache
def _table(machine: str) -> dict[str, tuple[str, int]]:
    """Name → rule and number, for the calls this machine has."""
    text = resources.files("moisson.engine").joinpath("syscalls.csv").read_text("ascii")
    rows = csv.DictReader(text.splitlines())
    return {row["name"]: (row["rule"], int(row[machine])) for row in rows if row[machine]}


@lru_cache
def _body(machine: str, threads: bool) -> bytes:
    """Everything that does not depend on the process."""
    code: Code = [(_LOAD, 0, 0, 4), (_JEQ, 1, 0, _ARCH[machine]), (_RET, 0, 0, _KILL), (_LOAD, 0, 0, 0)]
    if machine == "x86_64":
        code += [(_JGE, 0, 1, _X32), (_RET, 0, 0, _KILL)]
    inspected = _inspected(threads)
    for name, (rule, number) in _table(machine).items():
        if rule in _RESULT:
            code += _case(number, [(_RET, 0, 0, _RESULT[rule])])
        elif name in inspected:
            code += _case(number, inspected[name])
    return _pack(code)


def _inspected(threads: bool) -> dict[str, Code]:
    clone = [*_argument(0), (_JSET, 0, 1, _CLONE_NEW), (_RET, 0, 0, _REFUSE), *_flag(_CLONE_THREAD)]
    return {
        "clone": clone if threads else [(_RET, 0, 0, _REFUSE)],
        "open": _without(1, _OPEN_WRITES, _DENY),
        "openat": _without(2, _OPEN_WRITES, _DENY),
        "mmap": [
            *_argument(3),
            (_AND, 0, 0, _MAP_SHARED_ANONYMOUS),
            (_JEQ, 0, 1, _MAP_SHARED_ANONYMOUS),
            (_RET, 0, 0, _REFUSE),
            *_without(3, _MAP_GROWSDOWN_HUGETLB, _REFUSE),
        ],
        "prlimit64": [
            *_argument(2),
            (_JEQ, 1, 0, 0),
            (_RET, 0, 0, _REFUSE),
            (_LOAD, 0, 0, 16 + 8 * 2 + 4),
            (_JEQ, 1, 0, 0),
            (_RET, 0, 0, _REFUSE),
            (_RET, 0, 0, _ALLOW),
        ],
        "fcntl": _only(1, _FCNTL, _REFUSE),
        "ioctl": _only(1, _IOCTL, _NOTTY),
        "prctl": _only(0, _PRCTL, _REFUSE),
    }


def _case(number: int, then: Code) -> Code:
    return [(_JEQ, 0, len(then), number), *then]


def _argument(index: int) -> Code:
    """Load the lower half of an argument (little-endian)."""
    return [(_LOAD, 0, 0, 16 + 8 * index)]


def _flag(mask: int) -> Code:
    return [(_JSET, 0, 1, mask), (_RET, 0, 0, _ALLOW), (_RET, 0, 0, _REFUSE)]


def _without(index: int, mask: int, otherwise: int) -> Code:
    return [*_argument(index), (_JSET, 0, 1, mask), (_RET, 0, 0, otherwise), (_RET, 0, 0, _ALLOW)]


def _only(index: int, values: tuple[int, ...], otherwise: int) -> Code:
    code = _argument(index)
    for value in values:
        code += [(_JEQ, 0, 1, value), (_RET, 0, 0, _ALLOW)]
    return [*code, (_RET, 0, 0, otherwise)]


def _pack(code: Code) -> bytes:
    return b"".join(struct.pack("<HBBI", *instruction) for instruction in code)
