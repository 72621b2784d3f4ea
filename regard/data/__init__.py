"""Data: files of pairs → Example → Corpus → Batch. In reading order:

    example, marks         one pair; the token numbers of the marks (padding, begin, end, unknown)
    lines, rows, readers   files of any of the formats → Examples; every error names file and line
    media_files            sources that are files: which part of which file, and whether it has changed; the formats
                           that name such files: manifests, kaldi, captions, folders
    report                 counts of the lines that were used and left out
    sources, text, media   the interface of every kind of source; text; what a view draws of the others
    tokenizer              text → token numbers with their places in the text, and back
    segmenter, pieces      the interface of every kind of tokeniser, and the bytes that three kinds fall back to;
                           the kinds: bpe, spaced (bpe), characters, symbols, inflection, labels
    shards, corpus         encode a corpus once, then read it from files; corpus_writer writes the files
    batches, batch         the plan of an epoch, and the tensors
    embedded/              the corpora that come with Regard
    speech/                recordings → rows of features

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
