"""Damaged recipes and runs: each kind of mutant changes a real one, at random, in its own way.

A kind gets a generator of random numbers and its own directory with `run/`, `recipe.yaml` and `pairs.tsv`, changes one
of them, and returns the arguments of `regard` that read it. Some kinds compute the digest of the changed file anew, so
that the code behind the check of the digest is tested, too.
"""

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import torch
import yaml
from torch import Tensor

from regard.data.tokenizer import _digest as tokenizer_digest
from regard.training import tensorfile

Kind = Callable[[Random, Path], list[str]]
NUMBERS = [
    "0",
    "-1",
    "1e30",
    "1.0e+30",
    str(2**31),
    str(2**63),
    str(2**64),
    "9" * 20,
    "9" * 5000,
    ".inf",
    "-.inf",
    ".nan",
]
NUMBERS += ["1.0e-320", "65537", "0.5", "true", "1_000", "0x7fffffff"]
SCALARS = ["2001-13-45", "0x_", "!!int x", "!!float x", "!!bool 7", "!!timestamp x", "!!binary é", "!!null x", "null"]
SCALARS += ["[]", "{}", "[[1]]", "{a: {b: c}}", "*nobody", '"\\x1b[31m"', "'" + "x" * 5000 + "'", "!!python/name:os.x"]
JUNK: list[Any] = [None, True, -1, 2**70, 0.5, float("nan"), "", "x", "\ud800", [], {}, [[]], {"a": [1]}, ["a", "a"]]
TRAIN = [
    "train",
    "recipe.yaml",
    "pairs.tsv",
    "--dev",
    "pairs.tsv",
    "--threads",
    "1",
    "-q",
    "--set",
    "training.max_steps=1",
]
USE = ["translate", "run", "--threads", "1", "-q"]
RESUME = ["train", "run.yaml", "pairs.tsv", "--dev", "pairs.tsv", "--out", "run", "--resume", "--threads", "1", "-q"]
RESUME += ["--set", "training.max_steps=5"]
RUN_FILES = [
    "config.yaml",
    "tokenizer.source.json",
    "tokenizer.target.json",
    "model.safetensors",
    "shortlist.safetensors",
]
CHECKPOINTS = ["last", "best", "averaged"]


def hurt_bytes(random: Random, path: Path) -> None:
    """Flip, cut out, put in, repeat, or cut off."""
    content = bytearray(path.read_bytes())
    for _ in range(random.choice([1, 1, 3, 20])):
        at, size = random.randrange(len(content) + 1), random.choice([1, 4, 100])
        how = random.randrange(5)
        if how == 0 and at < len(content):
            content[at] ^= 1 << random.randrange(8)
        elif how == 1:
            del content[at : at + size]
        elif how == 2:
            content[at:at] = random.randbytes(size)
        elif how == 3:
            content[at:at] = content[at : at + size]
        elif how == 4 and random.random() < 0.3:
            del content[at:]
    path.write_bytes(content)


def hurt_place(random: Random, path: Path) -> None:
    """In the place of a file: nothing, a pipe, a device, a directory, a link, a file of a terabyte, an empty one."""
    outside = path.absolute().parent.parent / "outside"
    if path.exists():
        outside.write_bytes(path.read_bytes())
        how = random.randrange(8)
        if how == 7:
            os.truncate(path, 2**40)
            return
        path.unlink()
        if how == 0:
            os.mkfifo(path)
        elif how == 1:
            path.symlink_to(random.choice(["/dev/zero", "/dev/null", "/dev/random"]))
        elif how == 2:
            path.mkdir()
        elif how == 3:
            path.symlink_to(outside)
        elif how == 4:
            path.symlink_to(path.name)
        elif how == 5:
            path.touch()


def hurt_values(random: Random, value: Any) -> Any:
    """One change somewhere in JSON values: another value, a key less, a key more, a list shorter, longer or mixed."""
    if isinstance(value, dict) and value and random.random() < 0.8:
        key = random.choice(list(value))
        how = random.randrange(6)
        if how == 0:
            return {name: each for name, each in value.items() if name != key}
        if how == 1:
            return {**value, random.choice(["x", "", "\x1b[2J", key + "s"]): random.choice(JUNK)}
        return {**value, key: hurt_values(random, value[key])}
    if isinstance(value, list) and value and random.random() < 0.8:
        at, how = random.randrange(len(value)), random.randrange(5)
        if how == 0:
            return value[:at]
        if how == 1:
            return [*value, *value[:at]]
        if how == 2:
            return random.sample(value, len(value))
        return [*value[:at], hurt_values(random, value[at]), *value[at + 1 :]]
    if isinstance(value, int | float) and not isinstance(value, bool) and random.random() < 0.5:
        return random.choice(
            [-1, 0, 1, value + 1, -value, 2**31, 2**53, 2**63, 10**20, 1e300, float("inf"), str(value)]
        )
    return random.choice(JUNK)


def deep(random: Random) -> str:
    """JSON and YAML that are nested very deeply."""
    opened, closed = random.choice([("[", "]"), ('{"a":', "}"), ("[[1],", "]")])
    depth = random.choice([50, 900, 5_000, 40_000, 200_000])
    return opened * depth + "1" + closed * (depth if random.random() < 0.7 else 0)


# Recipes


def recipe_bytes(random: Random, here: Path) -> list[str]:
    hurt_bytes(random, here / "recipe.yaml")
    return TRAIN


def _with_text(random: Random, here: Path, texts: list[str]) -> list[str]:
    """A scalar of the recipe as one of these texts of YAML; half of the time by way of --set."""
    lines = (here / "recipe.yaml").read_text().splitlines()
    places = [number for number, line in enumerate(lines) if not line.endswith(":")]
    at, text = random.choice(places), random.choice(texts)
    lines[at] = f"{lines[at].partition(':')[0]}: {text}"
    (here / "recipe.yaml").write_text("\n".join(lines))
    return TRAIN


def recipe_numbers(random: Random, here: Path) -> list[str]:
    return _with_text(random, here, NUMBERS)


def recipe_scalars(random: Random, here: Path) -> list[str]:
    return _with_text(random, here, SCALARS)


def recipe_values(random: Random, here: Path) -> list[str]:
    values: Any = yaml.safe_load((here / "recipe.yaml").read_text())
    for _ in range(random.choice([1, 1, 2, 5])):
        values = hurt_values(random, values)
    (here / "recipe.yaml").write_text(json.dumps(values))
    return TRAIN


def recipe_depth(random: Random, here: Path) -> list[str]:
    text = random.choice([deep(random), "- " * random.choice([30, 5_000, 40_000]), "? " * 5_000, "{" * 30_000])
    (here / "recipe.yaml").write_text(random.choice(["", "name: ", "model: ", "data:\n  columns: "]) + text)
    return TRAIN


def recipe_aliases(random: Random, here: Path) -> list[str]:
    width, levels = random.randrange(1, 12), random.randrange(1, 30)
    lines = [f"a0: &a0 [{random.choice(['x', '{b: c}', '*a0'])}]"]
    for level in range(1, levels):
        parts = [f"*a{level - 1}"] * width
        lines.append(
            f"a{level}: &a{level} " + random.choice([f"[{', '.join(parts)}]", f"{{<<: [{', '.join(parts)}]}}"])
        )
    lines.append(f"{random.choice(['name', 'model', 'search', 'x'])}: *a{levels - 1}")
    (here / "recipe.yaml").write_text("\n".join(lines))
    return TRAIN


def recipe_place(random: Random, here: Path) -> list[str]:
    hurt_place(random, here / "recipe.yaml")
    return TRAIN


# Runs


def signed_file(path: Path, header: Any, body: bytes) -> None:
    """Write a file of tensors whose digest is right, whatever the header says."""
    raw = header if isinstance(header, bytes) else json.dumps(header, separators=(",", ":")).encode()
    raw += b" " * (-len(raw) % 8)
    start, blank = len(raw).to_bytes(8, "little"), b'"digest":"' + b"0" * 64 + b'"'
    digest = hashlib.sha256(start + raw + body).hexdigest()
    path.write_bytes(start + raw.replace(blank, blank.replace(b"0" * 64, digest.encode())) + body)


def opened_file(path: Path) -> tuple[dict[str, Any], bytes]:
    """Its header, the digest blank, and its body."""
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    header["__metadata__"]["digest"] = "0" * 64
    return header, content[8 + length :]


def sign_again(run: Path) -> None:
    """The weights and the shortlist accept the recipe and the tokenisers as they are now."""
    for name in ("model.safetensors", "shortlist.safetensors"):
        header, body = opened_file(run / name)
        known = json.loads(header["__metadata__"]["regard"])
        known |= (
            {"config.yaml": hashlib.sha256((run / "config.yaml").read_bytes()).hexdigest()} if "model" in name else {}
        )
        for side in ("source", "target"):
            known[f"{side} tokenizer"] = json.loads((run / f"tokenizer.{side}.json").read_text())["sha256"]
        header["__metadata__"]["regard"] = json.dumps(known)
        signed_file(run / name, header, body)


def run_bytes(random: Random, here: Path) -> list[str]:
    hurt_bytes(random, here / "run" / random.choice(RUN_FILES))
    return [*USE, "--shortlist"]


def run_place(random: Random, here: Path) -> list[str]:
    hurt_place(random, here / "run" / random.choice(RUN_FILES))
    return [*USE, "--shortlist"]


def _use(here: Path, name: str) -> list[str]:
    return [*USE, "--shortlist"] if name.startswith("shortlist") else USE


def run_header(random: Random, here: Path) -> list[str]:
    name = random.choice(RUN_FILES[3:])
    header, body = opened_file(here / "run" / name)
    if random.random() < 0.2:
        signed_file(here / "run" / name, deep(random).encode()[: 2**22], body)
    else:
        signed_file(here / "run" / name, hurt_values(random, header), body)
    return _use(here, name)


def run_metadata(random: Random, here: Path) -> list[str]:
    name = random.choice(RUN_FILES[3:])
    header, body = opened_file(here / "run" / name)
    known = hurt_values(random, json.loads(header["__metadata__"]["regard"]))
    header["__metadata__"]["regard"] = deep(random) if random.random() < 0.2 else json.dumps(known)
    signed_file(here / "run" / name, header, body)
    return _use(here, name)


def hurt_tensors(random: Random, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """One tensor of another name, shape, type or content; or one more, or one less."""
    name = random.choice(list(tensors))
    tensor, others = tensors[name], {key: value for key, value in tensors.items() if key != name}
    how = random.randrange(9)
    if how == 0:
        return others
    if how == 1:
        return {**others, name + random.choice(["x", "\x1b[31m", "\n"]): tensor}
    if how == 2:
        return {**tensors, "more": torch.zeros(random.choice([0, 1, 1000]))}
    if how == 3:
        return {**others, name: tensor.unsqueeze(0)}
    if how == 4:
        return {**others, name: tensor.flatten()[: random.randrange(tensor.numel() + 1)].clone()}
    if how == 5:
        kinds = [torch.int64, torch.int8, torch.bool, torch.float64, torch.float16, torch.bfloat16, torch.uint8]
        return {**others, name: tensor.to(random.choice(kinds))}
    changed = tensor.clone().flatten()
    if how == 6 and changed.numel():
        value = random.choice([float("nan"), float("inf"), 1e38, -1e38, 0.0])
        fits = changed.is_floating_point()
        changed[random.randrange(len(changed)) :] = (
            value if fits else random.choice([-1, -(2**62), 2**31, 2**62, 97, 0])
        )
    elif how == 7:
        changed = changed.flip(0)
    else:
        changed = changed[torch.randperm(len(changed), generator=torch.Generator().manual_seed(random.randrange(99)))]
    return {**others, name: changed.view(tensor.shape)}


def write_unasked(path: Path, tensors: dict[str, Tensor], metadata: Any) -> None:
    """As `tensorfile.write`, with numbers that are not finite, too."""
    kept, tensorfile._finite = tensorfile._finite, lambda tensor: True  # type: ignore[assignment]
    try:
        tensorfile.write(path, tensors, metadata)
    finally:
        tensorfile._finite = kept  # type: ignore[assignment]


def _tensors(random: Random, path: Path) -> None:
    contents = tensorfile.read(path)
    write_unasked(path, hurt_tensors(random, contents.tensors), contents.metadata)


def run_weights(random: Random, here: Path) -> list[str]:
    _tensors(random, here / "run" / "model.safetensors")
    return USE


def run_shortlist(random: Random, here: Path) -> list[str]:
    _tensors(random, here / "run" / "shortlist.safetensors")
    return [*USE, "--shortlist", "--beam", str(random.choice([1, 3]))]


def run_config(random: Random, here: Path) -> list[str]:
    path = here / "run" / "config.yaml"
    values = yaml.safe_load(path.read_text())
    path.write_text(json.dumps(hurt_values(random, values)) if random.random() < 0.9 else deep(random))
    sign_again(here / "run")
    return USE


def run_tokenizer(random: Random, here: Path) -> list[str]:
    path = here / "run" / f"tokenizer.{random.choice(['source', 'target'])}.json"
    content = json.loads(path.read_text())
    how = random.randrange(10)
    if how == 0:
        path.write_text(deep(random))
        return USE
    if how == 1:
        path.write_text("[" + random.choice(["[],", "1,", '"",', "{},", "1.5,"]) * random.choice([10**5, 10**7]) + "1]")
        return USE
    if how == 2:
        content = hurt_values(random, content)
    else:
        content["state"] = hurt_values(random, content["state"])
    if isinstance(content, dict) and isinstance(content.get("sha256"), str) and how > 2:
        content["sha256"] = tokenizer_digest(content["kind"], content["state"])
    path.write_text(json.dumps(content))
    if how > 2:
        sign_again(here / "run")
    return USE


# Runs that are gone on with


def checkpoint_bytes(random: Random, here: Path) -> list[str]:
    paths = [path for path in sorted((here / "run").rglob("*")) if path.is_file() and path.stat().st_size]
    hurt_bytes(random, random.choice(paths))
    return RESUME


def checkpoint_place(random: Random, here: Path) -> list[str]:
    paths = [path for path in sorted((here / "run").rglob("*")) if path.is_file()]
    hurt_place(random, random.choice(paths))
    return RESUME


def checkpoint_tensors(random: Random, here: Path) -> list[str]:
    _tensors(random, random.choice(sorted((here / "run" / "checkpoints").glob("*.safetensors"))))
    return RESUME


def checkpoint_progress(random: Random, here: Path) -> list[str]:
    path = here / "run" / "checkpoints" / "last.safetensors"
    contents = tensorfile.read(path)
    header, body = opened_file(path)
    known = contents.metadata
    known = (
        {**known, "progress": hurt_values(random, known["progress"])}
        if random.random() < 0.8
        else hurt_values(random, known)
    )
    header["__metadata__"]["regard"] = json.dumps(known)
    signed_file(path, header, body)
    return RESUME


def checkpoint_lines(random: Random, here: Path) -> list[str]:
    path = here / "run" / "pairs.json"
    known = hurt_values(random, json.loads(path.read_text()))
    path.write_text(deep(random) if random.random() < 0.2 else json.dumps(known))
    path = here / "run" / "metrics.jsonl"
    lines = path.read_text().splitlines()
    added = [deep(random), json.dumps(hurt_values(random, json.loads(lines[0]))), "\0" * 10**6, "\xff"]
    path.write_text("\n".join([*lines, *random.sample(added, 2)]))
    return RESUME


def checkpoint_corpus(random: Random, here: Path) -> list[str]:
    path = random.choice(sorted((here / "run" / "cache").glob("*/index.json")))
    index = json.loads(path.read_text())
    index.pop("sha256")
    arrays = index["arrays"]
    how = random.randrange(4)
    if how == 0:  # other numbers, rightly signed
        name = random.choice(sorted(arrays))
        content = bytearray((path.parent / name).read_bytes())
        for _ in range(random.choice([1, 5])):
            content[random.randrange(len(content))] = random.choice([0, 127, 255])
        (path.parent / name).write_bytes(content)
        arrays[name][2] = hashlib.sha256(content).hexdigest()
    else:
        index = hurt_values(random, index)
    if isinstance(index, dict):
        index["sha256"] = hashlib.sha256(json.dumps(index, sort_keys=True).encode()).hexdigest()
    path.write_text(json.dumps(index))
    return RESUME


KINDS: dict[str, Kind] = {
    "recipe: bytes": recipe_bytes,
    "recipe: numbers": recipe_numbers,
    "recipe: odd scalars": recipe_scalars,
    "recipe: keys and values": recipe_values,
    "recipe: depth": recipe_depth,
    "recipe: aliases": recipe_aliases,
    "recipe: no file": recipe_place,
    "run: bytes": run_bytes,
    "run: no file": run_place,
    "run: header of tensors": run_header,
    "run: metadata": run_metadata,
    "run: weights": run_weights,
    "run: shortlist": run_shortlist,
    "run: recipe": run_config,
    "run: tokeniser": run_tokenizer,
    "resumed: bytes": checkpoint_bytes,
    "resumed: no file": checkpoint_place,
    "resumed: tensors": checkpoint_tensors,
    "resumed: progress": checkpoint_progress,
    "resumed: metrics, digests": checkpoint_lines,
    "resumed: corpus": checkpoint_corpus,
}
