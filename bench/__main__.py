"""The command `python -m bench`."""

import errno
import os
import sys
import warnings
from pathlib import Path
from typing import Any

from bench.commands.interrupts import INTERRUPTED, interrupt_once, say_interrupted
from bench.errors import BenchError, Note, UsageError, one_line
from bench.escaping import printable

PACKAGE = str(Path(__file__).parent)
LEAST_MEMORY = 192 * 2**20  # bytes of address space; with less, libraries abort as they are loaded
LIMITS = {
    errno.EMFILE: "; `ulimit -n` tells how many files a program may open here, and raises that",
    errno.ENOMEM: "; `ulimit -v` tells how much memory a program may take here, and raises that",
}


def main() -> None:
    """Run the command line; print an error that the user can fix as one line and exit non-zero."""
    _replace_what_a_terminal_lacks()
    warnings.formatwarning = _one_line_of_ours
    handler = interrupt_once()
    try:
        sys.exit(_run())
    except (KeyboardInterrupt, Exception) as error:
        if isinstance(error, KeyboardInterrupt) or handler.fired:  # a library may hide it in an error
            say_interrupted()
            sys.exit(INTERRUPTED)
        sys.exit(_say(error))


def _say(error: Exception) -> int:
    """Print an error as one line and return the exit status; raise one that nobody foresaw."""
    if isinstance(error, BenchError):
        said, status = str(error), 2
    elif isinstance(error, OSError):
        said, status = _told(error), 1
    elif isinstance(error, ImportError | MemoryError | UnicodeError):
        said, status = f"{one_line(error)}{_told_memory()}", 1
    else:
        raise error
    print(f"error: {printable(said)}", file=sys.stderr)
    return status


def _run() -> int | None:
    """Run the command line and return the exit status.

    It is imported here, as imports are the first to fail where there is too little of anything.

    Raises:
        UsageError: the words of the command line have another form.
    """
    if (_memory() or LEAST_MEMORY) < LEAST_MEMORY:
        raise UsageError(f"too little address space{_told_memory()}")
    import typer

    from bench.commands.cli import app

    try:
        try:
            return app(sys.argv[1:] or ["--help"], prog_name="bench", standalone_mode=False)
        finally:
            sys.stdout.flush()
    except typer.BadParameter.__base__ as error:  # type: ignore[misc]  # all errors of a command line's form
        said = " ".join(error.format_message().split()).rstrip(".")
        where = f"; see `{error.ctx.command_path} --help`" if error.ctx else ""
        raise UsageError(f"{said}{where}") from None
    except typer.Abort:
        raise KeyboardInterrupt from None


def _told(error: OSError) -> str:
    """Return what an error of the system was, where, and which limit may be behind it."""
    where = error.filename or ("the output" if _gave_output_up(error) else "")
    place = f": {where}" if where else ""
    return f"{error.strerror or error}{place}{LIMITS.get(error.errno or 0, '')}"


def _gave_output_up(error: OSError) -> bool:
    """Return whether an error is of the output, as files name themselves; if so, give that up."""
    if error.errno not in (errno.ENOSPC, errno.EFBIG, errno.EIO):
        return False
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # else Python tries again as it ends, and complains
    return True


def _told_memory() -> str:
    """Return the limit of the address space as words, if there is one: libraries do not name it."""
    limit = _memory()
    if limit is None:
        return ""
    return f"; a program may take {limit / 2**20:.0f} MiB of address space here, `ulimit -v` raises that"


def _memory() -> int | None:
    """Return how many bytes of address space a program may take, None if there is no limit."""
    try:
        import resource
    except ModuleNotFoundError:  # on Windows
        return None
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    return None if limit == resource.RLIM_INFINITY else limit


def _replace_what_a_terminal_lacks() -> None:
    """Have characters that a terminal's encoding lacks written as `?`, not end the program."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


def _one_line_of_ours(
    message: Any, category: type[Warning], filename: str, lineno: int, line: str | None = None
) -> str:
    """Return a warning as text: one of this package as a note, others with their places."""
    if issubclass(category, Note) or Path(filename).is_relative_to(PACKAGE):
        return f"note: {printable(message)}\n"
    return f"{filename}:{lineno}: {category.__name__}: {message}\n"


if __name__ == "__main__":
    main()
