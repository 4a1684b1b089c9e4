"""What an analyst types, and what is said when there is nothing, when it makes no sense, and in a pipe."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner
from rich.console import Console

from moisson.cli import output
from moisson.cli.program import program
from moisson.errors import UsageError
from tests.conftest import DEMO


def run(*words, code=0):
    result = CliRunner().invoke(program, [str(word) for word in words])
    assert result.exit_code == code, result.output
    return result


def rows(text):
    return [line.split("\t") for line in text.splitlines()]


def test_a_table_in_a_pipe_has_whole_cells_parted_by_tabs(demo_case):
    said = run("sightings", demo_case, "--kind", "phone", "--limit", 4)
    head, *lines = rows(said.stdout)
    assert head == ["kind", "value", "exhibit", "file", "address"]
    assert len(lines) == 4
    assert all(len(line) == 5 and "…" not in line[4] for line in lines)
    assert "only the first 4 lines" in said.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("leads",),
        ("links",),
        ("links", "--pairs"),
        ("countries",),
        ("sightings",),
        ("events",),
        ("search", "lettre"),
        ("status",),
        ("status", "--failures"),
        ("search", "lettre", "--facets"),
    ],
)
def test_json_is_lines_of_objects(demo_case, words):
    said = run(words[0], demo_case, *words[1:], "--json")
    found = [json.loads(line) for line in said.stdout.splitlines()]
    assert found
    assert all(isinstance(each, dict) for each in found)


def test_a_limit_holds_for_json_too_and_nought_is_all(demo_case):
    every = run("sightings", demo_case, "--json").stdout.splitlines()
    assert len(every) > output.USUAL
    assert len(run("sightings", demo_case, "--json", "--limit", 3).stdout.splitlines()) == 3
    assert len(run("sightings", demo_case).stdout.splitlines()) == output.USUAL + 1
    assert len(run("sightings", demo_case, "--limit", 0).stdout.splitlines()) == len(every) + 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("sightings", "--kind", "phones"), "no kind of selector phones; there are"),
        (("sightings", "--exhibit", "AMP-999"), "no exhibit AMP-999 in this case; there are AMP-001"),
        (("events", "--exhibit", "AMP-999"), "no exhibit AMP-999"),
        (("events", "--kind", "meal"), "no events of kind meal; there are"),
        (("countries", "--country", "France"), "two letters"),
        (("links", "--proof", "phones", "1"), "no kind of selector phones"),
        (("show", "AMP-999/p1"), "no exhibit AMP-999"),
        (("show", "AMP-001/@0+16"), "it lies in AMP-001"),
        (("show", "AMP-001", "--text"), "no text was read at AMP-001"),
    ],
)
def test_what_is_not_there_is_named_with_what_is(demo_case, words, said):
    assert said in run(words[0], demo_case, *words[1:], code=2).output


def test_nothing_found_is_said(demo_case):
    assert "12345678901 was not seen" in run("sightings", demo_case, "12345678901").stderr
    assert "nothing concerns ZZ" in run("countries", demo_case, "--country", "zz").stderr
    assert run("search", demo_case, "zzyzzy").stderr.strip() == "0 items"


def test_words_after_a_dash_are_left_out_and_no_options(demo_case):
    every = run("search", demo_case, "lettre", "--json").stdout.splitlines()
    fewer = run("search", demo_case, "lettre", "-exhibit:AMP-001", "--json").stdout.splitlines()
    assert 0 < len(fewer) < len(every)
    assert run("search", demo_case, "lettre", "-hotel").exit_code == 0


def test_a_number_is_proved_in_any_writing(demo_case):
    shared = json.loads(run("links", demo_case, "--json", "--limit", 1000).stdout.splitlines()[1])
    assert shared["kind"] == "phone"
    typed = f"00{shared['value'][1:]}"
    proof = [
        json.loads(line) for line in run("links", demo_case, "--proof", "phone", typed, "--json").stdout.splitlines()
    ]
    assert {row["exhibit"] for row in proof} == set(shared["exhibits"])


def test_a_name_is_seen_in_other_spellings(demo_case):
    found = run("sightings", demo_case, "Nadia al-Taie", "--kind", "name", "--json").stdout.splitlines()
    assert {"نادية الطائي", "Nadya Al Tai"} <= {json.loads(line)["value"] for line in found}


def test_a_lead_counts_each_place_once(demo_case):
    rules = [json.loads(line) for line in run("leads", demo_case, "--json").stdout.splitlines()]
    assert all(len(set(rule["evidence"])) == len(rule["evidence"]) for rule in rules)
    assert all(rule["n"] >= 1 for rule in rules)


def test_what_cannot_be_written_is_one_sentence(demo_case, tmp_path):
    (tmp_path / "file").write_text("x")
    assert "cannot be made or is no folder" in run("export", demo_case, tmp_path / "file", code=2).output
    said = run("status", demo_case, "--picture", tmp_path / "none" / "x.svg", code=1).output
    assert "x.svg: No such file or directory" in said


def test_a_path_that_is_not_there_makes_no_case(tmp_path):
    for verb in ("harvest", "add"):
        assert "no such file or folder" in run(verb, tmp_path / "case", tmp_path / "none.dd", code=2).output
    assert not (tmp_path / "case").exists()


def test_a_list_that_makes_no_sense_is_not_kept(tmp_path):
    (tmp_path / "list.csv").write_text("foo;bar\n")
    words = ("harvest", tmp_path / "case", DEMO / "media" / "AMP-003.dd", "--until", "glance")
    assert "the columns kind and value" in run(*words, "--watchlist", tmp_path / "list.csv", code=2).output
    assert not list((tmp_path / "case" / "lists").iterdir())


def test_an_exhibit_of_the_same_name_elsewhere_is_another_one(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "key.dd").write_bytes(name.encode() * 4096)
    case = tmp_path / "case"
    first = rows(run("add", case, tmp_path / "a" / "key.dd").stdout)[1][0]
    second = rows(run("add", case, tmp_path / "b" / "key.dd").stdout)[1][0]
    again = rows(run("add", case, tmp_path / "a" / "key.dd").stdout)[1][0]
    assert first == again != second
    (tmp_path / "list.csv").write_text(f"exhibit,files\n{first},b/key.dd\n")
    assert "registered already, with other files" in run("add", case, "--intake", tmp_path / "list.csv", code=2).output


def test_wide_tables_wrap_and_addresses_stay_whole(monkeypatch, capsys):
    monkeypatch.setattr(output, "console", Console(force_terminal=True, width=40, no_color=True, highlight=False))
    address = "E1/zip:" + "a" * 90
    output.table(
        ["kind", "why"], [("phone", "a long reason that goes on and on and on"), ("اسم", "x")], below="address"
    )
    output.table(["when", "who"], [("2024-01-01T00:00:21Z", "أبو قمر " * 8, address)], below="address")
    said = capsys.readouterr().out.splitlines()
    assert address in said[-1]
    assert all(len(line.replace("\u200e", "")) <= 40 for line in said[:-1])
    assert any("2024-01-01T00:00:21Z" in line for line in said)
    assert any("قمر\u200e" in line for line in said)


def test_evidence_cannot_steer_the_terminal():
    assert output.clean("a\x1b[31mb\u202ec\nd\u200ce") == "a [31mb c d\u200ce"
    assert output.clean("abcdef", 4) == "abc…"


def test_a_folder_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "x").write_text("")
    with pytest.raises(UsageError, match="is no folder"):
        output.folder(tmp_path / "x")
