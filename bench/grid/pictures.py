"""Options of the pictures that are drawn only on request."""

from typing import Annotated, Literal

from pydantic import Field

from bench.evaluation.score_names import SCORE_NAMES, ScoreName
from bench.options import Commas, Count, Options, option

PICTURES = "Pictures of samples"
MOST_IMAGES = 1000  # of one grid; more make a picture that no viewer opens


class Pictures(Options):
    """Figures drawn only on request, because they need stored predictions and take time."""

    figures: Annotated[list[Literal["images", "features", "reliability", "histograms"]], Commas] = option(
        [],
        "Pictures to draw besides the report's: images, features, reliability, histograms.",
        PICTURES,
        "NAME,…",
        unset="none",
    )
    top: Annotated[Count, Field(le=MOST_IMAGES)] | None = option(
        None,
        f"Images in each grid, {MOST_IMAGES} at most.",
        PICTURES,
        "N",
        unset="a tenth of the test set, or 100 if that is less",
    )
    score: ScoreName = option(
        "own",
        f"The score by which images are certain or uncertain: {', '.join(SCORE_NAMES[:-1])} or {SCORE_NAMES[-1]}.",
        PICTURES,
        "NAME",
    )
