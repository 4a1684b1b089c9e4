"""The default engine: worker processes on this machine, one unit in hand each; no server."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import sys
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import msgspec

from moisson.engine.confine import die_with
from moisson.engine.memory import give_back
from moisson.engine.plan import Unit
from moisson.engine.result import Result
from moisson.engine.room import FullError, writing
from moisson.errors import MoissonError, SandboxError

if TYPE_CHECKING:
    from collections.abc import Sequence

TRIES = 3
_PARTING = 5.0
_EXIT_FULL = 28
# Without a bound on its arenas, glibc keeps one for each of the many short-lived threads that write an index.
_ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "RAYON_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}


class Broken(msgspec.Struct, frozen=True):
    """A unit whose worker died each time."""

    unit: str
    detail: str


class Engine(Protocol):
    """What the coordinator sees of any engine."""

    workers: int

    def submit(self, unit: Unit) -> None: ...

    def wait(self, seconds: float) -> list[Result | Broken]: ...

    def close(self) -> None: ...


class _Process:
    """One worker process and the unit it has in hand."""

    def __init__(self, root: Path) -> None:
        self.unit: Unit | None = None
        self.tries = 0
        self.buffer = b""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "moisson.engine.local", str(root)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            process_group=0,  # what a terminal sends is for the coordinator, which ends its workers
            env={**os.environ, **_ENVIRONMENT},
        )

    def give(self, unit: Unit) -> None:
        self.unit = unit
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(msgspec.json.encode(unit) + b"\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # its death shows at the next wait, with the unit still in hand

    def close(self) -> None:
        """End the process: by itself when it is idle, else at once."""
        if self.unit is None and self.process.stdin is not None:
            self.process.stdin.close()
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(_PARTING)
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()


class Local:
    """Runs units on `workers` processes; a worker that dies is replaced and its unit tried again.

    What is submitted beyond that waits, and is given to the next worker that is done before its result is told: no
    worker is idle while the coordinator publishes.
    """

    def __init__(self, root: Path, workers: int) -> None:
        self.root, self.workers = root, workers
        self.idle: list[_Process] = []
        self.waiting: deque[Unit] = deque()
        self.selector = selectors.DefaultSelector()
        for _ in range(workers):
            self._start()

    def _start(self) -> _Process:
        process = _Process(self.root)
        assert process.process.stdout is not None
        self.selector.register(process.process.stdout, selectors.EVENT_READ, process)
        self.idle.append(process)
        return process

    def submit(self, unit: Unit) -> None:
        """Hand a unit to an idle worker, or to the first that will be."""
        self.waiting.append(unit)
        self._give()

    def _give(self) -> None:
        while self.idle and self.waiting:
            self.idle.pop().give(self.waiting.popleft())

    def wait(self, seconds: float) -> list[Result | Broken]:
        """What was finished within so many seconds."""
        results: list[Result | Broken] = []
        for key, _ in self.selector.select(seconds):
            process: _Process = key.data
            data = os.read(key.fd, 1 << 20)
            if not data:
                results += self._died(process)
                continue
            process.buffer += data
            while b"\n" in process.buffer:
                line, _, process.buffer = process.buffer.partition(b"\n")
                results.append(msgspec.json.decode(line, type=Result))
                process.unit, process.tries = None, 0
                self.idle.append(process)
                self._give()
        return results

    def _died(self, process: _Process) -> list[Result | Broken]:
        assert process.process.stdout is not None
        self.selector.unregister(process.process.stdout)
        code = process.process.wait()
        process.close()
        if code == SandboxError.exit_code:
            raise SandboxError("this machine cannot confine the readers; see `moisson doctor`")
        if code == _EXIT_FULL:
            raise FullError(f"no room left in {self.root}: make room and run the same command again")
        if process in self.idle:
            self.idle.remove(process)
            raise MoissonError(f"a worker ended before it was given work (exit {code})")
        assert process.unit is not None
        unit, tries = process.unit, process.tries + 1
        fresh = self._start()
        if tries >= TRIES:
            self._give()
            return [Broken(unit.id, f"the worker died {tries} times (exit {code})")]
        self.idle.remove(fresh)
        fresh.tries = tries
        fresh.give(unit)
        return []

    def close(self) -> None:
        """End every worker and whatever it has in hand."""
        processes: Sequence[_Process] = [key.data for key in self.selector.get_map().values()]
        self.selector.close()
        for process in processes:
            process.close()


def main() -> None:
    """Serve as one worker: units on standard input, results on standard output, a line each."""
    from moisson.engine.supply import open_supply
    from moisson.engine.worker import Worker

    die_with(os.getppid())
    # Ctrl-C reaches the whole group; the coordinator alone answers it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    out = os.dup(1)
    os.dup2(2, 1)
    try:
        worker = Worker(open_supply(Path(sys.argv[1])))
        for line in sys.stdin.buffer:
            with writing(worker.root):
                result = worker.run_unit(msgspec.json.decode(line, type=Unit))
            os.write(out, msgspec.json.encode(result) + b"\n")
            give_back()
        worker.supply.close()
    except SandboxError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)
    except FullError:
        sys.exit(_EXIT_FULL)  # the coordinator says it once


if __name__ == "__main__":
    main()
