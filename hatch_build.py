"""Compiles the kernels when the package is built or installed, if there is a C compiler. Without one, the package
computes in PyTorch: the same results, but slower.

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
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ImportError:  # run by itself
    BuildHookInterface = object

SWITCH = "REGARD_BUILD_KERNELS"
ROOM = Path("regard", "kernels")
FLAGS = [
    "-O3",
    "-fPIC",
    "-std=gnu11",
    "-pthread",
    "-fvisibility=hidden",
    "-ffp-contract=off",
    "-fno-math-errno",
    "-fno-trapping-math",
]


class CustomBuildHook(BuildHookInterface):
    """Called by hatchling before a wheel is put together, and before an editable installation."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, and say so in the wheel's tag if it worked."""
        library = build(Path(self.root))
        if library and version != "editable":
            from packaging.tags import platform_tags

            build_data["pure_python"] = False
            build_data["tag"] = f"py3-none-{next(platform_tags())}"
            build_data["force_include"][str(library)] = library.relative_to(self.root).as_posix()


def build(root: Path) -> Path | None:
    """Compile the library into the folder of the kernels. If that fails: None, and a line on standard error."""
    wish = os.environ.get(SWITCH, "").lower()
    library = root / ROOM / "libregard.so"
    library.unlink(missing_ok=True)
    if wish == "off":
        return None
    try:
        compile_library(root / ROOM / "c", library)
    except (OSError, subprocess.SubprocessError) as error:
        said = getattr(error, "stderr", None) or error
        if wish == "require":
            raise RuntimeError(f"{SWITCH} is require, and the kernels do not compile: {said}") from error
        print(f"Regard's kernels were not compiled, PyTorch will compute: {said}", file=sys.stderr)
        return None
    return library


def compile_library(folder: Path, library: Path, extra: Sequence[str] = ()) -> None:
    """Compile every source once per instruction set, and link all into one library, which then replaces the old one.

    `extra`: more flags of the compiler, for a sanitiser for instance.
    """
    compiler, paths = _compiler(), sorted(folder.glob("*.[ch]"), key=lambda path: path.name)
    checksum = zlib.crc32(b"".join(path.read_bytes() for path in paths))
    common = [*FLAGS, f"-DSOURCE={checksum}u", *extra]
    variants = {"plain": [*common, "-DVARIANT=plain"]}
    if platform.machine().lower() in ("x86_64", "amd64"):
        variants["plain"].append("-DWITH_VARIANTS")
        variants["avx2"] = [*common, "-DVARIANT=avx2", "-mavx2", "-mfma"]
        wide = [f"-mavx512{part}" for part in ("f", "vl", "bw", "dq")]
        variants["avx512"] = [*common, "-DVARIANT=avx512", "-mavx2", "-mfma", *wide]
    with tempfile.TemporaryDirectory(dir=library.parent) as scratch, ThreadPoolExecutor(os.cpu_count()) as pool:
        sources = [path for path in paths if path.suffix == ".c"]
        commands = {
            str(Path(scratch, f"{source.stem}-{name}.o")): [*compiler, *flags, "-c", str(source)]
            for source in sources
            for name, flags in variants.items()
        }
        list(pool.map(_run, ([*command, "-o", made] for made, command in commands.items())))
        whole = Path(scratch, library.name)
        _run([*compiler, *extra, "-shared", "-pthread", *commands, "-lm", "-o", str(whole)])
        whole.replace(library)


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
