"""Options that choose stored runs by data set, setting, method and noise.

They stand apart from what reads runs, as the command line needs them before it reads any.
"""

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, field_validator

from bench.options import EMPTY, Commas, Options, option

CHOICE = "Which runs to show"


def split_labels(given: Any) -> Any:
    """Return the parts of a text with commas, those in brackets aside; leave all else as it is.

    >>> split_labels("rul,rul(mix=C(3,2), relabel=off)")
    ['rul', 'rul(mix=C(3,2), relabel=off)']
    """
    if not isinstance(given, str):
        return given
    depth, parts = 0, [""]
    for sign in given:
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(sign, 0)
        if sign == "," and depth <= 0:
            parts.append("")
        else:
            parts[-1] += sign
    return [re.sub(r"\s+", " ", part).strip() for part in parts]


class Selection(Options):
    """Which runs of a results folder to show; a list that is empty leaves all."""

    datasets: Annotated[list[str], Commas] = option([], "Data sets to show.", CHOICE, "NAME,…", unset="all")
    methods: Annotated[list[str], BeforeValidator(split_labels)] = option(
        [], "Methods to show, or row labels of tables.", CHOICE, "NAME,…", unset="all"
    )
    noise: Annotated[list[str], Commas] = option(
        [], "Label noise to show: 0.3, pair:0.3, or pair for all its rates.", CHOICE, "RATE,…", unset="all"
    )
    setting: str | None = option(
        None,
        "One setting, where runs have several recipes: its name in the report, or of the recipe.",
        CHOICE,
        "NAME",
        unset="all",
    )

    @field_validator("noise", mode="before")
    @classmethod
    def _as_text(cls, noise: Any) -> Any:
        return [str(point) for point in noise] if isinstance(noise, list | tuple) else noise

    @field_validator("datasets", "methods", "noise")
    @classmethod
    def _no_gaps(cls, values: list[str]) -> list[str]:
        if any(not value.strip() for value in values):
            raise ValueError(EMPTY)
        return values
