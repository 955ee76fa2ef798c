import torch
from torch.nn import functional as F

from bench.data.augment import Transforms, reflected_crop
from bench.data.dataset import DataSet, Split
from bench.recipe import Recipe
from bench.training.transforms import AlternatingFlips, by_recipe


def some_images(size=6, height=7, width=9):
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (size, 2, height, width), dtype=torch.uint8, generator=generator)


def small(images):
    split = Split(images, torch.zeros(len(images), dtype=torch.long))
    transforms = Transforms([0.5, 0.4], [0.2, 0.3], padding=4, flip=True)
    return DataSet(split, split, ("a", "b"), transforms.augment, transforms.evaluate)


def test_each_crop_is_a_window_of_the_image_padded_by_reflection():
    images = some_images(200)
    crops = reflected_crop(images, 2, torch.Generator().manual_seed(1))
    padded = F.pad(images.float(), (2, 2, 2, 2), mode="reflect").to(torch.uint8)
    offsets = set()
    for crop, image in zip(crops, padded, strict=True):
        fits = [(y, x) for y in range(5) for x in range(5) if torch.equal(image[:, y : y + 7, x : x + 9], crop)]
        assert len(fits) == 1
        offsets |= set(fits)
    assert len(offsets) == 25


def test_without_padding_the_crop_is_the_image():
    images = some_images()
    assert torch.equal(reflected_crop(images, 0, torch.Generator()), images)


def test_flips_alternate_between_a_random_half_and_the_other_half():
    images = some_images(1000, 2, 3)
    flips = AlternatingFlips(1000, 3, torch.device("cpu"))
    order = torch.randperm(1000)
    mirrored = {}
    for epoch in (1, 2, 3):
        found = flips(images[order], order, epoch)
        same = (found == images[order]).flatten(1).all(dim=1)
        assert torch.equal(found[~same], images[order][~same].flip(-1))
        mirrored[epoch] = set(order[~same].tolist())
    assert mirrored[1] == mirrored[3]
    assert not mirrored[1] & mirrored[2]
    assert mirrored[1] | mirrored[2] == set(range(1000))
    assert 400 < len(mirrored[1]) < 600


def test_the_first_half_depends_on_the_seed_alone():
    first, again, other = (AlternatingFlips(50, seed, torch.device("cpu")).first for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_the_recipes_augmentation_takes_the_place_of_the_data_sets():
    images = some_images()
    data = by_recipe(small(images), Recipe(augment={"padding": 0, "flip": "none"}))
    assert torch.equal(data.augment(images, torch.Generator()), small(images).evaluate(images)[0])
    mirrored = by_recipe(small(images), Recipe(augment={"padding": 0, "flip": "random"}))
    found = mirrored.augment(images, torch.Generator().manual_seed(0))
    assert {torch.equal(a, b) for a, b in zip(found, data.augment(images, torch.Generator()), strict=True)} == {
        True,
        False,
    }


def test_mirrored_views_follow_the_others():
    images = some_images()
    (plain,) = small(images).evaluate(images)
    views = by_recipe(small(images), Recipe(mirrored_views=True)).evaluate(images)
    assert len(views) == 2
    assert torch.equal(views[0], plain)
    assert torch.equal(views[1], plain.flip(-1))


def test_a_recipe_without_them_leaves_the_data_set_as_it_is():
    data = small(some_images())
    assert by_recipe(data, Recipe()) is data
