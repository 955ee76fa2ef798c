"""The command `python -m bench`."""

import errno
import sys
import warnings
from pathlib import Path
from typing import Any

from bench.errors import BenchError, Note, UsageError, one_line
from bench.escaping import printable

INTERRUPTED = 130  # exit status
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
    try:
        sys.exit(_run())
    except BenchError as error:
        _fail(str(error), 2)
    except KeyboardInterrupt:
        _fail("interrupted", INTERRUPTED)
    except OSError as error:
        _fail(_told(error), 1)
    except (ImportError, MemoryError, UnicodeError) as error:
        _fail(f"{one_line(error)}{_told_memory()}", 1)


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
        return app(sys.argv[1:] or ["--help"], prog_name="bench", standalone_mode=False)
    except typer.BadParameter.__base__ as error:  # type: ignore[misc]  # all errors of a command line's form
        said = " ".join(error.format_message().split()).rstrip(".")
        where = f"; see `{error.ctx.command_path} --help`" if error.ctx else ""
        raise UsageError(f"{said}{where}") from None
    except typer.Abort:
        raise KeyboardInterrupt from None


def _fail(said: str, status: int) -> None:
    """Print an error and exit."""
    print(f"error: {printable(said)}", file=sys.stderr)
    sys.exit(status)


def _told(error: OSError) -> str:
    """Return what an error of the system was, where, and which limit may be behind it."""
    where = f": {error.filename}" if error.filename else ""
    return f"{error.strerror or error}{where}{LIMITS.get(error.errno or 0, '')}"


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
