"""Every attack against the confinement, as root and as an ordinary user; a missing layer of the kernel skips loudly."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import socket
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from moisson.engine import bpf, confine
from moisson.engine.forks import Forks
from moisson.engine.sandbox import Sandbox
from moisson.errors import SandboxError
from tests.engine import attacks

OPEN = {"stat_path"}
KILLED = {
    "trace_parent", "read_parent", "steal_directly", "user_namespace", "mount_tmpfs", "userfaultfd", "keyring",
    "shared_segment", "load_bpf", "open_by_handle", "x32_call",
}  # fmt: skip
HARMLESS_UNCONFINED = [
    "read_passwd", "read_key", "list_home", "write_temp", "hard_link", "symbolic_link", "make_folder", "tcp_connect",
    "udp_send", "netlink", "unix_path", "unix_abstract", "run_shell", "many_threads", "allocate_shared",
    "parent_environment", "signal_parent", "change_mode", "change_times", "truncate_file",
    "truncate_by_open", "read_environment", "inherited_descriptors", "stat_path", "outlive_parent", "become_dumpable",
    "lock_evidence", "reopen_own_descriptor", "steal_descriptor", "read_parent", "user_namespace", "shared_segment",
]  # fmt: skip
enough = confine.probe().enough
needs_floor = pytest.mark.skipif(not enough, reason=f"THIS MACHINE CANNOT CONFINE: it offers {confine.probe()}")


@pytest.fixture(scope="module")
def target(tmp_path_factory):
    """Things worth attacking: a home with a key, a listening socket of each kind, a living parent."""
    home = tmp_path_factory.mktemp("home")
    (home / "key").write_text("secret")
    (home / "victim").write_text("evidence")
    (home / "key").chmod(0o644)
    listeners = [socket.create_server(("127.0.0.1", 0)), socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)]
    listeners[1].bind(str(home / "socket"))
    listeners[2].bind(f"\0moisson-{os.getpid()}")
    listeners[1].listen(64)
    listeners[2].listen(64)
    listeners[0].settimeout(0)
    yield {
        "home": str(home),
        "key": str(home / "key"),
        "victim": str(home / "victim"),
        "port": listeners[0].getsockname()[1],
        "socket": str(home / "socket"),
        "abstract": f"moisson-{os.getpid()}",
        "parent": os.getpid(),
        "memory": ctypes.addressof(attacks.BUFFER),
    }
    for listener in listeners:
        listener.close()


@pytest.fixture(scope="module")
def sandbox():
    os.environ["MOISSON_SECRET"] = "hunter2"
    limits = confine.Confinement(data_mb=256)
    source = Forks("attacks:handler", (), limits, path=[str(Path(__file__).parent)])
    with source, Sandbox(source) as sandbox:
        yield sandbox
    os.environ.pop("MOISSON_SECRET", None)


def verdict(blocked: bool, name: str) -> bool:
    return blocked is (name not in OPEN)


@needs_floor
@pytest.mark.parametrize("name", attacks.ATTACKS)
def test_attack_is_blocked_in_a_sandbox(name, sandbox, target):
    sandbox.recycle()
    got: list[bytes] = []
    order = json.dumps({"name": name, "at": target}).encode()
    outcome = sandbox.call(order, (), 0.5 if name == "burn_time" else 20, got.append)
    said = b" ".join(got).decode()
    if name == "burn_time":
        assert outcome.kind == "timeout"
    elif name in KILLED:
        assert (outcome.kind, outcome.detail) == ("attack", "SIGSYS"), (outcome, said)
    else:
        assert outcome.kind == "ok", outcome
        assert verdict(said.startswith("blocked "), name), said
    assert Path(target["victim"]).read_text() == "evidence"
    assert Path(target["key"]).read_text() == "secret"


def in_a_fork(act, uid: int = 0) -> tuple[str, int]:
    """Run `act` in a forked process, as another user when asked; what it says and its wait status."""
    reader, writer = os.pipe()
    if not (pid := os.fork()):
        code = 1
        try:
            os.dup2(writer, 3)
            os.closerange(4, 4096)
            if uid:
                os.setgroups([])
                os.setresgid(uid, uid, uid)
                os.setresuid(uid, uid, uid)
                ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)
            os.write(3, act().encode())
            code = 0
        except BaseException as error:
            os.write(3, repr(error).encode())
        finally:
            os._exit(code)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        said = pipe.read().decode()
    return said, os.waitpid(pid, 0)[1]


@needs_floor
@pytest.mark.skipif(os.geteuid() != 0, reason="the sandbox tests above already ran as an ordinary user")
@pytest.mark.parametrize("name", sorted(set(attacks.ATTACKS) - {"inherited_descriptors", "read_environment"}))
def test_attack_is_blocked_without_root(name, target):
    """Without root there is no user to change to: the kernel layers alone must hold."""
    bpf.program(0)

    def act() -> str:
        level = confine.confine(confine.Confinement(data_mb=256, cpu_seconds=3), os.getppid())
        assert level.enough
        assert not level.uid_drop
        return attacks.attack(name, target)

    said, status = in_a_fork(act, 65534)
    if name == "burn_time":
        assert os.WTERMSIG(status) == signal.SIGXCPU
    elif name in KILLED:
        assert os.WIFSIGNALED(status), said
        assert os.WTERMSIG(status) == signal.SIGSYS
    elif name == "stat_path":
        assert said.startswith(("open ", "blocked PermissionError")), said
    else:
        assert said.startswith("blocked "), said


@pytest.mark.parametrize("name", HARMLESS_UNCONFINED)
def test_attack_works_without_confinement(name, target, tmp_path, monkeypatch):
    """An attack that fails by itself would prove nothing."""
    monkeypatch.setenv("MOISSON_SECRET", "hunter2")
    mine = {**target, "home": str(tmp_path), "victim": str(tmp_path / "victim")}
    (tmp_path / "victim").write_text("x")
    keep = name == "inherited_descriptors"

    def act() -> str:
        if keep:
            os.open("/etc/passwd", os.O_RDONLY)
        return attacks.attack(name, mine)

    said, _ = in_a_fork(act)
    if (
        name in ("netlink", "user_namespace", "shared_segment", "read_parent", "steal_descriptor")
        and "open" not in said
    ):
        pytest.skip(f"this machine refuses it to everybody: {said}")
    assert said.startswith("open "), said


def test_there_are_at_least_forty_seven():
    assert len(attacks.ATTACKS) >= 47
    assert KILLED | OPEN | set(HARMLESS_UNCONFINED) <= set(attacks.ATTACKS)


def test_level_reads_as_a_sentence():
    assert str(confine.Level(7, True, True, True, True)) == "landlock 7, seccomp, uid drop, rlimits"
    assert str(confine.Level(2, True, True, True, True, True)) == "landlock 2, seccomp, uid drop (search kept), rlimits"
    assert str(confine.Level(0, False, True)) == "no new privileges"
    assert str(confine.Level()) == "none"


@pytest.mark.parametrize(("landlock", "seccomp"), [(0, True), (1, False), (0, False)])
def test_below_the_floor_is_refused_unless_lax(landlock, seccomp, monkeypatch):
    able = confine.Level(landlock, seccomp, True, False, True)
    monkeypatch.setattr(confine, "probe", lambda: able)
    monkeypatch.setattr(confine, "_landlock_abi", lambda: landlock)
    assert not able.enough
    said, _ = in_a_fork(lambda: str(confine.confine(confine.Confinement())))
    assert "SandboxError" in said
    assert str(able) in said
    said, _ = in_a_fork(lambda: str(confine.confine(confine.Confinement(lax=True, drop=False))))
    assert "SandboxError" not in said
    assert ("seccomp" in said) is seccomp
    assert ("landlock" in said) is bool(landlock)


@needs_floor
@pytest.mark.parametrize("abi", range(1, 8))
def test_each_landlock_abi_confines(abi, monkeypatch, target):
    if abi > confine.probe().landlock:
        pytest.skip(f"the kernel knows Landlock ABI {confine.probe().landlock}")
    monkeypatch.setattr(confine, "_landlock_abi", lambda: abi)

    def act() -> str:
        level = confine.confine(confine.Confinement(lax=True), os.getppid())
        assert level.landlock == abi
        return " ".join(attacks.attack(name, target)[:4] for name in ("read_passwd", "write_temp", "truncate_by_open"))

    assert in_a_fork(act)[0] == "bloc bloc bloc"


@needs_floor
def test_a_process_with_threads_is_refused():
    import threading

    def act() -> str:
        threading.Thread(target=signal.pause, daemon=True).start()
        with pytest.raises(SandboxError, match="2 threads"):
            confine.confine(confine.Confinement())
        return "refused"

    assert in_a_fork(act)[0] == "refused"


@needs_floor
def test_the_interpreter_and_what_was_asked_for_can_be_read(tmp_path):
    (tmp_path / "asked").write_text("asked")

    def act() -> str:
        confine.confine(confine.Confinement(read=(str(tmp_path),)))
        import stringprep  # never imported before: it comes from the disc

        return (tmp_path / "asked").read_text() + str(stringprep.in_table_a1("\u0221"))

    sys.modules.pop("stringprep", None)
    assert in_a_fork(act)[0].endswith("askedTrue")


@needs_floor
def test_threads_only_when_asked():
    def act() -> str:
        confine.confine(confine.Confinement(threads=True))
        import threading

        said: list[str] = []
        thread = threading.Thread(target=said.append, args=("ran",))
        thread.start()
        thread.join()
        return said[0] + attacks.attack("many_forks", {})[:7]

    assert in_a_fork(act)[0] == "ranblocked"


def test_the_table_names_each_call_once_and_each_number_once():
    import csv
    from importlib import resources

    rows = list(csv.DictReader(resources.files("moisson.engine").joinpath("syscalls.csv").read_text().splitlines()))
    assert len({row["name"] for row in rows}) == len(rows)
    for machine in ("x86_64", "aarch64"):
        numbers = [row[machine] for row in rows if row[machine]]
        assert len(set(numbers)) == len(numbers) > 200
    assert {row["rule"] for row in rows} == {"allow", "inspect", "refuse", "absent", "kill"}


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_program_is_well_formed_for_both_machines(machine, monkeypatch):
    import struct

    monkeypatch.setattr(bpf, "platform", SimpleNamespace(machine=lambda: machine))
    code = [struct.unpack("<HBBI", bpf.program(7)[at : at + 8]) for at in range(0, len(bpf.program(7)), 8)]
    assert len(code) < 4096
    assert code[-1][0] == 0x06
    for at, (op, yes, no, _) in enumerate(code):
        if op & 7 == 5:
            assert at + 1 + max(yes, no) < len(code)
