"""Encodes a corpus once, in one pass and in constant memory.

encode    a stream of Examples → a Corpus, in memory or in a directory
prepare   files of pairs → their Corpus in a cache; it is encoded if the cache does not have it
"""

import gc
import hashlib
import io
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from regard.data.corpus import INDEX, TOKENS, VERSION, Corpus, held
from regard.data.corpus_writer import CorpusWriter, Create
from regard.data.example import Example
from regard.data.readers import PairFiles
from regard.data.report import Report
from regard.data.sources import Source
from regard.data.tokenizer import Tokenizer
from regard.errors import DataError, RegardError
from regard.files import unfinished

CHUNK_PAIRS, CHUNK_MEDIA = 4_096, 16
"""Pairs in memory at a time: of texts, and of sources that are features. The frames of one recording take megabytes."""


def encode(
    examples: Iterable[Example],
    source: Source,
    target_tokenizer: Tokenizer,
    *,
    max_length: int,
    max_source_length: int | tuple[int, ...] | None = None,
    ctc_stride: int | None = None,
    skip: bool = False,
    directory: Path | None = None,
    report: Report | None = None,
) -> Corpus:
    """Encode pairs as numbers, in one pass.

    Args:
        examples: the pairs, each with its target; may be a stream.
        source: encodes the sources.
        target_tokenizer: encodes the targets; with a joint vocabulary, the tokeniser of the source.
        max_length: a pair with more tokens than this on a side, without marks, is left out and counted.
        max_source_length: the limit of a source in positions, or those of its parts, if it is not `max_length`.
        ctc_stride: input positions per position of the memory, where CTC needs to align the targets; a pair that it
            cannot align cannot be used. None without CTC.
        skip: leave out and count pairs that cannot be used.
        directory: where to write; it exists only once it is complete. None keeps the corpus in memory.
        report: the counts of the reader that gives the examples; stored with the corpus.

    Raises DataError if no pair is left, or for a pair that cannot be used, RegardError if the directory cannot be
    written.
    """
    report = report if report is not None else Report()
    limits = max_length if max_source_length is None else max_source_length, max_length

    def write(create: Create) -> dict[str, Any]:
        return _write(examples, CorpusWriter(source, target_tokenizer, limits, skip, create, ctc_stride), report)

    return _in_memory(write, source) if directory is None else _in_directory(write, directory, source)


def prepare(
    files: PairFiles,
    source: Source,
    target_tokenizer: Tokenizer,
    *,
    max_length: int,
    max_source_length: int | tuple[int, ...] | None = None,
    ctc_stride: int | None = None,
    cache: Path,
) -> Corpus:
    """The corpus of these files, from the cache if it is there; otherwise it is encoded into the cache.

    The cache has it if the files have the same names, sizes and times of change, and are read and encoded in the same
    way. Pipes must be `spooled` before.
    """
    files.check()
    directory = cache / place(files, source, target_tokenizer, max_length, max_source_length, ctc_stride)
    if directory.exists():
        with suppress(DataError):
            return Corpus.open(directory, source)
        shutil.rmtree(directory, ignore_errors=True)
    report = Report()
    return encode(
        files.checked(report),
        source,
        target_tokenizer,
        max_length=max_length,
        max_source_length=max_source_length,
        ctc_stride=ctc_stride,
        skip=files.on_bad_input == "skip",
        directory=directory,
        report=report,
    )


def place(
    files: PairFiles,
    source: Source,
    target_tokenizer: Tokenizer,
    max_length: int,
    max_source_length: int | tuple[int, ...] | None = None,
    ctc_stride: int | None = None,
) -> str:
    """The name of the corpus of these files in a cache."""
    kinds, limits = [source.kind, source.digest, target_tokenizer.digest], [max_length, max_source_length]
    asked = [VERSION, files.fingerprint(), kinds, limits, *([] if ctc_stride is None else [ctc_stride])]
    return hashlib.sha256(json.dumps(asked).encode()).hexdigest()[:24]


Write = Callable[[Create], dict[str, Any]]


def _write(examples: Iterable[Example], writer: CorpusWriter, report: Report) -> dict[str, Any]:
    stream, most = iter(examples), CHUNK_PAIRS if writer.is_text else CHUNK_MEDIA
    with _without_collector():
        while chunk := list(islice(stream, most)):
            writer.add(chunk)
    report.pairs, report.too_long = writer.pairs + writer.too_long, writer.too_long
    report.bad, report.first_bad = report.bad + writer.bad, report.first_bad or writer.first_bad
    if not writer.pairs:
        most = max(writer.limits[1], *writer.longest)
        raise DataError(f"No pair is left to learn from ({report}); max_length is {most} tokens. Raise it.")
    return writer.index(report)


@contextmanager
def _without_collector() -> Iterator[None]:
    """Inside the `with`, no garbage collection: thousands of small lists have no cycles, and it would take a fifth of
    the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _in_memory(write: Write, kind: Source) -> Corpus:
    streams: dict[str, io.BytesIO] = {}
    index = write(lambda name: streams.setdefault(name, io.BytesIO()))
    arrays = {name: np.frombuffer(streams[name].getbuffer(), dtype) for name, (dtype, *_) in index["arrays"].items()}
    source, target = (arrays[name] for name in TOKENS)
    return Corpus.assembled(index, arrays, held(source.reshape(-1, *kind.shape)), held(target), kind.collate)


def _in_directory(write: Write, directory: Path, kind: Source) -> Corpus:
    try:
        with unfinished(directory) as temporary:
            with ExitStack() as stack:
                index = write(lambda name: stack.enter_context(open(temporary / name, "wb")))
            (temporary / INDEX).write_text(json.dumps(index, indent=1))
            for path in temporary.iterdir():
                _sync(path)
            try:
                temporary.rename(directory)
            except OSError:
                # Another process may have written the same corpus meanwhile; then that one is used.
                if not directory.exists():
                    raise
    except OSError as error:
        raise RegardError(f"{directory} cannot be written: {error.strerror}. Free the disk or name another.") from error
    return Corpus.open(directory, kind)


def _sync(path: Path) -> None:
    with open(path, "rb+") as stream:
        os.fsync(stream.fileno())
