"""The warm process that confined children are forked from: one thread, a clean environment, the readers imported.

Started as `python -m moisson.engine.zygote FD PARENT` by `moisson.engine.sandbox`. It never sees a byte of evidence: it
forks, confines, kills and reports how its children ended, in JSON over a sequenced socket.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import select
import signal
import socket
import sys
import traceback
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from moisson.engine import bpf
from moisson.engine.channel import BROKEN, MESSAGE, READY, Channel, Hangup
from moisson.engine.confine import Confinement, Level, confine, die_with, threads
from moisson.errors import LimitError, SandboxError

if TYPE_CHECKING:
    from collections.abc import Callable

PACKET = 1 << 17
EXIT_BROKEN, EXIT_MEMORY, EXIT_LIMIT = 70, 71, 72
_EXIT = {"memory": EXIT_MEMORY, "limit": EXIT_LIMIT}


class Plan(Struct, frozen=True, tag="plan"):
    """What the zygote imports and what its children run."""

    handler: str
    preload: tuple[str, ...]
    limits: Confinement
    path: tuple[str, ...] = ()
    message: int = MESSAGE


class Fork(Struct, frozen=True, tag="fork"):
    """Fork a child on the descriptor that comes beside; `cpu` seconds are for its whole life."""

    cpu: int


class Kill(Struct, frozen=True, tag="kill"):
    """Kill a child."""

    pid: int


class Up(Struct, frozen=True, tag="up"):
    """Everything is imported; or why not."""

    error: str = ""


class Born(Struct, frozen=True, tag="born"):
    """A child was forked."""

    pid: int


class Died(Struct, frozen=True, tag="died"):
    """A child ended with this wait status."""

    pid: int
    status: int


class Broken(Struct, frozen=True):
    """Why a child gives up, in its own words."""

    kind: str
    detail: str


orders: msgspec.json.Decoder[Plan | Fork | Kill] = msgspec.json.Decoder(Plan | Fork | Kill)
reports: msgspec.json.Decoder[Up | Born | Died] = msgspec.json.Decoder(Up | Born | Died)
encode = msgspec.json.encode


def load(plan: Plan) -> Callable[[Channel], None]:
    """Import what the children need; raises `SandboxError` naming an import that fails or starts a thread."""
    sys.path.extend(p for p in plan.path if p not in sys.path)
    for each in plan.preload:
        _warm(each)
    module, _, name = plan.handler.partition(":")
    _warm(module)
    handler: Callable[[Channel], None] | None = getattr(sys.modules[module], name, None)
    if handler is None:
        raise SandboxError(f"no function {name!r} in {module}")
    return handler


def _warm(each: str) -> None:
    """Import a module, and call a function of it if one is named, while there is no thread and no confinement."""
    module, _, name = each.partition(":")
    try:
        imported = importlib.import_module(module)
        if name:
            getattr(imported, name)()
    except (ImportError, AttributeError, OSError) as error:
        raise SandboxError(f"cannot import {each}: {error}") from error
    if threads() != 1:
        raise SandboxError(f"importing {each} starts threads; a process with threads cannot be confined")


def serve(control: socket.socket, plan: Plan, handler: Callable[[Channel], None]) -> None:
    """Obey until the other side hangs up."""
    children: dict[int, int] = {}
    poll = select.poll()
    poll.register(control, select.POLLIN)
    while True:
        for fd, _ in poll.poll():
            if fd != control.fileno():
                poll.unregister(fd)
                _report(control, children.pop(fd), fd)
            elif not _obey(control, plan, handler, children, poll):
                return


def _report(control: socket.socket, pid: int, pidfd: int) -> None:
    os.close(pidfd)
    control.send(encode(Died(pid, os.waitpid(pid, 0)[1])))


def _obey(
    control: socket.socket, plan: Plan, handler: Callable[[Channel], None], children: dict[int, int], poll: select.poll
) -> bool:
    packet, fds, _, _ = socket.recv_fds(control, PACKET, 1)
    if not packet:
        return False
    order = orders.decode(packet)
    if isinstance(order, Fork):
        parent = os.getpid()
        if not (pid := os.fork()):
            _live(plan, handler, parent, fds[0], order.cpu)
        os.close(fds[0])
        pidfd = os.pidfd_open(pid)
        children[pidfd] = pid
        poll.register(pidfd, select.POLLIN)
        control.send(encode(Born(pid)))
    elif isinstance(order, Kill) and (pidfd := next((f for f, p in children.items() if p == order.pid), -1)) >= 0:
        signal.pidfd_send_signal(pidfd, signal.SIGKILL)
    return True


def _live(plan: Plan, handler: Callable[[Channel], None], parent: int, fd: int, cpu: int) -> None:
    """The life of a child; does not return."""
    code = EXIT_BROKEN
    try:
        channel = _settle(fd, plan.message)
        code = _run(channel, handler, replace(plan.limits, cpu_seconds=cpu), parent)
    finally:
        os._exit(code)


def _settle(fd: int, message: int) -> Channel:
    """Leave the child nothing of its parent but the socket."""
    os.dup2(fd, 3)
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    os.closerange(4, os.sysconf("SC_OPEN_MAX"))
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    return Channel(socket.socket(fileno=3), message)


def _run(channel: Channel, handler: Callable[[Channel], None], limits: Confinement, parent: int) -> int:
    try:
        level = confine(limits, parent)
        _prove(level)
        channel.tell(READY, encode(level))
        while channel.open:
            before = channel.calls
            handler(channel)
            if channel.open and channel.calls == before:
                raise RuntimeError("the handler returned without taking a request")
            channel.end()
    except (Hangup, BrokenPipeError, ConnectionResetError):
        return 0
    except MemoryError:
        broken = Broken("memory", "out of memory")
    except LimitError as error:
        broken = Broken("limit", _words(error))
    except SandboxError as error:
        broken = Broken("sandbox", str(error))
    except BaseException as error:  # a fault of any kind ends this child, and the other side is told
        broken = Broken("crash", _words(error))
    else:
        return 0
    channel.tell(BROKEN, encode(broken))
    return _EXIT.get(broken.kind, EXIT_BROKEN)


def _prove(level: Level) -> None:
    """Try what must not be possible before the first byte of evidence arrives."""
    if level.seccomp:
        try:
            socket.socket().close()
        except PermissionError:
            return
        raise SandboxError("the confinement does not hold: a socket could be opened")


def _words(error: BaseException) -> str:
    last = traceback.extract_tb(error.__traceback__)[-1:]
    where = "".join(f" ({os.path.basename(frame.filename)}:{frame.lineno})" for frame in last)  # noqa: PTH119
    return f"{type(error).__name__}: {error}"[:400].encode("utf-8", "replace").decode() + where


def main(arguments: list[Any]) -> int:
    """Set up, then serve."""
    fd, parent = map(int, arguments)
    if parent:
        die_with(parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with socket.socket(fileno=fd) as control:
        plan = orders.decode(control.recv(PACKET))
        if not isinstance(plan, Plan):
            return 2
        try:
            handler = load(plan)
        except SandboxError as error:
            control.send(encode(Up(str(error)[:1000])))
            return 6
        if bpf.supported():
            bpf.program(0, threads=plan.limits.threads)
        gc.collect()
        gc.freeze()
        control.send(encode(Up()))
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            serve(control, plan, handler)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
