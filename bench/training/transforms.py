"""Augmentation and views of a recipe, in place of the data set's own."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from bench.data.augment import Augment, Evaluate, Images, random_flip, reflected_crop
from bench.data.dataset import DataSet
from bench.recipe import CropAndFlip, Recipe
from bench.training.seeding import torch_generator


def by_recipe(data: DataSet, recipe: Recipe) -> DataSet:
    """Return the data set, augmented and evaluated as the recipe says."""
    if recipe.augment:
        data = data._replace(augment=_augment(recipe.augment, data.evaluate))
    if recipe.mirrored_views:
        data = data._replace(evaluate=_with_mirrored(data.evaluate))
    return data


def _augment(settings: CropAndFlip, evaluate: Evaluate) -> Augment:
    """Return a function that crops and, at random, mirrors; alternating flips are the loop's."""

    def augment(images: Images, generator: torch.Generator) -> Float[Tensor, "batch channels h w"]:
        images = reflected_crop(images, settings.padding, generator)
        if settings.flip == "random":
            images = random_flip(images, generator)
        return evaluate(images)[0]

    return augment


def _with_mirrored(evaluate: Evaluate) -> Evaluate:
    def views(images: Images) -> list[Float[Tensor, "batch channels h w"]]:
        return [*evaluate(images), *evaluate(images.flip(-1))]

    return views


class AlternatingFlips:
    """Mirrors a random half of the images in odd epochs, and the other half in even ones.

    Source: Jordan, 94% on CIFAR-10 in 3.29 Seconds on a Single GPU, 2024, section 3.6.

    Args:
        size: N, of the training set.
        seed: of the first half.
        device: of the images.
    """

    def __init__(self, size: int, seed: int, device: torch.device) -> None:
        generator = torch_generator(seed, device)
        self.first: Bool[Tensor, " n"] = torch.rand(size, generator=generator, device=device) < 0.5

    def __call__(self, images: Images, index: Tensor, epoch: int) -> Images:
        """Return the images (B, C, H, W) at the places `index` (B,), some of them mirrored."""
        flipped = self.first[index] if epoch % 2 else ~self.first[index]
        return torch.where(flipped[:, None, None, None], images.flip(-1), images)
