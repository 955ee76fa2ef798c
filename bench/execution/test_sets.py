"""Test sets for trained methods: of the run's own data set, or of another of the same kind."""

from typing import Any

from bench.data.dataset import DataSet, Split
from bench.errors import DataError
from bench.execution.context import Context
from bench.execution.trained import Trained
from bench.grid.cells import dataset_choice
from bench.plugins.loading import load
from bench.plugins.registry import plugin_name


def test_set(trained: Trained, name: str | None, options: dict[str, Any], context: Context) -> Split:
    """Return the test images of a data set, which must fit what the method was trained on.

    Args:
        trained: the method.
        name: of the data set; None for the run's own.
        options: of the data set, as a user sets them.
        context: where data sets are.

    Raises:
        BenchError: there is no such data set, or its images or classes are others.
    """
    if name is None:
        return trained.data.test
    plugin = context.registry.find("datasets", plugin_name(name))
    choice = dataset_choice(plugin, options, context.data_root)
    other = load(choice, context.registry, context.data_root, context.download)
    _check_images(trained, name, other)
    _check_classes(trained, name, other)
    return other.test


def _check_images(trained: Trained, name: str, other: DataSet) -> None:
    wanted, got = (tuple(data.test.images.shape[1:]) for data in (trained.data, other))
    if wanted != got:
        raise DataError(
            f"{name}: its images are (channels, height, width) {got}, those of {trained.spec.dataset.name}, "
            f"which the run was trained on, are {wanted}"
        )


def _check_classes(trained: Trained, name: str, other: DataSet) -> None:
    """Check that classes are as many, and the same in their order where both have names."""
    own, got = trained.data.class_names, other.class_names
    trained_on = f"{trained.spec.dataset.name}, which the run was trained on,"
    if len(own) != len(got):
        raise DataError(f"{name}: it has {len(got)} classes, {trained_on} {len(own)}")
    if _are_numbers(own) or _are_numbers(got):
        return
    for place, (one, two) in enumerate(zip(own, got, strict=True)):
        if one.casefold() != two.casefold():
            raise DataError(f"{name}: its class {place} is {two!r}, that of {trained_on} {one!r}")


def _are_numbers(names: tuple[str, ...]) -> bool:
    return all(name.isdecimal() for name in names)
