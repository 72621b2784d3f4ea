"""Vectors of words that another program learned, for the embeddings of a new model: `model.embeddings`.

text          one line a word: the word, then its numbers, with spaces between. word2vec and fastText write the number
              of words and of features into a first line, GloVe does not; .gz is read, too
safetensors   one matrix with a row for each word; `words` of its metadata is their list in JSON
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from torch import nn

from regard.config import EmbeddingsConfig
from regard.data.lines import BadLine, opened, texts
from regard.data.sources import Source
from regard.data.tokenizer import Tokenizer
from regard.errors import DataError, UsageError
from regard.marks import UNKNOWN
from regard.model.encoder_decoder import EncoderDecoder

Vectors = Iterator[tuple[str, np.ndarray]]


def begin_with_vectors(
    given: EmbeddingsConfig, model: EncoderDecoder, source: Source, target: Tokenizer, tell: Callable[[str], None]
) -> None:
    """Give the tokens of a new model the vectors of files, and say how many have one.

    A token is looked up as it is written, without white space around it, then in lower case. The others keep their
    first weights.

    Raises UsageError for a side without an embedding of tokens, and for vectors of another size; DataError for a file
    that is none.
    """
    sides = {"source": (given.source, getattr(model.encoder, "embedding", None), source.tokenizer)}
    sides["target"] = (given.target, model.tokens.embedding, target)
    for side, (path, embedding, tokenizer) in sides.items():
        if path is None:
            continue
        if tokenizer is None or not isinstance(embedding, nn.Embedding):
            raise UsageError(f"model.embeddings.{side}: the {side} has no embedding of tokens. Leave this key out.")
        found = _fill(f"model.embeddings.{side}", path, embedding, tokenizer)
        tell(f"{path}: vectors for {found:,} of {tokenizer.size:,} tokens of the {side} ({found / tokenizer.size:.0%})")


def _fill(key: str, path: str, embedding: nn.Embedding, tokenizer: Tokenizer) -> int:
    """Copy the vectors of a file; for how many tokens there is one. Raises UsageError where there is none."""
    wanted = _wanted(tokenizer)
    known: dict[str, np.ndarray] = {}
    for word, vector in _vectors(path, embedding.embedding_dim, key):
        if word in wanted and word not in known:  # of a word that is there twice, the first is the most frequent
            known[word] = vector
    found = 0
    with torch.no_grad():
        for number, name in _written(tokenizer):
            like = name if name in known else name.lower()
            if like in known:
                embedding.weight[number] = torch.from_numpy(known[like])
                found += 1
    if not found:
        raise UsageError(
            f"{key}: {path} has none of the tokens. Use vectors of the same language, and words as tokens."
        )
    return found


def _written(tokenizer: Tokenizer) -> Iterator[tuple[int, str]]:
    """The number of each token that is no mark, and what it is without white space around it."""
    for number in range(UNKNOWN + 1, tokenizer.size):
        if name := tokenizer.tokens([number])[0].strip():
            yield number, name


def _wanted(tokenizer: Tokenizer) -> set[str]:
    return {each for _, name in _written(tokenizer) for each in (name, name.lower())}


def _vectors(path: str, size: int, key: str) -> Vectors:
    return (_of_tensors if path.endswith(".safetensors") else _of_text)(path, size, key)


def _of_text(path: str, size: int, key: str) -> Vectors:
    """Word by word. Raises UsageError for another size, DataError for a line that is no word with its numbers."""
    with opened(path) as stream:
        first = True
        for number, line in enumerate(texts(stream, path), 1):
            if isinstance(line, BadLine):
                raise DataError(f"{line}. Give vectors as text.")
            if first:  # the first word has no space in it; later ones may
                _, *rest = line.split()
                if number == 1 and len(rest) == 1 and line.replace(" ", "").isdigit():
                    continue
                _check_size(key, path, len(rest), size)
                first = False
            word, *numbers = line.rstrip().rsplit(" ", size)
            try:
                vector = np.array(numbers, np.float32)
            except ValueError:
                vector = np.empty(0, np.float32)
            if vector.shape != (size,) or not np.isfinite(vector).all():
                raise DataError(f"{path}, line {number}: expected a word and {size} finite numbers. Correct the file.")
            yield word, vector


def _of_tensors(path: str, size: int, key: str) -> Vectors:
    """Row by row of the one matrix. Raises DataError for a file of another make."""
    expected = "expected one matrix, and the list of its words in JSON as `words` of the metadata"
    try:
        with safe_open(Path(path), framework="numpy") as file:
            names, words = list(file.keys()), json.loads((file.metadata() or {})["words"])
            matrix = file.get_tensor(names[0]) if len(names) == 1 else np.empty(0)
    except FileNotFoundError as error:
        raise DataError(f"{path}: there is no such file. Give the path of one.") from error
    except (OSError, SafetensorError, KeyError, ValueError, RecursionError) as error:
        raise DataError(f"{path}: {expected}. Write it so.") from error
    if matrix.ndim != 2 or not isinstance(words, list) or len(words) != len(matrix):
        raise DataError(f"{path}: {expected}; as many words as rows. Write it so.")
    _check_size(key, path, matrix.size // max(1, len(matrix)), size)
    if not np.isfinite(matrix).all():
        raise DataError(f"{path}: a vector is not finite. Correct the file.")
    yield from zip(map(str, words), matrix.astype(np.float32), strict=True)


def _check_size(key: str, path: str, found: int, size: int) -> None:
    if found != size:
        raise UsageError(
            f"{key}: {path} has vectors of {found} numbers and model.embedding_size is {size}; expected the same. "
            f"Set model.embedding_size to {found}."
        )
