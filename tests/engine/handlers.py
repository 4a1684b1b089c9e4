"""Handlers that behave, and handlers that do not; each runs inside a confined child."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import time

from moisson.engine.channel import ASK, DONE, HEADER, SEND


def echo(channel):
    while (request := channel.receive()) is not None:
        data, fds = request
        channel.send(data + b"|".join(os.pread(fd, 100, 0) for fd in fds))
        for fd in fds:
            os.close(fd)


def once(channel):
    data, _ = channel.receive()
    channel.send(str(os.getpid()).encode() + b" " + data)


def ask(channel):
    answer, fds = channel.ask(channel.receive()[0])
    channel.send(answer + b"".join(os.pread(fd, 3, 0) for fd in fds))
    for fd in fds:
        os.close(fd)


def many(channel):
    for _ in range(int(channel.receive()[0])):
        channel.send(b"x" * 1000)


def raw(channel) -> socket.socket:
    channel.receive()
    return socket.socket(fileno=os.dup(3))


def misbehave(channel):
    data = channel.receive()[0]
    plain = socket.socket(fileno=os.dup(3)) if data != b"nothing" else None
    acts = {
        b"segfault": lambda: ctypes.string_at(0),
        b"abort": os.abort,
        b"exit": lambda: os._exit(3),
        b"hang": lambda: time.sleep(60),
        b"spin": spin,
        b"memory": lambda: bytearray(4 << 30),
        b"raise": lambda: {}["missing\x1b[31m"],
        b"attack": lambda: ctypes.CDLL(None).ptrace(0, 0, None, None),
        b"recurse": lambda: recurse(0),
        b"half": lambda: (plain.sendall(HEADER.pack(100, SEND, 0) + b"only this"), time.sleep(60)),
        b"cut": lambda: (plain.sendall(HEADER.pack(100, SEND, 0) + b"only this"), os.kill(os.getpid(), signal.SIGKILL)),
        b"slow": lambda: slow(plain),
        b"huge": lambda: (plain.sendall(HEADER.pack(0xFFFFFFFF, SEND, 0)), time.sleep(60)),
        b"tag": lambda: (plain.sendall(HEADER.pack(0, 7, 0)), time.sleep(60)),
        b"twice": lambda: plain.sendall(HEADER.pack(0, DONE, 0) + HEADER.pack(1, SEND, 0) + b"x"),
        b"deaf": lambda: deaf(plain),
        b"close": lambda: (os.close(3), plain.shutdown(socket.SHUT_RDWR), plain.close(), time.sleep(60)),
        b"pickle": lambda: channel.send(b"cos\nsystem\n(S'exit 1'\ntR."),
        b"long": lambda: channel.send(bytes(9 << 20)),
        b"descriptor": lambda: socket.send_fds(plain, [HEADER.pack(0, SEND, 1)], [3]),
    }
    acts[data]()


def spin():
    while True:
        pass


def recurse(depth):
    return recurse(depth + 1) + 1


def slow(plain):
    while True:
        plain.sendall(HEADER.pack(0, SEND, 0)[:1])
        time.sleep(0.02)


def deaf(plain):
    while True:
        plain.sendall(HEADER.pack(0, ASK, 0))


def never(channel):
    """Returns without taking a request."""


WARM: list[int] = []


def warm():
    WARM.append(os.getpid())


def warmed(channel):
    channel.receive()
    channel.send(str(len(WARM) == 1 and WARM[0] == os.getppid()).encode())
