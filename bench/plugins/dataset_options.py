"""Options of data sets: keywords of a plugin's constructor, and those that every data set has."""

from inspect import Parameter
from typing import Annotated, Any

from pydantic import Field

from bench.errors import unknown
from bench.plugins.hyperparameters import check, declared, resolve

IMBALANCE = "imbalance"
NO_IMBALANCE = 1.0
_RATIO = Parameter(
    IMBALANCE, Parameter.KEYWORD_ONLY, default=NO_IMBALANCE, annotation=Annotated[float, Field(gt=0, le=1)]
)
# What `bench list` says of the options that every data set has.
WORDS = {f"NAME.{IMBALANCE}": "Of any data set: long-tailed training part, such as --set cifar10.imbalance=0.01."}


def resolve_options(owner: str, source: type, given: dict[str, Any]) -> dict[str, Any]:
    """Return all options of a data set's constructor, and `imbalance` if it was asked for.

    An imbalance of 1 changes nothing, so it is left out: the runs are those without.

    Args:
        owner: name of the data set in error messages.
        source: its class.
        given: options by name.

    Raises:
        UsageError: a name is unknown, a value does not fit its annotation, or a required option is
            missing.
    """
    own = declared(source)
    if IMBALANCE in own:
        return resolve(owner, source, given)
    if odd := [name for name in given if name not in own and name != IMBALANCE]:
        raise unknown(f"hyper-parameter of {owner}", odd[0], [*own, IMBALANCE])
    ratio = check(f"{owner}.{IMBALANCE}", _RATIO, given.get(IMBALANCE, NO_IMBALANCE))
    options = resolve(owner, source, {name: value for name, value in given.items() if name != IMBALANCE})
    return options | ({} if ratio == NO_IMBALANCE else {IMBALANCE: ratio})


def split_imbalance(source: type, options: dict[str, Any]) -> tuple[dict[str, Any], float | None]:
    """Return the options of a data set's constructor, and the imbalance beside them, if any.

    Args:
        source: the class of the data set.
        options: as `resolve_options` returned them.
    """
    if IMBALANCE in declared(source):
        return options, None
    rest = {name: value for name, value in options.items() if name != IMBALANCE}
    return rest, options.get(IMBALANCE)
