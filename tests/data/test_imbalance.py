"""Long-tailed versions of data sets: sizes, draws, and runs on them."""

from collections import Counter

import numpy as np
import pytest
import torch
from harness import PLUGINS, grid, plugin, report, run, spec

from bench.data.dataset import DataSet, Split
from bench.data.images import MappedImages
from bench.data.imbalance import long_tailed, long_tailed_places, long_tailed_sizes
from bench.errors import DataError, UsageError
from bench.report.tables.accuracy import accuracy_table
from bench.store.prediction_files import read_predictions
from bench.store.store import Store

TAIL = {"tiny": {"imbalance": 0.25}}


def data_of(labels, images=None, extra=None, label_sets=None):
    size, classes = len(labels), int(labels.max()) + 1
    if images is None:
        images = torch.arange(size).to(torch.uint8)[:, None, None, None]
    split = Split(images, torch.from_numpy(labels), extra or {})
    names = tuple(f"class {k}" for k in range(classes))
    return DataSet(split, split, names, lambda x, _: x, lambda x: [x], label_sets or DataError("none"))


def test_sizes_of_cifar10_are_those_of_the_published_code():
    """`[int(5000 * 0.01 ** (k / 9)) …]` of LDAM's `imbalance_cifar.py`, as papers print them."""
    published = [5000, 2997, 1796, 1077, 645, 387, 232, 139, 83, 50]
    assert long_tailed_sizes(5000, 0.01, 10) == published
    assert sum(published) == 12406
    assert long_tailed_sizes(500, 0.1, 100)[-1] == 50


@pytest.mark.parametrize("ratio", [1.0, 0.5, 0.1, 0.01, 1e-6])
@pytest.mark.parametrize("num_classes", [2, 3, 7])
def test_sizes_fall_off_by_one_factor_and_no_class_vanishes(ratio, num_classes):
    sizes = long_tailed_sizes(1000, ratio, num_classes)
    factor = ratio ** (1 / (num_classes - 1))
    assert sizes[0] == 1000
    for k, size in enumerate(sizes):
        assert size == pytest.approx(max(1, 1000 * factor**k), abs=1)


@pytest.mark.parametrize("ratio", [1.0, 0.3, 0.02])
def test_classes_keep_what_they_may_and_no_more_than_they_have(ratio):
    have = [300, 900, 20, 500]
    labels = np.random.default_rng(0).permutation(np.repeat(np.arange(4), have))
    places = long_tailed_places(labels, 4, ratio)
    assert (np.diff(places) > 0).all()
    may = [900 * ratio ** (k / 3) for k in range(4)]
    counts = Counter(labels[places].tolist())
    assert [counts[k] for k in range(4)] == [min(a, int(b)) for a, b in zip(have, may, strict=True)]


def test_the_draw_is_the_same_each_time_and_at_random_within_a_class():
    labels = np.repeat(np.arange(3), 400)
    places = long_tailed_places(labels, 3, 0.1)
    assert (places == long_tailed_places(labels, 3, 0.1)).all()
    rare = places[labels[places] == 2] - 800
    assert len(rare) == 40
    assert 120 < rare.mean() < 280  # not the first forty


def test_a_smaller_ratio_draws_from_what_a_larger_one_keeps():
    labels = np.random.default_rng(1).integers(0, 5, 2000)
    kept = [set(long_tailed_places(labels, 5, ratio).tolist()) for ratio in (0.5, 0.1, 0.01)]
    assert kept[0] > kept[1] > kept[2]


def test_all_that_belongs_to_a_training_image_goes_with_it():
    labels = np.random.default_rng(2).integers(0, 3, 90)
    extra, people = {"number": np.arange(90)}, {"crowd": (labels + 1) % 3}
    data = data_of(labels, extra=extra, label_sets=people)
    drawn = long_tailed(data, 0.1)
    places = drawn.train.extra["number"]
    assert drawn.drawn.size == 90
    assert (drawn.places_in_whole(np.array([0, 2])) == places[[0, 2]]).all()
    assert (drawn.train.labels.numpy() == labels[places]).all()
    assert (drawn.train.images.flatten().numpy() == places).all()
    assert (drawn.label_set("crowd") == (labels[places] + 1) % 3).all()
    assert drawn.test is data.test
    assert (data.places_in_whole(np.array([4])) == 4).all()


def test_mapped_images_stay_mapped(tmp_path):
    labels = np.arange(60) % 3
    np.save(tmp_path / "images.npy", np.arange(60, dtype=np.uint8)[:, None, None, None])
    drawn = long_tailed(data_of(labels, MappedImages.open(tmp_path / "images.npy")), 0.2)
    assert isinstance(drawn.train.images, MappedImages)
    assert (drawn.train.images[:].flatten().numpy() == drawn.drawn.places).all()


# ---- on the grid ---------------------------------------------------------------------------------


def test_a_run_without_the_option_is_the_run_it_was():
    assert spec(set={"tiny": {"imbalance": 1}}).identity == spec().identity
    assert spec().dataset.hyperparameters == {}
    assert spec(set=TAIL).dataset.hyperparameters == {"imbalance": 0.25}
    assert spec(set=TAIL).identity != spec().identity


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0, "--set tiny.imbalance=0: input should be greater than 0"),
        (-0.5, "--set tiny.imbalance=-0.5: input should be greater than 0"),
        (1.5, "--set tiny.imbalance=1.5: input should be less than or equal to 1"),
        (float("nan"), "--set tiny.imbalance=nan: input should be"),
        (True, "--set tiny.imbalance=True: input should be a valid number"),
        ("much", "--set tiny.imbalance=much: input should be a valid number"),
        ([0.1, 0.5], "--set tiny.imbalance=[0.1, 0.5]: input should be a valid number"),
    ],
)
def test_another_value_is_refused_in_one_line(value, said):
    with pytest.raises(UsageError) as refused:
        grid(set={"tiny": {"imbalance": value}})
    assert str(refused.value).startswith(said)


def test_a_misspelt_option_gets_a_guess():
    with pytest.raises(UsageError, match=r"no hyper-parameter of tiny 'inbalance'. Did you mean 'imbalance'\?"):
        grid(set={"tiny": {"inbalance": 0.1}})


@pytest.fixture(scope="module")
def tailed(tmp_path_factory):
    """A store of runs with and without a long tail, on noise of each class's share."""
    results = tmp_path_factory.mktemp("tailed")
    noise = [0, "symmetric-balanced:0.4"]
    for settings in ({}, TAIL):
        assert {done.status for done in run(results, noise=noise, set=settings, epochs=1)} == {"done"}
    return results


def test_noise_and_manifest_are_of_the_long_tailed_part(tailed):
    record = Store(tailed).read(spec(noise=["symmetric-balanced:0.4"], set=TAIL, epochs=1))
    told = record.manifest
    assert [sum(row) for row in told.transitions] == [20, 10, 5]
    assert [sum(row) - row[k] for k, row in enumerate(told.transitions)] == [8, 4, 2]
    assert (told.samples, told.realised_rate) == (35, 14 / 35)
    train = read_predictions(record.files, "train").columns
    assert (train["index"] == long_tailed_places(np.arange(60) % 3, 3, 0.25)).all()
    assert (train["true"] == train["index"] % 3).all()
    assert record.metrics.samples == 21


def test_a_train_limit_is_of_the_long_tailed_part(tmp_path):
    settings = {"set": TAIL | {"recipe": {"train_limit": 30}}, "epochs": 1}
    run(tmp_path, **settings)
    assert Store(tmp_path).read(spec(**settings)).manifest.samples == 30


def test_titles_of_tables_name_the_imbalance(tailed, tmp_path):
    titles = {each.title for each in report(tailed).groups}
    assert titles == {"tiny, 1 epoch, test set, seed 0", "tiny, 1 epoch, imbalance 0.25, test set, seed 0"}


def test_an_option_of_a_data_sets_own_by_this_name_is_its_own(tmp_path):
    source = (PLUGINS / "datasets" / "tiny.py").read_text()
    own = '    def __init__(self, *, imbalance: str = "none") -> None:\n        self.imbalance = imbalance\n\n'
    folder = plugin(tmp_path, "owner", source.replace("    def load", own + "    def load", 1), "datasets")
    (folder / "datasets" / "owner.toml").write_text((PLUGINS / "datasets" / "tiny.toml").read_text())
    settings = {"datasets": ["owner"], "set": {"owner": {"imbalance": "much"}}, "epochs": 1}
    run(tmp_path / "results", folder, **settings)
    (cell,) = grid(folder, **settings)
    assert Store(tmp_path / "results").read(cell).manifest.samples == 60


def test_published_numbers_do_not_stand_beside_a_long_tail(monkeypatch, tailed):
    monkeypatch.setattr(
        "bench.report.tables.accuracy.published",
        lambda: {"tiny": {"noise": [0.0], "dummy": [99.0], "source": "a paper"}},
    )
    found = {each.title: accuracy_table(each) for each in report(tailed).groups}
    rows = {"imbalance" in title: len(table.rows) for title, table in found.items()}
    assert rows == {False: 2, True: 1}
