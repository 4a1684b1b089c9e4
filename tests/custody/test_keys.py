"""Keys and signatures, against the stock OpenSSH where it is installed."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moisson.custody import keys
from moisson.errors import CustodyError, UsageError

SSH = shutil.which("ssh-keygen")
needs_ssh = pytest.mark.skipif(SSH is None, reason="ssh-keygen is not installed")


@pytest.fixture(scope="module")
def key(tmp_path_factory):
    return keys.create_key(tmp_path_factory.mktemp("keys") / "k", "tester")


def test_a_key_is_private_and_comes_back(tmp_path):
    made = keys.create_key(tmp_path / "deep" / "k", "duty-officer")
    assert (tmp_path / "deep" / "k").stat().st_mode & 0o777 == 0o600
    again = keys.load_key(tmp_path / "deep" / "k")
    assert (again.public, again.name) == (made.public, "duty-officer")
    assert sorted(p.name for p in (tmp_path / "deep").iterdir()) == ["k", "k.pub"]
    with pytest.raises(UsageError, match="there is a key already"):
        keys.create_key(tmp_path / "deep" / "k", "other")


def test_the_key_of_a_case_is_made_once(tmp_path):
    assert keys.case_key(tmp_path).public == keys.case_key(tmp_path).public


@pytest.mark.parametrize("name", ["", "two words", "line\nbreak", "a+b"])
def test_a_name_that_would_break_a_signature_line_is_refused(tmp_path, name):
    with pytest.raises(UsageError):
        keys.create_key(tmp_path / "k", name)


def test_a_key_open_to_others_missing_or_damaged_is_refused(tmp_path):
    keys.create_key(tmp_path / "k", "n")
    (tmp_path / "k").chmod(0o640)
    with pytest.raises(CustodyError, match="others may read"):
        keys.load_key(tmp_path / "k")
    with pytest.raises(CustodyError, match="no such key"):
        keys.load_key(tmp_path / "none")
    (tmp_path / "k").chmod(0o600)
    (tmp_path / "k").write_text("-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n")
    with pytest.raises(CustodyError, match="not a readable"):
        keys.load_key(tmp_path / "k")


@needs_ssh
def test_openssh_verifies_and_signs_the_same_bytes(tmp_path):
    key = keys.create_key(tmp_path / "k", "tester")
    message = b"three exhibits\n" * 100
    signature = key.sign(message, "moisson-test")
    (tmp_path / "m.sig").write_text(signature)
    (tmp_path / "allowed").write_text(f"tester {key.public}\n")
    check = [
        SSH,
        "-Y",
        "verify",
        "-f",
        tmp_path / "allowed",
        "-I",
        "tester",
        "-n",
        "moisson-test",
        "-s",
        tmp_path / "m.sig",
    ]
    assert subprocess.run(check, input=message, capture_output=True).returncode == 0
    assert subprocess.run(check, input=message + b"!", capture_output=True).returncode != 0
    (tmp_path / "m").write_bytes(message)
    (tmp_path / "m.sig").unlink()
    sign = [SSH, "-Y", "sign", "-f", tmp_path / "k", "-n", "moisson-test", tmp_path / "m"]
    assert subprocess.run(sign, capture_output=True).returncode == 0
    assert (tmp_path / "m.sig").read_text() == signature


@needs_ssh
def test_a_key_that_openssh_made_is_read(tmp_path):
    make = [SSH, "-q", "-t", "ed25519", "-N", "", "-C", "from-ssh", "-f", tmp_path / "k"]
    assert subprocess.run(make, capture_output=True).returncode == 0
    key = keys.load_key(tmp_path / "k")
    assert (tmp_path / "k.pub").read_text().strip() == key.public


def test_a_signature_holds_for_its_message_namespace_and_key(key, tmp_path):
    signature = key.sign(b"m", "n")
    other = keys.create_key(tmp_path / "other", "other")
    assert keys.verify_signature(b"m", signature, "n", key.public).split()[1] == key.public.split()[1]
    for message, namespace, trusted in ((b"M", "n", ""), (b"m", "N", ""), (b"m", "n", other.public)):
        with pytest.raises(CustodyError):
            keys.verify_signature(message, signature, namespace, trusted)


@given(st.integers(0, 400), st.text(max_size=1))
def test_a_changed_signature_never_holds(key, at, char):
    signature = key.sign(b"message", "n")
    at = min(at, len(signature) - 1)
    changed = signature[:at] + char + signature[at + 1 :]
    if changed.strip().split() == signature.split() or "".join(changed.split()) == "".join(signature.split()):
        return
    with pytest.raises(CustodyError):
        keys.verify_signature(b"message", changed, "n", key.public)


@given(st.text(max_size=200))
def test_rubbish_is_no_signature_and_no_key(text):
    with pytest.raises(CustodyError):
        keys.verify_signature(b"", text, "n")
    with pytest.raises(CustodyError):
        keys.read_public(text)
