import torch
from torch.nn import functional as F


def test_loss_is_half_of_unmixed_and_half_of_features_mixed_by_attention(make_method, batch, train_step):
    method = make_method("afm", dropout=0.0)
    step = train_step(method, batch)
    mean, attention_logit = method.attend(batch.images)
    a = 1 / (1 + (-attention_logit).exp())
    torch.manual_seed(7)
    partner = torch.randperm(20)
    mixed = []
    for i, j in enumerate(partner):
        feature = (a[i] * mean[i] + a[j] * mean[j]) / (a[i] + a[j])
        log_p = method.fc(feature).log_softmax(dim=0)
        mixed.append(-(a[i] * log_p[batch.labels[i]] + a[j] * log_p[batch.labels[j]]) / (a[i] + a[j]))
    unmixed = F.cross_entropy(method.fc(mean), batch.labels)
    torch.testing.assert_close(step.loss, (torch.stack(mixed).mean() + unmixed) / 2)
    torch.testing.assert_close(step.logits, method.fc(mean))
    torch.testing.assert_close(step.uncertainty, 1 - a)
    assert not step.uncertainty.requires_grad


def test_a_sample_that_is_not_trusted_leaves_the_mix_to_its_partner(make_method, batch):
    """Rul gives the uncertain sample the weight; here it has none."""
    method = make_method("afm")
    mean = torch.randn(2, 64)
    labels, partner = batch.labels[:2], torch.tensor([1, 0])
    loss = method.mixed_loss(mean, torch.tensor([1.0, 1e-9]), labels, partner)
    torch.testing.assert_close(loss, F.cross_entropy(method.fc(mean[:1]), labels[:1]))


def test_predicted_uncertainty_is_one_minus_attention(make_method, batch):
    method = make_method("afm").eval()
    prediction = method.predict(batch.images)
    mean, attention_logit = method.attend(batch.images)
    torch.testing.assert_close(prediction.uncertainty, 1 - attention_logit.double().sigmoid())
    torch.testing.assert_close(prediction.logits, method.fc(mean))
