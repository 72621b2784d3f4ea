"""Ctrl-C (SIGINT), SIGTERM and a terminal that closes (SIGHUP): finish the step, save, end."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any

from regard.errors import RegardError


class Interrupted(RegardError):
    """A signal stopped the run after it had been saved.

    Args:
        number: the signal.
        saved: what was saved, in words, and how to continue.
    """

    def __init__(self, number: signal.Signals, saved: str) -> None:
        super().__init__(f"stopped by {number.name}; {saved}")
        self.number = number
        self.exit_code = 128 + number


class Abandoned(BaseException):
    """Ends long work that can be repeated later, such as a validation; the training loop catches it."""


class Signals:
    """Inside the `with`, the first SIGINT, SIGTERM or SIGHUP is noted in `received`; the second exits at once.

    A SIGHUP that is ignored, as under `nohup`, stays ignored. Handlers can only be set in the main thread; in other
    threads this does nothing.

    Args:
        forwarded: torchrun sends each signal to its workers once more, and kills workers that do not end. So a second
            signal is ignored, and after the `with` every signal is.
    """

    def __init__(self, *, forwarded: bool = False) -> None:
        self.forwarded = forwarded
        self.received: signal.Signals | None = None
        self._abandonable = False
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> "Signals":
        if threading.current_thread() is threading.main_thread():
            heeded = [signal.SIGINT, signal.SIGTERM]
            heeded += [signal.SIGHUP] if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN else []
            self._before = {number: signal.signal(number, self._note) for number in heeded}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        leaving = self.forwarded and self.received
        for number, handler in self._before.items():
            signal.signal(number, signal.SIG_IGN if leaving else signal.SIG_DFL if handler is None else handler)

    @contextmanager
    def abandonable(self) -> Iterator[None]:
        """Inside the `with`, a signal raises `Abandoned`: for long work that changes nothing, such as a validation."""
        self._abandonable = True
        try:
            if self.received:
                raise Abandoned
            yield
        finally:
            self._abandonable = False

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.received and not self.forwarded:
            raise SystemExit(128 + number)
        self.received = self.received or signal.Signals(number)
        if self._abandonable:
            self._abandonable = False
            raise Abandoned
