"""The way in: a program that is stopped ends in one sentence, however early that is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest


def loading(process):
    """The compiled libraries that a process has in memory."""
    try:
        return {
            line.split()[-1] for line in Path(f"/proc/{process.pid}/maps").read_text().splitlines() if ".so" in line
        }
    except OSError:
        return set()


def stopped_while_loading(library, command):
    """What a program says that gets the signal as soon as it has loaded a library, and its code."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 30
    while process.poll() is None and time.monotonic() < deadline:
        if any(library in Path(path).name for path in loading(process)):
            break
        time.sleep(0.001)
    os.kill(process.pid, signal.SIGINT)
    return (*process.communicate(), process.returncode)


@pytest.mark.parametrize("library", ["_struct", "arrow", "tantivy"])
def test_a_program_that_is_stopped_while_it_is_loaded_says_so(library, tmp_path):
    command = [sys.executable, "-m", "moisson", "verify", str(tmp_path)]
    for _ in range(20):
        said = stopped_while_loading(library, command)
        if "no case at" not in said[1]:  # else it had ended before it was signalled
            break
    assert said == ("", "moisson: stopped\n", 128 + signal.SIGINT)


def test_who_ignores_the_signal_is_not_stopped(tmp_path):
    command = f"trap '' INT; {sys.executable} -m moisson verify {tmp_path} & kill -INT $!; wait $!"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    assert "no case at" in done.stderr
