"""Self-confinement of a process that will read hostile bytes: it gives up, for good, whatever a reader does not need.

Kernel interfaces only (Landlock, seccomp, capabilities, resource limits), through ctypes; no helper program, no root
needed. Landlock as in Linux `Documentation/userspace-api/landlock.rst`, ABI 1 to 7; an older kernel gives fewer rights
to take away, and the `Level` says so.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import struct
import sys
import sysconfig
from functools import lru_cache
from pathlib import Path

from msgspec import Struct

from moisson.engine import bpf
from moisson.errors import SandboxError

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_KEEPCAPS, _PR_GET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 1, 4, 8, 21, 38
_SECCOMP = {"x86_64": 317, "aarch64": 277}
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_READ_FILE, _READ_DIR = 1 << 2, 1 << 3
_CAP_DAC_READ_SEARCH = 1 << 2
_CAPABILITY_VERSION = 0x20080522
# The range that systemd keeps for dynamic users: no account lives there.
_FIRST_UID, _UIDS = 61184, 4096
_NOBODY = 65534
_SYSTEM = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/share/misc", "/usr/share/zoneinfo", "/etc/ld.so.cache")


class Confinement(Struct, frozen=True):
    """What a confined process may have.

    `data_mb` is private memory beyond what the process has when it is confined, `map_mb` address space beyond that, for
    large read-only maps; `cpu_seconds` is for its whole life; `read` are further prefixes it may read. `lax` accepts
    less than the floor (seccomp, no new privileges and Landlock).
    """

    data_mb: int = 1024
    map_mb: int = 65536
    cpu_seconds: int = 3600
    files: int = 1024
    threads: bool = False
    read: tuple[str, ...] = ()
    drop: bool = True
    lax: bool = False


class Level(Struct, frozen=True):
    """What holds a process, as it is written into the ledger; `search` says that it kept the right to walk any path.

    That right (CAP_DAC_READ_SEARCH) is kept only where the interpreter lies under a folder closed to other users; what
    can be read with it is still what Landlock allows.
    """

    landlock: int = 0
    seccomp: bool = False
    no_new_privs: bool = False
    uid_drop: bool = False
    rlimits: bool = False
    search: bool = False

    def __str__(self) -> str:
        drop = "uid drop (search kept)" if self.search else "uid drop"
        named = (
            (f"landlock {self.landlock}", self.landlock),
            ("seccomp", self.seccomp),
            ("no new privileges", self.no_new_privs and not self.seccomp),
            (drop, self.uid_drop),
            ("rlimits", self.rlimits),
        )
        return ", ".join(text for text, holds in named if holds) or "none"

    @property
    def enough(self) -> bool:
        """True at or above the floor for hostile input."""
        return self.landlock > 0 and self.seccomp and self.no_new_privs


def probe() -> Level:
    """What this machine can do, without doing it."""
    seccomp = bpf.supported() and _libc().prctl(_PR_GET_SECCOMP, 0, 0, 0, 0) >= 0
    root = os.geteuid() == 0
    return Level(_landlock_abi(), seccomp, True, root, True, root and not _reachable(_prefixes(())))


def confine(limits: Confinement, parent: int = 0) -> Level:
    """Confine this process until it ends; it dies with its parent, which must be `parent` when that is given.

    Raises `SandboxError` for more than one thread (Landlock binds only the calling one) and below the floor; then the
    process may be half confined and should exit.
    """
    running = threads()
    if running != 1:
        raise SandboxError(f"{running} threads are running; a process is confined before it starts any")
    if not (able := probe()).enough and not limits.lax:
        raise SandboxError(f"this machine offers only: {able}; hostile input needs Landlock and seccomp")
    prefixes = _prefixes(limits.read)
    rules = [(fd, path) for path in prefixes if (fd := _open_path(path)) >= 0]
    program = bpf.program(os.getpid(), threads=limits.threads) if able.seccomp else b""
    room = _memory()
    Path("/proc/self/oom_score_adj").write_text("1000")
    die_with(parent)
    dropped, search = _drop(prefixes) if limits.drop else (False, False)
    die_with(parent)
    _call(_libc().prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no new privileges")
    _call(_libc().prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0), "not dumpable")
    _limit(limits, room, own_uid=dropped)
    if able.landlock:
        _restrict(able.landlock, rules)
    for fd, _ in rules:
        os.close(fd)
    if able.seccomp:
        _filter(program)
    return Level(able.landlock, able.seccomp, True, dropped, True, search)


def threads() -> int:
    """How many threads this process has."""
    return len(os.listdir("/proc/self/task"))  # noqa: PTH208


@lru_cache
def _libc() -> ctypes.CDLL:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    return libc


def _call(result: int, what: str) -> int:
    if result < 0:
        raise SandboxError(f"{what}: {os.strerror(ctypes.get_errno())}")
    return result


def _syscall(number: int, *arguments: object) -> int:
    plain = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    return int(_libc().syscall(ctypes.c_long(number), *plain))


def die_with(parent: int) -> None:
    """Be killed when the parent ends; end at once if it is no longer `parent`."""
    _call(_libc().prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0), "death signal")
    if parent and os.getppid() != parent:
        os._exit(0)


def _prefixes(more: tuple[str, ...]) -> tuple[str, ...]:
    """The interpreter, its packages, this package, and system libraries; never the whole of /usr."""
    places = [sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    places += [sys.prefix, sys.base_prefix, str(Path(__file__).resolve().parents[1])]
    kept = [place for place in places if place not in ("/", "/usr", "/usr/local")]
    return tuple(dict.fromkeys((*kept, *_SYSTEM, *more)))


def _open_path(path: str) -> int:
    try:
        return os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return -1


def _reachable(prefixes: tuple[str, ...]) -> bool:
    """True if any user may walk to each of these places."""
    for prefix in prefixes:
        real = Path(prefix).resolve()
        if real.exists() and not all(place.stat().st_mode & 0o001 for place in (real, *real.parents) if place.is_dir()):
            return False
    return True


def _drop(prefixes: tuple[str, ...]) -> tuple[bool, bool]:
    """Become a user of its own, without capabilities; says whether that was possible, and whether search was kept."""
    if os.geteuid() != 0:
        _keep_capabilities(0)
        return False, False
    keep = not _reachable(prefixes)
    _call(_libc().prctl(_PR_SET_KEEPCAPS, int(keep), 0, 0, 0), "keep capabilities")
    dropped = any(_become(uid) for uid in (_FIRST_UID + os.getpid() % _UIDS, _NOBODY))
    _keep_capabilities(_CAP_DAC_READ_SEARCH if keep else 0)
    return dropped, keep


def _keep_capabilities(kept: int) -> None:
    header = struct.pack("=Ii", _CAPABILITY_VERSION, 0)
    _call(_libc().capset(header, struct.pack("=6I", kept, kept, 0, 0, 0, 0)), "capabilities")


def _become(uid: int) -> bool:
    try:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    except OSError:
        return False
    return True


def _memory() -> tuple[int, int]:
    """Bytes of private data and of address space in use."""
    fields = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text("ascii").splitlines())
    return int(fields["VmData"].split()[0]) << 10, int(fields["VmSize"].split()[0]) << 10


def _limit(limits: Confinement, room: tuple[int, int], *, own_uid: bool) -> None:
    data = room[0] + (limits.data_mb << 20)
    wanted = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_NOFILE: limits.files,
        resource.RLIMIT_DATA: data,
        resource.RLIMIT_AS: max(data, room[1] + (limits.data_mb + limits.map_mb << 20)),
        resource.RLIMIT_CPU: limits.cpu_seconds,
        resource.RLIMIT_MEMLOCK: 0,
        resource.RLIMIT_MSGQUEUE: 0,
    }
    # The count is per user: among the other processes of a person's own account it would say nothing about this one.
    if own_uid or not limits.threads:
        wanted[resource.RLIMIT_NPROC] = 64 if limits.threads else 0
    for what, value in wanted.items():
        hard = resource.getrlimit(what)[1]
        most = value if hard == resource.RLIM_INFINITY else min(value, hard)
        # At the soft limit of time comes SIGXCPU, which says why; at the hard one only SIGKILL.
        soft = max(1, most - 2) if what == resource.RLIMIT_CPU else most
        resource.setrlimit(what, (soft, most))


def _landlock_abi() -> int:
    return max(0, _syscall(_CREATE_RULESET, None, 0, 1))


def _restrict(abi: int, rules: list[tuple[int, str]]) -> None:
    """Take away every right that this ABI knows, but reading under the open paths."""
    files = (1 << (13 if abi == 1 else 14 if abi == 2 else 15 if abi < 5 else 16)) - 1
    words = [files, 3, 3][: 1 if abi < 4 else 2 if abi < 6 else 3]
    attributes = struct.pack(f"={len(words)}Q", *words)
    ruleset = _call(_syscall(_CREATE_RULESET, attributes, len(attributes), 0), "Landlock")
    for fd, path in rules:
        rights = _READ_FILE | (_READ_DIR if os.path.isdir(path) else 0)  # noqa: PTH112
        _call(_syscall(_ADD_RULE, ruleset, 1, struct.pack("=Qi", rights, fd), 0), f"Landlock, {path}")
    _call(_syscall(_RESTRICT_SELF, ruleset, 0), "Landlock")
    os.close(ruleset)


def _filter(code: bytes) -> None:
    buffer = ctypes.create_string_buffer(code, len(code))
    program = struct.pack("HxxxxxxP", len(code) // 8, ctypes.addressof(buffer))
    _call(_syscall(_SECCOMP[os.uname().machine], 1, 1, program), "seccomp")
