"""The few exceptions that reach a user, each with the exit code of the command line.

    RegardError              1   something failed (a full disk, a loss that is not finite)
    ├── UsageError           2   the command or the recipe asks for something that does not exist
    ├── DataError            3   the user's text cannot be used as it is
    └── CheckpointError      4   a run directory is incomplete, not of Regard, or too new

Callers of the library get ValueError and TypeError, as in torch.
"""


class RegardError(Exception):
    """A failure that one sentence explains; the command line prints the sentence and no traceback."""

    exit_code = 1


class UsageError(RegardError):
    """The command or the recipe asks for something that does not exist."""

    exit_code = 2


class DataError(RegardError):
    """The user's text cannot be used as it is; the message names the file and the line."""

    exit_code = 3


class CheckpointError(RegardError):
    """A run directory is incomplete, not of Regard, or from a newer version."""

    exit_code = 4
