"""The measured process of TensorFlow: R in Keras layers, with a training step and a greedy search as graphs.

    python -m peers.keras_loop FOLDER MODE THREADS        MODE: train or greedy

No TensorFlow project that is alive has such a model, so this is what its tutorials teach, written with some care:
`tf.function` over every shape at once, batches of like length, and the output layer on real tokens alone.
"""

# mypy: disable-error-code="import-untyped, untyped-decorator"

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import tensorflow as tf
from timing.link import Gate, Link, timed

PAD, BEGIN, END = 0, 1, 2
BATCH, LONGEST_OUTPUT = 64, 100
ANY = tf.TensorSpec([None, None], tf.int32)
Rows = list[list[int]]


class Model(tf.Module):
    """R: bidirectional GRU; GRU decoder with input feeding and additive attention; h̃ = tanh(W [c; s])."""

    def __init__(self, vocabulary: int) -> None:
        super().__init__()
        layers = tf.keras.layers
        self.source_embedding, self.target_embedding = (
            layers.Embedding(vocabulary, 256),
            layers.Embedding(vocabulary, 256),
        )
        self.encoder = layers.Bidirectional(layers.GRU(256, return_sequences=True, return_state=True))
        self.bridge = layers.Dense(512, activation="tanh")
        self.cell = layers.GRUCell(512)
        self.query, self.key, self.energy = (layers.Dense(size, use_bias=False) for size in (512, 512, 1))
        self.combine = layers.Dense(512, activation="tanh", use_bias=False)
        self.output = layers.Dense(vocabulary)
        some = tf.constant([[4, END]])
        memory, state = self.encode(some)
        self.output(self.step(tf.constant([BEGIN]), state, tf.zeros([1, 512]), memory)[1])
        parts = [self.source_embedding, self.target_embedding, self.encoder, self.bridge, self.cell]
        parts += [self.query, self.key, self.energy, self.combine, self.output]
        self.weights = [weight for part in parts for weight in part.trainable_variables]
        self.optimizer = tf.keras.optimizers.Adam(0.001, global_clipnorm=5.0)
        self.optimizer.build(self.weights)

    def encode(self, source: tf.Tensor) -> tuple[tuple[tf.Tensor, ...], tf.Tensor]:
        """(values, keys, what is added to the scores), and the first state."""
        mask = source != PAD
        values, forwards, backwards = self.encoder(self.source_embedding(source), mask=mask)
        hidden = 1e9 * (tf.cast(mask, tf.float32) - 1.0)
        return (values, self.key(values), hidden), self.bridge(tf.concat([forwards, backwards], 1))

    def step(
        self, tokens: tf.Tensor, state: tf.Tensor, fed: tf.Tensor, memory: tuple[tf.Tensor, ...]
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """The next state and attentional vector."""
        values, keys, hidden = memory
        state, _ = self.cell(tf.concat([self.target_embedding(tokens), fed], 1), [state])
        scores = tf.squeeze(self.energy(tf.tanh(keys + self.query(state)[:, None])), 2) + hidden
        context = tf.einsum("bs,bsd->bd", tf.nn.softmax(scores), values)
        return state, self.combine(tf.concat([context, state], 1))

    @tf.function(input_signature=[ANY, ANY, ANY])
    def train(self, source: tf.Tensor, inputs: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
        """One update; the mean loss of a token."""
        with tf.GradientTape() as tape:
            memory, state = self.encode(source)
            features = tf.TensorArray(tf.float32, tf.shape(inputs)[1])
            fed = tf.zeros([tf.shape(inputs)[0], 512])
            for place in tf.range(tf.shape(inputs)[1]):
                state, fed = self.step(inputs[:, place], state, fed, memory)
                features = features.write(place, fed)
            real = tf.where(tf.transpose(targets) != PAD)
            logits = self.output(tf.gather_nd(features.stack(), real))
            wanted = tf.gather_nd(tf.transpose(targets), real)
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(wanted, logits))
        self.optimizer.apply(tape.gradient(loss, self.weights), self.weights)
        return loss

    @tf.function(input_signature=[ANY])
    def greedy(self, source: tf.Tensor) -> tf.Tensor:
        """Tokens of each row, with END and after it PAD."""
        memory, state = self.encode(source)
        rows = tf.shape(source)[0]
        tokens, fed, over = tf.fill([rows], BEGIN), tf.zeros([rows, 512]), tf.zeros([rows], tf.bool)
        found = tf.TensorArray(tf.int32, 0, dynamic_size=True)
        for place in tf.range(LONGEST_OUTPUT):
            state, fed = self.step(tokens, state, fed, memory)
            tokens = tf.where(over, PAD, tf.argmax(self.output(fed), 1, tf.int32))
            found = found.write(place, tokens)
            over = tf.logical_or(over, tokens == END)
            if tf.reduce_all(over):
                break
        return tf.transpose(found.stack())


def read(path: Path) -> Rows:
    """Token numbers of each line."""
    return [list(map(int, line.split())) for line in path.read_text().splitlines()]


def padded(rows: Rows) -> np.ndarray:
    """One array, padded to the longest."""
    width = max(map(len, rows))
    return np.array([row + [PAD] * (width - len(row)) for row in rows], np.int32)


def batches(sources: Rows, targets: Rows) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Batches of like length without end, in a new order each time."""
    generator = np.random.default_rng(1)
    while True:
        order = sorted(generator.permutation(len(sources)), key=lambda row: (len(targets[row]), len(sources[row])))
        groups = [order[start : start + BATCH] for start in range(0, len(order), BATCH)]
        for number in generator.permutation(len(groups)):
            source, target = ([side[row] for row in groups[number]] for side in (sources, targets))
            yield (
                padded([[*row, END] for row in source]),
                padded([[BEGIN, *row] for row in target]),
                padded([[*row, END] for row in target]),
            )


def run_training(link: Link, folder: Path, model: Model) -> None:
    """Train until there are no more orders."""

    def save() -> None:
        np.savez(folder / "tensorflow" / "weights.npz", *(weight.numpy() for weight in model.weights))

    gate = Gate(link, lambda batch: int((batch[2] != PAD).sum()), save)
    for batch in gate.through(batches(read(folder / "train.src"), read(folder / "train.tgt"))):
        float(model.train(*map(tf.constant, batch)))


def run_translation(link: Link, folder: Path, model: Model) -> None:
    """Translate some sentences, in batches or one by one, until there are no more orders."""
    with np.load(folder / "tensorflow" / "weights.npz") as stored:
        for weight, name in zip(model.weights, stored.files, strict=True):
            weight.assign(stored[name])
    sentences = [[*row, END] for row in read(folder / "test.src")]

    def work(chosen: Rows, batch: int) -> int:
        if batch > 1:
            chosen = sorted(chosen, key=len)
        groups = [chosen[start : start + batch] for start in range(0, len(chosen), batch)]
        return sum(int((model.greedy(tf.constant(padded(group))).numpy() != PAD).sum()) for group in groups)

    def translate(first: int, count: int, batch: int) -> dict[str, Any]:
        return timed(lambda: work(sentences[first : first + count], batch))

    link.serve(translate=translate)


def main(folder: Path, mode: str, threads: int) -> None:
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    link = Link()
    (folder / "tensorflow").mkdir(exist_ok=True)
    tf.keras.utils.set_random_seed(1)
    model = Model(int((folder / "vocabulary.txt").read_text()))
    if mode == "train":
        run_training(link, folder, model)
    else:
        run_translation(link, folder, model)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
