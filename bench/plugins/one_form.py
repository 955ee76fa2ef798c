"""The one form of a hyper-parameter's value, so that two spellings of it are one run.

3 and 3.0 are one float, -0.0 is 0.0, and a value that equals the default is the default. True is
not 1, though Python holds them equal.
"""

import math
from collections.abc import Callable
from typing import Any

NUMBERS = (int, float)  # compared by exact type: bool is a kind of int


def is_lookalike(given: Any, made: Any) -> bool:
    """Return whether a number was taken for one of another type: True for 1, or 2.0 for 2.

    Args:
        given: the value as the user gave it.
        made: what validation made of it.
    """
    pairs = _pairs(given, made)
    if pairs is not None:
        return any(is_lookalike(*pair) for pair in pairs)
    kinds = type(given), type(made)
    return kinds != (int, float) and kinds[0] is not kinds[1] and set(kinds) <= {bool, complex, *NUMBERS}


def is_finite(made: Any) -> bool:
    """Return whether no number in a value is NaN or infinite."""
    if isinstance(made, list | tuple):
        return all(map(is_finite, made))
    return not isinstance(made, float) or math.isfinite(made)


def one_form(made: Any, default: Any, validate: Callable[[Any], Any]) -> Any:
    """Return the one form of a valid value.

    Args:
        made: what validation made of the value.
        default: of the hyper-parameter, or anything else where it has none.
        validate: returns a value as the annotation has it, or raises ValueError.
    """
    made = _without_negative_zero(made)
    if _same(made, default):
        return default
    return _of_kind(made, type(default) if type(default) in NUMBERS else int, validate)


def _pairs(one: Any, other: Any) -> list[tuple[Any, Any]] | None:
    """Return the members of two sequences of one length side by side, None of anything else."""
    are_sequences = isinstance(one, list | tuple) and isinstance(other, list | tuple)
    return list(zip(one, other, strict=True)) if are_sequences and len(one) == len(other) else None


def _same(one: Any, other: Any) -> bool:
    if type(one) in NUMBERS and type(other) in NUMBERS:
        return bool(one == other)
    if type(one) is not type(other):
        return False
    pairs = _pairs(one, other)
    return isinstance(one, str | bool) and one == other if pairs is None else all(_same(*pair) for pair in pairs)


def _without_negative_zero(made: Any) -> Any:
    if type(made) in (list, tuple):
        return type(made)(map(_without_negative_zero, made))
    return made + 0.0 if type(made) is float else made


def _of_kind(made: Any, kind: type, validate: Callable[[Any], Any]) -> Any:
    """Return a number as int or float, whichever is wanted, where the annotation takes both."""
    if type(made) not in NUMBERS or type(made) is kind or made != (other := _other_kind(made)):
        return made
    try:
        return other if type(validate(other)) is kind else made
    except ValueError:
        return made


def _other_kind(made: float | int) -> float | int | None:
    """Return a whole number in the other of the two types, None if it has no equal there."""
    try:
        return float(made) if isinstance(made, int) else int(made)
    except (OverflowError, ValueError):
        return None
