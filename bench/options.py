"""Command-line options, each declared once: on the field of the model that validates it.

The command line hands over what was typed, Python and TOML files may use values as well:
`"0,0.3"` is `["0", "0.3"]` where a list belongs, and `"5"` is 5 where a number does.
"""

from typing import Annotated, Any, NamedTuple

from pydantic import BaseModel, BeforeValidator, Field
from pydantic.fields import FieldInfo


class Shown(NamedTuple):
    """What the help shows of an option."""

    help: str
    panel: str
    metavar: str
    default: str


def option(default: Any, help: str, panel: str, metavar: str, unset: str = "") -> Any:
    """Return a pydantic field that the command line offers as an option.

    Args:
        default: the value if the option is not given.
        help: what the option is for.
        panel: the heading that the help lists it under.
        metavar: what stands for the value in the help, such as `N`.
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
    return Shown(field.description or "", **about)


def _split(given: Any) -> Any:
    return [part.strip() for part in given.split(",")] if isinstance(given, str) else given


def _number(given: Any) -> Any:
    """Return text as the number that it spells; leave all else to the strict type that follows."""
    for kind in (int, float) if isinstance(given, str) else ():
        try:
            return kind(given)
        except ValueError:
            continue
    return given


# Strict: true is not 1, and 1.5 or "1.0" is not a count.
Commas = BeforeValidator(_split)
Number = BeforeValidator(_number)
Count = Annotated[int, Field(strict=True, gt=0), Number]
Natural = Annotated[int, Field(strict=True, ge=0), Number]
NonNegative = Annotated[float, Field(strict=True, ge=0), Number]
