"""Data: files of pairs → Example → Corpus → Batch. In reading order:

    example, marks         what a pair is; the token numbers that mean the same everywhere
    lines, rows, readers   files of any of the formats → Examples, every fault named by file and line
    media_files            sources that are files: which, which part, whether they changed; manifests, kaldi, captions
                           and folders are what names them
    report                 the count of what was left out
    tokenizer              text → token numbers with their places in the text, and back
    segmenter, pieces      what a kind of tokeniser does, and the floor of bytes under three of them;
                           the kinds: bpe, characters, symbols, inflection
    shards, corpus         encode once, then map; corpus_writer holds the form of the files
    batches, batch         the plan of an epoch, and the tensors
    embedded/              the corpus that comes with Regard

Only batch and batches import torch. The names below are imported when first used; `batches.batches`, whose name is
that of its file, is imported from there.
"""

from importlib import import_module
from typing import Any

_PLACES = {
    "Example": "example",
    "PairFiles": "readers",
    "Report": "report",
    "BadLine": "lines",
    "opened": "lines",
    "read_lines": "lines",
    "TOKENIZERS": "tokenizer",
    "Tokenizer": "tokenizer",
    "Encoded": "tokenizer",
    "Corpus": "corpus",
    "encode": "shards",
    "prepare": "shards",
    "BatchPlan": "batches",
    "plan": "batches",
    "collate": "batches",
    "Batch": "batch",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
