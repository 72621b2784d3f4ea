"""Compiles the kernels when the package is built or installed, where there is a C compiler. Without one nothing is lost
but speed: the package then computes in PyTorch.

    REGARD_BUILD_KERNELS=off       do not try
    REGARD_BUILD_KERNELS=require   fail if it cannot be done
    CC                             the compiler; cc, gcc or clang if not given

It can be run by itself too: python hatch_build.py
"""

import os
import platform
import shutil
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path
from typing import Any

try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ImportError:  # run by itself
    BuildHookInterface = object

SWITCH = "REGARD_BUILD_KERNELS"
HEADERS = Path("regard", "attention", "kernels")
UNROLL, OUTPUT, SEARCH = (Path("regard", room) for room in ("unroll", "output", "search"))
SOURCES = (
    *(HEADERS / name for name in ("additive.c", "products.c")),
    *(UNROLL / name for name in ("loops.c", "reads.c", "steps.c")),
    *(OUTPUT / name for name in ("argmax.c", "best.c", "listed.c", "softmax.c")),
    SEARCH / "beam.c",
)
FLAGS = ["-O3", "-fPIC", "-std=gnu11", "-pthread", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math"]


class CustomBuildHook(BuildHookInterface):
    """Called by hatchling before a wheel is put together, and before an editable installation."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, and say so in the wheel's tag if it worked."""
        made = build(Path(self.root))
        if made and version != "editable":
            from packaging.tags import platform_tags

            build_data["pure_python"] = False
            build_data["tag"] = f"py3-none-{next(platform_tags())}"
            for library in made:
                build_data["force_include"][str(library)] = library.relative_to(self.root).as_posix()


def build(root: Path) -> list[Path]:
    """Compile the libraries beside their sources; none, and a line on standard error, if that is not to be had."""
    wish = os.environ.get(SWITCH, "").lower()
    made = [root / source.with_name(f"lib{source.stem}.so") for source in SOURCES]
    for library in made:
        library.unlink(missing_ok=True)
    if wish == "off":
        return []
    try:
        for source, library in zip(SOURCES, made, strict=True):
            headers = {*(root / HEADERS).glob("*.h"), *(root / source).parent.glob("*.h")}
            _compile(root / source, library, sorted(headers, key=lambda header: header.name))
    except (OSError, subprocess.SubprocessError) as error:
        said = getattr(error, "stderr", None) or error
        if wish == "require":
            raise RuntimeError(f"{SWITCH} is require, and the kernels do not compile: {said}") from error
        print(f"Regard's kernels were not compiled, PyTorch will compute: {said}", file=sys.stderr)
        return []
    return made


def _compile(source: Path, library: Path, headers: list[Path]) -> None:
    """Once per instruction set, then all in one library. It takes the old one's place when it is whole."""
    compiler = _compiler()
    checksum = zlib.crc32(b"".join(path.read_bytes() for path in (source, *headers)))
    common = [*FLAGS, f"-DSOURCE={checksum}u"]
    variants = {"plain": [*common, "-DVARIANT=plain"]}
    if platform.machine().lower() in ("x86_64", "amd64"):
        variants["plain"].append("-DWITH_VARIANTS")
        variants["avx2"] = [*common, "-DVARIANT=avx2", "-mavx2", "-mfma"]
        wide = [f"-mavx512{part}" for part in ("f", "vl", "bw", "dq")]
        variants["avx512"] = [*common, "-DVARIANT=avx512", "-mavx2", "-mfma", *wide]
    with tempfile.TemporaryDirectory(dir=library.parent) as folder:
        objects = []
        for name, flags in variants.items():
            objects.append(str(Path(folder, f"{name}.o")))
            _run([*compiler, *flags, "-c", str(source), "-o", objects[-1]])
        made = Path(folder, library.name)
        _run([*compiler, "-shared", "-pthread", *objects, "-o", str(made)])
        made.replace(library)


def _compiler() -> list[str]:
    if os.environ.get("CC"):
        return os.environ["CC"].split()
    for name in ("cc", "gcc", "clang"):
        if shutil.which(name):
            return [name]
    raise FileNotFoundError("no C compiler (cc, gcc, clang) on the path")


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True, timeout=300)


if __name__ == "__main__":
    sys.exit(not build(Path(__file__).parent))
