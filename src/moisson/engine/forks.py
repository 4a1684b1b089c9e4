"""The trusted side of the warm process that confined children are forked from: it is shared by several threads."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from moisson.engine import zygote
from moisson.engine.channel import MESSAGE
from moisson.engine.confine import Confinement
from moisson.errors import SandboxError

if TYPE_CHECKING:
    from collections.abc import Sequence

_STARTING = 120.0
_FORKING = 30.0
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


class Gone(Exception):
    """The zygote hung up, and its children are dead with it."""


class Zygote:
    """One warm process, started with this object. Every method raises `Gone` once it has died."""

    def __init__(self, plan: zygote.Plan) -> None:
        self._lock = threading.Lock()
        self._died: dict[int, int] = {}
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        home = str(Path(__file__).resolve().parents[2])
        # The signal of a parent's death comes when the thread ends that started the process.
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
        try:
            self._order(plan)
            up = self._report(_STARTING)
        except Gone:
            up = None
        if not isinstance(up, zygote.Up) or up.error:
            self.close()
            told = up.error if isinstance(up, zygote.Up) else ""
            raise SandboxError(told or "the process that forks children did not start")

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    def fork(self, cpu: int) -> tuple[int, socket.socket]:
        """A new child, which has so many seconds for its whole life, and the socket to speak to it."""
        ours, theirs = socket.socketpair()
        try:
            with self._lock, theirs:
                self._order(zygote.Fork(cpu), theirs.fileno())
                while report := self._report(_FORKING):
                    if isinstance(report, zygote.Born):
                        self._died.pop(report.pid, None)
                        return report.pid, ours
            raise Gone
        except Gone:
            ours.close()
            raise

    def kill(self, pid: int) -> None:
        """Kill a child."""
        with self._lock:
            self._order(zygote.Kill(pid))

    def status(self, pid: int, seconds: float) -> int | None:
        """The wait status of a child that has died, or None while it lives."""
        deadline = time.monotonic() + seconds
        with self._lock:
            while pid not in self._died:
                left = deadline - time.monotonic()
                if left <= 0 or self._report(left) is None:
                    return None
            return self._died.pop(pid)

    def close(self) -> None:
        """End the process and all its children."""
        self._control.close()
        try:
            self._process.wait(_CLOSING)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _order(self, order: zygote.Plan | zygote.Fork | zygote.Kill, *fds: int) -> None:
        try:
            socket.send_fds(self._control, [zygote.encode(order)], list(fds))
        except OSError as error:
            raise Gone from error

    def _report(self, seconds: float) -> zygote.Up | zygote.Born | zygote.Died | None:
        """The next report, or None in time; deaths are noted."""
        try:
            self._control.settimeout(max(seconds, 0.001))
            packet = self._control.recv(zygote.PACKET)
        except TimeoutError:
            return None
        except OSError as error:
            raise Gone from error
        if not packet:
            raise Gone
        report = zygote.reports.decode(packet)
        if isinstance(report, zygote.Died):
            self._died[report.pid] = report.status
        return report


class Forks:
    """Where sandboxes get children that run `handler` ("module:function"), of a process that has imported `preload`.

    What a reader loads lazily by way of a temporary file or a program must be loaded there: a `preload` entry is a
    module, or "module:function" to be called. `path` is added to the import path of that process.

    A process started in another thread than the main one is not killed with this one but by its own reading of the
    closed socket.
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
        self._lock = threading.Lock()
        self._zygote: Zygote | None = None

    def __enter__(self) -> Forks:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def zygote(self) -> Zygote:
        """The process, started if there is none; raises `SandboxError` where it cannot be."""
        with self._lock:
            if self._zygote is None:
                self._zygote = Zygote(self.plan)
            return self._zygote

    def drop(self, dead: Zygote) -> None:
        """Let go of a process that has died; the next who asks starts another."""
        with self._lock:
            if self._zygote is dead:
                self._zygote = None
        dead.close()

    def close(self) -> None:
        """End the process and all its children."""
        with self._lock:
            old, self._zygote = self._zygote, None
        if old is not None:
            old.close()
