"""What tells more of a person than how to reach them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from moisson.link.passages import telling
from moisson.model import Sighting
from tests.link.test_countries import FR, case

if TYPE_CHECKING:
    from pathlib import Path


def found(context: str, run: str = "find.text@1") -> list[Sighting]:
    name = Sighting("A/1/n", run, "name", "Paul Martin", "Paul Martin", "A/1", context, line=3)
    return [Sighting("A/1/p", run, "phone", FR, "0612345678", "A/1", context, line=3), name]


@pytest.mark.parametrize(
    "context",
    [
        "age. Paul Martin prend la livraison de Lyon. Le joindre au 0612345678 avant midi",
        "ot de monnaies\t14/11/2024\tPaul Martin\t0612345678\tbol ancien\t20750 EUR\t bas",
        "طابق سيتولى التسليم من هامبورغ هاتفه 0612345678 لا تترك شيئا في السيارة نهائيا",
    ],
)
def test_deliveries_and_sales_tell_more(tmp_path: Path, context: str) -> None:
    assert telling(case(tmp_path, *found(context)), [("phone", FR)]) == {("phone", FR)}


@pytest.mark.parametrize(
    "context",
    [
        "test\ttelegram:@x_5\t Paul Martin\t0612345678\tpm@x.example\t\tsignal:@y",
        "le Nom Téléphone Courriel Compte Notes Paul Martin 0612345678 pm@x.example ec",
        "2 data: _id: 20; mimetype_id: 1; raw_contact_id: 11; data1: 0612345678; data2: 2; data4: +33612345678 data: _id",
    ],
)
def test_lists_of_contacts_do_not(tmp_path: Path, context: str) -> None:
    assert telling(case(tmp_path, *found(context)), [("phone", FR)]) == set()


def test_what_a_sweep_met_raw_tells_nothing(tmp_path: Path) -> None:
    raw = "aaa bbb ccc ddd eee 0612345678 fff ggg hhh iii"
    assert telling(case(tmp_path, *found(raw, "sweep.free@1")), [("phone", FR)]) == set()
