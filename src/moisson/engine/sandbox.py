"""The trusted side of a confined child: requests go in, capped messages come out, and the child can extend nothing."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from moisson.engine import zygote
from moisson.engine.channel import ANSWER, ASK, BROKEN, CALL, DONE, MESSAGE, READY, SEND, Channel
from moisson.engine.child import Child, Ended, Kind, cause, given_up
from moisson.engine.confine import Confinement, Level
from moisson.errors import EvidenceError, LimitError, SandboxError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Answer = bytes | tuple[bytes, list[int]] | None

__all__ = ["Caps", "Channel", "Kind", "Outcome", "Sandbox"]

_STARTING = 120.0
_FORKING = 30.0
_DYING = 1.0
_CLOSING = 5.0
_ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "TZ": "UTC",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}


class Caps(Struct, frozen=True):
    """What one call may send back: bytes of one message, bytes and messages in all."""

    message: int = MESSAGE
    output: int = 2 << 30
    count: int = 2_000_000


class Outcome(Struct, frozen=True):
    """How a call ended; on anything but `ok` the child is gone. `detail` may be the child's words, made printable."""

    kind: Kind
    detail: str = ""
    seconds: float = 0.0
    messages: int = 0
    output: int = 0


class _Gone(Exception):
    """The zygote hung up."""


class Sandbox:
    """Runs `handler` ("module:function") in confined children of a warm process that has imported `preload`.

    What a reader loads lazily by way of a temporary file or a program must be loaded there: a `preload` entry is a
    module, or "module:function" to be called. `path` is added to the import path of that process.

    Not for use by several threads at once; a sandbox started in
    another thread than the main one is not killed with the process but by its own reading of the closed socket.
    """

    def __init__(
        self,
        handler: str,
        preload: Sequence[str] = (),
        limits: Confinement = Confinement(),  # noqa: B008  frozen
        *,
        caps: Caps = Caps(),  # noqa: B008  frozen
        path: Sequence[str] = (),
    ) -> None:
        self.plan = zygote.Plan(handler, tuple(preload), limits, tuple(path), caps.message)
        self.caps = caps
        self.level = Level()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._child: Child | None = None
        self._died: dict[int, int] = {}
        self._deaths = 0

    def __enter__(self) -> Sandbox:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> None:
        """Start the zygote and a first child, which sets `level`; raises `SandboxError`."""
        self._boot()
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
                self._order(zygote.Kill(child.pid))
            except _Gone:
                self._drop_zygote()

    def close(self) -> None:
        """End the child and the zygote."""
        self.recycle()
        self._drop_zygote()

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
        cpu = int(max(self.plan.limits.cpu_seconds, seconds + 10))
        while True:
            try:
                if self._control is None:
                    self._boot()
                return self._fork(cpu)
            except _Gone as gone:
                self._drop_zygote()
                self._deaths += 1
                if self._deaths > 1:
                    raise SandboxError("the process that forks confined children died twice") from gone

    def _fork(self, cpu: int) -> Child:
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                self._order(zygote.Fork(cpu + 4), theirs.fileno())
            pid = self._born()
        except _Gone:
            ours.close()
            raise
        ours.setblocking(False)
        child = Child(pid, ours, cpu)
        try:
            tag, payload = child.frame(MESSAGE, time.monotonic() + _FORKING)
            if tag != READY:
                raise given_up(payload)
            self.level = msgspec.json.decode(payload, type=Level)
        except Ended as ended:
            kind, detail = self._bury(child, ended, _FORKING)
            raise SandboxError(f"no confined child: {ended.detail or detail or kind}") from ended
        return child

    def _born(self) -> int:
        while report := self._report(_FORKING):
            if isinstance(report, zygote.Born):
                return report.pid
        raise _Gone

    def _bury(self, child: Child, ended: Ended, seconds: float) -> tuple[Kind, str]:
        """Make sure that the child is dead, and say why the call ended."""
        child.socket.close()
        self._child = None
        silent = ended.kind == "crash" and not ended.detail
        try:
            status = self._status(child.pid, _DYING if silent else 0)
            if lived := status is None:
                self._order(zygote.Kill(child.pid))
                status = self._status(child.pid, _FORKING)
        except _Gone:
            self._drop_zygote()
            self._deaths += 1
            return ended.kind, ended.detail or "the process that forks confined children died"
        if ended.kind == "timeout":
            return "timeout", f"not done after {seconds:g} s"
        if not silent:
            return ended.kind, ended.detail
        if status is None or (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL and lived):
            return "crash", "it closed its channel"
        return cause(status)

    def _status(self, pid: int, seconds: float) -> int | None:
        deadline = time.monotonic() + seconds
        while pid not in self._died:
            left = deadline - time.monotonic()
            if left <= 0 or self._report(left) is None:
                return None
        return self._died.pop(pid)

    def _boot(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        home = str(Path(__file__).resolve().parents[2])
        parent = os.getpid() if threading.current_thread() is threading.main_thread() else 0
        command = [sys.executable, "-s", "-P", "-m", zygote.__name__, str(theirs.fileno()), str(parent)]
        with theirs:
            self._process = subprocess.Popen(
                command,
                env={**_ENVIRONMENT, "PYTHONPATH": home},
                cwd="/",
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                start_new_session=True,
            )
        self._control, self._died = ours, {}
        try:
            self._order(self.plan)
            up = self._report(_STARTING)
        except _Gone:
            up = None
        if not isinstance(up, zygote.Up) or up.error:
            self._drop_zygote()
            raise SandboxError(
                up.error if isinstance(up, zygote.Up) else "the process that forks children did not start"
            )

    def _order(self, order: zygote.Plan | zygote.Fork | zygote.Kill, *fds: int) -> None:
        if self._control is None:
            raise _Gone
        try:
            socket.send_fds(self._control, [zygote.encode(order)], list(fds))
        except OSError as error:
            raise _Gone from error

    def _report(self, seconds: float) -> zygote.Up | zygote.Born | zygote.Died | None:
        """The next report of the zygote, or None in time; deaths are noted."""
        if self._control is None:
            raise _Gone
        self._control.settimeout(max(seconds, 0.001))
        try:
            packet = self._control.recv(zygote.PACKET)
        except TimeoutError:
            return None
        except OSError as error:
            raise _Gone from error
        finally:
            self._control.settimeout(None)
        if not packet:
            raise _Gone
        report = zygote.reports.decode(packet)
        if isinstance(report, zygote.Died):
            self._died[report.pid] = report.status
        return report

    def _drop_zygote(self) -> None:
        control, self._control = self._control, None
        process, self._process = self._process, None
        if control is not None:
            control.close()
        if process is not None:
            try:
                process.wait(_CLOSING)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
