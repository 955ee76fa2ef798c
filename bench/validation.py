"""Models made from what users wrote, with one line that says what is wrong with it."""

from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from bench.errors import UsageError, brief, unknown

Model = TypeVar("Model", bound=BaseModel)


def validated(cls: type[Model], content: dict[str, Any], kind: str) -> Model:
    """Return a model made from the content.

    Args:
        cls: class of the model.
        content: fields of the model by name.
        kind: what the error message calls a field, such as `key of recipe`.

    Raises:
        UsageError: a key is unknown, or a value is invalid.
    """
    try:
        return cls.model_validate(content)
    except ValidationError as error:
        raise UsageError(_say(error, cls, kind)) from None


def _typed(keys: list[str]) -> str:
    """Return the command-line option of a field, which its model may hold in a part."""
    return f"--{keys[-1].replace('_', '-')}"


def _say(error: ValidationError, cls: type[BaseModel], kind: str) -> str:
    """Return the first error of a validation as one line."""
    details = error.errors()
    detail = max(details, key=lambda each: len(each["loc"]) if each["loc"][:1] == details[0]["loc"][:1] else 0)
    where = detail["loc"]
    if detail["type"] == "extra_forbidden" and len(where) == 1:
        return str(unknown(kind, str(where[0]), cls.model_fields))
    keys = [key for key in where if isinstance(key, str) and key.isidentifier() and key.islower()]
    name = _typed(keys) if kind == "option" and keys else ".".join(keys) or kind
    reason = detail["msg"].removeprefix("Value error, ")
    return f"{name}: {reason[0].lower()}{reason[1:]}, got {brief(detail['input'])}"
