"""Checks of trained methods: learning, predictions, persistence, number types and devices."""

import math
import pickle
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from bench.checks.equality import close, equal, predict, same
from bench.checks.method_bed import EPOCHS, MethodBed
from bench.checks.outcomes import CheckFailed, CheckNoted, CheckSkipped, require
from bench.errors import BenchError, Declined, one_line
from bench.evaluation import ranking
from bench.plugins.method import Prediction
from bench.recipe import Relabel

Check = Callable[[MethodBed], None]
ENOUGH = 0.5  # accuracy on the digits, where chance is 0.1


def check_learns_digits(bed: MethodBed) -> None:
    """A few epochs on the digits give an accuracy far above chance."""
    test = bed.data.test
    found = predict(bed.trained, bed.images(len(test.labels)))
    accuracy = (found.logits.argmax(dim=1) == test.labels).double().mean().item()
    said = f"accuracy on digits is {accuracy:.0%} after {bed.task().epochs} epochs"
    require(accuracy >= ENOUGH, f"{said}, must be {ENOUGH:.0%}: check that loss and predict use the same logits")


def check_uncertainty_tells_samples_apart(bed: MethodBed) -> None:
    """After training, logits and uncertainty are finite.

    The uncertainty is not the same for all samples.
    """
    found = predict(bed.trained, bed.images(200))
    for name, values in (("logits", found.logits), ("uncertainty", found.uncertainty)):
        require(values.isfinite().all(), f"predict returns {name} that are not finite: bound it, or take its log")
    constant = (found.uncertainty == found.uncertainty[0]).all()
    require(not constant, "the uncertainty is the same for all images: compute it from each image's own output")


def check_uncertainty_ranks_errors(bed: MethodBed) -> None:
    """Errors on the digits are more uncertain than correct predictions.

    A method with an AUROC below 0.5 gets a note; the check does not fail.
    """
    labels = bed.data.test.labels
    found = predict(bed.trained, bed.images(len(labels)))
    errors = (found.logits.argmax(dim=1) != labels).numpy()
    auroc = ranking.auroc(ranking.rank(found.uncertainty.double().numpy(), errors))
    if math.isnan(auroc):
        raise CheckSkipped("it makes no error on the digits")
    if auroc < 0.5:
        raise CheckNoted(
            f"AUROC of errors on the digits is {auroc:.2f}, worse than chance: does larger u mean less sure?"
        )


def check_predict_leaves_no_trace(bed: MethodBed) -> None:
    """`predict` changes neither state nor mode, and is deterministic given the random seed."""
    method, images = bed.trained.eval(), bed.images(50)
    state = {name: _copy(value) for name, value in method.state_dict().items()}
    modes = [module.training for module in method.modules()]
    first, second = predict(method, images), predict(method, images)
    unchanged = modes == [module.training for module in method.modules()]
    require(unchanged, "predict switches train or eval mode: leave the mode as it is, or restore it")
    changed = [name for name, value in method.state_dict().items() if not equal(value, state[name])]
    more = f" and {len(changed) - 3} more" if len(changed) > 3 else ""
    require(not changed, f"predict changes {', '.join(changed[:3])}{more}: change state in loss or finish only")
    require(
        same(first, second),
        "two calls of predict with the same seed differ: draw from torch's global generator only",
    )


def _copy(value: Any) -> Any:
    return value.clone() if isinstance(value, Tensor) else value


def check_batch_of_one(bed: MethodBed) -> None:
    """`predict` on one image agrees with the same image in a batch."""
    _deterministic(bed)
    whole = predict(bed.trained, bed.images(20))
    for k in range(3):
        try:
            one = predict(bed.trained, bed.images(20)[k : k + 1])
        except Exception as error:
            raise CheckFailed(f"predict must take a batch of one, it raises {one_line(error)}") from error
        advice = "normalise by nothing that is computed over the batch, and squeeze named dimensions only"
        require(close(_part(whole, slice(k, k + 1)), one), f"predict on one image and in a batch differ: {advice}")


def check_batch_order(bed: MethodBed) -> None:
    """Reversing a batch reverses its predictions."""
    _deterministic(bed)
    images = bed.images(50)
    turned = predict(bed.trained, images.flip(0))
    whole = _part(predict(bed.trained, images), torch.arange(49, -1, -1))
    require(close(whole, turned), "predictions depend on the order of the batch: treat each image by itself")


def _deterministic(bed: MethodBed) -> None:
    if bed.is_random:
        raise CheckSkipped("predict draws random numbers in the order of the batch")


def _part(found: Prediction, places: Any) -> Prediction:
    return Prediction(found.logits[places], found.uncertainty[places])


def check_pickles(bed: MethodBed) -> None:
    """A trained method can be pickled, and predicts the same afterwards."""
    method, images = bed.trained, bed.images(50)
    try:
        again = pickle.loads(pickle.dumps(method))
    except Exception as error:
        raise CheckFailed(f"keep no lambda, file or generator on self: {one_line(error)}") from error
    require(
        same(predict(method, images), predict(again, images)),
        "the unpickled method predicts differently: keep all of its state on self",
    )


def check_state_dict_round_trip(bed: MethodBed) -> None:
    """A new method that loads the state of a trained one predicts the same."""
    fresh, state = bed.build(seed=1, size=None), bed.trained.state_dict()
    try:
        fresh.load_state_dict(state)
    except RuntimeError as error:
        raise CheckFailed(f"state_dict does not load into a fresh method: {one_line(error)}") from error
    images = bed.images(50)
    advice = "register what training or finish computes as a parameter or by register_buffer"
    require(
        same(predict(bed.trained, images), predict(fresh, images)), f"state_dict lacks part of the state: {advice}"
    )


def check_finish_restarts(bed: MethodBed) -> None:
    """`finish` gives the same predictions when run again.

    The second run starts from the state at the end of training.
    """
    method, images = bed.train(bed.build()), bed.images(50)
    before = {name: _copy(value) for name, value in method.state_dict().items()}
    first = predict(bed.finish(method), images)
    method.load_state_dict(before)
    advice = "start from state_dict alone, and replace what an earlier finish left"
    require(
        same(first, predict(bed.finish(method), images)),
        f"finish gives other predictions when run again: {advice}",
    )


def check_bfloat16(bed: MethodBed) -> None:
    """The method trains and predicts finite values with a backbone in bfloat16."""
    _trains_and_predicts(bed, "cpu", torch.bfloat16)


def check_steps_do_not_wait_for_the_device(bed: MethodBed) -> None:
    """All steps run on torch's meta device, relabelling included: a rehearsal without a GPU.

    There a value that is read back raises, and so does a tensor that was left on the CPU.
    """
    try:
        try:
            _rehearse(bed, Relabel())
        except Declined:  # it cannot relabel
            _rehearse(bed, None)
    except Exception as error:
        advice = "create tensors with device=images.device, and read no value back (.item(), if, nonzero) in loss"
        raise CheckFailed(f"{advice}; on a device without values it raises {one_line(error)}") from error


def _rehearse(bed: MethodBed, relabel: Relabel | None) -> None:
    """Train each epoch on the meta device, so that all phases of a method are met."""
    trainer = bed.trainer(bed.build(device="meta"), EPOCHS, relabel=relabel)
    for number in range(1, EPOCHS + 1):
        trainer.steps(number)


def check_gpu(bed: MethodBed) -> None:
    """The method trains and predicts on a GPU, in float32 and bfloat16."""
    if not torch.cuda.is_available():
        raise CheckSkipped("torch sees no CUDA device here")
    for dtype in (torch.float32, torch.bfloat16):
        _trains_and_predicts(bed, "cuda", dtype)


def _trains_and_predicts(bed: MethodBed, device: str, dtype: torch.dtype) -> None:
    try:
        method = bed.train(bed.build(device=device, dtype=dtype))
        found = predict(method, bed.images(20).to(device))
    except BenchError:
        raise
    except Exception as error:
        advice = "create tensors with device=images.device, and compute in float32 outside the backbone"
        raise CheckFailed(f"{advice}; on {device} in {dtype} it raises {one_line(error)}") from error
    finite = found.logits.isfinite().all() and found.uncertainty.isfinite().all()
    require(finite, f"predictions on {device} in {dtype} are not finite: keep exponentials in float32")


CHECKS: tuple[Check, ...] = (
    check_learns_digits,
    check_uncertainty_tells_samples_apart,
    check_uncertainty_ranks_errors,
    check_predict_leaves_no_trace,
    check_batch_of_one,
    check_batch_order,
    check_pickles,
    check_state_dict_round_trip,
    check_finish_restarts,
    check_bfloat16,
    check_steps_do_not_wait_for_the_device,
    check_gpu,
)
