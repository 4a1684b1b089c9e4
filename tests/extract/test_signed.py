"""Envelopes of CMS as another library writes them, in DER, in BER and in pieces, and any bytes."""

from __future__ import annotations

import datetime
from contextlib import suppress
from functools import cache

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs7
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from moisson.errors import DamagedError, EvidenceError
from moisson.extract.signed import read_signed
from moisson.identify.kind import identify
from moisson.model import Flag, Stated
from moisson.reader import Child, Reader

_WORDS = b"Content-Type: text/plain\r\n\r\ncall 0612345678\r\n"


@cache
def certificate(algorithm: str):
    key = ec.generate_private_key(ec.SECP256R1()) if algorithm == "ec" else rsa.generate_private_key(65537, 2048)
    name = x509.Name(
        [x509.NameAttribute(NameOID.COMMON_NAME, "سعاد Haddad"), x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Depot")]
    )
    begin = datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 7, begin, begin + datetime.timedelta(900))
    alternative = x509.SubjectAlternativeName([x509.RFC822Name("souad@cert.example")])
    return builder.add_extension(alternative, critical=False).sign(key, hashes.SHA256()), key


def signed(encoding=serialization.Encoding.DER, *options) -> bytes:
    known, key = certificate("ec")
    builder = pkcs7.PKCS7SignatureBuilder().set_data(_WORDS).add_signer(known, key, hashes.SHA256())
    return builder.sign(encoding, [pkcs7.PKCS7Options.Binary, *options])


def told(raw: bytes):
    pieces = list(read_signed(Reader.of(raw)))
    return (
        pieces,
        [p for p in pieces if isinstance(p, Child)],
        {(p.kind, p.raw) for p in pieces if isinstance(p, Stated)},
    )


@pytest.mark.parametrize("encoding", [serialization.Encoding.DER, serialization.Encoding.PEM])
def test_what_was_signed_and_by_whom(encoding):
    raw = signed(encoding)
    _, (child,), stated = told(raw)
    assert child.name == "content.eml"
    assert child.open().whole() == _WORDS
    assert {("name", "سعاد Haddad"), ("email", "souad@cert.example"), ("name", "Depot")} <= stated
    if encoding is serialization.Encoding.DER:
        assert identify(Reader.of(raw), "smime.p7m").mime == "application/pkcs7-mime"


def test_a_signature_apart_names_its_signer():
    _, children, stated = told(signed(serialization.Encoding.DER, pkcs7.PKCS7Options.DetachedSignature))
    assert children == []
    assert ("email", "souad@cert.example") in stated


def test_an_envelope_says_for_whom_it_is():
    known, _ = certificate("rsa")
    builder = pkcs7.PKCS7EnvelopeBuilder().set_data(_WORDS).add_recipient(known)
    pieces, children, stated = told(builder.encrypt(serialization.Encoding.DER, [pkcs7.PKCS7Options.Binary]))
    assert any(isinstance(p, Flag) and p.name == "encrypted" for p in pieces)
    assert children == []
    assert ("name", "سعاد Haddad") in stated


def test_content_in_pieces_without_lengths():
    oid = bytes.fromhex("06092a864886f70d0107")
    pieces = b"\x24\x80" + b"".join(b"\x04\x05" + part for part in (b"hello", b" worl")) + b"\0\0"
    content = b"\x30\x80" + oid + b"\x01\xa0\x80" + pieces + b"\0\0\0\0"
    body = b"\x30\x80\x02\x01\x01\x31\x00" + content + b"\0\0"
    _, (child,), _ = told(b"\x30\x80" + oid + b"\x02\xa0\x80" + body + b"\0\0\0\0")
    assert (child.name, child.open().whole()) == ("content", b"hello worl")


def test_no_envelope():
    with pytest.raises(DamagedError):
        told(b"no envelope at all")


@given(st.integers(0, 400), st.binary(max_size=20))
def test_broken_envelopes_do_no_harm(at, bite):
    raw = signed()
    with suppress(EvidenceError):
        told(raw[:at] + bite + raw[at + len(bite) :])


@given(st.binary(max_size=200))
def test_any_bytes(tail):
    with suppress(EvidenceError):
        told(bytes.fromhex("308006092a864886f70d010702a080") + tail)


def test_nothing_but_openings_ends():
    with suppress(EvidenceError):
        told(bytes.fromhex("308006092a864886f70d010702a080") + b"\x30\x80" * 100_000)
