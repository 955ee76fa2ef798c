import hashlib
import json
import math
from collections import Counter

import numpy as np
import pytest
from scipy.stats import chi2

from bench.noise import NOISE_KINDS, corrupt, manifest

EXACT = ["symmetric", "pair"]
SIZES = [(1000, 0.0), (1000, 0.1), (1000, 0.3), (997, 0.1), (10, 0.25), (1, 0.3), (1000, 1.0)]


def labels_of(size, num_classes=10, seed=0):
    return np.random.default_rng(seed).integers(0, num_classes, size)


def within_five_sigma(count, trials, p):
    return abs(count - trials * p) <= 5 * math.sqrt(trials * p * (1 - p))


def test_every_kind_is_covered_here():
    assert set(NOISE_KINDS) == {*EXACT, "symmetric-bernoulli", "symmetric-inclusive"}


@pytest.mark.parametrize("kind", EXACT)
@pytest.mark.parametrize(("size", "rate"), SIZES)
@pytest.mark.parametrize("seed", [0, 1])
def test_exactly_the_rounded_number_of_labels_flips(kind, size, rate, seed):
    true = labels_of(size)
    assert (corrupt(true, kind, rate, 10, seed) != true).sum() == round(rate * size)


@pytest.mark.parametrize("kind", NOISE_KINDS)
@pytest.mark.parametrize("num_classes", [2, 3, 10])
def test_noisy_labels_stay_in_range_and_keep_their_type(kind, num_classes):
    true = labels_of(500, num_classes).astype(np.int32)
    given = corrupt(true, kind, 0.5, num_classes, 0)
    assert given.dtype == np.int32
    assert given.shape == true.shape
    assert set(given.tolist()) == set(range(num_classes))


def test_symmetric_noise_at_rate_one_leaves_no_label():
    true = labels_of(2000)
    assert (corrupt(true, "symmetric", 1.0, 10, 3) != true).all()


@pytest.mark.parametrize("kind", ["symmetric", "symmetric-bernoulli"])
def test_symmetric_noise_is_uniform_over_the_other_classes(kind):
    true = np.repeat(np.arange(10), 2000)
    given = corrupt(true, kind, 0.4, 10, 5)
    statistic = 0.0
    for k in range(10):
        moved = Counter(given[(true == k) & (given != k)].tolist())
        expected = moved.total() / 9
        statistic += sum((moved[other] - expected) ** 2 / expected for other in range(10) if other != k)
    assert chi2.ppf(1e-4, 80) < statistic < chi2.ppf(1 - 1e-4, 80)


@pytest.mark.parametrize("kind", NOISE_KINDS)
def test_flips_do_not_prefer_a_class_or_a_place(kind):
    true = np.repeat(np.arange(10), 1000)
    flipped = corrupt(true, kind, 0.3, 10, 2) != true
    effective = 0.27 if kind == "symmetric-inclusive" else 0.3
    assert all(within_five_sigma(part.sum(), 1000, effective) for part in np.split(flipped, 10))


def test_bernoulli_noise_flips_about_the_rate_but_not_exactly():
    true = labels_of(5000)
    counts = [(corrupt(true, "symmetric-bernoulli", 0.3, 10, seed) != true).sum() for seed in range(20)]
    assert all(within_five_sigma(count, 5000, 0.3) for count in counts)
    assert len(set(counts)) > 5


@pytest.mark.parametrize("num_classes", [2, 10])
@pytest.mark.parametrize("rate", [0.2, 1.0])
def test_inclusive_noise_flips_less_than_asked(num_classes, rate):
    true = labels_of(10000, num_classes)
    flips = (corrupt(true, "symmetric-inclusive", rate, num_classes, 1) != true).sum()
    assert within_five_sigma(flips, round(rate * 10000), (num_classes - 1) / num_classes)


def test_inclusive_noise_at_rate_one_is_uniform_over_all_classes():
    given = corrupt(np.zeros(10000, dtype=int), "symmetric-inclusive", 1.0, 10, 4)
    statistic = sum((count - 1000) ** 2 / 1000 for count in Counter(given.tolist()).values())
    assert chi2.ppf(1e-4, 9) < statistic < chi2.ppf(1 - 1e-4, 9)


@pytest.mark.parametrize("num_classes", [2, 10])
def test_pair_noise_moves_to_the_next_class(num_classes):
    true = labels_of(1000, num_classes)
    given = corrupt(true, "pair", 0.45, num_classes, 6)
    assert all(g in (t, t + 1 if t + 1 < num_classes else 0) for t, g in zip(true, given, strict=True))
    assert ((true == num_classes - 1) & (given == 0)).any()


@pytest.mark.parametrize("kind", NOISE_KINDS)
def test_true_labels_are_left_untouched(kind):
    true = labels_of(300)
    before = true.tobytes()
    given = corrupt(true, kind, 0.5, 10, 0)
    assert true.tobytes() == before
    assert not np.shares_memory(given, true)


@pytest.mark.parametrize("kind", NOISE_KINDS)
def test_no_noise_is_a_copy(kind):
    true = labels_of(300)
    given = corrupt(true, kind, 0.0, 10, 0)
    assert (given == true).all()
    assert not np.shares_memory(given, true)


@pytest.mark.parametrize("kind", NOISE_KINDS)
def test_the_seed_alone_decides_the_flips(kind):
    true = labels_of(1000)
    first, same, other = (corrupt(true, kind, 0.3, 10, seed) for seed in (1, 1, 2))
    assert (first == same).all()
    places = [set(np.flatnonzero(given != true)) for given in (first, other)]
    assert places[0] != places[1]


@pytest.mark.parametrize("kind", NOISE_KINDS)
def test_the_manifest_tells_what_was_done(kind):
    true = labels_of(1000)
    given = corrupt(true, kind, 0.3, 10, 8)
    told = manifest(true, given, kind, 0.3, 10, 8)
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
    hashes = {
        manifest(true, true.astype(kind), "pair", 0.0, 10, 0)["sha256"] for kind in (np.int16, np.int32, ">i8")
    }
    assert len(hashes) == 1


def test_the_manifest_goes_into_json():
    true = labels_of(50)
    told = manifest(true, corrupt(true, "symmetric", 0.3, 10, 0), "symmetric", 0.3, 10, 0)
    assert json.loads(json.dumps(told)) == told
