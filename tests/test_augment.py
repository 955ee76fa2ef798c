import pytest
import torch

from bench.augment import Transforms, normalise, random_crop, random_flip

MEAN, STD = (0.1, 0.5, 0.9), (0.2, 0.3, 0.4)


@pytest.fixture
def images():
    return torch.randint(1, 256, (9, 3, 5, 7), dtype=torch.uint8)


def generator(seed=11):
    return torch.Generator().manual_seed(seed)


def crop_by_hand(images, padding, offsets):
    cropped = torch.zeros_like(images)
    size, _, height, width = images.shape
    for b in range(size):
        for y in range(height):
            for x in range(width):
                row, column = y + offsets[0][b] - padding, x + offsets[1][b] - padding
                if 0 <= row < height and 0 <= column < width:
                    cropped[b, :, y, x] = images[b, :, row, column]
    return cropped


@pytest.mark.parametrize("padding", [1, 2, 4])
def test_crop_is_a_window_of_the_padded_image(images, padding):
    cropped = random_crop(images, padding, generator())
    offsets = torch.randint(0, 2 * padding + 1, (2, 9, 1), generator=generator()).squeeze(2).tolist()
    assert cropped.dtype == torch.uint8
    assert torch.equal(cropped, crop_by_hand(images, padding, offsets))


def test_crops_reach_every_offset_about_equally_often():
    images = torch.zeros(5000, 1, 5, 5, dtype=torch.uint8)
    images[:, :, 2, 2] = 255
    where = (random_crop(images, 2, generator()) == 255).sum(dim=0)[0]
    assert where.sum() == 5000
    assert ((where - 200).abs() < 5 * (5000 * 0.04 * 0.96) ** 0.5).all()


def test_flip_mirrors_left_to_right(images):
    flipped = random_flip(images, generator())
    mirrored = torch.rand(9, generator=generator()) < 0.5
    assert 0 < mirrored.sum() < 9
    assert flipped.dtype == torch.uint8
    for before, after, is_mirrored in zip(images, flipped, mirrored, strict=True):
        width = before.shape[2]
        for x in range(width):
            assert torch.equal(after[:, :, x], before[:, :, width - 1 - x if is_mirrored else x])


def test_half_of_the_images_are_flipped():
    images = torch.tensor([0, 255], dtype=torch.uint8).expand(2000, 1, 1, 2)
    share = (random_flip(images, generator())[:, 0, 0, 0] == 255).double().mean().item()
    assert abs(share - 0.5) < 5 * 0.5 / 2000**0.5


def test_normalise_standardises_each_channel(images):
    standard = normalise(images, MEAN, STD)
    assert standard.dtype == torch.float32
    for channel in range(3):
        by_hand = (images[:, channel].double() / 255 - MEAN[channel]) / STD[channel]
        torch.testing.assert_close(standard[:, channel], by_hand.float())


def test_augmentation_crops_flips_and_standardises(images):
    augmented = Transforms(MEAN, STD, padding=2, flip=True).augment(images, generator())
    numbers = generator()
    offsets = torch.randint(0, 5, (2, 9, 1), generator=numbers).squeeze(2).tolist()
    cropped = crop_by_hand(images, 2, offsets)
    mirrored = torch.rand(9, generator=numbers) < 0.5
    cropped[mirrored] = cropped[mirrored].flip(3)
    torch.testing.assert_close(augmented, normalise(cropped, MEAN, STD))


def test_without_crop_and_flip_augmentation_draws_nothing(images):
    numbers = generator()
    plain = Transforms(MEAN, STD)
    assert torch.equal(plain.augment(images, numbers), normalise(images, MEAN, STD))
    assert torch.equal(numbers.get_state(), generator().get_state())


def test_evaluation_is_one_standardised_view(images):
    (view,) = Transforms(MEAN, STD, padding=2, flip=True).evaluate(images)
    assert torch.equal(view, normalise(images, MEAN, STD))


@pytest.mark.parametrize(
    "augment",
    [lambda x, g: random_crop(x, 2, g), random_flip, Transforms(MEAN, STD, padding=2, flip=True).augment],
    ids=["crop", "flip", "both"],
)
def test_the_generator_alone_decides(images, augment):
    before = images.clone()
    first, same, other = (augment(images, generator(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, same)
    assert not torch.equal(first, other)
    assert torch.equal(images, before)
