import math

import pytest
import torch
from torchvision.transforms import functional as torchvision

from bench.data.augment import (
    Transforms,
    add_noise,
    cutout,
    normalise,
    random_crop,
    random_erase,
    random_flip,
    resize,
    ten_crop,
)

MEAN, STD = (0.1, 0.5, 0.9), (0.2, 0.3, 0.4)


@pytest.fixture
def images():
    return torch.randint(1, 256, (9, 3, 5, 7), dtype=torch.uint8)


def generator(seed=11):
    return torch.Generator().manual_seed(seed)


def crop_by_hand(images, size, padding, offsets):
    cropped = torch.zeros(*images.shape[:2], *size, dtype=torch.uint8)
    count, _, height, width = images.shape
    for b in range(count):
        for y in range(size[0]):
            for x in range(size[1]):
                row, column = y + offsets[0][b] - padding, x + offsets[1][b] - padding
                if 0 <= row < height and 0 <= column < width:
                    cropped[b, :, y, x] = images[b, :, row, column]
    return cropped


@pytest.mark.parametrize("padding", [1, 2, 4])
def test_crop_is_a_window_of_the_padded_image(images, padding):
    cropped = random_crop(images, (5, 7), padding, generator())
    offsets = torch.randint(0, 2 * padding + 1, (2, 9, 1), generator=generator()).squeeze(2).tolist()
    assert cropped.dtype == torch.uint8
    assert torch.equal(cropped, crop_by_hand(images, (5, 7), padding, offsets))


@pytest.mark.parametrize(("size", "padding"), [((44, 44), 0), ((44, 44), 2), ((40, 46), 1)])
def test_a_smaller_crop_is_a_window_too(size, padding):
    faces = torch.randint(1, 256, (5, 1, 48, 48), dtype=torch.uint8)
    cropped = random_crop(faces, size, padding, generator())
    numbers = generator()
    rows, columns = (
        torch.randint(0, 48 + 2 * padding - part + 1, (5, 1), generator=numbers).flatten().tolist()
        for part in size
    )
    assert cropped.shape == (5, 1, *size)
    assert torch.equal(cropped, crop_by_hand(faces, size, padding, (rows, columns)))


def test_a_crop_without_padding_reaches_every_offset_about_equally_often():
    rows, columns = torch.meshgrid(torch.arange(48), torch.arange(48), indexing="ij")
    places = torch.stack([rows, columns]).to(torch.uint8).expand(5000, 2, 48, 48)
    corners = random_crop(places, (44, 44), 0, generator())[:, :, 0, 0].long()
    counts = (5 * corners[:, 0] + corners[:, 1]).bincount()
    assert len(counts) == 25
    assert ((counts - 200).abs() < 5 * (5000 * 0.04 * 0.96) ** 0.5).all()


def test_crops_reach_every_offset_about_equally_often():
    images = torch.zeros(5000, 1, 5, 5, dtype=torch.uint8)
    images[:, :, 2, 2] = 255
    where = (random_crop(images, (5, 5), 2, generator()) == 255).sum(dim=0)[0]
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
    cropped = crop_by_hand(images, (5, 7), 2, offsets)
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


def test_noise_is_gaussian_in_grey_levels():
    grey = torch.full((40, 1, 50, 50), 128, dtype=torch.uint8)
    noisy = add_noise(grey, 5.0, generator())
    change = noisy.double() - 128
    assert noisy.dtype == torch.uint8
    assert abs(change.mean().item()) < 5 * 5 / 100_000**0.5
    variance = 25 + 1 / 12  # of the noise and of the rounding
    assert change.var().item() == pytest.approx(variance, abs=5 * variance * (2 / 100_000) ** 0.5)
    for multiple, share in ((1, 0.6827), (2, 0.9545)):
        within = (
            0.5 * (change.abs() <= 5 * multiple).double().mean()
            + 0.5 * (change.abs() < 5 * multiple).double().mean()
        )
        assert within.item() == pytest.approx(share, abs=0.01)


def test_noise_is_rounded_and_clipped_not_wrapped(images):
    noisy = add_noise(images, 90.0, generator())
    drawn = torch.randn(images.shape, generator=generator())
    wanted = [
        min(255, max(0, round(value + 90 * by)))
        for value, by in zip(images.flatten().tolist(), drawn.flatten().double().tolist(), strict=True)
    ]
    assert {0, 255} <= set(wanted)
    assert noisy.flatten().tolist() == wanted


def test_resizing_agrees_with_torchvision_both_up_and_down(images):
    for side in (3, 6, 16):
        resized = resize(images, side)
        assert resized.dtype == torch.float32
        theirs = torchvision.resize(images.float(), [side, side], antialias=True)
        torch.testing.assert_close(resized, theirs)


def test_resizing_up_interpolates_between_the_centres_of_pixels():
    values = [10.0, 30.0, 90.0]
    image = torch.tensor(values).to(torch.uint8).expand(1, 1, 3, 3)
    by_hand = []
    for x in range(9):
        place = min(max((x + 0.5) / 3 - 0.5, 0.0), 2.0)
        left = min(int(place), 1)
        by_hand.append(values[left] + (place - left) * (values[left + 1] - values[left]))
    torch.testing.assert_close(resize(image, 9), torch.tensor(by_hand).expand(1, 1, 9, 9))


def test_a_constant_image_stays_constant_at_any_size():
    images = torch.tensor([0, 77, 255], dtype=torch.uint8).view(3, 1, 1, 1).expand(3, 3, 100, 100)
    torch.testing.assert_close(resize(images, 224), images[:, :, :1, :1].float().expand(3, 3, 224, 224))


def rectangle(erased):
    """Return top, left, height and width of a mask's rectangle; None where there is none."""
    places = erased.nonzero()
    if not len(places):
        return None
    (top, left), (bottom, right) = places.amin(dim=0).tolist(), places.amax(dim=0).tolist()
    assert erased[top : bottom + 1, left : right + 1].all()
    return top, left, bottom - top + 1, right - left + 1


def rectangles(area, probability=1.0, count=400, side=64):
    images = torch.rand(count, 3, side, side) + 1
    erased = random_erase(images, area, generator(), probability)
    changed = erased != images
    assert (erased[changed] == 0).all()
    assert torch.equal(changed.all(dim=1), changed.any(dim=1))
    return [rectangle(mask) for mask in changed[:, 0]]


def test_erasing_zeroes_one_rectangle_of_the_area_and_aspect_asked_for():
    found = rectangles((0.02, 0.25))
    for _, _, height, width in found:  # a side is rounded by half a pixel at most
        assert (height + 0.5) * (width + 0.5) >= 0.02 * 64**2
        assert (height - 0.5) * (width - 0.5) <= 0.25 * 64**2
        assert (height + 0.5) / (width - 0.5) >= 0.3
        assert (height - 0.5) / (width + 0.5) <= 3.3
    share = torch.tensor([height * width / 64**2 for _, _, height, width in found])
    assert share.mean().item() == pytest.approx(0.135, abs=5 * 0.23 / 12**0.5 / 20)
    assert share.min() < 0.03
    assert share.max() > 0.24


def test_rectangles_lie_tall_and_wide_and_reach_every_edge():
    found = rectangles((0.02, 0.25))
    taller = sum(height > width for _, _, height, width in found) / len(found)
    expected = math.log(3.3) / (math.log(3.3) - math.log(0.3))
    assert taller == pytest.approx(expected, abs=0.12)
    assert len(set(found)) > 390
    assert (min(top for top, *_ in found), min(left for _, left, *_ in found)) == (0, 0)
    assert max(top + height for top, _, height, _ in found) == 64
    assert max(left + width for _, left, _, width in found) == 64


def test_where_a_rectangle_lies_is_uniform():
    places = [(top / (64 - height), left / (64 - width)) for top, left, height, width in rectangles((0.02, 0.05))]
    for place in torch.tensor(places).T:
        assert place.mean().item() == pytest.approx(0.5, abs=5 / 12**0.5 / 20)
        assert place.std().item() == pytest.approx(1 / 12**0.5, abs=0.04)


@pytest.mark.parametrize("probability", [0.0, 0.25, 0.5])
def test_erasing_takes_its_share_of_the_images(probability):
    taken = [found is not None for found in rectangles((0.02, 0.25), probability, count=1000, side=32)]
    spread = (probability * (1 - probability) / 1000) ** 0.5
    assert sum(taken) / 1000 == pytest.approx(probability, abs=5 * spread)


def test_a_rectangle_that_fits_nowhere_leaves_the_image_alone():
    images = torch.rand(50, 1, 8, 8) + 1
    assert torch.equal(random_erase(images, (2.0, 3.0), generator(), 1.0), images)


def test_a_rectangle_that_does_not_fit_is_drawn_again():
    found = rectangles((0.9, 1.0), count=300)
    assert all(height < 64 and width < 64 for _, _, height, width in filter(None, found))
    once = torch.rand(300, 1, 64, 64) + 1
    single = (random_erase(once, (0.9, 1.0), generator(), 1.0, tries=1) != once).flatten(1).any(dim=1).sum().item()
    assert sum(each is not None for each in found) > 1.5 * single > 0


@pytest.mark.parametrize(("side", "size"), [((48, 48), (44, 44)), ((7, 10), (4, 6))])
def test_ten_crops_are_torchvisions_with_the_centre_first(side, size):
    images = torch.randint(0, 256, (3, 2, *side), dtype=torch.uint8)
    ours, theirs = ten_crop(images, size), torchvision.ten_crop(images, list(size))
    assert (len(ours), ours[0].dtype) == (10, torch.uint8)
    assert torch.equal(ours[0], torchvision.center_crop(images, list(size)))
    order = [next(k for k, view in enumerate(theirs) if torch.equal(view, each)) for each in ours]
    assert order[0] == 4
    assert sorted(order) == list(range(10))
    assert sorted(order[:5]) == list(range(5))


def test_the_other_five_crops_are_the_mirrored_first_five():
    views = ten_crop(torch.randint(0, 256, (3, 1, 48, 48), dtype=torch.uint8), (44, 44))
    for view, mirrored in zip(views[:5], views[5:], strict=True):
        assert torch.equal(mirrored, view.flip(3))


@pytest.mark.parametrize(
    "augment",
    [
        lambda x, g: random_crop(x, (5, 7), 2, g),
        lambda x, g: random_crop(x, (3, 4), 0, g),
        random_flip,
        lambda x, g: add_noise(x, 9.0, g),
        lambda x, g: random_erase(x.float(), (0.1, 0.5), g),
        Transforms(MEAN, STD, padding=2, flip=True).augment,
    ],
    ids=["crop", "smaller crop", "flip", "noise", "erase", "both"],
)
def test_the_generator_alone_decides(images, augment):
    before = images.clone()
    first, same, other = (augment(images, generator(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, same)
    assert not torch.equal(first, other)
    assert torch.equal(images, before)


def test_cutout_hides_one_square_inside_each_image():
    images = torch.ones(500, 2, 6, 9)
    hidden = cutout(images, 3, generator()) == 0
    assert torch.equal(hidden[:, 0], hidden[:, 1])
    corners = set()
    for mask in hidden[:, 0]:
        top, left = mask.nonzero().min(dim=0).values.tolist()
        square = torch.zeros(6, 9, dtype=torch.bool)
        square[top : top + 3, left : left + 3] = True
        assert torch.equal(mask, square)
        corners.add((top, left))
    assert corners == {(top, left) for top in range(4) for left in range(7)}


def test_cutout_of_an_image_smaller_than_the_square_hides_all_that_there_is():
    assert not cutout(torch.ones(2, 1, 4, 30), 30, generator()).any()
