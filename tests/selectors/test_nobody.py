"""Defaults of software are nobody's names."""

from __future__ import annotations

import pytest

from moisson.selectors.find import Context, clean_stated, find
from moisson.selectors.nobody import is_nobody

CASE = Context()


@pytest.mark.parametrize(
    "name", ["Steve Canny", "python-docx", "openpyxl", "Microsoft Office User", "Administrateur", "مستخدم", "USER"]
)
def test_defaults_are_no_persons(name: str) -> None:
    assert is_nobody(name)
    assert clean_stated("name", name, CASE) is None
    assert not [hit for hit in find(f" {name}\n", CASE) if hit.kind == "name"]


@pytest.mark.parametrize("name", ["Karim Benali", "Steve Martin", "Userine Admin", "طارق الشمري", "x" * 500])
def test_others_are_people(name: str) -> None:
    assert not is_nobody(name)
    assert clean_stated("name", name, CASE) is not None


def test_a_name_inside_a_text_is_never_judged() -> None:
    found = [hit.value for hit in find("Rendez-vous avec Mr Steve Canny au café, mardi.", CASE) if hit.kind == "name"]
    assert any("Canny" in value for value in found)


def test_a_number_of_that_form_is_left_alone() -> None:
    assert clean_stated("email", "admin@x.example", CASE) is not None
