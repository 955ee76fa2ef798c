"""The setting of a run: what must be the same for runs to stand in one table."""

from typing import Any

from bench.spec import UNHASHED, StoredSpec


def setting(spec: StoredSpec) -> dict[str, Any]:
    """Return what must be the same for runs to stand in one table; of imports the test set only."""
    if spec.recipe is None:
        return evaluated_on(spec)
    return {
        **_data(spec),
        **spec.recipe.model_dump(exclude=UNHASHED["recipe"]),
        **spec.model_dump(include={"held_out", "evaluate", "device", "precision"}),
    }


def evaluated_on(spec: StoredSpec) -> dict[str, Any]:
    """Return what must be the same for runs to be evaluated on the same images."""
    return {**_data(spec), "evaluate": spec.evaluate}


def _data(spec: StoredSpec) -> dict[str, Any]:
    return {
        "dataset": spec.dataset.name,
        **spec.dataset.hyperparameters,
        **({"content": spec.dataset.content} if spec.dataset.content else {}),
    }
