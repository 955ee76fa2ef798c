"""The consoles that commands print to, what they say there, and exit statuses."""

from rich.console import Console

from bench.escaping import printable

FAILED = 1  # exit status
console = Console(highlight=False, emoji=False)
errors = Console(stderr=True, highlight=False, emoji=False)


def say(text: object, to: Console = console) -> None:
    """Print a text as one line, whatever is in it."""
    to.print(printable(text), soft_wrap=True, markup=False)


def note(text: object, kind: str = "note") -> None:
    """Print what a user should know besides, as one line among the errors."""
    say(f"{kind}: {text}", errors)
