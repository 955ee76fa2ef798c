from collections import Counter

import numpy as np
import pandas as pd
import pytest
from harness import PLUGINS, plugin, run, samples, spec
from matplotlib.colors import to_hex

from bench.grid.pictures import Pictures
from bench.plugins.loading import load
from bench.plugins.registry import Registry
from bench.report.figures.image_grids import pictures
from bench.report.figures.style import RIGHT, WRONG
from bench.report.grouping import group
from bench.report.results import load_records
from bench.spec import Choice
from bench.store.store import Store

# Its test set is large enough for the limit of 100 images, its images are in colour.
COLOURFUL = '''
"""Images 3×4×5 of noise, of two classes."""

import torch

from bench.data.augment import Transforms
from bench.data.dataset import DataSet, Source, Split


class Colourful(Source):
    def load(self, root, download):
        transforms = Transforms([0.5] * 3, [0.5] * 3)
        return DataSet(part(20), part(1040), ("a rather long name", "b"), transforms.augment, transforms.evaluate)


def part(size):
    images = torch.randint(0, 256, (size, 3, 4, 5), generator=torch.Generator().manual_seed(size))
    return Split(images.to(torch.uint8), torch.arange(size) % 2)
'''
NAMES = ["a", "b", "c"]


@pytest.fixture(scope="module")
def members(tmp_path_factory):
    folder = tmp_path_factory.mktemp("results")
    run(folder, noise=[0, 0.3], seeds=[0, 1], epochs=1)
    run(folder, noise=[0.3], set={"dummy": {"scale": 2.0}}, epochs=1)
    (found,) = group(load_records(Store(folder))[0])
    return found


@pytest.fixture(scope="module")
def run_of_tiny(members):
    """The run whose images are drawn at 30 % noise, its predictions, and the test images."""
    record = members.cell("dummy", members.noises[1])[0]
    frame = pd.read_parquet(record.path / "test.parquet")
    images = load(record.spec.dataset, Registry([PLUGINS]), PLUGINS, False).test.images.numpy()
    return record, frame, images


def drawn(members, **wanted):
    """The figures (uncertain, certain) of the method dummy at 30 % noise."""
    found = {picture.name: picture.figure for picture in pictures(members, samples(), Pictures(**wanted))}
    return [found[f"{which}-dummy-tiny-symmetric-0.3"] for which in ("uncertain", "certain")]


def in_order(uncertainty, certain):
    """The places of the samples, the extreme first, ties in order."""
    return sorted(range(len(uncertainty)), key=lambda k: (uncertainty[k] if certain else -uncertainty[k], k))


def in_reading_order(axes):
    """The pixels of a grid's images, line by line."""
    places = {}
    for image in axes.images:
        left, right, bottom, top = image.get_extent()
        assert (right - left, bottom - top) == pytest.approx((1, 1))
        places[round(top, 6), round(left, 6)] = np.asarray(image.get_array())
    assert len(places) == len(axes.images)
    return [places[place] for place in sorted(places)]


def msp(frame):
    logits = frame.filter(like="logit_").to_numpy().astype(float)
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    return 1 - (p / p.sum(axis=1, keepdims=True)).max(axis=1)


@pytest.mark.parametrize("which", [0, 1])
def test_the_images_are_the_most_uncertain_or_certain_of_the_test_set_in_order(members, run_of_tiny, which):
    _, frame, images = run_of_tiny
    expected = in_order(frame["uncertainty"], certain=which == 1)[:15]
    found = in_reading_order(drawn(members, top=15)[which].axes[0])
    np.testing.assert_array_equal(found, images[expected, 0])


def test_a_row_of_the_grid_has_13_images(members):
    axes = drawn(members, top=15)[0].axes[0]
    tops = Counter(round(image.get_extent()[3], 6) for image in axes.images)
    assert [count for _, count in sorted(tops.items())] == [13, 2]


def test_grey_levels_are_drawn_as_they_are_stored(members):
    for image in drawn(members, top=3)[0].axes[0].images:
        assert image.get_cmap().name == "gray"
        assert image.get_clim() == (0, 255)
        assert image.get_array().dtype == np.uint8


def test_another_score_chooses_other_images(members, run_of_tiny):
    _, frame, images = run_of_tiny
    own, other = in_order(frame["uncertainty"], False)[:8], in_order(msp(frame), False)[:8]
    assert own != other
    found = in_reading_order(drawn(members, top=8, score="msp")[0].axes[0])
    np.testing.assert_array_equal(found, images[other, 0])
    assert "by msp score" in drawn(members, top=8, score="msp")[0].get_suptitle()


def predicted(frame):
    return frame.filter(like="logit_").to_numpy().argmax(axis=1)


def test_frames_are_red_where_the_prediction_is_wrong_and_green_where_right(members, run_of_tiny):
    _, frame, _ = run_of_tiny
    wrong = predicted(frame) != frame["label"].to_numpy()
    assert 0 < wrong.sum() < 21
    for figure, certain in zip(drawn(members, top=21), (False, True), strict=True):
        axes = figure.axes[0]
        order = in_order(frame["uncertainty"], certain)
        colours = [to_hex(patch.get_edgecolor()).upper() for patch in axes.patches]
        assert colours == [WRONG if wrong[k] else RIGHT for k in order]
        for patch, image in zip(axes.patches, axes.images, strict=True):
            left, _, _, top = image.get_extent()
            assert (patch.get_x(), patch.get_y(), patch.get_width(), patch.get_height()) == (left, top, 1, 1)


def test_over_each_image_stand_its_true_and_its_predicted_class_bold_where_they_differ(members, run_of_tiny):
    _, frame, _ = run_of_tiny
    axes = drawn(members, top=21)[0].axes[0]
    order = in_order(frame["uncertainty"], False)
    said = [(NAMES[frame["label"][k]], NAMES[predicted(frame)[k]]) for k in order]
    assert [tuple(text.get_text().split("\n")) for text in axes.texts] == said
    assert [text.get_weight() == "bold" for text in axes.texts] == [true != chosen for true, chosen in said]
    for text, image in zip(axes.texts, axes.images, strict=True):
        left, right, _, top = image.get_extent()
        x, y = text.get_position()
        assert left < x < right
        assert y < top


def test_the_title_tells_the_run_and_counts_what_is_wrong(members, run_of_tiny):
    _, frame, _ = run_of_tiny
    wrong = predicted(frame) != frame["label"].to_numpy()
    for figure, certain in zip(drawn(members, top=9), (False, True), strict=True):
        count = wrong[in_order(frame["uncertainty"], certain)[:9]].sum()
        said = " ".join(figure.get_suptitle().split())
        which = "certain" if certain else "uncertain"
        assert said.startswith(
            f"dummy, noise 30%: the 9 most {which} by own score, tiny, seed 0 {count} of 9 misclas"
        )


def test_certain_images_have_a_histogram_of_their_true_classes(members, run_of_tiny):
    _, frame, _ = run_of_tiny
    uncertain, certain = drawn(members, top=8)
    assert len(uncertain.axes) == 1
    bars = certain.axes[1]
    counts = Counter(frame["label"][in_order(frame["uncertainty"], True)[:8]])
    assert [bar.get_width() for bar in bars.patches] == [counts[k] for k in range(3)]
    assert len(set(counts.values())) > 1
    assert [text.get_text() for text in bars.texts] == [str(counts[k]) for k in range(3)]
    assert [tick.get_text() for tick in bars.get_yticklabels()] == NAMES
    assert bars.yaxis_inverted()


def test_a_tenth_of_the_test_set_is_drawn_if_no_number_is_asked_for(members):
    assert [len(figure.axes[0].images) for figure in drawn(members)] == [2, 2]


def test_more_images_than_there_are_is_all_of_them(members):
    figure = drawn(members, top=500)[0]
    assert len(figure.axes[0].images) == 21
    assert "the 21 most uncertain" in " ".join(figure.get_suptitle().split())


def test_the_first_seed_of_each_cell_has_two_pictures(members):
    found = list(pictures(members, samples(), Pictures()))
    cells = ["dummy-tiny-symmetric-0", "dummy-tiny-symmetric-0.3", "dummy-scale-2.0-tiny-symmetric-0.3"]
    assert [picture.name for picture in found] == [
        f"{way}-{cell}" for cell in cells for way in ("uncertain", "certain")
    ]
    assert all("seed 0" in " ".join(picture.figure.get_suptitle().split()) for picture in found)
    assert found[2].caption == "dummy, noise 30%: the 2 most uncertain by own score, tiny"


def test_colour_images_are_drawn_in_colour_at_most_100_if_no_number_is_asked_for(tmp_path):
    folder = plugin(tmp_path / "plugins", "colourful", COLOURFUL, "datasets")
    run(tmp_path, folder, datasets=["colourful"], relabel=["off"], epochs=1)
    (members,) = group(load_records(Store(tmp_path))[0])
    frame = pd.read_parquet(members.records[0].path / "test.parquet")
    choice = Choice(name="colourful", hyperparameters={}, version="")
    images = load(choice, Registry([folder]), tmp_path, False).test.images.numpy()
    found, _ = pictures(members, samples(folder), Pictures())
    expected = in_order(frame["uncertainty"], False)[:100]
    np.testing.assert_array_equal(
        in_reading_order(found.figure.axes[0]), np.moveaxis(images[expected], 1, 3), strict=True
    )
    assert {text.get_text().split("\n")[0] for text in found.figure.axes[0].texts} == {"a rather …", "b"}


def test_the_specification_of_the_drawn_run_is_that_of_the_grid(run_of_tiny):
    assert run_of_tiny[0].spec == spec(epochs=1)
