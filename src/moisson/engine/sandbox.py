"""The trusted side of a confined child: requests go in, capped messages come out, and the child can extend nothing."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from moisson.engine.channel import ANSWER, ASK, BROKEN, CALL, DONE, MESSAGE, READY, SEND
from moisson.engine.child import Child, Ended, Kind, cause, given_up
from moisson.engine.confine import Level
from moisson.engine.forks import Gone
from moisson.errors import EvidenceError, LimitError, SandboxError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from moisson.engine.forks import Forks, Zygote

    Answer = bytes | tuple[bytes, list[int]] | None

_FORKING = 30.0
_DYING = 1.0


class Outcome(Struct, frozen=True):
    """How a call ended; on anything but `ok` the child is gone. `detail` may be the child's words, made printable."""

    kind: Kind
    detail: str = ""
    seconds: float = 0.0
    messages: int = 0
    output: int = 0


class Sandbox:
    """One confined child at a time, forked where `forks` has its process; several sandboxes may share that.

    Not for use by several threads at once.
    """

    def __init__(self, forks: Forks) -> None:
        self.forks, self.caps = forks, forks.caps
        self.level = Level()
        self._child: Child | None = None
        self._deaths = 0

    def __enter__(self) -> Sandbox:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> None:
        """Start a first child, which sets `level`; raises `SandboxError`."""
        self._child = self._fresh(0)

    def call(
        self,
        request: bytes,
        fds: Sequence[int] = (),
        seconds: float = 30,
        on_message: Callable[[bytes], Answer] = lambda _: None,
    ) -> Outcome:
        """Have one request handled; `on_message` gets each message and its answer is sent when the child asked.

        Descriptors, here and in answers, stay the caller's to close. An `EvidenceError` or `msgspec.DecodeError` out of
        `on_message` counts as the child's fault; any other error kills the child and is raised. Raises `SandboxError`
        when no child can be had.
        """
        child = self._ready(seconds)
        began = time.monotonic()
        deadline, tally = began + seconds, [0, 0]
        try:
            self._converse(child, request, fds, deadline, on_message, tally)
        except Ended as ended:
            kind, detail = self._bury(child, ended, seconds)
            return Outcome(kind, detail, time.monotonic() - began, *tally)
        except BaseException:
            self.recycle()
            raise
        took = time.monotonic() - began
        child.cpu -= took
        self._deaths = 0
        return Outcome("ok", "", took, *tally)

    def recycle(self) -> None:
        """Kill the child; the next call gets a fresh one."""
        child, self._child = self._child, None
        if child is not None:
            child.socket.close()
            try:
                child.zygote.kill(child.pid)
            except Gone:
                self.forks.drop(child.zygote)

    def close(self) -> None:
        """End the child."""
        self.recycle()

    def _converse(
        self,
        child: Child,
        request: bytes,
        fds: Sequence[int],
        deadline: float,
        on_message: Callable[[bytes], Answer],
        tally: list[int],
    ) -> None:
        child.send(CALL, request, fds, deadline)
        while True:
            tag, payload = child.frame(self.caps.message, deadline)
            if tag == DONE:
                if child.buffer or payload:
                    raise Ended("crash", "it went on talking after the end of the call")
                return
            if tag == BROKEN:
                raise given_up(payload)
            if tag not in (SEND, ASK):
                raise Ended("crash", f"a malformed frame (tag {tag})")
            tally[0] += 1
            tally[1] += len(payload)
            if tally[0] > self.caps.count or tally[1] > self.caps.output:
                raise Ended("limit", f"{tally[0]} messages, {tally[1]} bytes in one call")
            try:
                answer = on_message(payload)
            except (EvidenceError, msgspec.DecodeError) as error:
                kind: Kind = "limit" if isinstance(error, LimitError) else "crash"
                raise Ended(kind, f"its message was refused: {error}"[:500]) from error
            if tag == ASK:
                data, beside = answer if isinstance(answer, tuple) else (answer or b"", [])
                if len(data) > self.caps.message:
                    raise ValueError(f"an answer of {len(data)} bytes, more than {self.caps.message}")
                child.send(ANSWER, data, beside, deadline)

    def _ready(self, seconds: float) -> Child:
        """The child at hand, or a fresh one when there is none or its time could run out during this call."""
        if self._child is not None and self._child.cpu < seconds:
            self.recycle()
        if self._child is None:
            self._child = self._fresh(seconds)
        return self._child

    def _fresh(self, seconds: float) -> Child:
        """Fork a child and wait until it has proved its confinement; a dead zygote is started again, once."""
        cpu = int(max(self.forks.plan.limits.cpu_seconds, seconds + 10))
        while True:
            source = self.forks.zygote()
            try:
                return self._fork(source, cpu)
            except Gone as gone:
                self.forks.drop(source)
                self._deaths += 1
                if self._deaths > 1:
                    raise SandboxError("the process that forks confined children died twice") from gone

    def _fork(self, source: Zygote, cpu: int) -> Child:
        pid, ours = source.fork(cpu + 4)
        ours.setblocking(False)
        child = Child(source, pid, ours, cpu)
        try:
            tag, payload = child.frame(MESSAGE, time.monotonic() + _FORKING)
            if tag != READY:
                raise given_up(payload)
            self.level = msgspec.json.decode(payload, type=Level)
        except Ended as ended:
            kind, detail = self._bury(child, ended, _FORKING)
            raise SandboxError(f"no confined child: {ended.detail or detail or kind}") from ended
        return child

    def _bury(self, child: Child, ended: Ended, seconds: float) -> tuple[Kind, str]:
        """Make sure that the child is dead, and say why the call ended."""
        child.socket.close()
        self._child = None
        silent = ended.kind == "crash" and not ended.detail
        try:
            status = child.zygote.status(child.pid, _DYING if silent else 0)
            if lived := status is None:
                child.zygote.kill(child.pid)
                status = child.zygote.status(child.pid, _FORKING)
        except Gone:
            self.forks.drop(child.zygote)
            self._deaths += 1
            return ended.kind, ended.detail or "the process that forks confined children died"
        if ended.kind == "timeout":
            return "timeout", f"not done after {seconds:g} s"
        if not silent:
            return ended.kind, ended.detail
        if status is None or (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL and lived):
            return "crash", "it closed its channel"
        return cause(status)
