"""What every command does around its work: say what went wrong in one sentence, and end with the right code."""

import errno
import os
import re
import sys
import warnings
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec

import typer

from regard.errors import RegardError

Arguments = ParamSpec("Arguments")
NO_MEMORY = "there is not enough memory. Free some, raise its limit (ulimit -v), or take smaller batches."
MEMORY = re.compile(
    "failed to map segment|annot allocate memory|an't allocate memory|out of memory|bad_alloc|new thread"
)


def reported(command: Callable[Arguments, None]) -> Callable[Arguments, None]:
    """A command whose errors become one sentence on standard error and an exit code; never a traceback.

    REGARD_DEBUG=1 lets the traceback of a fault of our own through.
    """

    @wraps(command)
    def run(*args: Arguments.args, **kwargs: Arguments.kwargs) -> None:
        warnings.showwarning = _warn
        if os.environ.get("COLUMNS", "").strip("0") == "":  # no width: the terminal's own is the one to take
            os.environ.pop("COLUMNS", None)
        try:
            command(*args, **kwargs)
            if sys.stdout is not None:
                sys.stdout.flush()
        except RegardError as error:
            raise fail(str(error), error.exit_code) from error
        except BrokenPipeError as error:
            abandon_output()  # the reader, `head` for instance, has what it wanted
            raise typer.Exit(0) from error
        except KeyboardInterrupt as error:
            raise fail("interrupted.", 130) from error
        except (typer.Exit, typer.Abort, typer.BadParameter):
            raise
        except OSError as error:
            if error.errno == errno.ENOMEM:
                raise fail(NO_MEMORY, 1) from error
            about = f"{error.filename}: " if error.filename else ""
            raise fail(f"{about}{error.strerror or error}. Check the path and the room on the disk.", 1) from error
        except Exception as error:
            if os.environ.get("REGARD_DEBUG") or hasattr(error, "exit_code"):
                raise
            if _lacks_memory(error):
                raise fail(NO_MEMORY, 1) from error
            hint = "This is a fault of Regard; REGARD_DEBUG=1 shows where. Please report it."
            raise fail(f"{type(error).__name__}: {' '.join(str(error).split())} {hint}", 1) from error

    return run


def _lacks_memory(error: BaseException) -> bool:
    """Whether this, or what led to it, is how Python, the loader of libraries or PyTorch says that memory is short."""
    text = str(error)
    if isinstance(error, MemoryError) or (isinstance(error, ImportError | RuntimeError) and MEMORY.search(text)):
        return True
    return error.__cause__ is not None and _lacks_memory(error.__cause__)


def abandon_output() -> None:
    """Let go of what standard output does not take, or Python would try again, and complain, at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def fail(message: str, code: int) -> typer.Exit:
    """Say what went wrong; raise what comes back."""
    say(f"regard: {message}")
    return typer.Exit(code)


def say(line: str) -> None:
    """One line on standard error, where everything goes that is not a result.

    Names that others chose stand in it: what a terminal would obey is written as an escape, \\x1b for instance. Where
    standard error is closed or full, or its terminal is gone, it goes nowhere.
    """
    if not line.isprintable():
        from regard.views.labels import visible

        line = visible(line)
    if sys.stderr is not None:
        with suppress(OSError):
            print(line, file=sys.stderr, flush=True)


def _warn(
    message: Any, category: type[Warning], filename: str, lineno: int, file: Any = None, line: Any = None
) -> None:
    """A warning of our own as one line; those of libraries are not for users."""
    if category is UserWarning and Path(filename).is_relative_to(Path(__file__).parents[1]):
        say(f"regard: {message}")
