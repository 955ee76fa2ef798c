"""Ablation of RUL that weights losses instead of mixing features.

Source: supplement of Zhang et al., NeurIPS 2021, section G and Figure 12.
Note: gradient descent moves weight to the easier sample of a pair, so s may rank samples in
reverse; it is reported unchanged.
"""

from torch.nn import functional as F

from bench.api import Batch, Progress, RelativeMethod, Step, pairs, weights


class LossAttention(RelativeMethod):
    """L = mean of w CE(fc(μ_i), y_i) + (1 − w) CE(fc(μ_j), y_j), w = s_i / (s_i + s_j); u = s."""

    version = 1

    def loss(self, batch: Batch, progress: Progress) -> Step:
        """Return the mean of the pairs' weighted losses."""
        mean, uncertainty = self.embed_relative(batch.images)
        logits = self.fc(mean)
        group = pairs(batch.labels, self.pairing)
        losses = F.cross_entropy(logits, batch.labels, reduction="none")  # (B,)
        loss = (weights(uncertainty[group]) * losses[group]).sum(dim=0).mean()
        return Step(loss, logits, uncertainty)
