"""What do the functions of compiled code make of wrong, odd and valid inputs?

    python -m tests.kernels.fuzz --calls 3000 --seed 1            as this machine runs it
    python -m tests.kernels.fuzz --calls 3000 --seed 1 --asan     with GCC's address sanitiser, which sees every byte
    python -m tests.kernels.fuzz --seed 1 --only 1234             one call again, with what was given and what came

Each call draws valid inputs of an entry of `operations.py`, changes at most two of them (shape, stride, type, device,
size zero, None, numbers out of range), and runs in a process that may crash. What comes is compared with the definition
on the same inputs, in double precision. Prints a table.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import torch
from torch import Tensor

from regard.kernels import library
from tests.kernels.operations import OPERATIONS, Inputs, doubled, farthest, strided

ROOT = Path(__file__).parents[2]
LIBRARY = "REGARD_FUZZ_LIBRARY"
HEAD = ("calls", "refused with a sentence", "right result", "wrong result", "other error", "crash")
REFUSED, RIGHT, WRONG, OTHER, CRASH = HEAD[1:]
BOUND = 2e-4
"""Of a difference relative to the largest number of a result: a tenth of what a wrong stride makes."""


def changed(tensor: Tensor, random: Random) -> Any:
    """Something else in its place."""
    axis = random.randrange(tensor.dim()) if tensor.dim() else 0
    kinds = {
        "strided": lambda: strided(tensor, random),
        "one row for all": lambda: tensor[:1].expand(tensor.shape),
        "transposed": lambda: tensor.transpose(0, -1),
        "one axis more": lambda: tensor.unsqueeze(axis),
        "one axis less": lambda: tensor.select(axis, 0) if tensor.size(axis) else tensor[None],
        "one more": lambda: torch.cat([tensor, tensor.narrow(axis, 0, 1)], axis) if tensor.size(axis) else tensor[None],
        "one fewer": lambda: tensor.narrow(axis, 0, max(0, tensor.size(axis) - 1)),
        "none": lambda: tensor.narrow(axis, 0, 0),
        "double": tensor.double,
        "half": tensor.half,
        "whole": tensor.long,
        "int": tensor.int,
        "bool": tensor.bool,
        "meta": lambda: tensor.to("meta"),
        "None": lambda: None,
        "array": tensor.numpy,
        "number": lambda: 3,
        "gradient": lambda: tensor.clone().requires_grad_() if tensor.is_floating_point() else tensor,
        "large": lambda: tensor * 1000 if tensor.is_floating_point() else tensor + 1000,
        "negative": lambda: -1 - tensor if tensor.dtype != torch.bool else ~tensor,
    }
    return kinds[random.choice(list(kinds))]()


def change(given: Inputs, random: Random) -> Inputs:
    """At most two of the inputs changed; half of the calls get none that is not allowed, however it lies."""
    given = dict(given)
    for name in random.sample(list(given), min(len(given), random.choice((0, 1, 1, 1, 2)))):
        each = given[name]
        if isinstance(each, Tensor):
            given[name] = strided(each, random) if random.random() < 0.4 else changed(each, random)
        elif isinstance(each, int):
            given[name] = random.choice((0, -1, 1, 3, 10**9, 1.5, None, "3"))
        elif isinstance(each, np.ndarray):
            given[name] = random.choice(
                (each[::-1], each.astype(np.int32), each - 5, each + 1000, each[:0], each[None], None)
            )
    return given


def copied(given: Inputs) -> Inputs:
    """The same, so that what a call writes into its inputs is not what it is compared with."""
    return {
        name: each.detach().clone(memory_format=torch.preserve_format) if isinstance(each, Tensor) else each
        for name, each in given.items()
    }


def drawn(seed: int, number: int) -> tuple[str, Inputs]:
    """The call of this number: its function and what it is given."""
    random = Random(f"{seed}-{number}")
    name = list(OPERATIONS)[number % len(OPERATIONS)]
    return name, change(OPERATIONS[name].draw(random), random)


def outcome(name: str, given: Inputs) -> tuple[str, str]:
    """What became of a call, and a word on it."""
    operation, kept = OPERATIONS[name], copied(given)
    try:
        found = operation.call(**given)
    except (ValueError, TypeError) as error:
        return (REFUSED if str(error).endswith(".") else OTHER), f"{type(error).__name__}: {error}"
    except Exception as error:
        return OTHER, f"{type(error).__name__}: {error}"
    try:
        expected = operation.define(**doubled(kept))
    except Exception as error:
        return WRONG, f"accepted what the definition refuses: {type(error).__name__}: {error}"
    half = any(isinstance(each, Tensor) and each.dtype == torch.float16 for each in given.values())
    gap = farthest(found, expected)
    return (RIGHT if gap <= (1e-2 if half else BOUND) else WRONG), f"differs by {gap:.1e}"


def batch(seed: int, numbers: range) -> Iterator[tuple[int, str, str]]:
    """The outcomes of some calls in a process of its own; the last is the one that ended it, if one did."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.close(reader)
        torch.set_num_threads(2)
        with os.fdopen(writer, "w") as to:
            for number in numbers:
                print(number, file=to, flush=True)
                print(json.dumps(outcome(*drawn(seed, number))), file=to, flush=True)
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as lines:
        begun = None
        for line in lines:
            if begun is None:
                begun = int(line)
            else:
                yield (begun, *json.loads(line))
                begun = None
    _, status = os.waitpid(child, 0)
    if begun is not None:
        yield begun, CRASH, f"ended with {os.waitstatus_to_exitcode(status)}"


def run(calls: int, seed: int) -> Iterator[tuple[int, str, str]]:
    """The outcomes of so many calls, in order."""
    number = 0
    while number < calls:
        for number, kind, word in batch(seed, range(number, min(calls, number + 200))):  # noqa: B020
            yield number, kind, word
        number += 1


def table(counts: dict[str, Counter[str]]) -> str:
    """In Markdown."""
    rows = [("function", *HEAD), ("---",) + ("---:",) * len(HEAD)]
    total: Counter[str] = sum(counts.values(), Counter())
    for name, found in [*((f"`{name}`", found) for name, found in counts.items()), ("all", total)]:
        rows.append((name, str(sum(found.values())), *(str(found[kind]) for kind in HEAD[1:])))
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def with_sanitizer(arguments: list[str]) -> int:
    """This command again, over a library that was compiled with the address sanitiser."""
    sys.path.insert(0, str(ROOT))
    import hatch_build

    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder, "libregard.so")
        flags = ["-fsanitize=address", "-fno-omit-frame-pointer", "-g1", "-O1"]
        hatch_build.compile_library(library.SOURCES, made, flags)
        found = map(_library_of_gcc, ("libasan.so", "libstdc++.so"))  # torch throws through the second
        options = "detect_leaks=0:allocator_may_return_null=1"
        environment = os.environ | {LIBRARY: str(made), "LD_PRELOAD": " ".join(found), "ASAN_OPTIONS": options}
        command = [sys.executable, "-m", "tests.kernels.fuzz", *arguments]
        return subprocess.run(command, env=environment, cwd=ROOT, check=False).returncode


def _library_of_gcc(name: str) -> str:
    return subprocess.run(
        ["gcc", f"-print-file-name={name}"], capture_output=True, text=True, check=True
    ).stdout.strip()


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int, help="the number of one call")
    parser.add_argument("--asan", action="store_true", help="compile with GCC's address sanitiser; minutes")
    options = parser.parse_args()
    if options.asan:
        return with_sanitizer([each for each in sys.argv[1:] if each != "--asan"])
    if LIBRARY in os.environ:
        library.LIBRARY = Path(os.environ[LIBRARY])
    if library.kernels().library is None:
        parser.error(f"there is no compiled code: {library.kernels().reason}")
    if options.only is not None:
        name, given = drawn(options.seed, options.only)
        for key, each in given.items():
            print(
                f"{key}: {tuple(each.shape)} {each.dtype} {each.stride()}"
                if isinstance(each, Tensor)
                else f"{key}: {each}"
            )
        print(name, *outcome(name, given), sep="\n")
        return 0
    counts: dict[str, Counter[str]] = {name: Counter() for name in OPERATIONS}
    bad = 0
    for number, kind, word in run(options.calls, options.seed):
        name = list(OPERATIONS)[number % len(OPERATIONS)]
        counts[name][kind] += 1
        if kind not in (REFUSED, RIGHT):
            bad += 1
            print(f"{number} {name}: {kind}: {word[:300]}", file=sys.stderr)
    print(table(counts))
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
