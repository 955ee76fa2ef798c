"""Names of the uncertainty scores that every run has, and what they mean; loads no torch."""

from typing import Literal, get_args

# The method's own score, and those that any logits offer (`bench/evaluation/scores.py`).
ScoreName = Literal["own", "msp", "entropy", "margin", "energy"]
SCORE_NAMES: tuple[ScoreName, ...] = get_args(ScoreName)
SCORE_WORDS: dict[ScoreName, str] = {
    "own": "the method's own uncertainty",
    "msp": "1 − max softmax (Hendrycks & Gimpel, 2017)",
    "entropy": "the softmax entropy in nats",
    "margin": "p₂ − p₁ of the two largest softmax probabilities",
    "energy": "−logsumexp of the logits (Liu et al., 2020)",
}
LABEL_AWARE = "label_aware"  # score of training labels: 1 − p[given]
RESERVED = (*SCORE_NAMES, LABEL_AWARE, "rejected")  # scores and columns that every run has
