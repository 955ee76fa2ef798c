"""Names and titles that tell settings apart."""

import hashlib
from typing import Any

from bench.report.setting import setting
from bench.spec import ImportedSpec
from bench.store.record import Record

IN_WORDS = {"dataset", "epochs", "evaluate", "train_limit", "imbalance"}


def shared_part(members: list[Record]) -> dict[str, Any]:
    """Return the part of a setting that all runs share, imported ones aside."""
    settings = [setting(record.spec) for record in members if not isinstance(record.spec, ImportedSpec)]
    apart = differing(settings)
    return {key: value for key, value in settings[0].items() if key not in apart}


def as_text(own: dict[str, Any]) -> str:
    """Return a setting as text without what is None, so that optional keys can be added."""
    return repr({key: value for key, value in own.items() if value is not None})


def differing(settings: list[dict[str, Any]]) -> set[str]:
    """Return the keys that do not have the same value in all settings."""
    keys = {key for each in settings for key in each}
    return {key for key in keys if any(each.get(key) != settings[0].get(key) for each in settings)}


def suffixes_of(texts: list[str]) -> list[str]:
    """Return a suffix for each text: four hexadecimal digits, or as many as tell them apart.

    One text needs none.
    """
    if len(texts) < 2:
        return [""] * len(texts)
    hashes = [hashlib.sha256(text.encode()).hexdigest() for text in texts]
    digits = next(n for n in range(4, 65) if len({each[:n] for each in hashes}) == len(hashes))
    return [f"-{each[:digits]}" for each in hashes]


def recipe_name(members: list[Record]) -> str | None:
    """Return the name that an experiment gave the recipe of a setting's runs, if they have one."""
    names = {record.spec.recipe_name for record in members if record.spec.recipe}
    return names.pop() if len(names) == 1 else None


def told_by_name(members: list[Record], rivals: list[list[Record]]) -> set[str]:
    """Return the keys for which a recipe's name stands; none if another recipe has that name."""
    recipe, name = members[0].spec.recipe, recipe_name(members)
    if recipe is None or name is None:
        return set()
    same_name = [runs[0].spec.recipe for runs in rivals if recipe_name(runs) == name]
    return set(recipe.model_dump()) if all(other == recipe for other in same_name) else set()


def values_told(own: dict[str, Any], keys: set[str]) -> list[str]:
    """Return the values of a setting's keys, each as text, but for those that a title has in words.

    >>> own = {"epochs": 3, "schedule": {"factor": 0.9, "every": 1}, "cutout": None}
    >>> values_told(own, {"epochs", "schedule", "cutout"})
    ['schedule (factor 0.9, every 1)', 'no cutout']
    """
    return [_told(key, value) for key, value in own.items() if key in keys - IN_WORDS]


def title(members: list[Record], own: dict[str, Any], apart: set[str], tuned: str = "") -> str:
    """Return the title of a setting's tables.

    Args:
        members: runs of the setting.
        own: what all of them share, as `setting` has it.
        apart: its keys that differ from the data set's other settings; their values are told.
        tuned: name of the search, if the runs are its winners.
    """
    spec = members[0].spec
    recipe = recipe_name(members)
    facts = [
        spec.dataset.name,
        *([f"recipe {recipe}"] if recipe and not tuned else []),
        *(_training(own) if spec.recipe else ["trained elsewhere"]),
        *([tuned] if tuned else []),
        *([f"imbalance {own['imbalance']}"] if "imbalance" in own else []),
        "test set" if spec.evaluate == "test" else "held-out part (noisy labels)",
        *values_told(own, apart),
        seeds_of(members),
    ]
    return ", ".join(facts)


def seeds_of(records: list[Record]) -> str:
    """Return the seeds of runs as text, with which a setting's title ends."""
    seeds = sorted({record.spec.seed for record in records})
    return f"seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))}"


def _training(own: dict[str, Any]) -> list[str]:
    """Return the epochs and the limit of training images of a setting, in words; none that vary."""
    epochs, limit = own.get("epochs"), own.get("train_limit")
    return [
        *([f"{epochs} epoch{'s' if epochs > 1 else ''}"] if epochs else []),
        *([f"{limit} training images"] if limit else []),
    ]


def _told(key: str, value: Any) -> str:
    if value is None:
        return f"no {key}"
    if isinstance(value, dict):
        return f"{key} ({', '.join(f'{inner} {each}' for inner, each in value.items())})"
    return f"{key} {value}"
