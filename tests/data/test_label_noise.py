import hashlib
import json
import math
import re
import tracemalloc
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from scipy.special import softmax
from scipy.stats import chi2, kstest, truncnorm

from bench.data import label_noise as noise
from bench.data.label_noise import NOISE_KINDS, Clean, corrupt, instance_dependent, manifest

EXACT = ["symmetric", "pair"]
BALANCED = "symmetric-balanced"
RATED = [name for name, kind in NOISE_KINDS.items() if kind.rated]
SIZES = [(1000, 0.0), (1000, 0.1), (1000, 0.3), (997, 0.1), (10, 0.25), (1, 0.3), (1000, 1.0)]
# Patrini et al.: of MNIST, where 5 and 6 are exchanged
CONFUSIONS = ((2, 7), (3, 8), (5, 6), (6, 5), (7, 1))


def labels_of(size, num_classes=10, seed=0):
    return np.random.default_rng(seed).integers(0, num_classes, size)


def clean(labels, num_classes=10, images=None, confusions=None, label_set=None):
    """A training set with small random images, in which each class looks like the next one."""
    if images is None:
        images = np.random.default_rng(99).integers(0, 256, (len(labels), 1, 2, 3), dtype=np.uint8)
    if confusions is None:
        confusions = tuple((k, (k + 1) % num_classes) for k in range(num_classes))
    return Clean(labels, num_classes, images.__getitem__, confusions, label_set)


def corrupted(labels, kind, rate, num_classes=10, seed=0):
    return corrupt(clean(labels, num_classes), kind, rate, seed)


def within_five_sigma(count, trials, p):
    return abs(count - trials * p) <= 5 * math.sqrt(trials * p * (1 - p))


def test_every_kind_is_covered_here():
    others = {"symmetric-bernoulli", "symmetric-inclusive", BALANCED, "asymmetric", "instance-dependent"}
    assert set(RATED) == {*EXACT, *others}
    assert set(NOISE_KINDS) - set(RATED) == {"human", "file"}


@pytest.mark.parametrize("kind", EXACT)
@pytest.mark.parametrize(("size", "rate"), SIZES)
@pytest.mark.parametrize("seed", [0, 1])
def test_exactly_the_rounded_number_of_labels_flips(kind, size, rate, seed):
    true = labels_of(size)
    assert (corrupted(true, kind, rate, 10, seed) != true).sum() == round(rate * size)


@pytest.mark.parametrize("kind", RATED)
@pytest.mark.parametrize("num_classes", [2, 3, 10])
def test_noisy_labels_stay_in_range_and_keep_their_type(kind, num_classes):
    true = labels_of(500, num_classes).astype(np.int32)
    given = corrupted(true, kind, 0.5, num_classes, 0)
    assert given.dtype == np.int32
    assert given.shape == true.shape
    assert set(given.tolist()) == set(range(num_classes))


def test_symmetric_noise_at_rate_one_leaves_no_label():
    true = labels_of(2000)
    assert (corrupted(true, "symmetric", 1.0, 10, 3) != true).all()


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.25, 0.5, 1.0])
def test_balanced_noise_moves_exactly_its_share_of_each_class(rate):
    sizes = [400, 130, 41, 13, 4, 1]
    true = np.random.default_rng(3).permutation(np.repeat(np.arange(6), sizes))
    told = manifest(true, corrupted(true, BALANCED, rate, 6), 6, {})
    moved = [sum(row) - row[k] for k, row in enumerate(told["transitions"])]
    assert moved == [round(rate * size) for size in sizes]


def test_balanced_noise_takes_any_samples_of_a_class():
    true = np.repeat([0, 1], [50, 10])
    often = np.sum([corrupted(true, BALANCED, 0.3, 2, seed) != true for seed in range(60)], axis=0)
    assert all(within_five_sigma(count, 60, 0.3) for count in often)
    assert len(set(often.tolist())) > 5


@pytest.mark.parametrize("kind", ["symmetric", BALANCED])
def test_symmetric_noise_fills_rare_classes_with_labels_of_frequent_ones(kind):
    """Also where it is balanced, as the page says: the numbers are those of its text."""
    true = np.repeat(np.arange(10), [int(5000 * 0.01 ** (k / 9)) for k in range(10)])
    given = corrupted(true, kind, 0.2)
    assert (true == 9).sum() == 50
    assert 0.84 < (true[given == 9] != 9).mean() < 0.90
    assert 0.03 < (true[given == 0] != 0).mean() < 0.05


@pytest.mark.parametrize("kind", ["symmetric", "symmetric-bernoulli", BALANCED])
def test_symmetric_noise_is_uniform_over_the_other_classes(kind):
    true = np.repeat(np.arange(10), 2000)
    given = corrupted(true, kind, 0.4, 10, 5)
    statistic = 0.0
    for k in range(10):
        moved = Counter(given[(true == k) & (given != k)].tolist())
        expected = moved.total() / 9
        statistic += sum((moved[other] - expected) ** 2 / expected for other in range(10) if other != k)
    assert chi2.ppf(1e-4, 80) < statistic < chi2.ppf(1 - 1e-4, 80)


@pytest.mark.parametrize("kind", RATED)
def test_flips_do_not_prefer_a_class_or_a_place(kind):
    true = np.repeat(np.arange(10), 1000)
    flipped = corrupted(true, kind, 0.3, 10, 2) != true
    effective = 0.27 if kind == "symmetric-inclusive" else 0.3
    assert all(within_five_sigma(part.sum(), 1000, effective) for part in np.split(flipped, 10))


def test_bernoulli_noise_flips_about_the_rate_but_not_exactly():
    true = labels_of(5000)
    counts = [(corrupted(true, "symmetric-bernoulli", 0.3, 10, seed) != true).sum() for seed in range(20)]
    assert all(within_five_sigma(count, 5000, 0.3) for count in counts)
    assert len(set(counts)) > 5


@pytest.mark.parametrize("num_classes", [2, 10])
@pytest.mark.parametrize("rate", [0.2, 1.0])
def test_inclusive_noise_flips_less_than_asked(num_classes, rate):
    true = labels_of(10000, num_classes)
    flips = (corrupted(true, "symmetric-inclusive", rate, num_classes, 1) != true).sum()
    assert within_five_sigma(flips, round(rate * 10000), (num_classes - 1) / num_classes)


def test_inclusive_noise_at_rate_one_is_uniform_over_all_classes():
    given = corrupted(np.zeros(10000, dtype=int), "symmetric-inclusive", 1.0, 10, 4)
    statistic = sum((count - 1000) ** 2 / 1000 for count in Counter(given.tolist()).values())
    assert chi2.ppf(1e-4, 9) < statistic < chi2.ppf(1 - 1e-4, 9)


@pytest.mark.parametrize("num_classes", [2, 10])
def test_pair_noise_moves_to_the_next_class(num_classes):
    true = labels_of(1000, num_classes)
    given = corrupted(true, "pair", 0.45, num_classes, 6)
    assert all(g in (t, t + 1 if t + 1 < num_classes else 0) for t, g in zip(true, given, strict=True))
    assert ((true == num_classes - 1) & (given == 0)).any()


@pytest.mark.parametrize("kind", RATED)
def test_true_labels_are_left_untouched(kind):
    true = labels_of(300)
    before = true.tobytes()
    given = corrupted(true, kind, 0.5, 10, 0)
    assert true.tobytes() == before
    assert not np.shares_memory(given, true)


@pytest.mark.parametrize("kind", [kind for kind in RATED if kind != "instance-dependent"])
def test_no_noise_is_a_copy(kind):
    true = labels_of(300)
    given = corrupted(true, kind, 0.0, 10, 0)
    assert (given == true).all()
    assert not np.shares_memory(given, true)


@pytest.mark.parametrize("kind", RATED)
def test_the_seed_alone_decides_the_flips(kind):
    true = labels_of(1000)
    first, same, other = (corrupted(true, kind, 0.3, 10, seed) for seed in (1, 1, 2))
    assert (first == same).all()
    places = [set(np.flatnonzero(given != true)) for given in (first, other)]
    assert places[0] != places[1]


@pytest.mark.parametrize("kind", RATED)
def test_the_manifest_tells_what_was_done(kind):
    true = labels_of(1000)
    given = corrupted(true, kind, 0.3, 10, 8)
    told = manifest(true, given, 10, {"kind": kind, "rate": 0.3, "seed": 8})
    moves = Counter(zip(true.tolist(), given.tolist(), strict=True))
    flips = sum(count for (a, b), count in moves.items() if a != b)
    sha256 = hashlib.sha256(b"".join(int(label).to_bytes(8, "little") for label in given)).hexdigest()
    assert told == {
        "kind": kind,
        "rate": 0.3,
        "seed": 8,
        "samples": 1000,
        "flips": flips,
        "realised_rate": flips / 1000,
        "transitions": [[moves[a, b] for b in range(10)] for a in range(10)],
        "sha256": sha256,
    }
    assert [sum(row) for row in told["transitions"]] == [(true == k).sum() for k in range(10)]
    assert sum(told["transitions"][k][k] for k in range(10)) == 1000 - told["flips"]


def test_the_manifests_hash_does_not_depend_on_the_integer_type():
    true = labels_of(100)
    hashes = {manifest(true, true.astype(kind), 10, {})["sha256"] for kind in (np.int16, np.int32, ">i8")}
    assert len(hashes) == 1


def test_the_manifest_goes_into_json():
    true = labels_of(50)
    told = manifest(true, corrupted(true, "asymmetric", 0.3, 10, 0), 10, {"confusions": [[1, 2]]})
    assert json.loads(json.dumps(told)) == told


def human(true, label_set):
    return corrupt(clean(true, label_set=label_set), "human", 0.0, 0)


def test_human_labels_are_the_set_that_people_gave_whatever_the_seed():
    true, people = labels_of(100), labels_of(100, seed=1)
    given = human(true, people)
    assert (given == people).all()
    assert not np.shares_memory(given, people)
    assert (corrupt(clean(true, label_set=people), "human", 0.0, 5) == given).all()


# ---- asymmetric ----------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.25, 0.4, 1.0])
def test_asymmetric_noise_moves_exactly_its_share_of_each_declared_class(rate):
    true = labels_of(3000)
    given = corrupt(clean(true, confusions=CONFUSIONS), "asymmetric", rate, 3)
    counts = Counter(true.tolist())
    expected = np.diag([counts[k] for k in range(10)])
    for origin, target in CONFUSIONS:
        moved = round(rate * counts[origin])
        expected[origin, target] += moved
        expected[origin, origin] -= moved
    told = manifest(true, given, 10, {})
    assert told["transitions"] == expected.tolist()
    assert told["realised_rate"] == pytest.approx(rate * sum(counts[k] for k, _ in CONFUSIONS) / 3000, abs=1e-3)


def test_asymmetric_noise_takes_any_samples_of_a_class():
    true = np.repeat([0, 1], 1000)
    moved = [corrupt(clean(true, confusions=((0, 1),)), "asymmetric", 0.3, seed)[:1000] == 1 for seed in range(40)]
    often = np.sum(moved, axis=0)
    assert all(within_five_sigma(count, 40, 0.3) for count in often)
    assert len(set(often.tolist())) > 5


def test_a_class_that_a_set_does_not_hold_is_no_obstacle():
    true = np.array([0, 0, 1, 1])
    assert corrupt(clean(true, confusions=((7, 1), (0, 7))), "asymmetric", 1.0, 0).tolist() == [7, 7, 1, 1]


# ---- instance-dependent --------------------------------------------------------------------------


class Recorder(np.random.Generator):
    """A generator that keeps the matrices it has drawn."""

    def __init__(self, seed):
        super().__init__(np.random.PCG64(seed))
        self.matrices = []

    def standard_normal(self, *arguments):
        self.matrices.append(super().standard_normal(*arguments))
        return self.matrices[-1]


@pytest.mark.parametrize("rate", [0.02, 0.2, 0.5, 0.95])
def test_flip_rates_are_a_normal_distribution_truncated_to_zero_to_one(rate):
    rates = noise._flip_rates(rate, 4000, np.random.default_rng(1))
    law = truncnorm(-rate / 0.1, (1 - rate) / 0.1, loc=rate, scale=0.1)
    assert kstest(rates, law.cdf).pvalue > 1e-3


@pytest.mark.parametrize("rate", [0.05, 0.2, 0.4])
def test_instance_dependent_noise_flips_as_often_as_the_truncated_law_says(rate):
    true = labels_of(20_000)
    expected = truncnorm(-rate / 0.1, (1 - rate) / 0.1, loc=rate, scale=0.1).mean()
    assert within_five_sigma((corrupted(true, "instance-dependent", rate) != true).sum(), 20_000, expected)


def test_instance_dependent_noise_moves_by_the_softmax_of_its_own_classs_projection():
    kinds = np.array([[[[2, 0]]], [[[0, 1]]], [[[1, 1]]]], dtype=np.uint8)  # dark: no softmax is near a corner
    which, true = np.tile([0, 1, 2], 12_000), np.repeat([0, 1, 2, 3], 9_000)
    rng = Recorder(2)
    given = instance_dependent(clean(true, 4, kinds[which]), 0.5, rng)
    statistic = 0.0
    for own, matrix in enumerate(rng.matrices):
        for kind, pixels in enumerate(kinds.reshape(3, 2)):
            moved = given[(true == own) & (which == kind) & (given != own)]
            counts = np.delete(np.bincount(moved, minlength=4), own)
            expected = len(moved) * softmax(np.delete(pixels @ matrix, own))
            statistic += ((counts - expected) ** 2 / expected).sum()
    assert [matrix.shape for matrix in rng.matrices] == [(2, 4)] * 4
    assert chi2.ppf(1e-4, 24) < statistic < chi2.ppf(1 - 1e-4, 24)


def test_on_bright_images_the_pixels_decide_where_a_label_moves():
    true, images = np.repeat([0, 1], 400), np.zeros((800, 1, 8, 8), dtype=np.uint8)
    images[::2, :, :4] = 255
    images[1::2, :, 4:] = 255
    given = corrupt(clean(true, 10, images), "instance-dependent", 0.5, 1)
    targets = [set(given[own * 400 + half : own * 400 + 400 : 2]) - {own} for own in (0, 1) for half in (0, 1)]
    assert [len(found) for found in targets] == [1, 1, 1, 1]
    assert len(set.union(*targets)) > 1


def test_instance_dependent_noise_needs_little_memory_and_does_not_depend_on_it(monkeypatch):
    true = np.zeros(4000, dtype=int)
    images = np.random.default_rng(0).integers(0, 256, (4000, 3, 16, 16), dtype=np.uint8)
    sizes = []

    def read(places):
        sizes.append(len(places))
        return images[places]

    data = clean(true, 10, images)
    at_once = corrupt(data, "instance-dependent", 0.5, 4)
    monkeypatch.setattr(noise, "_BATCH_BYTES", 2**19)
    tracemalloc.start()
    bit_by_bit = corrupt(data._replace(images=read), "instance-dependent", 0.5, 4)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert max(sizes) * 768 * 8 <= 2**19
    assert peak < 2 * 2**20  # all that move would take 12 MB
    assert (bit_by_bit == at_once).all()


# ---- the page ------------------------------------------------------------------------------------


def test_the_page_on_noise_has_every_kind():
    page = (Path(__file__).parents[2] / "docs" / "noise.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z-]+):\w+` \|", page, flags=re.MULTILINE)
    assert rows == list(NOISE_KINDS)


@pytest.mark.parametrize(("classes", "rows"), [(1000, 1000), (1001, 0)])
def test_the_transitions_of_very_many_classes_are_left_out(classes, rows):
    labels = np.arange(classes)
    told = manifest(labels, np.roll(labels, 1), classes, {})
    assert len(told["transitions"]) == rows
    assert told["flips"] == classes
