"""What the reference model costs in matrix products.

A product of m×k and k×n counts 2·m·k·n operations. Training does each product three times: forward, and once each for
the gradients of its two factors. Counted are real positions alone, from the lengths of real pairs; padding, tanh,
softmax, lookups, the loss and the optimiser are left out. Each hypothesis of a beam counts as if it were alone, though
those that continue the same one can share its products with the past, and a beam is rarely full; `beside_output` takes
what a search really had.
"""

from dataclasses import dataclass

import numpy as np

from regard.config import ModelConfig


@dataclass(frozen=True)
class Lengths:
    """Totals over some pairs, end marks counted.

    Args:
        pairs: how many.
        source, target: tokens of each side.
        looks: pairs of a target and a source token, which attention compares.
    """

    pairs: int
    source: int
    target: int
    looks: int

    @classmethod
    def of(cls, source: np.ndarray, target: np.ndarray) -> "Lengths":
        """The totals of pairs of these lengths, end marks not yet counted."""
        sources, targets = source.astype(np.int64) + 1, target.astype(np.int64) + 1
        return cls(len(sources), int(sources.sum()), int(targets.sum()), int((sources * targets).sum()))


@dataclass(frozen=True)
class Cost:
    """Multiply-adds of the model's parts, each per item of its kind.

    Args:
        encoder: a source token: both directions, and its key.
        encoder_table: of these, the projection of its embedding.
        bridge: a sentence.
        decoder: a target token: recurrence, query, and the attentional vector.
        decoder_table: of these, the projection of its embedding.
        decoder_past: of these, what is the same for all that continue one hypothesis: its state and what was fed.
        decoder_context: of these, the product with the context, which may be done with the values of each source token
            instead: the mix is linear.
        compared: features of a key; a look takes the hyperbolic tangent of each.
        look: a target token and a source token: energy and mix.
        output: a target token over the whole vocabulary.
    """

    encoder: int
    encoder_table: int
    bridge: int
    decoder: int
    decoder_table: int
    decoder_past: int
    decoder_context: int
    compared: int
    look: int
    output: int

    @classmethod
    def of(cls, model: ModelConfig, vocabulary: int) -> "Cost":
        """The cost of an additive `luong` decoder with input feeding over a bidirectional encoder, both GRUs."""
        embedding, feature = model.embedding_size, model.readout
        read, memory = model.encoder.hidden_size, 2 * model.encoder.hidden_size
        hidden = compared = model.decoder.hidden_size
        return cls(
            encoder=2 * 3 * read * (embedding + read) + memory * compared,
            encoder_table=2 * 3 * read * embedding,
            bridge=memory * hidden,
            decoder=3 * hidden * (embedding + feature + hidden) + hidden * compared + (memory + hidden) * feature,
            decoder_table=3 * hidden * embedding,
            decoder_past=3 * hidden * (feature + hidden),
            decoder_context=memory * feature,
            compared=compared,
            look=compared + memory,
            output=feature * vocabulary,
        )

    def training(self, lengths: Lengths) -> float:
        """Operations per target token of a training step."""
        return 3 * 2 * self._forward(lengths) / lengths.target

    def decoding(self, lengths: Lengths, beam: int) -> float:
        """Operations per token that is put out, of a search with so many hypotheses.

        Embeddings are taken as projected beforehand, once for the whole vocabulary: with fixed weights that is a table.
        What is looked at is multiplied before it is mixed, or behind, whichever costs less.
        """
        return 2 * (self._searched(lengths, beam, beam) + beam * lengths.target * self.output) / lengths.target

    def beside_output(self, lengths: Lengths, hypotheses: float, pasts: float) -> float:
        """The same without the output layer, of a search that had so many hypotheses for a token that it put out, with
        so many different ones before them."""
        return 2 * self._searched(lengths, hypotheses, pasts) / lengths.target

    def tangents(self, lengths: Lengths, hypotheses: float) -> float:
        """Hyperbolic tangents that attention takes for a token that is put out."""
        return hypotheses * lengths.looks * self.compared / lengths.target

    def bytes_per_step(self) -> int:
        """Weights that one decoding step must read, float32; no cache is assumed to hold them until the next."""
        return 4 * (self.decoder - self.decoder_table - self.decoder_context + self.output)

    def _searched(self, lengths: Lengths, hypotheses: float, pasts: float) -> float:
        source = lengths.source * (self.encoder - self.encoder_table) + lengths.pairs * self.bridge
        apart = self.decoder_table + self.decoder_past + self.decoder_context
        own = lengths.target * (self.decoder - apart) + lengths.looks * self.look
        contexts = min(lengths.source, hypotheses * lengths.target) * self.decoder_context
        return source + contexts + hypotheses * own + pasts * lengths.target * self.decoder_past

    def _forward(self, lengths: Lengths) -> int:
        source = lengths.source * self.encoder + lengths.pairs * self.bridge
        return source + lengths.target * (self.decoder + self.output) + lengths.looks * self.look
