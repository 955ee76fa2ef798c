"""Checks of data sets.

Each check takes a data set's test bed and raises a one-line error that says what to change.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path

import torch

from bench.checks.dataset_bed import DataSetBed
from bench.checks.outcomes import CheckFailed, CheckSkipped, require
from bench.errors import DataError, UsageError, one_line
from bench.grid.config_files import own_recipe
from bench.grid.noise_axis import declared_by
from bench.nets.backbones import find_backbone
from bench.plugins.loading import check_data_set
from bench.plugins.registry import registry_around
from bench.recipe import Recipe
from bench.validation import validated

Check = Callable[[DataSetBed], None]
FEW = 8


def check_has_a_recipe(bed: DataSetBed) -> None:
    """A TOML file with the same name and a valid recipe lies beside the plugin."""
    beside = bed.plugin.path.with_suffix(".toml").name
    if bed.plugin.recipe is None:
        raise CheckFailed(f"write its recipe beside it, in {beside}: epochs, batch_size, backbone, …")
    try:
        beside_it = registry_around(bed.plugin)
        find_backbone(validated(Recipe, own_recipe(bed.plugin), "key of recipe").backbone, beside_it)
        declared_by(bed.plugin)
    except UsageError as error:
        raise CheckFailed(f"fix {beside}: {error}") from None


def check_missing_files_are_one_line(bed: DataSetBed) -> None:
    """If its files are missing, `load` raises a DataError with a one-line message."""
    source = bed.source
    with tempfile.TemporaryDirectory() as empty:
        try:
            source.load(Path(empty), False)
        except DataError as error:
            require("\n" not in str(error), "say in one line which file is missing and how to get it")
            return
        except Exception as error:
            said = f"raise bench.api.missing(…) if files are missing, not {type(error).__name__}"
            raise CheckFailed(said) from error
    raise CheckSkipped("it needs no file under the data root")


def check_images_and_labels(bed: DataSetBed) -> None:
    """Both splits have uint8 images (N, C, H, W) and int64 labels (N,) from 0 to K − 1.

    The number of channels is the same in both.
    """
    try:
        check_data_set(bed.plugin.name, bed.data)
    except DataError as error:
        raise CheckFailed(str(error)) from None
    channels = {part.images.shape[1] for part in (bed.data.train, bed.data.test)}
    require(len(channels) == 1, "give both parts images with the same number of channels")


def check_class_names(bed: DataSetBed) -> None:
    """Class names are distinct texts, and each class has training images."""
    names = bed.data.class_names
    texts = all(isinstance(name, str) and name.strip() for name in names)
    require(texts and len(set(names)) == len(names), f"give each class a name of its own, got {names}")
    absent = sorted(set(range(len(names))) - set(bed.data.train.labels.tolist()))
    require(not absent, f"class {absent[:1]} has no training image: leave it out of class_names")


def check_augment(bed: DataSetBed) -> None:
    """`augment` returns finite float32 images of the same shape as `evaluate`.

    It leaves its argument unchanged and draws random numbers from its generator only.
    """
    images = bed.data.train.images[:FEW]
    before = images.clone()
    found = [_augmented(bed, images, seed) for seed in (0, 1)]
    require(torch.equal(images, before), "augment changes its argument: work on a copy")
    shape = (len(images), *bed.data.image_shape)
    fits = tuple(found[0].shape) == shape and found[0].dtype == torch.float32
    require(fits, f"augment returned {tuple(found[0].shape)}, {found[0].dtype}: make it {shape}, torch.float32")
    require(found[0].isfinite().all(), "augment returns values that are not finite: check the standard deviations")
    require(torch.equal(*found), "augment must draw all random numbers from the generator that it is given")


def _augmented(bed: DataSetBed, images: torch.Tensor, global_seed: int) -> torch.Tensor:
    torch.manual_seed(global_seed)
    return bed.data.augment(images, torch.Generator(images.device).manual_seed(0))


def check_evaluate(bed: DataSetBed) -> None:
    """`evaluate` returns at least one view: finite float32 images of one shape.

    A second call returns the same views.
    """
    images = bed.data.test.images[:FEW]
    first, second = bed.data.evaluate(images), bed.data.evaluate(images)
    require(isinstance(first, list | tuple) and len(first), "evaluate must return a list of at least one view")
    shape = (len(images), *bed.data.image_shape)
    for view in first:
        fits = tuple(view.shape) == shape and view.dtype == torch.float32
        require(fits, f"evaluate returned {tuple(view.shape)}, {view.dtype}: make it {shape}, torch.float32")
        require(
            view.isfinite().all(), "evaluate returns values that are not finite: check the standard deviations"
        )
    alike = all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    require(alike, "evaluate returns other views the second time: draw no random numbers in it")


def check_loads_twice_alike(bed: DataSetBed) -> None:
    """Reading the data set again gives the same images and labels in the same order."""
    again = bed.read()
    for name, one, other in (("train", bed.data.train, again.train), ("test", bed.data.test, again.test)):
        try:
            alike = torch.equal(one.labels, other.labels) and torch.equal(one.images[:1000], other.images[:1000])
        except Exception as error:
            raise CheckFailed(f"{name}: cannot be read again: {one_line(error)}") from error
        require(alike, f"{name} differs when it is read again: sort file names, and fix every seed")


CHECKS: tuple[Check, ...] = (
    check_has_a_recipe,
    check_missing_files_are_one_line,
    check_images_and_labels,
    check_class_names,
    check_augment,
    check_evaluate,
    check_loads_twice_alike,
)
BASIC = (check_images_and_labels,)
