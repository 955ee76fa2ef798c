"""Ctrl-C in commands: one line, however often it is pressed, and exit status 130."""

import functools
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any, TypeVar

INTERRUPTED = 130  # exit status
GRACE = 3.0  # seconds in which a program that was interrupted may end in order
Command = TypeVar("Command", bound=Callable[..., Any])


class Interrupts:
    """Handles SIGINT; `fired` once it came."""

    def __init__(self) -> None:
        self.first: float | None = None

    @property
    def fired(self) -> bool:
        """Whether the program was interrupted."""
        return self.first is not None

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Interrupt the program, the first time; end it if it has not ended long after that."""
        if self.first is None:
            self.first = time.monotonic()
            raise KeyboardInterrupt
        if time.monotonic() - self.first > GRACE:
            os._exit(INTERRUPTED)


def interrupt_once() -> Interrupts:
    """Let the first Ctrl-C raise KeyboardInterrupt, and later ones not disturb what it began.

    One that comes when the program should long have ended ends it at once. Where Ctrl-C is ignored,
    as in a shell's background job, it stays so.
    """
    handler = Interrupts()
    in_main = threading.current_thread() is threading.main_thread()
    if in_main and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, handler)
    return handler


def say_interrupted() -> None:
    """Print the line on a command that was interrupted before or after it trained."""
    print("interrupted: the same command goes on from there", file=sys.stderr)


def ending_in_one_line(command: Command) -> Command:
    """Return the command with an interrupt told in one line, in place of typer's own `Aborted.`"""

    @functools.wraps(command)
    def run(*arguments: Any, **options: Any) -> Any:
        try:
            return command(*arguments, **options)
        except KeyboardInterrupt:
            say_interrupted()
            sys.exit(INTERRUPTED)

    return run  # type: ignore[return-value]
