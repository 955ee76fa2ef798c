import numpy as np
import pytest
import scipy
import torch
from harness import TASK
from torch import nn

from bench.errors import PluginError
from bench.plugins.method import Method, Prediction
from bench.training.predict import BATCH_SIZES, accuracy_on, predict


class Pixels(Method):
    """Logits are the pixels, uncertainty their sum; random numbers are drawn and dropped."""

    def __init__(self) -> None:
        super().__init__(TASK, lambda: None)
        self.dropout = nn.Dropout(0.5)

    def predict(self, images):
        torch.rand(3)
        pixels = self.dropout(images.flatten(1))
        return Prediction(pixels, pixels.sum(dim=1), pixels[:, :1])


def one_view(images):
    return [images.float()]


def images(n):
    return torch.randint(0, 256, (n, 1, 1, 3), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)


def test_predictions_keep_the_order_over_several_batches():
    n = 2 * BATCH_SIZES["cpu"] + 7
    found = predict(Pixels(), images(n), one_view, 3)
    np.testing.assert_array_equal(found.logits, images(n).view(n, 3).numpy())
    np.testing.assert_array_equal(found.uncertainty, images(n).view(n, 3).sum(dim=1).numpy())
    assert found.features.shape == (n, 1)


def test_features_for_some_batches_only_are_refused():
    method = Pixels()
    predict_all = method.predict
    method.predict = lambda batch: predict_all(batch)._replace(**({"features": None} if len(batch) < 9 else {}))
    with pytest.raises(PluginError, match="features for some batches and none for others"):
        predict(method, images(BATCH_SIZES["cpu"] + 8), one_view, 3)


def test_prediction_is_in_eval_mode_and_training_goes_on_after():
    method = Pixels().train()
    assert (predict(method, images(50), one_view, 3).logits == images(50).view(50, 3).numpy()).all()
    assert method.training


def test_prediction_leaves_the_random_numbers_of_training_alone():
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    predict(Pixels(), images(5), one_view, 3)
    assert torch.equal(torch.rand(1), expected)


def test_views_are_averaged_in_logits_uncertainty_and_features():
    def views(batch):
        return [batch.float(), 3 * batch.float()]

    single, double = predict(Pixels(), images(9), one_view, 3), predict(Pixels(), images(9), views, 3)
    for one, two in zip(single, double, strict=True):
        np.testing.assert_allclose(two, 2 * one)


class LogProbabilities(Pixels):
    """Logits are log-probabilities."""

    normalised_logits = True

    def predict(self, images):
        found = super().predict(images / 100)
        return found._replace(logits=found.logits.log_softmax(dim=1))


def test_whether_logits_are_log_probabilities_is_what_the_method_says():
    assert predict(LogProbabilities(), images(9), one_view, 3).normalised
    assert not predict(Pixels(), images(9), one_view, 3).normalised


def test_log_probabilities_that_do_not_sum_to_1_are_refused():
    method = Pixels()
    method.normalised_logits = True
    with pytest.raises(PluginError, match=r"whose exponentials sum to .*; must be log-probabilities"):
        predict(method, images(9), one_view, 3)


def test_a_mean_of_log_probabilities_over_views_is_log_probabilities():
    def views(batch):
        return [batch.float(), batch.float().flip(-1)]

    pixels = images(9).view(9, 3).float()
    mean = (pixels + pixels.flip(-1)) / 200
    expected = scipy.special.log_softmax(mean.numpy(), axis=1)  # what does not depend on the class falls out
    np.testing.assert_allclose(predict(LogProbabilities(), images(9), views, 3).logits, expected, atol=1e-5)


def test_accuracy_counts_the_argmax():
    pixels = torch.tensor([[[[9, 1, 1]]], [[[1, 9, 1]]], [[[1, 9, 1]]], [[[1, 1, 9]]]], dtype=torch.uint8)
    assert accuracy_on(Pixels(), pixels, torch.tensor([0, 1, 2, 2]), one_view, 3) == 0.75


def test_a_prediction_that_is_not_finite_is_refused():
    method = Pixels()
    method.predict = lambda batch: Prediction(batch.flatten(1), torch.full((len(batch),), torch.nan))
    with pytest.raises(PluginError, match="predict returned uncertainty that are not finite"):
        predict(method, images(4), one_view, 3)


def test_features_that_nobody_wants_are_not_kept():
    whole, without = (predict(Pixels(), images(9), one_view, 3, features=wanted) for wanted in (True, False))
    assert (whole.features.shape, without.features) == ((9, 1), None)
    np.testing.assert_array_equal(whole.logits, without.logits)
