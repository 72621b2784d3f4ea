"""Scores by group: which pairs belong together, and what each group comes to."""

import json
from pathlib import Path

import pytest

from regard.analysis.evaluate import segments
from regard.analysis.grouping import grouping
from regard.config import parse
from regard.data.example import Example
from regard.data.readers import PairFiles
from regard.errors import DataError, UsageError
from regard.metrics import METRICS
from regard.metrics.by_group import by_group

INFLECTION = {
    "columns": ["lemma", "form", "tags"],
    "source_column": "tags+lemma",
    "target_column": "form",
    "source": {"tokenizer": "inflection"},
}


def data(values: dict):
    return parse({"data": values}, "test").data


def pair(source: str, target: str, line: int = 1) -> Example:
    return Example(source, target, "f", line)


def test_each_tag_has_the_pairs_that_have_it() -> None:
    """Two of three past forms are right, one of one singular."""
    by = grouping("tag", data(INFLECTION), PairFiles(("x.tsv",)))
    examples = [pair("V;PST;SG go", "went"), pair("V;PST walk", "walked"), pair("V;PST take off", "took off")]
    groups = [by.of(example) for example in examples]
    assert groups == [["V", "PST", "SG"], ["V", "PST"], ["V", "PST"]]
    rows = by_group(
        METRICS["accuracy"], groups, ["went", "walkt", "took off"], [[one.target or ""] for one in examples]
    )
    assert [(row.name, row.count, row.score.value) for row in rows] == [
        ("PST", 3, pytest.approx(200 / 3)),
        ("SG", 1, 100.0),
        ("V", 3, pytest.approx(200 / 3)),
    ]


def test_tags_may_be_a_part_of_their_own() -> None:
    by = grouping("tag", data({"source_column": "lemma", "features": ["tags"]}), PairFiles(("x.tsv",)))
    assert by.of(pair("take off\tV;PST SG", "took off")) == ["V", "PST", "SG"]
    assert by.of(pair("take off\t", "took off")) == []
    with pytest.raises(UsageError, match=r"--by tag is for sources with tags: .* this run has none"):
        grouping("tag", data({"sources": ["question", "story"]}), PairFiles(("x.tsv",)))


def test_a_column_names_the_group_of_its_line(tmp_path: Path) -> None:
    table = tmp_path / "forms.tsv"
    table.write_text("go\twent\tV;PST\nrun\tran\tV;PST\ngo\tgoes\tV;3\n")
    files = PairFiles((str(table),), columns=("lemma", "form", "tags"), source="tags+lemma", target="form")
    by = grouping("lemma", data(INFLECTION), files)
    assert [by.of(record) for record in files.records() if isinstance(record, Example)] == [["go"], ["run"], ["go"]]
    lines = tmp_path / "pairs.jsonl"
    lines.write_text("".join(json.dumps({"source": "a", "target": "b", "task": f"{n}"}) + "\n" for n in (10, 2, 10)))
    by = grouping("task", data({}), PairFiles((str(lines),)))
    assert [by.of(pair("a", "b", line)) for line in (1, 2, 3)] == [["10"], ["2"], ["10"]]
    with pytest.raises(DataError, match=r"--by tsk: .*pairs.jsonl, line 1.*Name a column that every line has"):
        grouping("tsk", data({}), PairFiles((str(lines),)))


def test_what_a_run_does_not_have_is_refused() -> None:
    files = PairFiles(("x.tsv",))
    with pytest.raises(UsageError, match=r"--by tag is for sources with tags"):
        grouping("tag", data({}), files)
    with pytest.raises(UsageError, match=r"--by label is for targets that are labels"):
        grouping("label", data({}), files)
    with pytest.raises(UsageError, match=r"--by task reads a column of a file, after its pairs"):
        grouping("task", data({}), PairFiles(("-",)))


def test_groups_stand_in_natural_order_and_follow_their_source() -> None:
    rows = by_group(
        METRICS["exact"], [["task 10"], ["task 2"], [], ["task 2"]], ["a"] * 4, [["a"], ["b"], ["a"], ["a"]]
    )
    assert [(row.name, row.count, row.score.value) for row in rows] == [("task 2", 2, 50.0), ("task 10", 1, 100.0)]
    both = segments([pair("a", "x"), pair("b", "y"), pair("a", "z")], True, [["1"], ["2"], ["3"]])
    assert both.groups == [["1", "3"], ["2"]]
    with pytest.raises(ValueError, match=r"by_group: groups has 1 segments and hypotheses has 2"):
        by_group(METRICS["exact"], [["a"]], ["a", "b"], [["a"], ["b"]])
