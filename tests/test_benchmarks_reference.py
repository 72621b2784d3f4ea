"""What the speed figures rest on: the cost of R is its layers', a gate counts what passes, rounds take turns."""

import gzip
import os
import sys
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from models import batch_of
from torch.utils.flop_counter import FlopCounterMode

from regard.config import ModelConfig, parse
from regard.data.text import Vocabulary
from regard.kernels.library import kernels
from regard.model.build import build_model
from regard.run.training_parts import build_learner
from regard.training.objective import CrossEntropy

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

import recipe_limit
from peers.compare import present, ratios
from recipe_limit import definition
from timing.figures import Figure, markdown
from timing.limit import Cost, Lengths
from timing.link import Gate, peak_megabytes
from timing.model import BATCH, RECIPE, facts, prepare, training_pairs
from timing.workers import OURS, Failed, System, Worker, interleaved

VOCABULARY = 31  # of both sides in `batch_of`, whose sources have fewer


def small() -> ModelConfig:
    """R with other sizes."""
    sizes = {
        "embedding_size": 13,
        "readout_size": 17,
        "encoder": RECIPE["model"]["encoder"] | {"hidden_size": 7},
        "decoder": RECIPE["model"]["decoder"] | {"hidden_size": 19},
    }
    return parse({"model": RECIPE["model"] | sizes}, "a small R").model


@pytest.fixture
def generic(monkeypatch: pytest.MonkeyPatch) -> None:
    """The path that defines what is computed: torch counts no product of compiled code, nor one into a given tensor."""
    monkeypatch.setattr("regard.kernels.linear_cross_entropy._is_foreign", lambda *_: True)


def operations(work: Callable[[], Any]) -> int:
    """What torch counts."""
    with FlopCounterMode(display=False) as counter:
        work()
    return counter.get_total_flops()


def energies(lengths: Lengths) -> int:
    """Multiply-adds of v · tanh(…), a product with a vector, which torch does not count."""
    return lengths.looks * small().decoder.hidden_size


@pytest.mark.usefixtures("generic")
def test_the_cost_of_decoding_is_what_torch_counts() -> None:
    """Of a decoder that projects embedding and context in the step, and so costs more: what a table saves, and what
    targets are longer than sources."""
    model, cost = build_model(small(), Vocabulary(VOCABULARY), VOCABULARY).eval(), Cost.of(small(), VOCABULARY)
    batch = batch_of([(4, 5)] * 3)
    lengths = Lengths.of(np.full(3, 4), np.full(3, 5))
    with torch.no_grad():
        counted = operations(lambda: model.logits(model(batch))) + 2 * energies(lengths)
    saved = lengths.source * cost.encoder_table + lengths.target * cost.decoder_table
    saved += (lengths.target - lengths.source) * cost.decoder_context
    assert cost.decoding(lengths, 1) * lengths.target + 2 * saved == counted


@pytest.mark.usefixtures("generic")
def test_the_cost_of_training_is_what_torch_counts() -> None:
    model, cost = build_model(small(), Vocabulary(VOCABULARY), VOCABULARY), Cost.of(small(), VOCABULARY)
    batch = batch_of([(10, 22)] * 3)
    lengths = Lengths.of(np.full(3, 10), np.full(3, 22))
    counted = operations(lambda: CrossEntropy()(model, batch).total.backward()) + 3 * 2 * energies(lengths)
    # Torch spares the gradients of the zeros that the encoder and the first step begin with.
    assert cost.training(lengths) * lengths.target == pytest.approx(counted, rel=0.02)


def test_a_recipe_is_counted_as_the_reference_model_is() -> None:
    """With compiled code in use before and after, where there is some."""
    options, model = parse({}, "usual").training, build_model(small(), Vocabulary(VOCABULARY), VOCABULARY)
    learner, batch = build_learner(options, model, total_steps=1), batch_of([(10, 22)] * 3)
    before, lengths = kernels(), Lengths.of(np.full(3, 10), np.full(3, 22))
    with definition():
        counted = recipe_limit.operations(learner, batch) + 3 * 2 * energies(lengths)
    assert Cost.of(small(), VOCABULARY).training(lengths) * lengths.target == pytest.approx(counted, rel=0.02)
    assert kernels().reason == before.reason


def test_five_hypotheses_cost_five_times_what_the_decoder_costs() -> None:
    cost, lengths = Cost.of(small(), VOCABULARY), Lengths.of(np.array([3, 5]), np.array([2, 7]))
    one, five, nine = (cost.decoding(lengths, beam) for beam in (1, 5, 9))
    assert five - one == pytest.approx(nine - five)
    assert five < 5 * one  # the source is read once


def test_lengths_count_end_marks() -> None:
    assert Lengths.of(np.array([3, 5]), np.array([2, 7])) == Lengths(2, 4 + 6, 3 + 8, 4 * 3 + 6 * 8)


def test_a_figure_shows_its_spread() -> None:
    assert str(Figure([3.0, 1250.0, 20.0])) == "20 [3–1,250]"
    assert str(Figure([2.345], 1)) == "2.3"
    assert markdown(["a", "b"], [["1", "2"]]).splitlines() == ["| a | b |", "| --- | --- |", "| 1 | 2 |"]


class Orders:
    """A link whose orders are known beforehand."""

    def __init__(self, *orders: dict[str, Any]) -> None:
        self.orders = list(orders)
        self.answers: list[dict[str, Any]] = []

    def order(self) -> dict[str, Any]:
        if not self.orders:
            raise SystemExit
        return self.orders.pop(0)

    def answer(self, **facts: Any) -> None:
        self.answers.append(facts)


def test_a_gate_lets_through_what_is_ordered_and_counts_it() -> None:
    link, source = Orders({"job": "train", "steps": 2}, {"job": "save"}, {"job": "train", "steps": 3}), list[int]()
    gate = Gate(link, lambda batch: batch, lambda: None)  # type: ignore[arg-type]
    stream = chain.from_iterable(gate.through(epoch) for epoch in ([1, 2, 4], [8, 16, 32]))
    with pytest.raises(SystemExit):
        source.extend(stream)
    assert [answer.get("tokens") for answer in link.answers] == [None, 3, None, 4 + 8 + 16]
    assert all(answer["seconds"] >= 0 for answer in link.answers if "tokens" in answer)


def test_a_gate_saves_between_slices() -> None:
    link, source, saved = Orders({"job": "train", "steps": 2}, {"job": "save"}), [], []
    gate = Gate(link, lambda batch: batch, lambda: saved.append(list(source)))  # type: ignore[arg-type]
    with pytest.raises(SystemExit):
        source.extend(gate.through([1, 2, 4]))
    assert saved == [[1, 2]]


class Fake:
    """A measured process that is none."""

    def __init__(self, name: str, calls: list[str], fails_at: int) -> None:
        self.name = name
        self.calls = calls
        self.left = fails_at

    def ask(self, job: str, **arguments: Any) -> dict[str, Any]:
        self.left -= 1
        if not self.left:
            raise Failed(f"{self.name} ended")
        self.calls.append(self.name)
        return {"steps": arguments["steps"]}

    def close(self) -> None:
        self.calls.append(f"-{self.name}")


def rounds(fails: dict[str, int]) -> tuple[dict[str, list[dict[str, Any]]], list[str], list[str]]:
    calls: list[str] = []
    told: list[str] = []
    answers = interleaved(
        [System(name, Path("python"), "module") for name in fails],
        lambda system: Fake(system.name, calls, fails[system.name]),  # type: ignore[arg-type, return-value]
        "train",
        {"steps": 5},
        warm_up={"steps": 1},
        rounds=3,
        beside=lambda: calls.append("sgemm"),
        tell=told.append,
    )
    return answers, calls, told


def test_systems_take_turns_beside_the_machine() -> None:
    answers, calls, told = rounds({"a": 0, "b": 0})
    assert calls[:2] == ["a", "b"]  # warm-up
    assert calls[2:-2] == ["sgemm", "a", "sgemm", "b", "sgemm", "b", "sgemm", "a", "sgemm", "a", "sgemm", "b"]
    assert sorted(calls[-2:]) == ["-a", "-b"]
    assert answers == {"a": [{"steps": 5}] * 3, "b": [{"steps": 5}] * 3}
    assert not told


@pytest.mark.parametrize("fails_at", [1, 3])
def test_a_system_that_fails_is_left_out_and_named(fails_at: int) -> None:
    answers, calls, told = rounds({"a": fails_at, "b": 0})
    assert list(answers) == ["b"]
    assert len(answers["b"]) == 3
    assert told == ["a ended"]
    assert "-a" in calls


def test_a_process_that_ends_says_why(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "nothing.log"
    with pytest.raises(Failed, match=r"(?s)Nobody ended with exit code 1: .*No module named timing.nothing"):
        Worker(System("Nobody", OURS.python, "timing.nothing"), tmp_path, "train", 1, log)


@pytest.mark.parametrize("half", [False, True])
def test_a_missing_environment_names_its_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], half: bool
) -> None:
    if half:
        (tmp_path / "opennmt" / "bin").mkdir(parents=True)
        (tmp_path / "opennmt" / "bin" / "python").touch()
    assert present(tmp_path, ["opennmt"]) == []
    assert f"setup.py --into {tmp_path} --only opennmt" in capsys.readouterr().err


def test_a_ratio_is_above_one_where_ours_is_better() -> None:
    found = {
        "tok/s": {"Regard": Figure([300]), "Other": Figure([100])},
        "ms": {"Regard": Figure([20]), "Other": Figure([50])},
        "MB": {"Regard": Figure([2])},
    }
    lines = ratios(found, {"tok/s": True, "ms": False, "MB": False}, {"Regard": "Regard 1", "Other": "Other 2"})
    assert [line.split(" | ")[1].strip("| ") for line in lines.splitlines()[2:]] == ["3.00 ×", "2.50 ×", "–"]


@pytest.fixture
def pairs(tmp_path: Path) -> str:
    generator = np.random.default_rng(3)
    path = tmp_path / "pairs.tsv"
    words = ["red", "green", "blue", "white"]
    texts = [" ".join(generator.choice(words, size)) for size in generator.integers(2, 7, 140)]
    path.write_text("".join(f"{text}\t{text[::-1]}\n" for text in texts))
    return str(path)


def test_the_data_are_the_same_for_all(tmp_path: Path, pairs: str) -> None:
    folder = prepare(tmp_path / "out", [pairs], [], sentences=23)
    assert prepare(tmp_path / "out", [pairs], [], sentences=23) == folder
    assert prepare(tmp_path / "out", [pairs], [], sentences=29) != folder
    rows = {name: (folder / name).read_text().splitlines() for name in ("train.src", "train.tgt", "test.src")}
    ours, found = training_pairs(folder), facts(folder)
    assert [len(rows[name]) for name in rows] == [140, 140, 23]
    assert rows["train.tgt"][7] == " ".join(map(str, ours.corpus.target[7].tolist()))
    assert found.lengths == Lengths.of(ours.corpus.source_lengths, ours.corpus.target_lengths)
    assert [len(batch.order) for batch in ours.batches(1, 0)].count(BATCH) == 2
    assert found.vocabulary == int((folder / "vocabulary.txt").read_text())


def test_a_prepared_folder_is_found_by_what_the_files_hold(tmp_path: Path, pairs: str) -> None:
    folder, content = prepare(tmp_path / "out", [pairs], [], sentences=5), Path(pairs).read_bytes()
    copy = tmp_path / "elsewhere" / "copy.tsv.gz"
    copy.parent.mkdir()
    copy.write_bytes(gzip.compress(content))
    os.utime(copy, (1e9, 1e9))
    Path(pairs).unlink()
    assert prepare(tmp_path / "out", [str(copy)], [], sentences=5) == folder
    assert len(training_pairs(folder).corpus) == 140  # of the copy: the first is gone
    copy.write_bytes(gzip.compress(content.replace(b"red", b"rot")))
    assert prepare(tmp_path / "out", [str(copy)], [], sentences=5) != folder


@pytest.mark.slow
def test_our_process_trains_and_translates(tmp_path: Path, pairs: str) -> None:
    folder = prepare(tmp_path / "out", [pairs], [], sentences=5)
    worker = Worker(OURS, folder, "train", 1, tmp_path / "train.log")
    assert worker.ask("train", steps=2)["tokens"] > 2 * 12  # the last batch of an epoch has 12 pairs
    worker.ask("save")
    worker.close()
    worker = Worker(OURS, folder, "beam", 1, tmp_path / "beam.log")
    answer = worker.ask("translate", first=0, count=5, batch=1)
    worker.close()
    assert 5 <= answer["tokens"] <= 5 * 101
    assert answer["peak_mb"] == 0 or 50 < answer["peak_mb"] < 20 * peak_megabytes()
