"""Python's train, evaluate and align: files or pairs, the same answers as the commands, sentences for what is wrong."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from toy import MODEL, pairs, regard

import regard as library
from regard.errors import CheckpointError, DataError, UsageError

TEST = [(source, target) for source, target, _ in pairs(17, seed=1)]


def test_a_run_is_trained_from_pairs_and_used(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe = {"model": MODEL, "data": {"source": {"vocab_size": 300}, "target": {"vocab_size": 300}}}
    changes = {"training.max_steps": 2, "training.max_epochs": 1}
    train = [(source, target) for source, target, _ in pairs(60)]
    run = library.train(recipe, train, dev=TEST, out=tmp_path / "run", changes=changes, quiet=True)
    assert capsys.readouterr().err == ""
    assert run.path == tmp_path / "run"
    assert run.config.training.max_steps == 2
    assert run.load().translate("the old dog sees the cat")[0][0].source_text == "the old dog sees the cat"
    again = library.train(recipe, train, dev=TEST, out=run.path, changes=changes, quiet=True, resume=True)
    assert again.path == run.path
    with pytest.raises(UsageError, match="holds a run already"):
        library.train(recipe, train, dev=TEST, out=run.path, changes=changes, quiet=True)


def test_a_recipe_is_chosen_where_none_is_given(tmp_path: Path) -> None:
    train = [(source, target) for source, target, _ in pairs(60)]
    changes = {"training.max_steps": 1, "model.encoder.hidden_size": 7}
    run = library.train(None, train, out=tmp_path / "run", changes=changes, quiet=True)
    assert run.config.data.source.tokenizer == "bpe"
    assert run.config.model.encoder.hidden_size == 7


def test_evaluate_gives_what_the_command_gives(run: Path, files: Path) -> None:
    said = regard("evaluate", run, files / "test.tsv", "--gold", files / "test.gold", "--metric", "chrf", "--json")
    for given in (TEST, files / "test.tsv", [files / "test.src", files / "test.tgt"]):
        found = library.evaluate(run, given, "chrf", gold=files / "test.gold")
        assert found.record() == json.loads(said.out)
        assert len(found.outputs) == len(TEST)


def test_align_gives_what_the_command_gives(run: Path, files: Path) -> None:
    said = [json.loads(line) for line in regard("align", run, files / "test.tsv", "--json").lines]
    for model in (run, library.Run(run), library.load(run), [run]):
        found = library.align(model, TEST)
        assert [sorted(map(list, one.links)) for one in found] == [record["links"] for record in said]
        assert [one.example.line for one in found] == [record["line"] for record in said]


def test_a_text_alone_is_a_list_of_one(run: Path) -> None:
    model = library.load(run)
    alone, listed = model.translate("the cat"), model.translate(["the cat"])
    assert [[one.target_text for one in each] for each in alone] == [
        [one.target_text for one in each] for each in listed
    ]
    assert [one.score for one in model.score("the cat", "le chat")] == [
        one.score for one in model.score(["the cat"], ["le chat"])
    ]


WRONG = """
import sys, regard
model = regard.load(sys.argv[1])
calls = [lambda given=given: model.translate(given) for given in ([1], ["a", b"b"], None, b"text", {"a": 1})]
calls += [lambda given=given: regard.align(model, given) for given in ([("a", 1)], ["a", 1], [("a", "b"), None], 5)]
calls += [lambda given=given: model.translate("a", 2, constraints=given) for given in (5, [3], [["a", 3]])]
calls += [lambda: regard.load(5), lambda: model.translate("a", 0)]
for call in calls:
    try:
        call()
    except (TypeError, ValueError) as error:
        print(error)
"""


def test_what_is_no_text_and_no_pair_is_said(run: Path) -> None:
    # A process of its own, without the checks of types that tests install: as users have it.
    said = subprocess.run([sys.executable, "-c", WRONG, str(run)], capture_output=True, text=True, check=True).stdout
    text, pair = "; expected a str, or a list of them: one for each text.", "; expected the name of a file, two names"
    expected = [
        *(f"Translator.translate: sources{given}{text}" for given in ("[0] is 1", "[1] is b'b'", " is None")),
        *(f"Translator.translate: sources is {given}{text}" for given in ("b'text'", "{'a': 1}")),
        *(f"pairs{given}{pair}" for given in ("[0] is ('a', 1)", "[0] is 'a'", "[1] is None", " is 5")),
        "Translator.translate: constraints is 5; expected a list with the phrases of each source.",
        f"Translator.translate: constraints[0] is 3{text}",
        f"Translator.translate: constraints[0][1] is 3{text}",
        "regard.load: a path is 5; expected the directory of a run, or several.",
        "Translator.translate: nbest is 0; expected 1 or more.",
    ]
    assert [line[: len(start)] for line, start in zip(said.splitlines(), expected, strict=True)] == expected


def test_pairs_are_checked_as_lines_are(run: Path) -> None:
    with pytest.raises(DataError, match="<pairs>, line 2: the line holds a line feed inside a text"):
        library.align(run, [("the", "le"), ("the\ncat", "le chat")])
    with pytest.raises(DataError, match="<pairs>: the file is empty"):
        library.align(run, [])
    with pytest.raises(ValueError, match=r"metric is 'blue'; expected one of .* Did you mean 'bleu'"):
        library.evaluate(run, TEST, "blue")


def test_an_absent_device_is_said(run: Path) -> None:
    absent = ["meta", "nonsense", "cuda:99"]
    absent += [] if torch.cuda.is_available() else ["cuda", "gpu"]
    absent += [] if torch.backends.mps.is_available() else ["mps"]
    for device in absent:
        with pytest.raises(UsageError, match=f"device is '{device}', which this machine does not have"):
            library.load(run, device=device)
    assert library.load(run, device="auto").translate("the cat")


def test_a_directory_without_a_run_is_said_once(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"holds no config.yaml, and is no run\. Give the directory that"):
        library.load(tmp_path)
