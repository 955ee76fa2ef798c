"""Checks of the words of a command line, which no option's own type makes."""

from collections.abc import Iterable
from typing import Any

from typer.core import TyperCommand

from bench.errors import UsageError
from bench.options import refuse_empty


class Command(TyperCommand):
    """A command that refuses empty words, and options that are given twice but have one value."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Check the words, then read them.

        Raises:
            UsageError: one is empty, or an option is given twice.
        """
        single = {name for each in self.params if _has_one_value(each) for name in each.opts}
        check_words(args, single)
        return super().parse_args(ctx, args)


def check_words(words: list[str], single: Iterable[str]) -> None:
    """Check the words of a command line.

    Args:
        words: as a shell hands them over.
        single: the options that have one value.

    Raises:
        UsageError: a word is empty, or one of these options is given twice.
    """
    seen: set[str] = set()
    for place, word in enumerate(words):
        name, equals, value = word.partition("=")
        before = words[place - 1] if place else ""
        refuse_empty(word, before if before.startswith("--") else "an argument")
        if name.startswith("--") and equals:
            refuse_empty(value, name)
        if name in seen:
            raise UsageError(f"{name} is given twice")
        seen |= {name} & set(single)


def _has_one_value(parameter: Any) -> bool:
    return parameter.param_type_name == "option" and not parameter.multiple and not parameter.is_flag
