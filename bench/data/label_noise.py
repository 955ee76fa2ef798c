"""Label noise: seeded, identical for all methods, and documented in a manifest.

Papers define noise differently, so each kind has its own name and each run records the flips that
were made.
"""

import hashlib
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Int, UInt8
from numpy.random import Generator

from bench.spec import Confusions

LabelVector = Int[np.ndarray, " n"]
# Separates the noise's random numbers from other uses of the same seed.
_STREAM = 0x6E6F6973
LARGEST_TRANSITIONS = 1000  # classes; the matrix of more would fill the file that holds it
_BATCH_BYTES = 2**25  # memory for the pixels of a batch in instance-dependent noise


class Clean(NamedTuple):
    """A training set before noise: everything that a kind of noise may use."""

    labels: LabelVector  # true, 0 … num_classes − 1
    num_classes: int
    # Reads the images at the given indices.
    images: Callable[[Int[np.ndarray, " k"]], UInt8[np.ndarray, "k channels height width"]]
    confusions: Confusions = ()  # declared by the data set
    label_set: LabelVector | None = None  # the requested labels, of people or of a file


class NoiseKind(NamedTuple):
    """A kind of noise: its function, and which arguments it takes on the noise axis."""

    corrupt: Callable[[Clean, float, Generator], LabelVector]
    rated: bool = True  # False: takes the name of a label set, or a file, instead of a rate
    confusions: bool = False  # whether it needs the confused classes of the data set


def _exact(labels: LabelVector, rate: float, rng: Generator) -> Bool[np.ndarray, " n"]:
    """Return a mask (n,) of exactly round(rate · n) samples, drawn without replacement."""
    mask = np.zeros(len(labels), dtype=bool)
    mask[rng.choice(len(labels), size=round(rate * len(labels)), replace=False)] = True
    return mask


def _to_other(clean: Clean, mask: Bool[np.ndarray, " n"], rng: Generator) -> LabelVector:
    """Replace the selected labels by another class, drawn uniformly."""
    shift = rng.integers(1, clean.num_classes, size=len(clean.labels))
    return np.where(mask, (clean.labels + shift) % clean.num_classes, clean.labels)


def symmetric(clean: Clean, rate: float, rng: Generator) -> LabelVector:
    """Exactly round(p·n) labels change to another class, drawn uniformly."""
    return _to_other(clean, _exact(clean.labels, rate, rng), rng)


def symmetric_bernoulli(clean: Clean, rate: float, rng: Generator) -> LabelVector:
    """Each label changes to another class with probability p (as in SCN)."""
    return _to_other(clean, rng.random(len(clean.labels)) < rate, rng)


def symmetric_inclusive(clean: Clean, rate: float, rng: Generator) -> LabelVector:
    """Exactly round(p·n) labels are redrawn from all classes (DivideMix, ELR).

    A redrawn label may stay the same: the effective rate is p(K−1)/K.
    """
    mask = _exact(clean.labels, rate, rng)
    return np.where(mask, rng.integers(0, clean.num_classes, size=len(clean.labels)), clean.labels)


def symmetric_balanced(clean: Clean, rate: float, rng: Generator) -> LabelVector:
    """Exactly round(p·n_k) labels of each class k change to another class, drawn uniformly.

    The classes that labels leave are balanced, those that they reach are not: a rare class still
    receives as many labels as a frequent one, so the sizes of the given classes change.
    """
    mask = np.zeros(len(clean.labels), dtype=bool)
    for own in range(clean.num_classes):
        places = np.flatnonzero(clean.labels == own)
        mask[places] = _exact(places, rate, rng)
    return _to_other(clean, mask, rng)


def pair(clean: Clean, rate: float, rng: Generator) -> LabelVector:
    """Exactly round(p·n) labels change from class k to k + 1."""
    return np.where(_exact(clean.labels, rate, rng), (clean.labels + 1) % clean.num_classes, clean.labels)


def asymmetric(clean: Clean, rate: float, rng: Generator) -> LabelVector:
    """Exactly round(p·n_k) labels of class k change to the class it is confused with.

    The data set declares which classes are confused. Source: Patrini et al., Making Deep Neural
    Networks Robust to Label Noise, CVPR 2017, section 5; there each label changes with probability
    p.
    """
    given = clean.labels.copy()
    for origin, target in clean.confusions:
        places = np.flatnonzero(clean.labels == origin)
        given[places[_exact(places, rate, rng)]] = target
    return given


def instance_dependent(clean: Clean, rate: float, rng: Generator) -> LabelVector:
    """Labels change with a probability near p, to a class drawn by the image's pixels.

    Sample i changes with probability q_i ~ N(p, 0.1²) truncated to [0, 1], to class j ≠ y with
    probability softmax_j(x_i·W_y), where x_i are its grey levels 0–255 and W_y ~ N(0, 1) is one
    matrix (pixels, K) per class y. Source: Xia et al., Part-dependent Label Noise, NeurIPS 2020,
    algorithm 2, on grey levels as in its code.
    """
    given = clean.labels.copy()
    moves = rng.random(len(given)) < _flip_rates(rate, len(given), rng)
    for own in range(clean.num_classes):
        places = np.flatnonzero(moves & (clean.labels == own))
        if len(places):
            given[places] = _by_pixels(clean, places, own, rng)
    return given


def _flip_rates(rate: float, size: int, rng: Generator) -> np.ndarray:
    """Draw `size` values from N(rate, 0.1²) truncated to [0, 1], by redrawing values outside."""
    rates = rng.normal(rate, 0.1, size)
    while (outside := (rates < 0) | (rates > 1)).any():
        rates[outside] = rng.normal(rate, 0.1, outside.sum())
    return rates


def _by_pixels(clean: Clean, places: Int[np.ndarray, " k"], own: int, rng: Generator) -> Int[np.ndarray, " k"]:
    """Draw a class other than `own` for each image, from the softmax of its projections.

    The draw is the argmax of the projections with Gumbel noise added (Gumbel-max).
    """
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
    """Labels given by people, as human:SET, for data sets that have them."""
    assert clean.label_set is not None  # the point of the noise axis names one
    return clean.label_set


def from_file(clean: Clean, rate: float, rng: Generator) -> LabelVector:
    """Labels of a file, as file:PATH or file:PATH:KEY, for any data set."""
    assert clean.label_set is not None
    return clean.label_set


NOISE_KINDS: dict[str, NoiseKind] = {
    "symmetric": NoiseKind(symmetric),
    "symmetric-bernoulli": NoiseKind(symmetric_bernoulli),
    "symmetric-inclusive": NoiseKind(symmetric_inclusive),
    "symmetric-balanced": NoiseKind(symmetric_balanced),
    "pair": NoiseKind(pair),
    "asymmetric": NoiseKind(asymmetric, confusions=True),
    "instance-dependent": NoiseKind(instance_dependent),
    "human": NoiseKind(human, rated=False),
    "file": NoiseKind(from_file, rated=False),
}


def corrupt(clean: Clean, kind: str, rate: float, seed: int) -> LabelVector:
    """Return a noisy copy of the labels (n,); the originals are not changed.

    Args:
        clean: the training set.
        kind: a key of `NOISE_KINDS`.
        rate: the requested rate p, 0–1; ignored by kinds that take none.
        seed: of the noise, independent of the run's other seeds.
    """
    rng = np.random.default_rng([_STREAM, seed])
    return NOISE_KINDS[kind].corrupt(clean, rate, rng).astype(clean.labels.dtype)


def manifest(true: LabelVector, given: LabelVector, num_classes: int, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return a description of the noise in a set of labels.

    It holds `asked`, then counts, the K×K transition matrix (row true, column given; empty for more
    than `LARGEST_TRANSITIONS` classes) and the SHA-256 of the given labels as little-endian int64.
    """
    classes = num_classes if num_classes <= LARGEST_TRANSITIONS else 0
    transitions = np.zeros((classes, classes), dtype=int)
    if classes:
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
