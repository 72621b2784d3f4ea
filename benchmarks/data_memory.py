"""Does memory stay steady as a corpus grows? Encode, plan and read generated pairs, one process per size.

    python benchmarks/data_memory.py [PAIRS ...]        default: 100000 1000000 5000000

Each size is a TSV file of generated pairs, about 10 words a side, in a temporary directory. A process of its own
learns a vocabulary from the first 10,000 pairs, then encodes the file into shards, opens them, plans an epoch and reads
up to 4,000 batches of it, which lie all over the files. Memory is the peak of the resident set above what the process
held before it began to encode; the growth is between one size and the next, which leaves out what does not depend on
the size. Linux only.
"""

import json
import subprocess
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path

import numpy as np

SIZES = (100_000, 1_000_000, 5_000_000)
WORDS = 20_000
VOCAB_SIZE = 8_000
MAX_TOKENS = 4_096
READ_BATCHES = 4_000


def generate(path: Path, pairs: int) -> None:
    """Write pairs of sentences of 3 to 17 words, whose frequencies fall as 1/rank."""
    generator = np.random.default_rng(7)
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz"))
    words = ["".join(generator.choice(letters, size)) for size in generator.integers(2, 9, WORDS)]
    weights = 1 / np.arange(1, WORDS + 1)
    with open(path, "w") as stream:
        for begin in range(0, pairs, 10_000):
            count = min(10_000, pairs - begin)
            sizes = generator.integers(3, 18, 2 * count)
            drawn = iter(generator.choice(WORDS, sizes.sum(), p=weights / weights.sum()).tolist())
            texts = [" ".join([words[word] for word in islice(drawn, size)]) for size in sizes.tolist()]
            stream.writelines(f"{texts[2 * row]}\t{texts[2 * row + 1]}\n" for row in range(count))


def resident() -> dict[str, int]:
    """The peak of the resident set in bytes, and what is resident now."""
    fields = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines())
    return {name: int(fields[name].split()[0]) * 1024 for name in ("VmHWM", "VmRSS")}


def measure(path: Path, folder: Path) -> dict[str, float]:
    """Encode, plan and read one epoch of the pairs in a file, in this process."""
    from regard.data.batches import batches, plan
    from regard.data.readers import PairFiles
    from regard.data.shards import prepare
    from regard.data.tokenizer import Tokenizer

    files = PairFiles((str(path),))
    texts = (text for pair in islice(files.read(), 10_000) for text in (pair.source, pair.target))
    tokenizer = Tokenizer.train("bpe", texts, VOCAB_SIZE)
    for pair in islice(files.read(), 50_000):  # fills the table of words, whose size has a bound
        tokenizer.ids(pair.source)
    before = resident()["VmRSS"]
    started = time.perf_counter()
    corpus = prepare(files, tokenizer, tokenizer, max_length=256, cache=folder / "cache")
    encoded, encoding = time.perf_counter(), resident()
    order = plan(corpus.source_lengths, corpus.target_lengths, max_tokens=MAX_TOKENS, seed=1, epoch=0)
    planned, planning = time.perf_counter(), resident()
    pairs = sum(len(batch.order) for batch in islice(batches(corpus, order), READ_BATCHES))
    read, reading = time.perf_counter(), resident()
    return {
        "pairs": len(corpus),
        "read_pairs": pairs,
        "encode_seconds": encoded - started,
        "plan_seconds": planned - encoded,
        "read_seconds": read - planned,
        "encode_peak": encoding["VmHWM"] - before,
        "plan_peak": planning["VmHWM"] - before,
        "read_peak": reading["VmHWM"] - before,
    }


def main(sizes: list[int]) -> None:
    before: dict[str, float] | None = None
    print(
        "     pairs   encode pairs/s   plan s   read pairs/s   peak MB: encode    + plan   + read   grown, bytes/pair"
    )
    for pairs in sizes:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "pairs.tsv"
            generate(path, pairs)
            command = [sys.executable, __file__, "--measure", str(path), folder]
            result = json.loads(subprocess.check_output(command))
        growth = ""
        if before is not None:
            growth = f"{(result['read_peak'] - before['read_peak']) / (result['pairs'] - before['pairs']):.1f}"
        print(
            f"{result['pairs']:>10,}   {result['pairs'] / result['encode_seconds']:>14,.0f}   "
            f"{result['plan_seconds']:>6.2f}   {result['read_pairs'] / result['read_seconds']:>12,.0f}   "
            f"{result['encode_peak'] / 1e6:>15.1f}   {result['plan_peak'] / 1e6:>7.1f}   "
            f"{result['read_peak'] / 1e6:>6.1f}   {growth:>19}",
            flush=True,
        )
        before = result


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        print(json.dumps(measure(Path(sys.argv[2]), Path(sys.argv[3]))))
    else:
        main([int(size) for size in sys.argv[1:]] or list(SIZES))
