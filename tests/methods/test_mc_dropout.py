import numpy as np
import pytest
import torch
from scipy.special import softmax
from scipy.stats import entropy
from torch import nn

from bench.errors import UsageError
from bench.plugins.factory import MethodFactory
from bench.plugins.method import Progress


def passes_by_hand(method, images, count, seed=3):
    """Logits of so many passes with dropout on, drawn head by head from one feature map."""
    inner = method.eval().inner
    feature_map = inner.features(images)
    torch.manual_seed(seed)
    inner.mean[0].train()
    logits = [inner.fc(inner.mean(feature_map)) for _ in range(count)]
    inner.mean[0].eval()
    return torch.stack(logits).detach()


def predicted(method, images, seed=3):
    torch.manual_seed(seed)
    with torch.no_grad():
        return method.eval().predict(images)


@pytest.mark.parametrize("score", ["entropy", "mutual-information"])
def test_prediction_is_the_mean_probability_of_the_passes(make_method, batch, score):
    method = make_method("mc-dropout", passes=7, score=score)
    p = softmax(passes_by_hand(method, batch.images, 7).numpy().astype(float), axis=2)
    found = predicted(method, batch.images)
    np.testing.assert_allclose(found.logits.exp(), p.mean(axis=0), rtol=1e-5)
    information = entropy(p.mean(axis=0), axis=1) - entropy(p, axis=2).mean(axis=0)
    expected = entropy(p.mean(axis=0), axis=1) if score == "entropy" else information
    np.testing.assert_allclose(found.uncertainty, expected, rtol=1e-4, atol=1e-7)
    assert method.normalised_logits


def test_thirty_passes_and_the_entropy_are_the_default(make_method, batch):
    method = make_method("mc-dropout")
    found = predicted(method, batch.images)
    p = softmax(passes_by_hand(method, batch.images, 30).numpy().astype(float), axis=2).mean(axis=0)
    np.testing.assert_allclose(found.uncertainty, entropy(p, axis=1), rtol=1e-5)


def test_the_backbone_is_passed_once_and_nothing_is_kept(make_method, batch):
    method, seen = make_method("mc-dropout", passes=5), []
    method.inner.backbone.backbone.register_forward_hook(lambda *_: seen.append(1))
    first = predicted(method, batch.images)
    assert len(seen) == 1
    assert torch.equal(predicted(method, batch.images).logits, first.logits)
    assert len(seen) == 2
    assert method.inner.backbone.kept is None
    for _ in range(2):
        method.train().loss(batch, Progress(1, 3))
    assert len(seen) == 4


def test_dropout_alone_is_on_at_test_and_off_again_after(make_method, batch):
    method = make_method("mc-dropout").eval()
    training = []
    for module in method.modules():
        module.register_forward_hook(lambda module, *_: training.append((type(module).__name__, module.training)))
    predicted(method, batch.images)
    assert {name for name, mode in training if mode} == {"Dropout"}
    assert {mode for name, mode in training if name == "Dropout"} == {True}
    assert not any(module.training for module in method.modules())


def test_a_pass_that_fails_leaves_the_method_as_it_was(make_method, batch, monkeypatch):
    method = make_method("mc-dropout").eval()
    monkeypatch.setattr(method.inner, "fc", None)
    with pytest.raises(TypeError):
        method.predict(batch.images)
    assert not any(module.training for module in method.modules())
    assert not method.inner.backbone.keeps


def test_without_dropout_all_passes_agree(make_method, batch):
    inner = MethodFactory("baseline", {"dropout": 0.0})
    method = make_method("mc-dropout", inner=inner, score="mutual-information")
    found = predicted(method, batch.images)
    np.testing.assert_allclose(found.uncertainty, 0, atol=1e-12)
    assert method.remarks() == ["dropout is 0, so all passes are the same"]
    assert make_method("mc-dropout").remarks() == []
    plain = method.inner.predict(batch.images).logits
    torch.testing.assert_close(found.logits, plain.detach().double().log_softmax(dim=1), rtol=1e-5, atol=1e-6)


def test_a_larger_rate_spreads_the_passes_further(make_method, batch):
    spreads = []
    for rate in (0.1, 0.4, 0.8):
        inner = MethodFactory("baseline", {"dropout": rate})
        method = make_method("mc-dropout", inner=inner, passes=100, score="mutual-information")
        spreads.append(predicted(method, batch.images).uncertainty.mean().item())
    assert spreads == sorted(spreads)
    assert spreads[0] > 1e-6


def test_any_method_with_dropout_can_be_inside(make_method, batch):
    found = predicted(make_method("mc-dropout", inner=MethodFactory("rul"), passes=3), batch.images)
    assert found.logits.shape == (20, 10)
    assert found.features.shape == (20, 64)


def test_the_features_are_the_mean_of_the_passes(make_method, batch):
    method = make_method("mc-dropout", passes=4)
    found = predicted(method, batch.images)
    feature_map = method.inner.features(batch.images)
    torch.manual_seed(3)
    method.inner.mean[0].train()
    features = torch.stack([method.inner.mean(feature_map) for _ in range(4)]).mean(dim=0)
    torch.testing.assert_close(found.features, features.detach())


def test_a_method_without_dropout_is_refused(make_method, monkeypatch):
    monkeypatch.setattr(MethodFactory, "__call__", lambda *_: nn.Linear(2, 2))
    for attribute in ("normalised_logits", "two_views"):
        monkeypatch.setattr(nn.Linear, attribute, False, raising=False)
    with pytest.raises(UsageError, match="its inner method must have dropout"):
        make_method("mc-dropout")
