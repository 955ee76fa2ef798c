import torch


def test_loss_is_the_cross_entropy_against_smoothed_labels(make_method, batch, train_step, replay):
    method = make_method("label-smoothing", smoothing=0.3)
    step = train_step(method, batch)
    logits = method.fc(*replay(method, batch.images)).double()
    target = torch.full((len(logits), 10), 0.03, dtype=torch.float64)
    target[torch.arange(len(logits)), batch.labels] += 0.7
    by_hand = -(target * (logits - logits.exp().sum(dim=1, keepdim=True).log())).sum(dim=1).mean()
    torch.testing.assert_close(step.loss.double(), by_hand, rtol=1e-5, atol=0)


def test_without_smoothing_it_is_the_baseline(make_method, batch, train_step):
    plain = train_step(make_method("baseline"), batch)
    step = train_step(make_method("label-smoothing", smoothing=0.0), batch)
    torch.testing.assert_close(step.loss, plain.loss)
    assert torch.equal(step.logits, plain.logits)
    assert torch.equal(step.uncertainty, plain.uncertainty)


def test_the_default_is_the_published_tenth(make_method):
    assert make_method("label-smoothing").smoothing == 0.1
