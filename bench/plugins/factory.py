"""Methods by name with their hyper-parameters, which may be methods themselves.

A constructor keyword annotated `MethodFactory` is another (inner) method, chosen by its name:
`--set NAME.inner=OTHER`. Hyper-parameters of the inner method have dotted names: `--set
NAME.inner.KEYWORD=VALUE`.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from bench.plugins.hyperparameters import declared, defaults, resolve
from bench.plugins.method import MakeBackbone, Method, Task
from bench.plugins.registry import Plugin, Registry, plugin_name

Values = Mapping[str, Any]


class MethodFactory:
    """A method's name and hyper-parameters; calling it builds the method.

    Args:
        name: of the method.
        hyperparameters: keywords of its constructor, inner methods as factories; defaults for the
            others.
        registry: in which the method is looked up; by default the project and installed packages.
        of_recipe: defaults that the recipe sets for hyper-parameters of any method that has them.
    """

    def __init__(
        self,
        name: str,
        hyperparameters: Values | None = None,
        registry: Registry | None = None,
        of_recipe: Values | None = None,
    ) -> None:
        self.name = name
        self.hyperparameters = dict(hyperparameters or {})
        self.registry = registry or Registry()
        self.of_recipe = dict(of_recipe or {})

    def __str__(self) -> str:
        values = ", ".join(f"{key}={value}" for key, value in self.hyperparameters.items())
        return f"{self.name}({values})" if values else self.name

    @classmethod
    def resolve(
        cls, name: str, given: Values, registry: Registry, owner: str = "", of_recipe: Values | None = None
    ) -> "MethodFactory":
        """Return a method with all hyper-parameters: the given ones, validated, and the defaults.

        Args:
            name: of the method.
            given: its hyper-parameters; those of inner methods have dotted names.
            registry: in which methods are looked up.
            owner: name of the method in error messages; `name` if empty.
            of_recipe: defaults that the recipe sets, of the method and of inner methods.

        Raises:
            UsageError: a name is unknown, a value does not fit its annotation, or a required
                hyper-parameter is missing.
        """
        owner = owner or name
        method = registry.find("methods", name).load()
        inner = _inner_names(method)
        own = {key: value for key, value in given.items() if key in inner or key.partition(".")[0] not in inner}
        values = resolve(owner, method, _taken(method, of_recipe) | own)
        for key in inner:
            chosen = values[key]
            below = {**chosen.hyperparameters, **_below(key, given)}
            values[key] = cls.resolve(chosen.name, below, registry, f"{owner}.{key}", of_recipe)
        return cls(name, values, registry, of_recipe)

    @classmethod
    def of(cls, name: str, values: Values, registry: Registry) -> "MethodFactory":
        """Return a method with hyper-parameters in the form of `MethodFactory.values`."""
        inner = _inner_names(registry.find("methods", name).load())
        own = {key: value for key, value in values.items() if "." not in key}
        made = {key: cls.of(own[key], _below(key, values), registry) for key in inner}
        return cls(name, own | made, registry)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        # Users give the method's name.
        return core_schema.no_info_after_validator_function(cls._named, handler(str))

    @classmethod
    def _named(cls, given: str) -> "MethodFactory":
        return cls(plugin_name(given))

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
        """The inner methods by hyper-parameter name."""
        return {key: value for key, value in self.hyperparameters.items() if isinstance(value, MethodFactory)}

    # ---- Values for records and tables -----------------------------------------------------------

    @property
    def values(self) -> dict[str, Any]:
        """All hyper-parameters as plain values, those of inner methods under dotted names."""
        found: dict[str, Any] = {}
        for key, value in self.hyperparameters.items():
            is_method = isinstance(value, MethodFactory)
            found |= {key: value.name, **_dotted(key, value.values)} if is_method else {key: value}
        return found

    @property
    def changed(self) -> dict[str, Any]:
        """Hyper-parameters whose values differ from their defaults.

        The defaults of an inner method are those of the method that was chosen.
        """
        usual = self._usual
        return {key: value for key, value in self.values.items() if key not in usual or usual[key] != value}

    @property
    def _usual(self) -> dict[str, Any]:
        own = defaults(self.method) | _taken(self.method, self.of_recipe)
        usual = {k: v.name if isinstance(v, MethodFactory) else v for k, v in own.items()}
        for key, each in self.inner.items():
            usual |= _dotted(key, each._usual)
        return usual

    @property
    def version(self) -> str:
        """The plugin's version, followed by the inner methods' after a +: `1+1`."""
        return "+".join([self.plugin.version, *(each.version for each in self.inner.values())])

    # ---- Class attributes, of inner methods too --------------------------------------------------

    @property
    def relabels(self) -> bool:
        """Whether the method or an inner method relabels by default."""
        return self.method.relabels or any(each.relabels for each in self.inner.values())

    @property
    def needs_held_out(self) -> bool:
        """Whether the method or an inner method needs held-out samples."""
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


def _taken(method: type[Method], of_recipe: Values | None) -> dict[str, Any]:
    """Return the recipe's defaults of those hyper-parameters that the method has."""
    return {key: value for key, value in (of_recipe or {}).items() if key in declared(method)}


def _below(key: str, values: Values) -> dict[str, Any]:
    """Return the values whose names start with a key and a dot, without that prefix.

    >>> _below("inner", {"members": 5, "inner": "rul", "inner.mix": 3})
    {'mix': 3}
    """
    start = f"{key}."
    return {name.removeprefix(start): value for name, value in values.items() if name.startswith(start)}


def _dotted(key: str, values: Values) -> dict[str, Any]:
    """Return the values with a key and a dot put before their names."""
    return {f"{key}.{name}": value for name, value in values.items()}
