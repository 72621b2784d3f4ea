"""One file of named tensors and JSON, in the safetensors format, with a digest of the whole file.

    8 bytes: length of the header | header, JSON | the bytes of the tensors

The header's metadata hold `version`, `regard` (JSON in a string) and `digest`: the SHA-256 of the whole file, computed
with the 64 digits of the digest itself set to zero. So any changed byte is detected, and other programs can still read
the file as safetensors. It is written piece by piece; to build it in memory first would need twice the memory.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from regard.errors import CheckpointError, RegardError
from regard.files import check_regular, write_whole

VERSION = 1
LONGEST_HEADER = 4 * 2**20  # bytes; a thousand tensors take 0.1 MB, and JSON can grow twentyfold when read
_BLANK = "0" * 64
_NAMES = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.int16: "I16",
    torch.int8: "I8",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}


@dataclass(frozen=True)
class Contents:
    """The contents of a file."""

    tensors: dict[str, Tensor]
    metadata: dict[str, Any]


def write(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, Any]) -> None:
    """Write the file completely, or not at all.

    Raises RegardError if the disk is full or a tensor is not finite, ValueError if the metadata are not JSON.
    """
    for name, tensor in tensors.items():
        if not _finite(tensor):
            raise RegardError(f"{path} was not written: {name} is not finite. Lower the learning rate or clip harder.")
    # Widest numbers first, as safetensors does, so that each tensor starts at a multiple of its item size.
    ordered = sorted(tensors.items(), key=lambda item: (-item[1].element_size(), item[0]))
    header = _header(ordered, json.dumps(metadata, allow_nan=False))
    digest = hashlib.sha256(header)
    for _, tensor in ordered:
        digest.update(_bytes(tensor))
    signed = header.replace(_field(_BLANK), _field(digest.hexdigest()), 1)
    write_whole(path, _pieces(signed, ordered))


def read(path: Path) -> Contents:
    """Read the file.

    Raises CheckpointError, in one sentence, if the file is missing, cut short, damaged, not a file of Regard, from a
    newer version, or holds a number that is not finite.
    """
    try:
        with _named(path) as name:
            metadata = _verified(name)
            values = json.loads(metadata["regard"], parse_constant=_refuse)
            if not isinstance(values, dict):
                raise ValueError("the metadata are no object")
            tensors = load_file(name)
    except _Newer as error:
        raise CheckpointError(
            f"{path} has format {str(error)[:20]}; this Regard reads up to {VERSION}. Install a newer Regard."
        ) from error
    except FileNotFoundError as error:
        raise CheckpointError(f"{path} does not exist. Check the path, or train the model first.") from error
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError, SafetensorError) as error:
        raise CheckpointError(
            f"{path} is not a whole file of Regard. Copy it again, or take an earlier checkpoint."
        ) from error
    for name, tensor in tensors.items():
        if not _finite(tensor):
            raise CheckpointError(f"{path}: {name} is not finite. Take an earlier checkpoint.")
    return Contents(tensors, values)


@contextmanager
def _named(path: Path) -> Iterator[str]:
    """A name for the open file. It is UTF-8, as the library requires, and stays the same file if the path changes."""
    check_regular(os.stat(path).st_mode)
    with open(path, "rb") as file:
        yield f"/dev/fd/{file.fileno()}"


def _verified(name: str) -> dict[str, str]:
    """The header's metadata. Raises ValueError or `_Newer` if version, size or digest are wrong."""
    with open(name, "rb") as file:
        file_size = os.fstat(file.fileno()).st_size
        start = file.read(8)
        length = int.from_bytes(start, "little")
        if len(start) < 8 or length > min(LONGEST_HEADER, file_size):
            raise ValueError("the header is cut short")
        raw = file.read(length)
        header: dict[str, Any] = json.loads(raw)
        metadata: dict[str, str] = header["__metadata__"]
        if int(metadata["version"]) > VERSION:
            raise _Newer(metadata["version"])
        ends = [int(entry["data_offsets"][1]) for key, entry in header.items() if key != "__metadata__"]
        if 8 + length + max(ends, default=0) != file_size:  # before gigabytes are read for the digest
            raise ValueError("the file has another size")
        digest = hashlib.sha256(start + raw.replace(_field(metadata["digest"]), _field(_BLANK), 1))
        while piece := file.read(2**20):
            digest.update(piece)
    if digest.hexdigest() != metadata["digest"]:
        raise ValueError("the digest is another")
    return metadata


class _Newer(Exception):
    """The format of the file is newer."""


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _header(ordered: list[tuple[str, Tensor]], metadata: str) -> bytes:
    entries: dict[str, Any] = {
        "__metadata__": {"digest": _BLANK, "format": "pt", "version": str(VERSION), "regard": metadata}
    }
    offset = 0
    for name, tensor in ordered:
        end = offset + tensor.numel() * tensor.element_size()
        entries[name] = {"dtype": _NAMES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(entries, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text


def _field(digest: str) -> bytes:
    return f'"digest":"{digest}"'.encode()


def _pieces(header: bytes, ordered: list[tuple[str, Tensor]]) -> Iterator[bytes | memoryview]:
    yield header
    for _, tensor in ordered:
        yield _bytes(tensor)


def _bytes(tensor: Tensor) -> memoryview:
    flat: np.ndarray = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy()
    return flat.data


def _finite(tensor: Tensor) -> bool:
    """Whether all numbers are finite. A finite sum proves it and is faster, but finite numbers can overflow a sum."""
    return not tensor.is_floating_point() or bool(torch.isfinite(tensor.sum()) or torch.isfinite(tensor).all())
