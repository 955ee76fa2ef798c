"""Exceptions of failed, skipped and noted checks."""

from bench.errors import BenchError


class CheckFailed(BenchError):  # noqa: N818 - named for what it says
    """The plugin fails a check; the message says what to change."""


class CheckSkipped(BenchError):  # noqa: N818 - not an error: nothing has failed
    """A check cannot be run here or does not apply to the plugin; the message says why."""


class CheckNoted(BenchError):  # noqa: N818 - not an error: the check is passed
    """The plugin passes a check, but its author should look at what the message says."""


def require(condition: object, advice: str) -> None:
    """Raise CheckFailed with some advice unless a condition holds.

    Raises:
        CheckFailed: the condition is false.
    """
    if not condition:
        raise CheckFailed(advice)
