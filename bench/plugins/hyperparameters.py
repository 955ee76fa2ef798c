"""Hyper-parameters: keywords of a plugin's constructor, validated against their annotations."""

import inspect
from typing import Any, get_type_hints

from pydantic import ConfigDict, TypeAdapter, ValidationError

from bench.errors import UsageError, brief, unknown
from bench.plugins.one_form import is_finite, is_lookalike, one_form

# `true` does not pass for 1, nor `nan` or `inf` for a float; a whole number passes for a float.
EXACT = ConfigDict(strict=True, allow_inf_nan=False)


def declared(plugin: type) -> dict[str, inspect.Parameter]:
    """Return the keyword-only parameters of a constructor by name.

    If the constructor has `**keywords`, parameters of the next class in the method resolution order
    count too.
    """
    found: dict[str, inspect.Parameter] = {}
    for cls in plugin.__mro__:
        if "__init__" not in vars(cls):
            continue
        constructor = vars(cls)["__init__"]
        parameters = inspect.signature(constructor).parameters.values()
        hints = get_type_hints(constructor, include_extras=True)
        for parameter in parameters:
            if parameter.kind is parameter.KEYWORD_ONLY:
                typed = parameter.replace(annotation=hints.get(parameter.name, Any))
                found.setdefault(parameter.name, typed)
        if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
            break
    return found


def resolve(owner: str, plugin: type, given: dict[str, Any]) -> dict[str, Any]:
    """Return all hyper-parameters of a plugin: the given ones, validated, and the defaults.

    Args:
        owner: name of the plugin in error messages.
        plugin: its class.
        given: hyper-parameters by name.

    Raises:
        UsageError: a name is unknown, a value does not fit its annotation, or a required
            hyper-parameter is missing.
    """
    parameters = declared(plugin)
    for name in given:
        if name not in parameters:
            raise unknown(f"hyper-parameter of {owner}", name, parameters)
    missing = [name for name in required(plugin) if name not in given]
    if missing:
        raise UsageError(f"{owner} needs {missing[0]}: pass --set {owner}.{missing[0]}=VALUE")
    return defaults(plugin) | {name: check(f"{owner}.{name}", parameters[name], v) for name, v in given.items()}


def required(plugin: type) -> list[str]:
    """Return the names of a plugin's hyper-parameters that have no default."""
    return [name for name, parameter in declared(plugin).items() if parameter.default is parameter.empty]


def defaults(plugin: type) -> dict[str, Any]:
    """Return the defaults of a plugin's hyper-parameters, of those that have one."""
    return {name: p.default for name, p in declared(plugin).items() if p.default is not p.empty}


def check(name: str, parameter: inspect.Parameter, value: Any) -> Any:
    """Return a value in its one form, validated against the parameter's annotation.

    Args:
        name: of the hyper-parameter in error messages.
        parameter: with the annotation.
        value: to validate.

    Raises:
        UsageError: the value does not fit the annotation.
    """
    validate = TypeAdapter(parameter.annotation, config=EXACT).validate_python
    try:
        made = validate(value)
    except ValidationError as error:
        reasons = dict.fromkeys(detail["msg"][0].lower() + detail["msg"][1:] for detail in error.errors())
        raise _unfit(name, value, "; ".join(reasons)) from None
    if is_lookalike(value, made):
        raise _unfit(name, value, f"input should be {made!r}, and of that type")
    if not is_finite(made):
        raise _unfit(name, value, "input should be a finite number")
    return one_form(made, parameter.default, validate)


def _unfit(name: str, value: Any, reason: str) -> UsageError:
    is_plain = isinstance(value, str) and value.isprintable() and len(value) <= 80
    return UsageError(f"--set {name}={value if is_plain else brief(value)}: {reason}")
