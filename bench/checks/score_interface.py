"""Checks of post-hoc scores: each takes a `ScoreBed` and raises what is wrong."""

from collections.abc import Callable

import numpy as np

from bench.checks.outcomes import CheckNoted, require
from bench.checks.score_bed import ScoreBed, in_order
from bench.plugins.registry import is_taken
from bench.plugins.score import Score


def check_name_is_free(bed: ScoreBed) -> None:
    """A score has the name of no other: of none that every run has, of no built-in one."""
    require(not is_taken(bed.plugin), f"there is a score {bed.plugin.name} already; rename the file")


def check_defines_uncertainty(bed: ScoreBed) -> None:
    """A score overrides `uncertainty`, and needs what the harness knows."""
    cls = bed.plugin.load()
    require(cls.uncertainty is not Score.uncertainty, "define uncertainty(self, test, train)")
    known = ("features", "training", "training-features")
    require(isinstance(cls.needs, tuple) and {*cls.needs} <= {*known}, f"needs must be a tuple of {known}")


def check_one_finite_uncertainty_per_image(bed: ScoreBed) -> None:
    """The result is an array (N,) of finite real numbers, of one image, too."""
    bed.of(bed.test)
    bed.of(in_order(bed.test, np.arange(1)))


def check_is_deterministic(bed: ScoreBed) -> None:
    """Twice the same predictions have twice the same uncertainty."""
    require(
        np.array_equal(bed.of(bed.test), bed.of(bed.test)), "the same predictions must have the same uncertainty"
    )


def check_follows_the_order_of_images(bed: ScoreBed) -> None:
    """Images in another order have the same uncertainties in that order.

    A score that knew labels by their place would fail.
    """
    places = np.random.default_rng(1).permutation(len(bed.test.logits))
    one, other = bed.of(bed.test)[places], bed.of(in_order(bed.test, places))
    require(np.allclose(one, other, rtol=1e-6, atol=1e-9), "images in another order must keep their uncertainties")


def check_leaves_predictions_unchanged(bed: ScoreBed) -> None:
    """The arrays that it is given are as before."""
    assert bed.test.features is not None
    before = [values.copy() for values in (bed.test.logits, bed.test.uncertainty, bed.test.features)]
    bed.of(bed.test)
    after = (bed.test.logits, bed.test.uncertainty, bed.test.features)
    require(all(map(np.array_equal, before, after)), "the given arrays must not be changed; copy them first")


def check_differs_between_images(bed: ScoreBed) -> None:
    """A score that is the same for all images ranks nothing."""
    if not np.ptp(bed.of(bed.test)):
        raise CheckNoted("all images have the same uncertainty, so it ranks nothing")


CHECKS: tuple[Callable[[ScoreBed], None], ...] = (
    check_name_is_free,
    check_defines_uncertainty,
    check_one_finite_uncertainty_per_image,
    check_is_deterministic,
    check_follows_the_order_of_images,
    check_leaves_predictions_unchanged,
    check_differs_between_images,
)
BASIC = (check_defines_uncertainty, check_one_finite_uncertainty_per_image)
