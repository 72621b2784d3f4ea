"""Small models for the tests: every decoder × score × selection that a recipe can name. Sizes are distinct primes."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from regard.attention import SCORES, SELECTIONS, WINDOWS
from regard.attention.rules import refusal
from regard.config import Config, parse
from regard.data.batch import BEGIN, END, PAD, Batch
from regard.data.text import Vocabulary
from regard.decoders.output import LinearOutput
from regard.marks import UNKNOWN
from regard.model.build import build_model
from regard.model.encoder_decoder import EncoderDecoder

SOURCE_VOCABULARY, TARGET_VOCABULARY = 29, 31

DECODERS: dict[str, dict[str, Any]] = {
    "bahdanau": {"kind": "bahdanau"},
    "bahdanau-deep-lstm": {"kind": "bahdanau", "cell": "lstm", "num_layers": 2},
    "bahdanau-state": {"kind": "bahdanau", "readout": "state", "start": "summary"},
    "luong": {"kind": "luong"},
    "luong-deep-lstm": {"kind": "luong", "cell": "lstm", "num_layers": 2},
    "luong-fed": {"kind": "luong", "input_feeding": True},
    "luong-fed-deep-lstm": {"kind": "luong", "input_feeding": True, "cell": "lstm", "num_layers": 2},
    "conditional": {"kind": "conditional"},
    "conditional-lstm": {"kind": "conditional", "cell": "lstm"},
    "transformer": {"kind": "transformer", "num_heads": 2, "num_layers": 2},
    "transformer-deep-relative-post": {
        "kind": "transformer",
        "num_heads": 7,
        "num_layers": 2,
        "positions": "relative",
        "norm": "post",
    },
    "memory": {"kind": "memory_network"},
    "memory-deep-layer-wise": {"kind": "memory_network", "tying": "layer_wise"},
}
FIXED: dict[str, dict[str, Any]] = {
    "fixed-start": {"kind": "fixed"},
    "fixed-every": {"kind": "fixed", "context": "every", "cell": "lstm", "num_layers": 2},
}

HARD: dict[str, dict[str, Any]] = {
    "hard": {"kind": "hard_attention"},
    "hard-monotonic-lstm": {"kind": "hard_attention", "monotonic": True, "cell": "lstm", "num_layers": 2},
    "hard-moves": {"kind": "hard_attention", "order": 1, "moves": 2},
    "hard-monotonic-moves": {"kind": "hard_attention", "order": 1, "monotonic": True, "moves": 3},
}
"""They sum over alignments, so that they take a score without a memory and nothing else."""

EDITS: dict[str, dict[str, Any]] = {
    "edits": {"kind": "edit_transducer"},
    "edits-deep-lstm": {"kind": "edit_transducer", "cell": "lstm", "num_layers": 2},
}
"""Their tokens are edits of the source, see `edits_of`; they take no attention."""

TRANSFORMER: dict[str, Any] = {"kind": "transformer", "hidden_size": 14, "num_heads": 7, "num_layers": 2}


def recipe(decoder: dict[str, Any], score: str = "additive", select: str = "softmax", **model: Any) -> Config:
    """A recipe of a small model; dropout is on, so that a test notices when evaluation does not switch it off."""
    # Dot products compare queries with keys, so the state is as wide as the encoder's output.
    values = {
        "embedding_size": 11,
        "encoder": {"hidden_size": 7, "num_layers": 2},
        "decoder": {"hidden_size": 14, **decoder},
        "attention": {"score": score, "select": select},
        "dropout": {"embedding": 0.2, "layers": 0.2, "context": 0.2, "output": 0.2},
    }
    return parse({"model": values | model}, "recipe of a test")


def small_model(config: Config, seed: int = 0) -> EncoderDecoder:
    """A model with weights of a given seed, in evaluation mode."""
    torch.manual_seed(seed)
    return build_model(config.model, Vocabulary(SOURCE_VOCABULARY), TARGET_VOCABULARY).eval()


def linear_of(model: EncoderDecoder) -> LinearOutput:
    """Its linear layer, which another output layer may hold."""
    output = model.decoder.tokens.output
    linear: LinearOutput = getattr(output, "linear", output)
    return linear


def batch_of(lengths: list[tuple[int, int]], seed: int = 0, padding: int = 0) -> Batch:
    """Random pairs of the given (source, target) lengths, with extra padding on both sides."""
    generator = torch.Generator().manual_seed(seed)
    sources = [_tokens(length, SOURCE_VOCABULARY, generator) for length, _ in lengths]
    targets = [_tokens(length, TARGET_VOCABULARY, generator) for _, length in lengths]
    source = _pad([torch.cat([tokens, torch.tensor([END])]) for tokens in sources], padding)
    inputs = _pad([torch.cat([torch.tensor([BEGIN]), tokens]) for tokens in targets], padding)
    answers = _pad([torch.cat([tokens, torch.tensor([END])]) for tokens in targets], padding)
    return Batch(source, source != PAD, inputs, answers, answers != PAD, torch.arange(len(lengths)))


def edits_of(lengths: list[tuple[int, int]], seed: int = 0, padding: int = 0) -> Batch:
    """The same where each target is a random script over its source, of as many letters or more. A third of the source
    tokens cannot be copied."""
    generator = torch.Generator().manual_seed(seed)
    batch = batch_of([(source, max(source, target)) for source, target in lengths], seed, padding)
    copied = batch.source * (batch.source % 3 > 0) + UNKNOWN * (batch.source % 3 == 0) * batch.source_mask
    targets = batch.targets.clone()
    for row, (source, target) in enumerate(lengths):
        places = torch.randperm(max(source, target), generator=generator)[:source].sort().values
        drawn = torch.rand(source, generator=generator) < 0.5
        can = (copied[row, :source] > UNKNOWN) & drawn
        targets[row, places] = torch.where(can, TARGET_VOCABULARY, TARGET_VOCABULARY + 1)
    inputs = torch.where(batch.inputs == PAD, PAD, torch.cat([batch.inputs[:, :1], targets[:, :-1]], 1))
    return replace(batch, source=torch.stack([batch.source, copied], -1), inputs=inputs, targets=targets)


def batch_for(config: Config, lengths: list[tuple[int, int]], seed: int = 0, padding: int = 0) -> Batch:
    """Random pairs for a model of this recipe."""
    return (edits_of if config.model.decoder.edits else batch_of)(lengths, seed, padding)


def combinations() -> list[Any]:
    """Every decoder with every score, selection and window, with heads, above both encoders; and those without any."""
    plain = [name for name in DECODERS if "-deep-" not in name and "-lstm" not in name]
    parts = [(name, score, "softmax") for name in plain for score in SCORES]
    parts += [(name, "additive", select) for name in plain for select in SELECTIONS if select != "softmax"]
    parts += [(name, "additive", "softmax") for name in DECODERS if name not in plain]
    attentive = [
        pytest.param(recipe(DECODERS[name], score, select), id=f"{name}-{score}-{select}")
        for name, score, select in parts
        if refusal(score, select, "global") is None
    ]
    heads = {"score": "general", "num_heads": 2}
    several = [pytest.param(recipe(DECODERS[name], attention=heads), id=f"{name}-heads") for name in plain]
    local = [
        pytest.param(recipe(DECODERS[name], attention=_window(window)), id=f"{name}-{window}")
        for name in plain
        for window in WINDOWS
        if window != "global"
    ]
    open_end = {"end": True}
    several += [pytest.param(recipe(DECODERS[name], attention=open_end), id=f"{name}-open-end") for name in plain]
    gated = {"scalar": {"gate": "scalar"}, "vector": {"score": "general", "num_heads": 2, "gate": "vector"}}
    several += [
        pytest.param(recipe(DECODERS[name], attention=attention), id=f"{name}-{gate}-gate")
        for name in plain
        for gate, attention in gated.items()
    ]
    above = [
        pytest.param(recipe(decoder, encoder=TRANSFORMER), id=f"{name}-above-transformer")
        for name, decoder in (DECODERS | FIXED).items()
        if name in plain or name in FIXED
    ]
    fixed = [pytest.param(recipe(decoder), id=name) for name, decoder in FIXED.items()]
    hard = [
        pytest.param(recipe(HARD[name], **model), id=f"{name}-{what}")
        for name in HARD
        for what, model in {"additive": {}, "open-end": {"attention": {"end": True}}}.items()
    ]
    remember = [score for score in SCORES if SCORES[score].sequential]
    hard += [
        pytest.param(recipe(HARD["hard-monotonic-moves"], score), id=f"hard-{score}")
        for score in SCORES
        if score not in remember and not getattr(SCORES[score], "timed", False)
    ]
    hard += [pytest.param(recipe(HARD["hard-moves"], encoder=TRANSFORMER), id="hard-above-transformer")]
    edits = [pytest.param(recipe(EDITS[name]), id=name) for name in EDITS]
    edits += [pytest.param(recipe(EDITS["edits"], attention={"end": True}), id="edits-open-end")]
    edits += [pytest.param(recipe(EDITS["edits"], encoder=TRANSFORMER), id="edits-above-transformer")]
    biased = {"score": "additive", "options": {"additive": {"bias": True}}}
    biases = [pytest.param(recipe(DECODERS[name], attention=biased), id=f"{name}-biases") for name in plain]
    return attentive + several + local + above + fixed + biases + hard + edits


def _window(name: str) -> dict[str, Any]:
    return {"score": "general", "window": name, "options": {name: {"radius": 2}}}


def _tokens(length: int, vocabulary: int, generator: torch.Generator) -> Tensor:
    return torch.randint(4, vocabulary, (length,), generator=generator)


def _pad(rows: list[Tensor], padding: int) -> Tensor:
    width = max(len(row) for row in rows) + padding
    return torch.stack([torch.nn.functional.pad(row, (0, width - len(row)), value=PAD) for row in rows])


class Single:
    """A step function that knows nothing of several steps: it is asked for every one."""

    def __init__(self, step: Any) -> None:
        self.step, self.best = step, step.best

    def __call__(self, *given: Any) -> Any:
        """One step."""
        return self.step(*given)
