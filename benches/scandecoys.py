"""Look-alikes of selectors that must never be reported."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benches.scansecrets import phrase
from benches.scanvalues import Planted, base58, card, digits, grouped, iban, imei
from moisson.scan.phrases import holds
from moisson.selectors import checks

if TYPE_CHECKING:
    from random import Random


def decoy(rng: Random) -> Planted:
    """A value that only its checksum or range gives away; `value` is what a careless tool would report."""
    shape = rng.randint(0, 9)
    if shape == 0:
        text = card(rng).value
        text = text[:-1] + str((int(text[-1]) + rng.randint(1, 9)) % 10)
        return Planted("card", text, rng.choice((text, grouped(text))))
    if shape == 1:
        text = iban(rng).value
        text = text[:-1] + str((int(text[-1]) + rng.randint(1, 9)) % 10)
        return Planted("iban", text, rng.choice((text, grouped(text))))
    if shape == 2:
        text = base58(b"\0" + rng.randbytes(20))
        text = text[:-1] + ("2" if text[-1] != "2" else "3")
        return Planted("crypto", text, text)
    if shape == 3:
        right = checks.eip55(rng.randbytes(20).hex())
        text = f"0x{right.swapcase()}"
        return Planted("crypto", text, text)
    if shape == 4:
        text = imei(rng).value
        text = text[:-1] + str((int(text[-1]) + rng.randint(1, 9)) % 10)
        return Planted("imei", text, f"IMEI: {text}")
    if shape == 5:
        text = f"{rng.randint(256, 999)}.{rng.randint(1, 255)}.{rng.randint(1, 255)}.{rng.randint(1, 255)}"
        return Planted("ipv4", text, text)
    if shape == 6:
        words = phrase(rng).written.split()
        while holds(words):
            rng.shuffle(words)
        text = " ".join(words)
        return Planted("secret", f"bip39:{text}", text)
    if shape == 7:
        text = f"+999{digits(rng, 9)}"
        return Planted("phone", text, text)
    if shape == 8:
        text = ":".join(f"{rng.randint(0, 0xFFFF):04x}" for _ in range(rng.choice((7, 9))))
        return Planted("ipv6", text, text)
    text = base58(b"\x80" + rng.randbytes(32))
    text = text[:-1] + ("2" if text[-1] != "2" else "3")
    return Planted("secret", f"wif:{text}", text)
