"""One confined child as the trusted side sees it: frames before a deadline, and what its end means."""

from __future__ import annotations

import os
import select
import signal
import socket
import time
from typing import TYPE_CHECKING, Literal

import msgspec

from moisson.engine import zygote
from moisson.engine.channel import HEADER, parcels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from moisson.engine.forks import Zygote

_LONGEST = 1e6
Kind = Literal["ok", "crash", "timeout", "memory", "limit", "attack"]
_SIGNALS: dict[int, Kind] = {signal.SIGSYS: "attack", signal.SIGXCPU: "timeout", signal.SIGXFSZ: "limit"}


class Ended(Exception):
    """The call is over, and not well."""

    def __init__(self, kind: Kind, detail: str) -> None:
        super().__init__(detail)
        self.kind, self.detail = kind, detail


class Child:
    """One confined child: where it was forked, its socket, what was read ahead, and the time it may still use."""

    def __init__(self, source: Zygote, pid: int, sock: socket.socket, cpu: float) -> None:
        self.zygote, self.pid, self.socket, self.cpu = source, pid, sock, cpu
        self.buffer = bytearray()

    def send(self, tag: int, payload: bytes, fds: Sequence[int], deadline: float) -> None:
        """Write one frame in time; that the child is gone shows at the next reading, with its last words."""
        for data, beside in parcels(tag, payload, fds):
            view = memoryview(data)
            while view:
                self._wait(select.POLLOUT, deadline)
                try:
                    sent = socket.send_fds(self.socket, [view], list(beside)) if beside else self.socket.send(view)
                except BlockingIOError:
                    continue
                except OSError:
                    return
                view, beside = view[sent:], ()

    def frame(self, longest: int, deadline: float) -> tuple[int, bytes]:
        """Read one frame before the deadline."""
        self._fill(HEADER.size, deadline)
        length, tag, _ = HEADER.unpack_from(self.buffer)
        if length > longest:
            raise Ended("limit", f"a message of {length} bytes, more than {longest}")
        end = HEADER.size + length
        self._fill(end, deadline)
        payload = bytes(memoryview(self.buffer)[HEADER.size : end])
        del self.buffer[:end]
        return tag, payload

    def _fill(self, n: int, deadline: float) -> None:
        while len(self.buffer) < n:
            self._wait(select.POLLIN, deadline)
            try:
                data = self.socket.recv(1 << 18)
            except BlockingIOError:
                continue
            except OSError:
                data = b""
            if not data:
                raise Ended("crash", "")
            self.buffer += data

    def _wait(self, event: int, deadline: float) -> None:
        poll = select.poll()
        poll.register(self.socket, event)
        left = deadline - time.monotonic()
        if left <= 0 or not poll.poll(min(left, _LONGEST) * 1000):
            raise Ended("timeout", "")


def given_up(payload: bytes) -> Ended:
    """What a child said when it gave up; it may say anything, so little of it is believed."""
    try:
        broken = msgspec.json.decode(payload, type=zygote.Broken)
    except msgspec.DecodeError:
        return Ended("crash", "a malformed frame")
    kind: Kind = "memory" if broken.kind == "memory" else "limit" if broken.kind == "limit" else "crash"
    return Ended(kind, "".join(c if c.isprintable() else "\ufffd" for c in broken.detail[:500]))


def cause(status: int) -> tuple[Kind, str]:
    """What a wait status says about a child that ended without a word."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        name = signal.Signals(number).name if number in set(signal.Signals) else f"signal {number}"
        if number == signal.SIGKILL:
            return "memory", "SIGKILL from outside, most likely for want of memory"
        return _SIGNALS.get(number, "crash"), name
    code = os.WEXITSTATUS(status)
    named: dict[int, Kind] = {zygote.EXIT_MEMORY: "memory", zygote.EXIT_LIMIT: "limit"}
    return named.get(code, "crash"), f"exit {code}"
