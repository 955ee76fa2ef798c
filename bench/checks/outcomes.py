"""How a check ends that does not pass."""

from bench.errors import BenchError


class CheckFailed(BenchError):  # noqa: N818 - named for what it says
    """A plugin does not do what it must; the line says what to do."""


class CheckSkipped(BenchError):  # noqa: N818 - not an error: nothing has failed
    """A check cannot be made here, or does not apply to the plugin; the line says why."""


class CheckNoted(BenchError):  # noqa: N818 - not an error: the check is passed
    """A plugin passes, with something that its author should look at; the line says what."""


def require(condition: object, advice: str) -> None:
    """Do nothing if a condition holds.

    Raises:
        CheckFailed: it does not.
    """
    if not condition:
        raise CheckFailed(advice)
