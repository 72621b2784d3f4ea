"""The command line: one thin file per command. Nothing heavy is imported before a command needs it."""

import gc
import io
import os
import sys
from collections.abc import Callable
from typing import Any

from regard.cli.waiting import settle_waiting

FRAME_SLOTS = 2**16
"""Slots for values that the frame of `main` asks for. Python takes as many again for the frames of what it calls."""


def in_one_frame_block(command: Callable[[], None]) -> Callable[[], None]:
    """The command, with all frames of its calls in one block of memory.

    Python takes memory for frames in blocks of 16 KiB, and gives a block back when its first frame ends. A loop of
    calls at the end of a block takes memory from the system, and gives it back, at every turn. The import of PyTorch
    did so thousands of times. A frame that asks for many slots gets one large block; memory that is not used is never
    touched.
    """
    command.__code__ = command.__code__.replace(co_stacksize=FRAME_SLOTS)
    return command


@in_one_frame_block
def main() -> None:
    """Run the command that the arguments name."""
    gc.disable()  # imports make many objects and no garbage; `set_up` enables it again
    hold_numbers()
    settle_encoding(sys.stdout)
    settle_encoding(sys.stderr)
    settle_waiting()
    import typer

    from regard.cli.app import app
    from regard.cli.errors import abandon_output, say

    usage_error: Any = typer.BadParameter.__base__  # click's own, which typer brings along under no name of its own
    try:
        sys.exit(app(prog_name="regard", standalone_mode=False))
    except usage_error as error:  # it holds words of the command line: `say` escapes them
        shown = io.StringIO()
        error.show(shown)
        for line in shown.getvalue().splitlines():
            say(line)
        sys.exit(error.exit_code)
    except typer.Abort:
        say("regard: interrupted.")
        sys.exit(130)
    except OSError as error:  # the help itself, into a full disk
        abandon_output()
        sys.exit(f"regard: <stdout> cannot be written: {error.strerror}.")


def hold_numbers() -> None:
    """Open /dev/null for each standard stream that is closed (`>&-`).

    Otherwise the next file would get its number, and with it all that a library writes to that stream.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free


def settle_encoding(stream: object) -> None:
    """Files and pipes get UTF-8 in every locale. A terminal gets its own encoding, and PYTHONIOENCODING is obeyed.

    A character that the encoding does not have (a lone surrogate in a path, for instance) is written as an escape: it
    must not end a run.
    """
    if isinstance(stream, io.TextIOWrapper):
        chosen = stream.isatty() or os.environ.get("PYTHONIOENCODING", "").split(":")[0]
        stream.reconfigure(encoding=stream.encoding if chosen else "utf-8", errors="backslashreplace")
