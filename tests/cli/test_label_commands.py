"""Labels on the command line: the commands are those of any run."""

import json
import random
from pathlib import Path

import pytest
import toy

from regard.config import parse
from regard.data.readers import PairFiles
from regard.run.fit import fit

CUES = {"Sci/Tech news": "rocket", "Sports": "goal", "World": "treaty"}
NOISE = ("the", "a", "of", "in", "old", "near", "many")
LABELS = {*CUES, "Once"}


def pair(chance: random.Random) -> tuple[str, str]:
    label = chance.choice(list(CUES))
    words = chance.choices(NOISE, k=chance.randint(1, 6))
    words.insert(chance.randrange(len(words) + 1), CUES[label])
    return " ".join(words), label


@pytest.fixture(scope="module")
def told() -> list[str]:
    """What training says."""
    return []


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, told: list[str]) -> Path:
    """A run that has learnt to find the cue. One label was seen once; one of the development pairs never."""
    folder = tmp_path_factory.mktemp("labels")
    chance = random.Random(5)
    train = [*(pair(chance) for _ in range(300)), ("odd", "Once")]
    dev = [*(pair(chance) for _ in range(20)), ("the rocket", "Never")]
    for name, rows in {"train": train, "dev": dev}.items():
        (folder / f"{name}.tsv").write_text("".join(f"{source}\t{label}\n" for source, label in rows))
    config = parse(
        {
            "data": {"source": {"tokenizer": "symbols"}, "target": {"tokenizer": "label"}, "batch_by": "sentences"}
            | {"batch_size": 20},
            "model": {
                "embedding_size": 16,
                "encoder": {"hidden_size": 8, "source_bridging": True},
                "decoder": {"kind": "pooling", "pool": "self_attentive", "hops": 2},
                "output": {"kind": "label"},
            },
            "training": {"max_epochs": 6, "learning_rate": 0.03, "metric": "macro_f1", "hop_penalty": 0.01},
        },
        "recipe of a test",
    )
    pairs = (PairFiles((str(folder / f"{name}.tsv"),)) for name in ("train", "dev"))
    fit(config, *pairs, folder / "run", tell=told.append)
    return folder / "run"


def test_a_line_becomes_a_label(run: Path, told: list[str]) -> None:
    written = toy.regard("translate", run, stdin="the old rocket\n\ngoal near a\nzzz zzz\n")
    assert written.lines[:3] == ["Sci/Tech news", "", "Sports"]
    assert written.lines[3] in LABELS
    assert "1 of the pairs to validate on have a label that training does not see" in " ".join(told)
    assert "dev.tsv, line 21" in " ".join(told)


def test_json_has_the_probability_of_every_label(run: Path) -> None:
    record = json.loads(toy.regard("translate", run, "--json", stdin="the old rocket\n").out)
    assert [unit["text"] for unit in record["target"]] == ["Sci/Tech news"]
    label, end = record["predictions"]
    assert {name for name, _ in label["alternatives"]} == LABELS
    assert sum(probability for _, probability in label["alternatives"]) == pytest.approx(1.0, abs=0.01)
    assert (end["text"], end["probability"]) == ("", pytest.approx(1.0))
    assert sum(record["weights"][0]) == pytest.approx(1.0, abs=1e-4)
    assert record["target_end"] == [0.0, 0.0, 0.0, 0.0][: len(record["target_end"])]
    few = json.loads(toy.regard("translate", run, "--json", "--alternatives", 0, stdin="the old rocket\n").out)
    assert few["predictions"] == []


def test_nbest_is_every_label_once_by_probability(run: Path) -> None:
    lines = [line.split(" ||| ") for line in toy.regard("translate", run, "--nbest", 9, stdin="a goal\n").lines]
    assert {label for _, label, _ in lines} == LABELS
    scores = [float(score) for _, _, score in lines]
    assert len(lines) == len(LABELS)
    assert scores == sorted(scores, reverse=True)
    scored = toy.regard("score", run, "-", stdin=f"a goal\t{lines[0][1]}\na goal\tNever\na goal\t\n").lines
    assert float(scored[0].split("\t")[0]) == pytest.approx(scores[0], abs=1e-3)
    assert all(float(line.split("\t")[0]) < scores[0] for line in scored[1:])


def test_a_label_of_several_words_is_one_row(run: Path) -> None:
    shown = toy.regard("view", run, "the old rocket", "--beam", 1)
    assert any(line.startswith("Sci/Tech news ") for line in shown.lines)
    assert all(hop in shown.out for hop in ("hop 1", "hop 2"))


def test_scores_by_label_name_what_training_did_not_see(run: Path) -> None:
    judged = toy.regard("evaluate", run, run.parent / "dev.tsv", "-m", "accuracy", "-m", "macro_f1", "--by", "label")
    assert judged.code == 0
    rows = {line.rsplit(maxsplit=3)[0]: line.split()[-2] for line in judged.lines[4:]}
    assert rows == {"Never": "0.00"} | dict.fromkeys(CUES, "100.00")
    assert "1 reference(s) with a label that training did not see count as wrong; the first: 'Never'" in " ".join(
        judged.err.split()
    )
    refused = toy.regard("evaluate", run, run.parent / "dev.tsv", "--by", "label", "--lengths", "words")
    assert refused.code == 2
    assert "--lengths has no effect with --by label" in " ".join(refused.err.split())
