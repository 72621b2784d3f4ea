"""Every error of a command becomes one sentence on standard error and the right exit code."""

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

from regard.data.sources import UnusableSource
from regard.errors import RegardError

Arguments = ParamSpec("Arguments")
NO_MEMORY = "there is not enough memory. Free some, raise its limit (ulimit -v), or take smaller batches."
MEMORY = re.compile(
    "failed to map segment|annot allocate memory|an't allocate memory|out of memory|bad_alloc|new thread"
)


def reported(command: Callable[Arguments, None]) -> Callable[Arguments, None]:
    """The command, with its errors as one sentence on standard error and an exit code; never a traceback.

    With REGARD_DEBUG=1, a bug of Regard shows its traceback.
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
        except UnusableSource as error:  # each was checked when its line was read
            raise fail(f"a source {error}. Its file has changed since its line was read. Try again.", 3) from error
        except Exception as error:
            if os.environ.get("REGARD_DEBUG") or hasattr(error, "exit_code"):
                raise
            if _lacks_memory(error):
                raise fail(NO_MEMORY, 1) from error
            hint = "This is a fault of Regard; REGARD_DEBUG=1 shows where. Please report it."
            raise fail(f"{type(error).__name__}: {' '.join(str(error).split())} {hint}", 1) from error

    return run


def _lacks_memory(error: BaseException) -> bool:
    """Whether this error, or its cause, is a message of Python, a library loader or PyTorch about memory."""
    text = str(error)
    if isinstance(error, MemoryError) or (isinstance(error, ImportError | RuntimeError) and MEMORY.search(text)):
        return True
    return error.__cause__ is not None and _lacks_memory(error.__cause__)


def abandon_output() -> None:
    """Drop what standard output does not accept. Otherwise Python would try again at exit, and report an error."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def fail(message: str, code: int) -> typer.Exit:
    """Report an error. The caller raises the result."""
    say(f"regard: {message}")
    return typer.Exit(code)


def say(line: str) -> None:
    """Write one line to standard error, which has everything that is not a result.

    The line may hold names from outside: control characters are written as escapes, \\x1b for instance. The line is
    dropped if standard error is closed or full, or if its terminal is gone.
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
    """Report a warning of Regard as one line. Warnings of libraries are not for users."""
    if category is UserWarning and Path(filename).is_relative_to(Path(__file__).parents[1]):
        say(f"regard: {message}")
