import numpy as np
import torch
from scipy.stats import beta, kstest
from torch.distributions import Beta
from torch.nn import functional as F


def test_loss_is_that_of_mixed_images_against_both_labels(make_method, batch, train_step):
    method = make_method("mixup", dropout=0.0)
    step = train_step(method, batch)
    torch.manual_seed(7)
    ratio = Beta(torch.tensor(1.0), torch.tensor(1.0)).sample()
    order = torch.randperm(20)
    mixed = torch.stack([ratio * batch.images[i] + (1 - ratio) * batch.images[j] for i, j in enumerate(order)])
    logits = method.fc(method.embed(mixed))
    both = ratio * F.one_hot(batch.labels, 10) + (1 - ratio) * F.one_hot(batch.labels[order], 10)
    torch.testing.assert_close(step.loss, -(both * logits.log_softmax(dim=1)).sum(dim=1).mean())
    assert 0.01 < ratio < 0.99
    assert step.logits is step.uncertainty is None


def test_the_ratio_is_drawn_from_beta(make_method):
    ratios = make_method("mixup", alpha=0.4).ratios
    drawn = np.array([ratios.sample().item() for _ in range(2000)])
    assert kstest(drawn, beta(0.4, 0.4).cdf).pvalue > 0.001


def test_prediction_is_the_baselines(make_method, batch):
    plain, mixed = (make_method(name).eval().predict(batch.images) for name in ("baseline", "mixup"))
    assert all(torch.equal(a, b) for a, b in zip(plain, mixed, strict=True))
