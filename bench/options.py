"""Command-line options, each declared once: on the field of the model that validates it.

The command line hands over what was typed, Python and TOML files may use values as well:
`"0,0.3"` is `["0", "0.3"]` where a list belongs, and `"5"` is 5 where a number does. The number
types of all settings stand here, too.
"""

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, get_args

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, field_validator
from pydantic.fields import FieldInfo

from bench.errors import UsageError

PathLike = str | os.PathLike[str]
EMPTY = "must not be empty, as an unset variable of a shell is"
MOST_SEEDS = 10_000  # in a range


class Options(BaseModel):
    """Options that are immutable, of which none is unknown and none an empty text."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @field_validator("*", mode="before")
    @classmethod
    def _is_not_empty(cls, given: Any) -> Any:
        texts = given if isinstance(given, list | tuple) else [given]
        if any(isinstance(text, str) and not text.strip() for text in texts):
            raise ValueError(EMPTY)
        return given


class Shown(NamedTuple):
    """What the help shows of an option."""

    help: str
    panel: str
    metavar: str
    default: str


def option(default: Any, help: str, panel: str, metavar: str = "", unset: str = "") -> Any:
    """Return a pydantic field that the command line offers as an option.

    Args:
        default: the value if the option is not given.
        help: what the option is for.
        panel: the heading that the help lists it under.
        metavar: what stands for the value in the help, such as `N`; if empty, the choices of
            the field's Literal.
        unset: what the help says of the default where that is None.
    """
    shown = unset or (",".join(map(str, default)) if isinstance(default, list) else f"{default}")
    return Field(
        default, description=help, json_schema_extra={"panel": panel, "metavar": metavar, "default": shown}
    )


def options_of(model: type[BaseModel]) -> dict[str, Shown]:
    """Return what the help shows of each field that is an option, by the field's name."""
    return {name: _shown(field) for name, field in model.model_fields.items() if field.json_schema_extra}


def _shown(field: FieldInfo) -> Shown:
    about: Any = field.json_schema_extra
    choices = "|".join(map(str, get_args(field.annotation)))
    return Shown(field.description or "", about["panel"], about["metavar"] or choices, about["default"])


def refuse_empty(given: str | None, option: str) -> None:
    """Check that a text is not empty, if there is one.

    Raises:
        UsageError: it is.
    """
    if given is not None and not given.strip():
        raise UsageError(f"{option}: {EMPTY}")


def path_of(given: PathLike, option: str) -> Path:
    """Return the path that an option names, with a ~ at its start replaced by a home folder.

    Raises:
        UsageError: it is empty, or there is no user of that name.
    """
    refuse_empty(str(given), option)
    try:
        return Path(given).expanduser()
    except RuntimeError:
        user = Path(given).parts[0]
        raise UsageError(f"{option} {given}: there is no home folder {user}; write the path in full") from None


def split_list(given: Any) -> Any:
    """Return a list: the parts of a text with commas, the items of a sequence, or a lone number.

    None and tables are left as they are.
    """
    given = plain(given)
    if isinstance(given, str):
        return [part.strip() for part in given.split(",")]
    if isinstance(given, int | float):
        return [given]
    is_sequence = isinstance(given, Iterable) and not isinstance(given, Mapping | bytes)
    return [plain(part) for part in given] if is_sequence else given


def plain(given: Any) -> Any:
    """Return arrays and numbers of NumPy, torch or pandas as Python's own; leave all else."""
    return given.tolist() if hasattr(given, "tolist") else given


def _with_ranges(given: Any) -> Any:
    """Return a list of numbers in which each text such as `2-4` is replaced by what it spans."""
    parts = split_list(given)
    return [each for part in parts for each in _range(part)] if isinstance(parts, list) else parts


def _range(part: Any) -> list[Any]:
    ends = re.fullmatch(r"(\d{1,18})\s*-\s*(\d{1,18})", part) if isinstance(part, str) else None
    if not ends:
        return [part]
    first, last = int(ends[1]), int(ends[2])
    if not first <= last < first + MOST_SEEDS:
        raise ValueError(f"a range goes from the smaller to the larger number, over {MOST_SEEDS} at most")
    return list(range(first, last + 1))


def _number(given: Any) -> Any:
    """Return text as the number that it spells; leave all else to the strict type that follows."""
    given = plain(given)
    for kind in (int, float) if isinstance(given, str) else ():
        try:
            return kind(given)
        except ValueError:
            continue
    return given


def _unsigned(zero: float) -> float:
    return zero + 0.0


def _true(given: Any) -> Any:
    if type(given) is not bool:  # 1 and 1.0 are equal to true, so Literal takes them
        raise ValueError("input should be true")
    return given


# Numbers of settings. Strict: true is not 1, "1" is no number, and 1.0 is no whole one; a whole
# number is a float, and -0.0 is 0.0, so that one value has one identity.
Whole = Annotated[int, Field(strict=True, ge=0, lt=2**63)]
Positive = Annotated[int, Field(strict=True, gt=0, lt=2**63)]
AnySeed = Annotated[int, Field(strict=True, ge=0, lt=2**128)]  # so many digits fit a file's name
Yes = Annotated[Literal[True], BeforeValidator(_true)]
PositiveReal = Annotated[float, Field(strict=True, gt=0, allow_inf_nan=False)]
Real = Annotated[float, Field(strict=True, ge=0, allow_inf_nan=False), AfterValidator(_unsigned)]  # from 0
Rate = Annotated[float, Field(strict=True, ge=0, le=1), AfterValidator(_unsigned)]
Part = Annotated[float, Field(strict=True, ge=0, lt=1), AfterValidator(_unsigned)]
InnerPart = Annotated[float, Field(strict=True, gt=0, lt=1)]

# The same as options, which may be typed.
Commas = BeforeValidator(split_list)
CommasAndRanges = BeforeValidator(_with_ranges)
Number = BeforeValidator(_number)
Count = Annotated[Positive, Number]
Seed = Annotated[AnySeed, Number]
NonNegative = Annotated[float, Field(strict=True, ge=0), Number]
