"""Label noise: exact, seeded, the same for every method, and told in a manifest.

The kinds differ between papers, so each has its own name and each run records what was really done.
"""

import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np
from jaxtyping import Bool, Int
from numpy.random import Generator

Labels = Int[np.ndarray, " n"]
# Keeps the noise's random numbers apart from every other use of the same seed.
_STREAM = 0x6E6F6973


def _exact(labels: Labels, rate: float, rng: Generator) -> Bool[np.ndarray, " n"]:
    """Select exactly round(rate · n) samples without replacement."""
    mask = np.zeros(len(labels), dtype=bool)
    mask[rng.choice(len(labels), size=round(rate * len(labels)), replace=False)] = True
    return mask


def _to_other(labels: Labels, mask: Bool[np.ndarray, " n"], num_classes: int, rng: Generator) -> Labels:
    """Move the selected labels to a uniformly drawn other class."""
    shift = rng.integers(1, num_classes, size=len(labels))
    return np.where(mask, (labels + shift) % num_classes, labels)


def symmetric(labels: Labels, rate: float, num_classes: int, rng: Generator) -> Labels:
    """Exactly round(p·n) labels move to a random other class."""
    return _to_other(labels, _exact(labels, rate, rng), num_classes, rng)


def symmetric_bernoulli(labels: Labels, rate: float, num_classes: int, rng: Generator) -> Labels:
    """Each label moves so with probability p (SCN's way)."""
    return _to_other(labels, rng.random(len(labels)) < rate, num_classes, rng)


def symmetric_inclusive(labels: Labels, rate: float, num_classes: int, rng: Generator) -> Labels:
    """Exactly round(p·n) labels drawn anew over all classes.

    The effective rate is p(K−1)/K (DivideMix, ELR).
    """
    mask = _exact(labels, rate, rng)
    return np.where(mask, rng.integers(0, num_classes, size=len(labels)), labels)


def pair(labels: Labels, rate: float, num_classes: int, rng: Generator) -> Labels:
    """Exactly round(p·n) labels move from class k to k + 1."""
    return np.where(_exact(labels, rate, rng), (labels + 1) % num_classes, labels)


NOISE_KINDS: dict[str, Callable[[Labels, float, int, Generator], Labels]] = {
    "symmetric": symmetric,
    "symmetric-bernoulli": symmetric_bernoulli,
    "symmetric-inclusive": symmetric_inclusive,
    "pair": pair,
}


def corrupt(labels: Labels, kind: str, rate: float, num_classes: int, seed: int) -> Labels:
    """Return a noisy copy of the labels (n,), which are left untouched.

    Args:
        labels: true labels in 0 … num_classes − 1.
        kind: a key of `NOISE_KINDS`.
        rate: the rate p asked for, 0–1.
        num_classes: K, at least 2.
        seed: of the noise alone.
    """
    rng = np.random.default_rng([_STREAM, seed])
    return NOISE_KINDS[kind](labels, rate, num_classes, rng).astype(labels.dtype)


def manifest(true: Labels, given: Labels, kind: str, rate: float, num_classes: int, seed: int) -> dict[str, Any]:
    """Return what was done to the labels: counts, K×K transitions (row true, column given) and their SHA-256.

    The hash is of the given labels as little-endian int64.
    """
    transitions = np.zeros((num_classes, num_classes), dtype=int)
    np.add.at(transitions, (true, given), 1)
    flips = int((true != given).sum())
    return {
        "kind": kind,
        "rate": rate,
        "seed": seed,
        "samples": len(true),
        "flips": flips,
        "realised_rate": flips / len(true),
        "transitions": transitions.tolist(),
        "sha256": hashlib.sha256(given.astype("<i8").tobytes()).hexdigest(),
    }
