# ruff: noqa: PTH208, PTH108, PTH104, PTH211, PTH102, PTH101, PTH116
"""What a reader that was taken over would try: each function does it, and returns what it gained, or raises."""

from __future__ import annotations

import contextlib
import ctypes
import json
import mmap
import os
import platform
import resource
import signal
import socket
import struct
import subprocess
import threading
import time
from pathlib import Path

LIBC = ctypes.CDLL(None, use_errno=True)
ARM = platform.machine() == "aarch64"
BUFFER = ctypes.create_string_buffer(4096)


class Blocked(Exception):
    pass


def call(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def syscall(x86, arm, *arguments):
    return call(
        LIBC.syscall(
            ctypes.c_long(arm if ARM else x86), *(ctypes.c_long(a) if isinstance(a, int) else a for a in arguments)
        )
    )


def read_shadow(at):
    return Path("/etc/shadow").read_bytes()


def read_passwd(at):
    return Path("/etc/passwd").read_bytes()


def read_key(at):
    return Path(at["key"]).read_bytes()


def list_home(at):
    return os.listdir(at["home"])


def write_temp(at):
    return Path(at["home"], "new").write_text("x")


def write_packages(at):
    return Path(os.__file__).with_name("moisson_attack.py").write_text("x")


def write_shm(at):
    return Path("/dev/shm/moisson-attack").write_text("x")


def unlink_file(at):
    return os.unlink(at["victim"]) or True


def rename_file(at):
    return os.rename(at["victim"], at["victim"] + "2") or True


def hard_link(at):
    return os.link(at["victim"], at["victim"] + "3") or True


def symbolic_link(at):
    return os.symlink(at["victim"], at["victim"] + "4") or True


def make_folder(at):
    return os.mkdir(at["victim"] + "5") or True


def tcp_connect(at):
    with socket.socket() as s:
        return s.connect(("127.0.0.1", at["port"])) or True


def make(family, kind=socket.SOCK_DGRAM, protocol=0):
    with socket.socket(family, kind, protocol):
        return True


def udp_send(at):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        return s.sendto(b"x", ("127.0.0.1", 53))


def netlink(at):
    return make(socket.AF_NETLINK, socket.SOCK_RAW)


def vsock(at):
    return make(40, socket.SOCK_STREAM)


def raw_packet(at):
    return make(17, socket.SOCK_RAW, 0x0300)


def unix_path(at):
    with socket.socket(socket.AF_UNIX) as s:
        return s.connect(at["socket"]) or True


def unix_abstract(at):
    with socket.socket(socket.AF_UNIX) as s:
        return s.connect("\0" + at["abstract"]) or True


def run_shell(at):
    return subprocess.run(["/bin/sh", "-c", "exit 0"], check=True) and True


def exec_shell(at):
    return os.execv("/bin/sh", ["/bin/sh", "-c", "exit 0"])


def many_forks(at):
    made = []
    try:
        for _ in range(200):
            if not (pid := os.fork()):
                time.sleep(5)
                os._exit(0)
            made.append(pid)
    except OSError:
        if not made:
            raise
    finally:
        for pid in made:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
    return made


def many_threads(at):
    done = threading.Event()
    started = []
    try:
        for _ in range(500):
            started.append(threading.Thread(target=done.wait, daemon=True))
            started[-1].start()
    finally:
        done.set()
    return len(started)


def allocate_private(at):
    return mmap.mmap(-1, 50 << 30, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)


def allocate_touched(at):
    return len(bytearray(3 << 30))


def allocate_shared(at):
    return mmap.mmap(-1, 3 << 30)


def allocate_stack(at):
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x100
    return mmap.mmap(-1, 3 << 30, flags=flags)


def memory_file(at):
    fd = os.memfd_create("attack")
    return os.posix_fallocate(fd, 0, 2 << 30) or True


def trace_parent(at):
    call(LIBC.ptrace(16, at["parent"], None, None))
    return call(LIBC.ptrace(17, at["parent"], None, None)) == 0


def read_parent(at):
    vector = (ctypes.c_void_p * 2)(ctypes.addressof(BUFFER), 16)
    remote = (ctypes.c_void_p * 2)(at["memory"], 16)
    return call(LIBC.process_vm_readv(at["parent"], vector, 1, remote, 1, 0))


def steal_descriptor(at):
    pidfd = syscall(434, 434, at["parent"], 0)
    return syscall(438, 438, pidfd, 0, 0)


def steal_directly(at):
    return syscall(438, 438, 3, 0, 0)


def parent_memory(at):
    return os.open(f"/proc/{at['parent']}/mem", os.O_RDONLY)


def parent_environment(at):
    return Path(f"/proc/{at['parent']}/environ").read_bytes()


def signal_parent(at):
    return os.kill(at["parent"], signal.SIGURG) or True


def signal_all(at):
    return os.kill(-1, 0) or True


def user_namespace(at):
    return syscall(272, 97, 0x10000000) == 0


def mount_tmpfs(at):
    return call(LIBC.mount(b"none", at["home"].encode(), b"tmpfs", 0, None)) == 0


def change_root(at):
    return os.chroot(at["home"]) or True


def io_uring(at):
    return syscall(425, 425, 4, BUFFER)


def userfaultfd(at):
    return syscall(323, 282, 0)


def keyring(at):
    return syscall(250, 219, 0, -3, 1)


def shared_segment(at):
    return call(LIBC.shmget(0, 1 << 20, 0o1600))


def load_bpf(at):
    return syscall(321, 280, 0, BUFFER, 48)


def open_by_handle(at):
    return syscall(304, 265, -100, struct.pack("=II8s", 8, 1, b"\2"), 0)


def x32_call(at):
    LIBC.syscall(ctypes.c_long(0x40000000 + 39))
    raise Blocked("not refused by the filter, but by the kernel")


def raise_limits(at):
    resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    return True


def raise_limits_back(at):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard + 1))
    return True


def change_mode(at):
    return os.chmod(at["victim"], 0o777) or True


def change_owner(at):
    return os.chown(at["victim"], os.getuid(), -1) or True


def change_times(at):
    return os.utime(at["victim"], (1, 1)) or True


def change_attribute(at):
    return os.setxattr(at["victim"], "user.attack", b"x") or True


def truncate_file(at):
    return os.truncate(at["victim"], 0) or True


def truncate_by_open(at):
    return os.open(at["victim"], os.O_RDONLY | os.O_TRUNC)


def read_environment(at):
    if secret := os.environ.get("MOISSON_SECRET"):
        return secret
    raise Blocked("the environment is clean")


def inherited_descriptors(at):
    for fd in range(4, 64):
        with contextlib.suppress(OSError):
            return os.fstat(fd), fd
    raise Blocked("no descriptor but the channel")


def burn_time(at):
    while True:
        pass


def stat_path(at):
    return os.stat(at["key"]).st_size


def outlive_parent(at):
    return call(LIBC.prctl(1, 0, 0, 0, 0)) == 0


def become_dumpable(at):
    return call(LIBC.prctl(4, 1, 0, 0, 0)) == 0


def own_descriptor_signal(at):
    return __import__("fcntl").fcntl(3, 8, at["parent"]) == 0


def lock_evidence(at):
    return __import__("fcntl").flock(3, 2) or True


def become_root(at):
    return os.setuid(0) or os.setgid(0) or True


def reopen_own_descriptor(at):
    return os.open("/proc/self/fd/3", os.O_RDWR)


def system_log(at):
    return syscall(103, 116, 3, BUFFER, 4096)


ATTACKS = {
    name: function
    for name, function in list(globals().items())
    if callable(function) and getattr(function, "__code__", None) and function.__code__.co_varnames[:1] == ("at",)
}


def attack(name, at):
    """Carry one out: "open …" when it gained something, else "blocked …"."""
    try:
        return f"open {ATTACKS[name](at)!r:.80}"
    except (OSError, MemoryError, RuntimeError, ValueError, Blocked, subprocess.SubprocessError) as error:
        return f"blocked {error!r:.200}"


def handler(channel):
    while (request := channel.receive()) is not None:
        order = json.loads(request[0])
        channel.send(attack(order["name"], order["at"]).encode())
