"""Methods ready to be made: by name, with their hyper-parameters, those that are methods themselves included.

A constructor keyword annotated `MethodFactory` is another method, chosen by its name; what is set for that method
has dotted names: `--set NAME.inner=OTHER --set NAME.inner.KEYWORD=VALUE`.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from bench.plugins.hyperparameters import declared, defaults, resolve
from bench.plugins.method import MakeBackbone, Method, Task
from bench.plugins.registry import Plugin, Registry

Values = Mapping[str, Any]


class MethodFactory:
    """A method to be made: called with a task and `make_backbone`, it makes one.

    Args:
        name: of the method.
        hyperparameters: of its constructor, those that are methods as factories; defaults for the others.
        registry: where the method is found; by default among those of the project and of installed packages.
    """

    def __init__(self, name: str, hyperparameters: Values | None = None, registry: Registry | None = None) -> None:
        self.name = name
        self.hyperparameters = dict(hyperparameters or {})
        self.registry = registry or Registry()

    @classmethod
    def resolve(cls, name: str, given: Values, registry: Registry, owner: str = "") -> "MethodFactory":
        """Return a method with all its hyper-parameters: those given, validated, and the defaults of the others.

        Args:
            name: of the method.
            given: its hyper-parameters, those of methods inside it under dotted names.
            registry: where methods are found.
            owner: what messages call the method; its name if empty.

        Raises:
            UsageError: an unknown name, a value its annotation does not admit, or a required one that is missing.
        """
        owner = owner or name
        method = registry.find("methods", name).load()
        inner = _inner_names(method)
        own = {key: value for key, value in given.items() if key in inner or key.partition(".")[0] not in inner}
        values = resolve(owner, method, own)
        for key in inner:
            chosen = values[key]
            below = {**chosen.hyperparameters, **_below(key, given)}
            values[key] = cls.resolve(chosen.name, below, registry, f"{owner}.{key}")
        return cls(name, values, registry)

    @classmethod
    def of(cls, name: str, values: Values, registry: Registry) -> "MethodFactory":
        """Return a method with the hyper-parameters that `values` told of it."""
        inner = _inner_names(registry.find("methods", name).load())
        own = {key: value for key, value in values.items() if "." not in key}
        made = {key: cls.of(own[key], _below(key, values), registry) for key in inner}
        return cls(name, own | made, registry)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(cls, handler(str))  # users write its name

    def __call__(self, task: Task, make_backbone: MakeBackbone) -> Method:
        """Return the method, freshly initialised."""
        return self.method(task, make_backbone, **self.hyperparameters)

    @property
    def plugin(self) -> Plugin:
        """The method's plugin."""
        return self.registry.find("methods", self.name)

    @property
    def method(self) -> type[Method]:
        """The method's class."""
        return self.plugin.load()

    @property
    def inner(self) -> dict[str, "MethodFactory"]:
        """The methods among the hyper-parameters."""
        return {key: value for key, value in self.hyperparameters.items() if isinstance(value, MethodFactory)}

    # ---- what is written down --------------------------------------------------------------------------------

    @property
    def values(self) -> dict[str, Any]:
        """All hyper-parameters as plain values, those of methods inside under dotted names."""
        found: dict[str, Any] = {}
        for key, value in self.hyperparameters.items():
            is_method = isinstance(value, MethodFactory)
            found |= {key: value.name, **_dotted(key, value.values)} if is_method else {key: value}
        return found

    @property
    def changed(self) -> dict[str, Any]:
        """The values that differ from the defaults, inside from those of the methods that were chosen."""
        usual = self._usual
        return {key: value for key, value in self.values.items() if key not in usual or usual[key] != value}

    @property
    def _usual(self) -> dict[str, Any]:
        usual = {k: v.name if isinstance(v, MethodFactory) else v for k, v in defaults(self.method).items()}
        for key, each in self.inner.items():
            usual |= _dotted(key, each._usual)
        return usual

    @property
    def version(self) -> str:
        """The plugin's version, and after a + those of the methods inside: `1+1`."""
        return "+".join([self.plugin.version, *(each.version for each in self.inner.values())])

    # ---- what the class says, and the classes of the methods inside ------------------------------------------

    @property
    def relabels(self) -> bool:
        """Whether it, or a method inside it, relabels by default."""
        return self.method.relabels or any(each.relabels for each in self.inner.values())

    @property
    def needs_held_out(self) -> bool:
        """Whether it, or a method inside it, needs a held-out part."""
        return self.method.needs_held_out or any(each.needs_held_out for each in self.inner.values())

    @property
    def oracle(self) -> tuple[str, ...]:
        """Names of the hyper-parameters that use the true noise rate."""
        inside = (f"{key}.{name}" for key, each in self.inner.items() for name in each.oracle)
        return (*self.method.oracle, *inside)

    def declines(self, task: Task) -> str | None:
        """Return a reason not to run this task, or None to run it."""
        reasons = [self.method.declines(task), *(each.declines(task) for each in self.inner.values())]
        return next(filter(None, reasons), None)


def _inner_names(method: type[Method]) -> list[str]:
    """Return the names of the hyper-parameters that are methods."""
    return [name for name, parameter in declared(method).items() if parameter.annotation is MethodFactory]


def _below(key: str, values: Values) -> dict[str, Any]:
    """Return what has a dotted name that begins with a key, without that beginning.

    >>> _below("inner", {"members": 5, "inner": "rul", "inner.mix": 3})
    {'mix': 3}
    """
    start = f"{key}."
    return {name.removeprefix(start): value for name, value in values.items() if name.startswith(start)}


def _dotted(key: str, values: Values) -> dict[str, Any]:
    """Return values under names that begin with a key and a dot."""
    return {f"{key}.{name}": value for name, value in values.items()}
