"""What a method may not return from `loss` and `predict`: one line each, with what is required."""

import numpy as np
import pytest
import torch

from bench.errors import PluginError
from bench.plugins.method import Method, Prediction, Step
from bench.training.checked_outputs import check_prediction, check_step
from bench.training.predict import predict

B, K, D = 5, 3, 4
LOSS = torch.zeros((), requires_grad=True)
LOGITS, U, FEATURES = torch.zeros(B, K), torch.zeros(B), torch.zeros(B, D)
NUMBER_TYPES = [torch.int8, torch.uint8, torch.int32, torch.int64, torch.bool, torch.complex64, torch.complex128]
HALVES = [torch.float16, torch.bfloat16]


pytestmark = pytest.mark.usefixtures("unchecked_types")


def unfit(good):
    """What no tensor of this shape may be, with what the message must say."""
    shape = tuple(good.shape)
    return [
        *(
            (torch.zeros(shape, dtype=kind), f"of {kind}, must be torch.float32 or torch.float64")
            for kind in NUMBER_TYPES
        ),
        *(
            (torch.zeros(shape, dtype=kind), f"of {kind}, must be torch.float32 or torch.float64")
            for kind in HALVES
        ),
        (torch.zeros(shape, device="meta"), "on meta, must be on cpu"),
        (torch.zeros(1, *shape), f"of shape {(1, *shape)}, must be"),
        (np.zeros(shape), "as a ndarray, must be a tensor"),
        (good.tolist(), "must be a tensor"),
        (1j, "as a complex, must be a tensor"),
    ]


def refused(call, *arguments):
    with pytest.raises(PluginError) as raised:
        call(*arguments)
    assert "\n" not in str(raised.value)
    return str(raised.value)


def checked_step(**parts):
    step = Step(LOSS, LOGITS, U)._replace(**parts)
    check_step(step, B, K, relabels=True, device=torch.device("cpu"))


def checked_prediction(**parts):
    check_prediction(Prediction(LOGITS, U, FEATURES)._replace(**parts), torch.zeros(B, 1, 2, 2), K)


@pytest.mark.parametrize(("part", "good"), [("loss", LOSS), ("logits", LOGITS), ("uncertainty", U)])
def test_a_wrong_part_of_a_step_is_told_with_what_is_required(part, good):
    checked_step(**{part: good.double().requires_grad_()})
    for wrong, said in unfit(good.detach()):
        message = refused(lambda wrong=wrong: checked_step(**{part: wrong}))
        assert message.startswith(f"loss returned {part} ")
        assert said in message


@pytest.mark.parametrize(("part", "good"), [("logits", LOGITS), ("uncertainty", U), ("features", FEATURES)])
def test_a_wrong_part_of_a_prediction_is_told_with_what_is_required(part, good):
    checked_prediction(**{part: good.double()})
    for wrong, said in [*unfit(good), (good[:1], "of shape"), (good.to_sparse(), "dense")]:
        message = refused(lambda wrong=wrong: checked_prediction(**{part: wrong}))
        assert message.startswith(f"predict returned {part} ")
        assert said in message


def test_only_features_may_be_missing_from_a_prediction():
    checked_prediction(features=None)
    assert "logits as a NoneType" in refused(lambda: checked_prediction(logits=None))
    assert "uncertainty as a NoneType" in refused(lambda: checked_prediction(uncertainty=None))


@pytest.mark.parametrize("wrong", [(LOGITS, U), LOGITS, None, {"logits": LOGITS}, Step(LOSS, LOGITS, U)])
def test_what_is_no_prediction_is_told(wrong):
    said = refused(check_prediction, wrong, torch.zeros(B, 1, 2, 2), K)
    assert said == f"predict returned a {type(wrong).__name__}, must be a bench.api.Prediction"


@pytest.mark.parametrize("wrong", [LOSS, (LOSS, LOGITS), None, Prediction(LOGITS, U)])
def test_what_is_no_step_is_told(wrong):
    said = refused(check_step, wrong, B, K, False)
    assert said == f"loss returned a {type(wrong).__name__}, must be a bench.api.Step"


def test_a_loss_without_a_gradient_is_told():
    assert "without a gradient" in refused(lambda: checked_step(loss=torch.zeros(())))


# ---- through `predict` itself --------------------------------------------------------------------


class Given(Method):
    """Returns what a function makes of the pixels (B, 3)."""

    def __init__(self, make):
        super().__init__(None, None)
        self.make = make

    def predict(self, images):
        return self.make(images.flatten(1))


def predicted(make, views=lambda batch: [batch.float()], size=200):
    images = torch.arange(3 * size).remainder(256).to(torch.uint8).view(size, 1, 1, 3)
    return predict(Given(make), images, views, 3)


@pytest.mark.parametrize("kind", [*NUMBER_TYPES, *HALVES])
def test_logits_of_another_number_type_are_not_stored(kind):
    assert f"logits of {kind}" in refused(predicted, lambda x: Prediction(x.to(kind), x.sum(dim=1)))
    assert f"uncertainty of {kind}" in refused(predicted, lambda x: Prediction(x, x.sum(dim=1).to(kind)))


@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
def test_features_that_are_not_finite_are_told(value):
    said = refused(predicted, lambda x: Prediction(x, x.sum(dim=1), torch.full((len(x), 2), value)))
    assert said.startswith("predict returned features that are not finite; the training may have diverged")


def test_features_for_one_row_only_are_not_spread_over_all():
    assert "features of shape (1, 2)" in refused(predicted, lambda x: Prediction(x, x.sum(dim=1), x[:1, :2]))
    assert "features of shape (3,)" in refused(predicted, lambda x: Prediction(x, x.sum(dim=1), x[0]))


def test_features_of_another_width_in_a_later_batch_are_told():
    said = refused(predicted, lambda x: Prediction(x, x.sum(dim=1), x[:, : 2 if len(x) == 128 else 1]))
    assert said == "predict returned 2 features for some batches and 1 for others"


def test_features_for_some_views_only_are_told():
    def make(x):
        return Prediction(x, x.sum(dim=1), x if x[0, 1] > 0 else None)

    said = refused(predicted, make, lambda batch: [batch.float() + 1, -batch.float() - 1])
    assert said == "predict returned features for some views of an image and none for others"
