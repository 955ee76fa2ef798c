import math

import torch


def test_loss_is_the_cross_entropy_of_fc_of_mu(make_method, batch, train_step, replay):
    method = make_method("baseline")
    step = train_step(method, batch)
    (mean,) = replay(method, batch.images)
    logits = mean @ method.fc.weight.T + method.fc.bias
    likelihood = logits.exp() / logits.exp().sum(dim=1, keepdim=True)
    own = torch.stack([likelihood[i, label] for i, label in enumerate(batch.labels)])
    torch.testing.assert_close(step.loss, -own.log().mean())
    torch.testing.assert_close(step.logits, logits)
    torch.testing.assert_close(step.uncertainty, 1 - likelihood.amax(dim=1), check_dtype=False)


def test_predict_returns_fc_of_mu_and_one_minus_the_largest_softmax(make_method, batch):
    method = make_method("baseline").eval()
    prediction = method.predict(batch.images)
    mean = method.mean(method.features(batch.images))
    logits = mean @ method.fc.weight.T + method.fc.bias
    largest = (logits.exp() / logits.exp().sum(dim=1, keepdim=True)).amax(dim=1)
    torch.testing.assert_close(prediction.logits, logits)
    torch.testing.assert_close(prediction.uncertainty, 1 - largest, check_dtype=False)
    assert torch.equal(prediction.features, mean)


def test_uncertainty_of_very_sure_samples_does_not_round_to_zero(make_method, batch, monkeypatch):
    method = make_method("baseline", dimension=10).eval()
    torch.nn.init.eye_(method.fc.weight)
    torch.nn.init.zeros_(method.fc.bias)
    monkeypatch.setattr(method, "embed", lambda images: torch.tensor([[50.0] + [0.0] * 9, [60.0] + [0.0] * 9]))
    by_hand = torch.tensor([9 / (9 + math.exp(50)), 9 / (9 + math.exp(60))], dtype=torch.float64)
    torch.testing.assert_close(method.predict(batch.images[:2]).uncertainty, by_hand, rtol=1e-6, atol=0)
