"""The command `python -m bench`."""

import errno
import os
import sys

from bench.commands.interrupts import INTERRUPTED, interrupt_once, say_interrupted
from bench.errors import BenchError


def main() -> None:
    """Run the command line; print an error that the user can fix as one line and exit non-zero."""
    handler = interrupt_once()
    try:
        _run()
    except (KeyboardInterrupt, Exception) as error:
        if isinstance(error, KeyboardInterrupt) or handler.fired:  # a library may hide it in an error
            say_interrupted()
            sys.exit(INTERRUPTED)
        sys.exit(_say(error))


def _say(error: Exception) -> int:
    """Print an error as one line and return the exit status; raise one that nobody foresaw."""
    if isinstance(error, BenchError):
        print(f"error: {error}", file=sys.stderr)
        return 2
    if isinstance(error, OSError):
        where = error.filename or ("the output" if _gave_output_up(error) else "no file named")
        print(f"error: {error.strerror or error}: {where}", file=sys.stderr)
        return 1
    raise error


def _run() -> None:
    from bench.commands.cli import app  # takes a while, in which an interrupt is one line too

    try:
        app(prog_name="bench")
    finally:
        sys.stdout.flush()


def _gave_output_up(error: OSError) -> bool:
    """Return whether an error is of the output, as files name themselves; if so, give that up."""
    if error.errno not in (errno.ENOSPC, errno.EFBIG, errno.EIO):
        return False
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # else Python tries again as it ends, and complains
    return True


if __name__ == "__main__":
    main()
