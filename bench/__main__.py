"""The command `python -m bench`."""

import sys

from bench.commands.cli import app
from bench.errors import BenchError


def main() -> None:
    """Run the command line; print an error that the user can fix as one line and exit non-zero."""
    try:
        app(prog_name="bench")
    except BenchError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except OSError as error:
        print(f"error: {error.strerror or error}: {error.filename or 'no file named'}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
