import numpy as np
import pytest
import torch
from scipy.special import log_softmax, softmax

from bench.errors import UsageError
from bench.plugins.method import Progress


def by_hand(classes, abstention, labels, payoff):
    p = softmax(np.concatenate([classes, abstention], axis=1), axis=1)
    return -np.mean([np.log(row[label] + row[-1] / payoff) for row, label in zip(p, labels, strict=True)])


@pytest.mark.parametrize("payoff", [1.5, 2.2, 10.0])
def test_the_loss_is_the_log_of_what_the_bet_pays(make_method, batch, payoff):
    method = make_method("deep-gamblers", payoff=payoff)
    classes, abstention = torch.randn(20, 10, dtype=torch.float64), torch.randn(20, 1, dtype=torch.float64)
    loss = method.gamblers_loss(classes, abstention, batch.labels)
    expected = by_hand(classes.numpy(), abstention.numpy(), batch.labels.numpy(), payoff)
    assert loss.item() == pytest.approx(expected, rel=1e-9)


def test_it_is_finite_where_probabilities_underflow(make_method):
    method = make_method("deep-gamblers")
    classes = torch.tensor([[0.0, 3000.0] + 8 * [0.0]], requires_grad=True)
    loss = method.gamblers_loss(classes, torch.tensor([[-3000.0]]), torch.tensor([0]))
    loss.backward()
    assert loss.isfinite()
    assert classes.grad.isfinite().all()


def test_the_warm_up_is_cross_entropy_in_which_abstention_rests(make_method, batch):
    method = make_method("deep-gamblers", dropout=0.0).train()
    for epoch, warm in ((3, True), (4, False)):
        method.zero_grad()
        step = method.loss(batch, Progress(epoch, 9))
        step.loss.backward()
        assert (method.abstention.weight.grad is None) == warm
        plain = -log_softmax(step.logits.detach().numpy(), axis=1)[np.arange(20), batch.labels].mean()
        assert (step.loss.item() == pytest.approx(plain, rel=1e-5)) == warm


def test_uncertainty_is_the_probability_to_abstain(make_method, batch):
    method = make_method("deep-gamblers").eval()
    with torch.no_grad():
        found = method.predict(batch.images)
        abstention = method.abstention(found.features)
    p = softmax(np.concatenate([found.logits.numpy(), abstention.numpy()], axis=1), axis=1)
    np.testing.assert_allclose(found.uncertainty.numpy(), p[:, -1], rtol=1e-5)


def test_a_payoff_above_the_number_of_classes_is_refused(make_method):
    make_method("deep-gamblers", payoff=10.0)
    with pytest.raises(UsageError, match="payoff is 11, must be at most the number of classes, 10"):
        make_method("deep-gamblers", payoff=11.0)
