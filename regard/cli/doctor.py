"""`regard doctor`: what is installed here, and what would help."""

import os
import platform
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, requires, version

from regard import __version__
from regard.cli.errors import reported
from regard.cli.options import Json
from regard.cli.waiting import waiting
from regard.errors import RegardError

CHINESE = "汤姆追逐杰瑞"
FONT_PACKAGES = "fonts-noto-cjk or fonts-wqy-zenhei"
REQUIREMENT = re.compile(r"(?P<name>[A-Za-z0-9._-]+)[^;]*(?:;.*extra == ['\"](?P<extra>\w+)['\"])?")
EXTRAS = {"plot": "pictures", "log": "TensorBoard"}


@reported
def command(json: Json = False) -> None:
    """Say what is installed, and what would help.

    Example: regard doctor
    """
    from regard.cli.stdout import aligned_columns, json_line, put

    found = findings()
    if json:
        put([json_line({"findings": [asdict(one) for one in found]})])
        return
    table = aligned_columns([["ok" if one.fine else "!!", one.about, one.is_so] for one in found], "lll")
    advice = [f"{one.about}: {one.advice}" for one in found if one.advice]
    put([*table, *([""] if advice else []), *advice])


@dataclass(frozen=True)
class Finding:
    """One thing that was checked.

    Args:
        about: what it is.
        is_so: what was found.
        fine: whether it is as it should be.
        advice: what to do, if something can be done.
    """

    about: str
    is_so: str
    fine: bool = True
    advice: str = ""


def findings() -> list[Finding]:
    """Everything, in the order in which it is shown."""
    python = f"{platform.python_version()} ({sys.executable})"
    return [
        Finding("regard", __version__),
        Finding("python", python),
        Finding("machine", f"{platform.platform()}, {os.cpu_count()} cores"),
        *_torch(),
        *_kernels(),
        *_packages(),
        _font(),
        _terminal(),
        _temporary(),
    ]


def _torch() -> Iterator[Finding]:
    import torch

    capability = torch.backends.cpu.get_cpu_capability()
    yield Finding("torch", f"{torch.__version__}, {torch.get_num_threads()} threads, {capability}")
    yield Finding("threads that wait", waiting())
    names = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
    yield Finding("cuda", ", ".join(f"cuda:{number} {name}" for number, name in enumerate(names)) or "none; the CPU")


def _kernels() -> Iterator[Finding]:
    from regard.kernels.library import kernels

    found = kernels()
    yield Finding("compiled code", found.reason, fine=not found.advice, advice=found.advice)


def _packages() -> Iterator[Finding]:
    for requirement in requires("regard") or []:
        match = REQUIREMENT.match(requirement)
        if match is None or match["name"] in ("regard", "torch") or match["extra"] not in (None, *EXTRAS):
            continue
        name, extra = match["name"], match["extra"]
        install = f"pip install 'regard[{extra}]'" if extra else f"pip install {name}"
        about = f"{name} ({EXTRAS[extra]})" if extra else name
        try:
            yield Finding(about, version(name))
        except PackageNotFoundError:
            yield Finding(about, "not installed", fine=extra is not None, advice=install)


def _font() -> Finding:
    try:
        from regard.views.fonts import OWN, character_count, font_for

        font = font_for(CHINESE)
    except RegardError:
        return Finding("chinese font", "not looked for: needs matplotlib")
    if font == OWN:
        return Finding(
            "chinese font", f"{font} (comes with Regard, {character_count(font):,} signs); more: {FONT_PACKAGES}"
        )
    if font:
        return Finding("chinese font", font)
    advice = f"sudo apt install {FONT_PACKAGES}; until then pictures have boxes, and the HTML page does not"
    return Finding("chinese font", "none", fine=False, advice=advice)


def _terminal() -> Finding:
    from rich.console import Console

    console = Console()
    kind = "a terminal" if console.is_terminal else "no terminal"
    color = "no colour" if console.no_color else console.color_system or "no colour"
    return Finding("output", f"{kind}, {console.width} columns, {color}, {console.encoding}")


def _temporary() -> Finding:
    place = tempfile.gettempdir()
    try:
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError as error:
        advice = "set TMPDIR to a directory with room; training keeps what comes from a pipe there"
        return Finding("temporary files", f"{place}: {error.strerror}", fine=False, advice=advice)
    return Finding("temporary files", f"{place}, {shutil.disk_usage(place).free / 2**30:.1f} GiB free")
