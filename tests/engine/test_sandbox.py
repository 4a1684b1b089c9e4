"""Every way in which a confined child can end, and that nothing outlives the one who asked."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moisson.engine import confine
from moisson.engine.forks import Caps, Forks, Zygote
from moisson.engine.sandbox import Sandbox
from moisson.errors import DamagedError, SandboxError

FDS = "/proc/self/fd"
HERE = str(Path(__file__).parent)
pytestmark = pytest.mark.skipif(
    not confine.probe().enough, reason=f"THIS MACHINE CANNOT CONFINE: it offers {confine.probe()}"
)


LIMITS = confine.Confinement(data_mb=256)


def forks(handler: str, preload=(), limits=LIMITS, **more) -> Forks:
    return Forks(f"handlers:{handler}", preload, limits, path=[HERE], **more)


@contextmanager
def box(*how, **more):
    with forks(*how, **more) as source, Sandbox(source) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def echo():
    with box("echo") as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def bad():
    with box("misbehave") as sandbox:
        yield sandbox


def gone(pid: int, seconds: float = 60) -> bool:
    """True once a process has ended (a zombie has)."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.01)
    return False


def test_level_is_known_before_the_first_request(echo):
    assert echo.level.enough
    assert str(echo.level).startswith("landlock ")


@given(st.lists(st.binary(max_size=5000), max_size=5))
@settings(max_examples=30, deadline=None)
def test_what_goes_in_comes_out(echo, requests):
    for request in requests:
        got: list[bytes] = []
        assert echo.call(request, (), 60, got.append).kind == "ok"
        assert got == [request]


def test_a_message_of_the_longest_kind_passes(echo):
    got: list[bytes] = []
    outcome = echo.call(bytes(8 << 20), (), 60, got.append)
    assert (outcome.kind, outcome.messages, outcome.output) == ("ok", 1, 8 << 20)
    assert got == [bytes(8 << 20)]


def test_descriptors_travel_in_and_stay_ours(echo, tmp_path):
    files = [tmp_path / str(n) for n in range(3)]
    for n, file in enumerate(files):
        file.write_text(f"file {n}")
    fds = [os.open(file, os.O_RDONLY) for file in files]
    got: list[bytes] = []
    assert echo.call(b">", fds, 60, got.append).kind == "ok"
    assert got == [b">file 0|file 1|file 2"]
    for fd in fds:
        os.close(fd)


@pytest.mark.parametrize("count", [0, 1, 200, 201, 400])
def test_an_answer_may_bring_many_descriptors(count, tmp_path):
    (tmp_path / "part").write_text("abc")
    fd = os.open(tmp_path / "part", os.O_RDONLY)
    said: list[bytes] = []

    def answer(message: bytes):
        said.append(message)
        return (b"here: ", [fd] * count) if message == b"open it" else None

    with box("ask") as sandbox:
        assert sandbox.call(b"open it", (), 60, answer).kind == "ok"
        assert sandbox.call(b"nothing", (), 60, answer).kind == "ok"
    os.close(fd)
    assert said == [b"open it", b"here: " + b"abc" * count, b"nothing", b""]


def test_a_handler_that_returns_is_called_again_in_the_same_child():
    pids: list[bytes] = []
    with box("once") as sandbox:
        for _ in range(3):
            assert sandbox.call(b"", (), 60, pids.append).kind == "ok"
        sandbox.recycle()
        assert sandbox.call(b"", (), 60, pids.append).kind == "ok"
    assert pids[0] == pids[1] == pids[2] != pids[3]


@pytest.mark.parametrize(
    ("what", "kind", "detail"),
    [
        ("segfault", "crash", "SIGSEGV"),
        ("abort", "crash", "SIGABRT"),
        ("exit", "crash", "exit 3"),
        ("hang", "timeout", "not done after 0.4 s"),
        ("spin", "timeout", "not done after 0.4 s"),
        ("memory", "memory", "out of memory"),
        ("raise", "crash", "KeyError"),
        ("attack", "attack", "SIGSYS"),
        ("recurse", "crash", "RecursionError"),
        ("half", "timeout", "not done after 0.4 s"),
        ("cut", "memory", "SIGKILL"),
        ("slow", "crash", "malformed frame"),
        ("huge", "limit", "a message of 4294967295 bytes"),
        ("tag", "crash", "malformed frame (tag 7)"),
        ("twice", "crash", ""),
        ("deaf", "timeout", "not done after 0.4 s"),
        ("long", "limit", "a message of 9437184 bytes"),
    ],
)
def test_every_bad_end_has_its_name_and_the_next_call_is_served(what, kind, detail, bad):
    outcome = bad.call(what.encode(), (), 0.4 if kind == "timeout" else 60, lambda _: b"x" * 100_000)
    assert outcome.kind == kind, outcome
    assert detail in outcome.detail
    assert outcome.detail.isprintable()
    got: list[bytes] = []
    assert bad.call(b"pickle", (), 60, got.append).kind == "ok"
    assert got == [b"cos\nsystem\n(S'exit 1'\ntR."]


def test_a_child_that_hangs_up_but_lives_is_killed(bad):
    outcome = bad.call(b"close", (), 60)
    assert (outcome.kind, outcome.detail) == ("crash", "it closed its channel")
    assert bad.call(b"pickle", (), 60).kind == "ok"


def test_a_descriptor_from_the_child_is_not_taken(bad):
    gc.collect()  # what other tests left behind would be closed in between
    before = len([*Path(FDS).iterdir()])
    assert bad.call(b"descriptor", (), 60).kind == "ok"
    assert len([*Path(FDS).iterdir()]) <= before


@pytest.mark.parametrize(("caps", "kind"), [(Caps(count=9), "limit"), (Caps(output=9999), "limit"), (Caps(), "ok")])
def test_output_is_capped(caps, kind):
    got: list[bytes] = []
    with box("many", caps=caps) as sandbox:
        assert sandbox.call(b"10", (), 60, got.append).kind == kind
    assert len(got) == (10 if kind == "ok" else 9)


@pytest.mark.parametrize("error", [DamagedError("bad"), msgspec.ValidationError("bad")])
def test_a_message_that_is_refused_is_the_childs_fault(error, echo):
    def refuse(_: bytes):
        raise error

    outcome = echo.call(b"x", (), 60, refuse)
    assert (outcome.kind, outcome.detail) == ("crash", "its message was refused: bad")


def test_our_own_error_is_raised_and_the_child_replaced(echo):
    def broken(_: bytes):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        echo.call(b"x", (), 60, broken)
    assert echo.call(b"y", (), 60).kind == "ok"


def test_descriptors_do_not_leak(bad, echo):
    for what in (b"segfault", b"raise", b"hang", b"pickle"):
        bad.call(what, (), 0.1)
    echo.call(b"x")
    before = len(list(Path(FDS).iterdir()))
    for _ in range(5):
        for what in (b"segfault", b"raise", b"hang"):
            bad.call(what, (), 0.1)
        echo.recycle()
        echo.call(b"x")
    assert len(list(Path(FDS).iterdir())) <= before


def test_the_time_of_one_child_never_cuts_a_later_call():
    pids: list[bytes] = []
    limits = confine.Confinement(cpu_seconds=5)
    with box("once", (), limits) as sandbox:
        for seconds in (3, 3, 4.99999, 60, 60, 3):
            assert sandbox.call(b"", (), seconds, pids.append).kind == "ok"
    assert pids[0] == pids[1]
    assert pids[3] != pids[1]
    assert pids[4] == pids[3]


@pytest.mark.parametrize(
    ("handler", "preload", "why"),
    [
        ("echo", ("threaded",), "importing threaded starts threads"),
        ("echo", ("no_such_module",), "cannot import no_such_module"),
        ("echo", ("handlers:no_such",), "cannot import handlers:no_such"),
        ("absent", (), "no function 'absent' in handlers"),
    ],
)
def test_a_start_that_fails_says_why(handler, preload, why):
    with pytest.raises(SandboxError, match=why):
        Sandbox(forks(handler, preload)).start()


def test_a_function_named_in_preload_has_run_before_the_fork():
    got: list[bytes] = []
    with box("warmed", ("handlers:warm",)) as sandbox:
        assert sandbox.call(b"", (), 60, got.append).kind == "ok"
    assert got == [b"True"]


def test_a_handler_that_takes_nothing_is_named():
    with box("never") as sandbox:
        outcome = sandbox.call(b"x", (), 60)
    assert outcome.kind == "crash"
    assert "without taking a request" in outcome.detail


def murder(sandbox: Sandbox) -> None:
    pid = sandbox.forks.zygote().pid
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)


def test_a_dead_zygote_is_started_again():
    with box("echo") as sandbox:
        for _ in range(3):
            murder(sandbox)
            assert sandbox.call(b"x", (), 60).kind == "crash"
            assert sandbox.call(b"y", (), 60).kind == "ok"


def test_a_zygote_that_dies_between_children_costs_nothing():
    with box("echo") as sandbox:
        sandbox.recycle()
        murder(sandbox)
        assert sandbox.call(b"x", (), 60).kind == "ok"


def test_a_zygote_that_keeps_dying_is_an_error(monkeypatch):
    with box("echo") as sandbox:
        murder(sandbox)
        assert sandbox.call(b"x", (), 60).kind == "crash"
        fork = Zygote.fork
        monkeypatch.setattr(Zygote, "fork", lambda source, cpu: murder(sandbox) or fork(source, cpu))
        with pytest.raises(SandboxError, match="died twice"):
            sandbox.call(b"x", (), 60)


def test_sandboxes_in_many_threads_share_one_process():
    with forks("once") as source:

        def use(_: int) -> set[bytes]:
            pids: list[bytes] = []
            with Sandbox(source) as sandbox:
                for _ in range(5):
                    assert sandbox.call(b"", (), 60, pids.append).kind == "ok"
                    sandbox.recycle()
            return set(pids)

        first = source.zygote().pid
        with ThreadPoolExecutor(8) as pool:
            assert all(len(pids) == 5 for pids in pool.map(use, range(16)))
        assert source.zygote().pid == first


def test_the_death_of_the_shared_process_costs_each_sandbox_one_call():
    with forks("echo") as source, Sandbox(source) as one, Sandbox(source) as other:
        murder(one)
        for sandbox in (one, other):
            assert sandbox.call(b"x", (), 60).kind == "crash"
            assert sandbox.call(b"y", (), 60).kind == "ok"


def test_how_a_child_ends_is_told_to_its_own_sandbox():
    with forks("misbehave") as source:

        def end(what: bytes) -> tuple[str, str]:
            with Sandbox(source) as sandbox:
                outcome = sandbox.call(what, (), 60)
            return outcome.kind, outcome.detail

        with box("misbehave") as alone:
            expected = {what: alone.call(what, (), 60) for what in (b"segfault", b"raise", b"pickle")}
        with ThreadPoolExecutor(6) as pool:
            for what, ended in zip([*expected] * 4, pool.map(end, [*expected] * 4), strict=True):
                assert ended == (expected[what].kind, expected[what].detail)


SCRIPT = """
import os, sys, threading
from moisson.engine.forks import Forks
from moisson.engine.sandbox import Sandbox
def main():
    s = Sandbox(Forks("handlers:misbehave", path=[sys.argv[1]]))
    s.start()
    print(s.forks.zygote().pid, s._child.pid, flush=True)
    s.call(sys.argv[2].encode(), (), 60)
main()
"""


@pytest.mark.parametrize("what", ["hang", "spin", "half"])
def test_killing_the_worker_leaves_no_orphan(what):
    worker = subprocess.Popen([sys.executable, "-c", SCRIPT, HERE, what], stdout=subprocess.PIPE)
    assert worker.stdout is not None
    pids = [int(word) for word in worker.stdout.readline().split()]
    assert len(pids) == 2
    time.sleep(0.1)
    assert not any(gone(pid, 0.01) for pid in pids)
    worker.kill()
    worker.wait()
    worker.stdout.close()
    assert all(gone(pid) for pid in pids)
