"""The command `python -m bench`."""

import sys
import warnings
from typing import Any

from bench.commands.cli import app
from bench.errors import BenchError, Note


def main() -> None:
    """Run the command line; print an error that the user can fix as one line and exit non-zero."""
    _notes_as_lines()
    try:
        app(prog_name="bench")
    except BenchError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except OSError as error:
        print(f"error: {error.strerror or error}: {error.filename or 'no file named'}", file=sys.stderr)
        sys.exit(1)


def _notes_as_lines() -> None:
    """Have a `Note` printed as one line, and other warnings as before."""
    usual = warnings.showwarning

    def show(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
        if issubclass(category, Note):
            print(f"note: {message}", file=sys.stderr)
        else:
            usual(message, category, *where, **more)

    warnings.showwarning = show


if __name__ == "__main__":
    main()
