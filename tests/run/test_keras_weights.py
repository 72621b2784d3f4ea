"""The tutorial's model in Keras and here: the same logits, weights and greedy outputs, copied either way."""

import importlib.util
import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from models import recipe, small_model

from regard.data.text import Vocabulary
from regard.errors import UsageError
from regard.run.directory import load
from regard.run.keras_weights import KerasLayers, KerasWords, from_keras, to_keras
from regard.search.length_limit import LengthLimit
from regard.search.options import SearchOptions

WORDS = ["", "[UNK]", "[START]", "[END]", *"abcdefghijk"]
EMBEDDING, HIDDEN, SCORE = 5, 7, 3
SOURCE = KerasWords(WORDS, begin=None)  # the tutorial's sources begin with a start mark, a word of the text here
TARGET = KerasWords(WORDS)


@pytest.fixture(scope="module")
def keras():
    if importlib.util.find_spec("keras") is None:
        pytest.skip("keras is not installed")
    os.environ["KERAS_BACKEND"] = "torch"
    found = pytest.importorskip("keras")
    if found.backend.backend() != "torch":
        pytest.skip("keras was imported with another backend")
    return found


class Tutorial:
    """The model as the tutorials write it down, step by step."""

    def __init__(self, keras, context_first: bool = False) -> None:
        layer = keras.layers
        self.ops, self.context_first = keras.ops, context_first
        self.source_embedding, self.target_embedding = (layer.Embedding(len(WORDS), EMBEDDING) for _ in range(2))
        self.encoder = [layer.GRU(HIDDEN, return_sequences=True, return_state=True) for _ in range(2)]
        self.query, self.key, self.energy = layer.Dense(SCORE), layer.Dense(SCORE), layer.Dense(1)
        self.decoder = layer.GRU(HIDDEN, return_sequences=True, return_state=True)
        self.output = layer.Dense(len(WORDS))
        generator = np.random.default_rng(1)
        self.forced([4, 5], [2, 4])  # builds the layers
        for part in self.parts():
            part.set_weights([generator.normal(0, 0.7, array.shape) for array in part.get_weights()])

    def parts(self):
        return [self.source_embedding, *self.encoder, self.target_embedding, self.query, self.key, self.energy,
                self.decoder, self.output]  # fmt: skip

    def layers(self) -> KerasLayers:
        names = ("source_embedding", "encoder", "target_embedding", "query", "key", "energy", "decoder", "output")
        return KerasLayers(*(getattr(self, name) for name in names), context_first=self.context_first)

    def read(self, source):
        states, last = self.source_embedding(np.array([source])), None
        for gru in self.encoder:
            states, last = gru(states)
        return states, last

    def step(self, token, state, states):
        scores = self.energy(self.ops.tanh(self.query(state)[:, None] + self.key(states)))
        weights = self.ops.softmax(scores, axis=1)
        context = self.ops.sum(weights * states, axis=1, keepdims=True)
        pair = [self.target_embedding(np.array([[token]])), context]
        inputs = self.ops.concatenate(pair[::-1] if self.context_first else pair, axis=-1)
        output, state = self.decoder(inputs, initial_state=state)
        return self.output(output)[0, 0], weights[0, :, 0], state

    def forced(self, source, inputs):
        states, state = self.read(source)
        found = []
        for token in inputs:
            logits, weights, state = self.step(token, state, states)
            found.append((logits, weights))
        return [torch.stack([torch.as_tensor(part).detach() for part in parts]) for parts in zip(*found, strict=True)]

    def greedy(self, source, most):
        states, state = self.read(source)
        token, tokens = 2, []
        while len(tokens) < most and (not tokens or token != 3):
            logits, _, state = self.step(token, state, states)
            logits = torch.as_tensor(logits).detach().clone()
            logits[[0, 2]] = -torch.inf  # padding and the start mark are never put out here
            token = int(logits.argmax())
            tokens.append(token)
        return tokens


@pytest.mark.parametrize("context_first", [False, True])
def test_from_keras_gives_the_same_logits_weights_and_outputs(keras, tmp_path, context_first: bool) -> None:
    tutorial = Tutorial(keras, context_first)
    run = from_keras(tutorial.layers(), SOURCE, TARGET, tmp_path / "run")
    text, wanted = "[START] a c b", "d a k"
    numbers = [WORDS.index(word) for word in (*text.split(), "[END]")]
    translator = load(run.path, SearchOptions(beam_size=1, limit=LengthLimit(2.0, 5)))
    logits, weights = tutorial.forced(numbers, [WORDS.index(word) for word in ("[START]", *wanted.split())])
    found = translator.score([text], [wanted])[0]
    rows = np.vstack([np.column_stack([found.weights, found.source_end]), found.target_end])
    np.testing.assert_allclose(rows, weights.numpy(), atol=1e-5)
    answers = [WORDS.index(word) for word in (*wanted.split(), "[END]")]
    log_prob = logits.log_softmax(-1)[torch.arange(4), answers].sum()
    assert found.score == pytest.approx(float(log_prob), abs=1e-4)
    for sentence in (text, "[START] k", "[START] e f g h i"):
        source = [WORDS.index(word) for word in (*sentence.split(), "[END]")]
        greedy = [WORDS[token] for token in tutorial.greedy(source, 2 * len(source) + 5) if token != 3]
        spelled = " ".join("<unk>" if word == "[UNK]" else word for word in greedy)
        assert translator.translate([sentence])[0][0].target_text == spelled


def test_the_code_of_its_page_runs(keras, tmp_path, monkeypatch) -> None:
    page = (Path(__file__).parents[2] / "docs" / "from-keras.md").read_text(encoding="utf-8")
    made = Tutorial(keras)
    encoder = SimpleNamespace(embedding=made.source_embedding, first=made.encoder[0], second=made.encoder[1])
    parts = {name: getattr(made, name) for name in ("query", "key", "energy", "output")}
    decoder = SimpleNamespace(embedding=made.target_embedding, gru=made.decoder, **parts)
    monkeypatch.chdir(tmp_path)
    names = {"encoder": encoder, "decoder": decoder, "source_words": WORDS, "target_words": WORDS}
    exec(page.split("```python\n")[1].split("```")[0], names)
    found = names["alignment"]
    written = [WORDS.index(word) for word in found.target_text.replace("<unk>", "[UNK]").split()]
    logits, _ = made.forced([2, 4, 6, 5, 3], [2, *written])  # [START] a c b [END]
    log_prob = logits.log_softmax(-1)[torch.arange(len(logits)), [*written, 3]].sum()
    assert found.score == pytest.approx(float(log_prob), abs=1e-4)


def test_to_keras_gives_the_same_logits_and_weights(keras) -> None:
    options = {"additive": {"hidden_size": SCORE, "bias": True}}
    config = recipe(
        {"kind": "bahdanau", "readout": "state", "start": "summary", "hidden_size": HIDDEN},
        embedding_size=EMBEDDING,
        encoder={"hidden_size": HIDDEN, "num_layers": 2, "bidirectional": False},
        attention={"score": "additive", "end": True, "options": options},
    )
    from regard.model.build import build_model

    torch.manual_seed(3)
    model = build_model(config.model, Vocabulary(len(WORDS)), len(WORDS)).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.7)
    tutorial = Tutorial(keras)
    copied = to_keras(model)
    arrays = [copied.source_embedding, *copied.encoder, copied.target_embedding, copied.query, copied.key,
              copied.energy, copied.decoder, copied.output]  # fmt: skip
    for part, weights in zip(tutorial.parts(), arrays, strict=True):
        part.set_weights(weights)
    source, inputs = torch.tensor([[5, 9, 4, 2]]), [1, 6, 7]
    prepared, state = model.begin(model.encode(source, torch.ones_like(source, dtype=torch.bool)))
    logits, shown = tutorial.forced(source[0].tolist(), inputs)
    for place, token in enumerate(inputs):
        step = model.step(torch.tensor([token]), state, prepared)
        state = step.state
        torch.testing.assert_close(step.logits[0], logits[place], atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(step.weights[0], shown[place], atol=1e-5, rtol=1e-5)


def test_what_does_not_fit_is_said(tmp_path) -> None:
    model = small_model(recipe({"kind": "bahdanau", "readout": "state", "start": "summary"},
                               encoder={"hidden_size": 14, "bidirectional": False},
                               attention={"score": "additive", "options": {"additive": {"bias": True}}}))  # fmt: skip
    layers = to_keras(model)
    with pytest.raises(UsageError, match="the mark '\\[END\\]' is not among the words"):
        from_keras(layers, KerasWords(["a"], None, None), TARGET, tmp_path / "run")
    with pytest.raises(UsageError, match="there are 40 words for 29 rows"):
        from_keras(layers, KerasWords([f"w{i}" for i in range(40)], *4 * [None]), TARGET, tmp_path / "run")
    words, broken = KerasWords([f"w{i}" for i in range(29)], *4 * [None]), {"query": [np.zeros((3, 3))]}
    with pytest.raises(UsageError, match="query has 1 arrays of weights; expected 2"):
        from_keras(KerasLayers(**vars(layers) | broken), words, words, tmp_path / "run")
