"""The command line: one thin file per command. Nothing heavy is imported before a command needs it."""

import sys


def main() -> None:
    """Run the command that the arguments name."""
    # A lone surrogate in a path, and any character on a terminal that cannot show it, must not end a run.
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    from regard.cli.app import app
    from regard.cli.report import abandon_output

    try:
        app(prog_name="regard")
    except OSError as error:  # the help itself, into a full disk
        abandon_output()
        sys.exit(f"regard: <stdout> cannot be written: {error.strerror}.")
