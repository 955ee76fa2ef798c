"""Label noise: seeded, the same for every method, and told in a manifest.

The kinds differ between papers, so each has its own name and each run records what was really done.
"""

import hashlib
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Int, UInt8
from numpy.random import Generator

from bench.spec import Confusions

LabelVector = Int[np.ndarray, " n"]
# Keeps the noise's random numbers apart from every other use of the same seed.
_STREAM = 0x6E6F6973
_BATCH_BYTES = 2**25  # of pixels that instance-dependent noise has in memory at once


class Clean(NamedTuple):
    """A training set before noise: all that a kind of noise may look at."""

    labels: LabelVector  # true, 0 … num_classes − 1
    num_classes: int
    images: Callable[
        [Int[np.ndarray, " k"]], UInt8[np.ndarray, "k channels height width"]
    ]  # reads those at places
    confusions: Confusions = ()  # those that the data set declares
    label_set: LabelVector | None = None  # by people, of the name that was asked for


class NoiseKind(NamedTuple):
    """A kind of noise: the function that corrupts, and what a point of the noise axis gives it."""

    corrupt: Callable[[Clean, float, Generator], LabelVector]
    rated: bool = True  # False: it takes the name of a label set in place of a rate
    confusions: bool = False  # whether the data set must declare which classes are confused


def _exact(labels: LabelVector, rate: float, rng: Generator) -> Bool[np.ndarray, " n"]:
    """Select exactly round(rate · n) samples without replacement."""
    mask = np.zeros(len(labels), dtype=bool)
    mask[rng.choice(len(labels), size=round(rate * len(labels)), replace=False)] = True
    return mask


def _to_other(clean: Clean, mask: Bool[np.ndarray, " n"], rng: Generator) -> LabelVector:
    """Move the selected labels to a uniformly drawn other class."""
    shift = rng.integers(1, clean.num_classes, size=len(clean.labels))
    return np.where(mask, (clean.labels + shift) % clean.num_classes, clean.labels)


def symmetric(clean: Clean, rate: float, rng: Generator) -> LabelVector:
    """Exactly round(p·n) labels move to a random other class."""
    return _to_other(clean, _exact(clean.labels, rate, rng), rng)


def symmetric_bernoulli(clean: Clean, rate: float, rng: Generator) -> LabelVector:
    """Each label moves so with probability p (SCN's way)."""
    return _to_other(clean, rng.random(len(clean.labels)) < rate, rng)


def symmetric_inclusive(clean: Clean, rate: float, rng: Generator) -> LabelVector:
    """Exactly round(p·n) labels drawn anew over all classes.

    The effective rate is p(K−1)/K (DivideMix, ELR).
    """
    mask = _exact(clean.labels, rate, rng)
    return np.where(mask, rng.integers(0, clean.num_classes, size=len(clean.labels)), clean.labels)


def pair(clean: Clean, rate: float, rng: Generator) -> LabelVector:
    """Exactly round(p·n) labels move from class k to k + 1."""
    return np.where(_exact(clean.labels, rate, rng), (clean.labels + 1) % clean.num_classes, clean.labels)


def asymmetric(clean: Clean, rate: float, rng: Generator) -> LabelVector:
    """Exactly round(p·n) labels of each class that looks like another move there.

    Which classes do is declared by the data set. Source: Patrini et al., Making deep neural networks robust to
    label noise, CVPR 2017, section 5; there each label moves with probability p.
    """
    given = clean.labels.copy()
    for origin, target in clean.confusions:
        places = np.flatnonzero(clean.labels == origin)
        given[places[_exact(places, rate, rng)]] = target
    return given


def instance_dependent(clean: Clean, rate: float, rng: Generator) -> LabelVector:
    """A label moves with a probability near p, to where its image's pixels say.

    Sample i moves with probability q_i ~ N(p, 0.1²) truncated to [0, 1], to class j ≠ y with probability
    softmax_j(x_i·W_y): x_i are its grey levels 0–255, W_y ~ N(0, 1) is a matrix (pixels, K) for each class y.
    Source: Xia et al., Part-dependent label noise, NeurIPS 2020, algorithm 2, on grey levels as in its code.
    """
    given = clean.labels.copy()
    moves = rng.random(len(given)) < _flip_rates(rate, len(given), rng)
    for own in range(clean.num_classes):
        places = np.flatnonzero(moves & (clean.labels == own))
        if len(places):
            given[places] = _by_pixels(clean, places, own, rng)
    return given


def _flip_rates(rate: float, size: int, rng: Generator) -> np.ndarray:
    """Draw from N(rate, 0.1²) truncated to [0, 1]: what falls outside is drawn again."""
    rates = rng.normal(rate, 0.1, size)
    while (outside := (rates < 0) | (rates > 1)).any():
        rates[outside] = rng.normal(rate, 0.1, outside.sum())
    return rates


def _by_pixels(clean: Clean, places: Int[np.ndarray, " k"], own: int, rng: Generator) -> Int[np.ndarray, " k"]:
    """Draw another class than `own` for each image, from the softmax of its projections (as Gumbel-max)."""
    pixels = clean.images(places[:1]).size
    weights = rng.standard_normal((pixels, clean.num_classes))
    batches = np.array_split(places, -(-8 * pixels * len(places) // _BATCH_BYTES))
    drawn = []
    for batch in batches:
        projected = clean.images(batch).reshape(len(batch), pixels).astype(float) @ weights
        projected[:, own] = -np.inf
        drawn.append((projected + rng.gumbel(size=projected.shape)).argmax(axis=1))
    return np.concatenate(drawn)


def human(clean: Clean, rate: float, rng: Generator) -> LabelVector:
    """Labels that people gave, human:SET, of a data set that has such sets."""
    assert clean.label_set is not None  # the point of the noise axis names one
    return clean.label_set


NOISE_KINDS: dict[str, NoiseKind] = {
    "symmetric": NoiseKind(symmetric),
    "symmetric-bernoulli": NoiseKind(symmetric_bernoulli),
    "symmetric-inclusive": NoiseKind(symmetric_inclusive),
    "pair": NoiseKind(pair),
    "asymmetric": NoiseKind(asymmetric, confusions=True),
    "instance-dependent": NoiseKind(instance_dependent),
    "human": NoiseKind(human, rated=False),
}


def corrupt(clean: Clean, kind: str, rate: float, seed: int) -> LabelVector:
    """Return a noisy copy of the labels (n,), which are left untouched.

    Args:
        clean: the training set.
        kind: a key of `NOISE_KINDS`.
        rate: the rate p asked for, 0–1; without effect on a kind that takes none.
        seed: of the noise alone.
    """
    rng = np.random.default_rng([_STREAM, seed])
    return NOISE_KINDS[kind].corrupt(clean, rate, rng).astype(clean.labels.dtype)


def manifest(true: LabelVector, given: LabelVector, num_classes: int, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was done to the labels: counts, K×K transitions (row true, column given) and their SHA-256.

    The hash is of the given labels as little-endian int64. What was asked for stands first.
    """
    transitions = np.zeros((num_classes, num_classes), dtype=int)
    np.add.at(transitions, (true, given), 1)
    flips = int((true != given).sum())
    return {
        **asked,
        "samples": len(true),
        "flips": flips,
        "realised_rate": flips / len(true),
        "transitions": transitions.tolist(),
        "sha256": hashlib.sha256(given.astype("<i8").tobytes()).hexdigest(),
    }
