"""ONNX: the graphs compute what the model does, for any number of sources of any length."""

from pathlib import Path
from typing import Any

import jaxtyping
import numpy as np
import pytest
from models import EDITS, SOURCE_VOCABULARY, TARGET_VOCABULARY, recipe, small_model
from torch import Tensor

from regard.data.copying import CopySource
from regard.data.text import TextSource
from regard.data.tokenizer import Tokenizer
from regard.errors import CheckpointError, UsageError
from regard.exporting.export import compare, export
from regard.exporting.graphs import StepGraph, needed, shapes, traced_step
from regard.exporting.runtime import OnnxModel
from regard.model.encoder_decoder import EncoderDecoder
from regard.search.options import SearchOptions
from regard.translator import Translator

TEXTS = ["w5 w6 w7", "w11", "w9 w9 w4 w8 w6 w5 w9"]
TRANSFORMER = {"kind": "transformer", "num_heads": 2, "num_layers": 1, "positions": "relative"}
EXPORTED: dict[str, Any] = {
    "luong": recipe({"kind": "luong", "input_feeding": True, "cell": "lstm", "num_layers": 2}, "general"),
    "transformer": recipe(TRANSFORMER, encoder={"kind": "transformer", "hidden_size": 14, "num_heads": 7}),
}


@pytest.fixture(autouse=True)
def _without_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a trace a size is a symbol, where annotations say int."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)


def side(size: int) -> Tokenizer:
    return Tokenizer.train("symbols", [" ".join(f"w{number}" for number in range(size))] * 2, size)


def sides() -> tuple[TextSource, Tokenizer]:
    return TextSource(side(SOURCE_VOCABULARY)), side(TARGET_VOCABULARY)


def written(model: EncoderDecoder, folder: Path) -> OnnxModel:
    source, target = sides()
    assert export(model, source, target, folder) < 1e-5
    return OnnxModel(folder)


@pytest.mark.slow
@pytest.mark.parametrize("name", EXPORTED)
def test_the_graphs_compute_what_the_model_does(name: str, tmp_path: Path) -> None:
    """Log-probabilities and weights at every step, and the same greedy outputs; sources in one batch or alone."""
    model = small_model(EXPORTED[name])
    graphs = written(model, tmp_path / "onnx")
    assert compare(model, graphs, sides()[0], seed=1) < 1e-5  # other sources than those that `export` looked at
    found = graphs.translate(TEXTS, most=20)
    search = Translator([model], *sides(), SearchOptions(beam_size=1))
    for text, own, [expected] in zip(TEXTS, found, search.translate(TEXTS, units="tokens"), strict=True):
        weights = np.array(expected.weights)  # without the end marks of both sides, which nothing looks at
        count = min(len(own.tokens), len(weights))
        assert own.text.split()[:count] == expected.target_text.split()[:count]
        assert np.abs(own.weights[:count, : weights.shape[1]] - weights[:count]).max() < 1e-5
        [alone] = graphs.translate([text], most=20)
        assert (alone.text, alone.tokens) == (own.text, own.tokens)
        assert np.abs(alone.weights - own.weights).max() < 1e-5
    assert graphs.translate([]) == []


@pytest.mark.slow
def test_words_of_the_source_can_be_copied_in_a_graph(tmp_path: Path) -> None:
    """The log-probabilities have a column for each position of the source, as those of the model."""
    config = recipe({"kind": "luong"}, "general", output={"kind": "copy"})
    model, (source, target) = small_model(config), sides()
    copied = CopySource(source, target)
    assert export(model, copied, target, tmp_path / "onnx") < 1e-5
    graphs = OnnxModel(tmp_path / "onnx")
    numbers = np.array([*copied.encode("w5 w28 w6").tolist(), [2, 3]])[None]
    log_probs, _, _ = graphs.step(np.array([1]), graphs.begin(numbers))
    assert log_probs.shape == (1, TARGET_VOCABULARY + 4)
    assert np.exp(log_probs).sum() == pytest.approx(1, abs=1e-5)
    with pytest.raises(UsageError, match=r"copies words of the source. Number them yourself"):
        graphs.translate(["w5"])


def test_only_what_steps_depend_on_is_kept() -> None:
    """Of a state, neither what has no element, nor a seed of noise that no step draws."""
    model = small_model(recipe({"kind": "luong"}, "general"))
    kept, changed = needed(model, *shapes(model))
    assert kept == ["source.prepared", "source.values", "source.mask", "state.cells.hidden"]
    assert changed == ["state.cells.hidden"]


def test_what_a_step_leaves_out_is_as_long_as_the_source() -> None:
    """The sum of the weights, which this score does not read, is made of zeros: in a graph for any length."""
    model = small_model(recipe({"kind": "bahdanau"}, "location_sensitive"))
    like, known = shapes(model)
    kept, changed = needed(model, like, known)
    assert "state.history.total" not in kept
    traced_step(StepGraph(model, like, known, kept, changed), kept)


def test_what_cannot_be_written_is_refused(tmp_path: Path) -> None:
    source, target = sides()
    histories = TextSource(source.tokenizer, "punctuation")
    with pytest.raises(UsageError, match=r"not one text each"):
        export(small_model(EXPORTED["luong"]), histories, target, tmp_path)
    with pytest.raises(UsageError, match=r"cannot be written as ONNX: .*edits"):
        export(small_model(recipe(EDITS["edits"])), CopySource(source, target, edits=True), target, tmp_path)
    with pytest.raises(UsageError, match=r"its source\.length is of type int; expected tensors"):
        export(small_model(recipe({"kind": "fixed"})), source, target, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_model_that_cannot_be_traced_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = small_model(EXPORTED["luong"])
    advance = model.decoder.advance

    def looks(tokens: Tensor, state: Any, source: Any) -> Any:
        return advance(tokens, state, source) if tokens.sum() > 0 else None

    monkeypatch.setattr(model.decoder, "advance", looks)
    with pytest.raises(UsageError, match=r"cannot be written as ONNX: PyTorch cannot trace it \(.+\)"):
        export(model, *sides(), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"is not what `regard export` wrote, or not whole"):
        OnnxModel(tmp_path)
    (tmp_path / "model.json").write_text('{"format": "regard onnx 99"}')
    with pytest.raises(CheckpointError, match=r"from another version of Regard; this one reads regard onnx 1"):
        OnnxModel(tmp_path)
