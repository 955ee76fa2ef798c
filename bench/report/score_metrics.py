"""The metrics of one post-hoc score of a run: those that its stored scores have."""

from typing import Any

import numpy as np
from jaxtyping import Float

from bench.evaluation.predictions import LabelledPredictions

BY_SCORE = ("scores", "class_auroc", "class_distances", "human_uncertainty")  # parts of a run's metrics


def metrics_of(u: Float[np.ndarray, " n"], test: LabelledPredictions) -> dict[str, Any]:
    """Return the entries of a score in each part of a run's metrics, and its rejection curve."""
    from bench.evaluation.calibration import Classified
    from bench.evaluation.evaluate import REJECTION_RATES, class_distances, human_uncertainty, of_score
    from bench.evaluation.metrics import CLASS_AUROC, defined
    from bench.evaluation.ranking import Scored, rejection_curve

    outputs, labels = test.predictions, test.labels
    scored = Scored(u, Classified(outputs.logits, labels).errors, labels, outputs.logits.shape[1])
    made = {
        "scores": of_score(scored),
        "class_auroc": defined(CLASS_AUROC.function(scored)),
        "curve": rejection_curve(scored.ranking, REJECTION_RATES).tolist(),
    }
    if outputs.features is not None:
        made["class_distances"] = class_distances(outputs.features, labels, {"it": u})["it"]
    if (entropy := test.columns.get("human_entropy")) is not None:
        made["human_uncertainty"] = human_uncertainty({"it": u}, entropy)["it"]
    return made
