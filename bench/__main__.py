"""`python -m bench`."""

import sys

from bench.cli import app
from bench.errors import BenchError


def main() -> None:
    """Run the command line; an error the user can mend is one line and exit status 2."""
    try:
        app(prog_name="bench")
    except BenchError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
