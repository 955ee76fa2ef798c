"""What every method must do. A check takes one on its test bed and raises one line that says what to do."""

import pickle
import sys
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from bench.checks.bed import SHORT, MethodBed, close, predict, same
from bench.checks.verdict import CheckFailed, CheckSkipped, require
from bench.errors import BenchError, UsageError, one_line
from bench.hyperparameters import check, declared
from bench.method import Method, Prediction, Step
from bench.train import make_optimizer

Check = Callable[[MethodBed], None]
STEPS = 5  # within which every trained parameter gets a gradient
ENOUGH = 0.5  # accuracy on the digits, where chance is 0.1


def check_direction_is_documented(bed: MethodBed) -> None:
    """The docstrings of the file or the class say what the uncertainty is; larger means less sure."""
    module = sys.modules[bed.cls.__module__].__doc__ or ""
    said = f"{module} {bed.cls.__doc__ if '__doc__' in vars(bed.cls) else ''}"
    named = "u =" in said or "uncertain" in said.lower()
    require(named, "say in the class's docstring what the uncertainty is, such as `u = 1 − max softmax`")


def check_hyper_parameters_are_validated(bed: MethodBed) -> None:
    """Every hyper-parameter has an annotation, which refuses what it is not."""
    for name, parameter in declared(bed.cls).items():
        try:
            check(name, parameter, object())
        except UsageError:
            continue
        raise CheckFailed(f"annotate {name} in the constructor with its type, such as `{name}: float`")


def check_unknown_hyper_parameters_are_refused(bed: MethodBed) -> None:
    """A hyper-parameter that does not exist is refused."""
    try:
        bed.build(no_such_hyper_parameter=1)
    except (TypeError, UsageError):
        return
    raise CheckFailed("the constructor takes any keyword: pass its ** on to super().__init__, or drop it")


def check_oracles_are_hyper_parameters(bed: MethodBed) -> None:
    """What `oracle` names are hyper-parameters; without one the noise rate is not told."""
    unknown = [name for name in bed.cls.oracle if name not in declared(bed.cls)]
    require(not unknown, f"oracle names {', '.join(unknown)}: name only keywords of the constructor")


def check_declines_with_a_reason(bed: MethodBed) -> None:
    """`declines` returns None, or a reason in one line."""
    for task in (bed.task, bed.task._replace(num_classes=2)):
        reason = bed.factory.declines(task)
        fits = reason is None or (isinstance(reason, str) and reason.strip() and "\n" not in reason)
        require(fits, f"declines returned {reason!r}: return None, or why not to run, in one line")


def check_step_shapes(bed: MethodBed) -> None:
    """`loss` returns a Step: a scalar loss, logits (B, K) and uncertainty (B,), of floating point."""
    step = bed.step(bed.build(), 20)
    require(isinstance(step, Step), f"loss returned a {type(step).__name__}: return a bench.method.Step")
    _shape("loss", "loss", step.loss, ())
    for name, value, shape in (("logits", step.logits, (20, 10)), ("uncertainty", step.uncertainty, (20,))):
        require(
            value is not None or not bed.cls.relabels,
            f"loss hands relabelling no {name}: put it into the Step, or leave `relabels` False",
        )
        if value is not None:
            _shape("loss", name, value, shape)


def check_prediction_shapes(bed: MethodBed) -> None:
    """`predict` returns a Prediction: logits (B, K), uncertainty (B,), features (B, D) or None."""
    found = predict(bed.build(), bed.images(20))
    said = f"predict returned a {type(found).__name__}: return a bench.method.Prediction"
    require(isinstance(found, Prediction), said)
    _shape("predict", "logits", found.logits, (20, 10))
    _shape("predict", "uncertainty", found.uncertainty, (20,))
    if found.features is not None:
        _shape("predict", "features", found.features, (20, *found.features.shape[1:2]))


def _shape(function: str, name: str, value: Tensor, shape: tuple[int, ...]) -> None:
    seen = f"{function} returned {name} of shape {tuple(value.shape)}, {value.dtype}"
    fits = tuple(value.shape) == shape and value.is_floating_point()
    require(fits, f"{seen}: make it {shape}, floating point")


def check_loss_is_finite(bed: MethodBed) -> None:
    """The loss of the first step is finite and has a gradient."""
    loss = bed.step(bed.build(), 64).loss
    require(loss.isfinite(), f"the first loss is {loss.item()}: look for log 0, a division by 0, or exp overflow")
    require(loss.requires_grad, "the loss has no gradient: do not detach it")


def check_every_trained_parameter_gets_a_gradient(bed: MethodBed) -> None:
    """Each parameter of `param_groups` gets a gradient within a few steps, and all gradients are finite."""
    method = bed.build()
    optimizer = make_optimizer(method, bed.recipe)
    trained = {id(p) for group in optimizer.param_groups for p in group["params"]}
    waiting = {name: p for name, p in method.named_parameters() if id(p) in trained}
    for _ in range(STEPS):
        optimizer.zero_grad()
        bed.step(method, 64).loss.backward()
        for name, p in method.named_parameters():
            finite = p.grad is None or p.grad.isfinite().all()
            require(finite, f"the gradient of {name} is not finite: mend the loss")
        waiting = {name: p for name, p in waiting.items() if p.grad is None or not p.grad.any()}
        optimizer.step()
    advice = "use it in the loss, or leave it out of param_groups"
    require(not waiting, f"{', '.join(waiting)} got no gradient in {STEPS} steps: {advice}")


def check_odd_last_batch(bed: MethodBed) -> None:
    """The loss of a last batch of two or three samples is finite."""
    for size in (2, 3):
        try:
            loss = bed.step(bed.build(), size).loss
        except Exception as error:
            raise CheckFailed(f"a last batch of {size} must train, it raises {one_line(error)}") from error
        require(loss.isfinite(), f"the loss of a last batch of {size} is {loss.item()}: allow for empty groups")


def check_same_seed_same_bits(bed: MethodBed) -> None:
    """Two trainings from one seed give the same bits."""
    one, other = (bed.train(bed.build()) for _ in range(2))
    differing = _differing(one, other)
    advice = "draw random numbers from torch's generators only, and keep no state outside the instance"
    require(not differing, f"{differing} differs between two trainings of one seed: {advice}")


def check_true_labels_do_not_matter(bed: MethodBed) -> None:
    """Training has the same bits whatever the true labels are: a method is given the noisy ones only."""
    given = bed.data.train.labels[:SHORT]
    one, other = (bed.train(bed.build(), true=true) for true in (given, (given + 1) % 10))
    differing = _differing(one, other)
    require(not differing, f"{differing} depends on the true labels: use nothing but batch.labels")


def _differing(one: Method, other: Method) -> str | None:
    """Return the name of an entry in which two methods' states differ."""
    states = one.state_dict(), other.state_dict()
    return next((name for name in states[0] if not _equal(states[0][name], states[1][name])), None)


def _equal(one: Any, other: Any) -> bool:
    return torch.equal(one, other) if isinstance(one, Tensor) else bool(one == other)


def check_learns_digits(bed: MethodBed) -> None:
    """A few epochs on the digits reach an accuracy far above chance."""
    test = bed.data.test
    found = predict(bed.trained, bed.data.evaluate(test.images)[0])
    accuracy = (found.logits.argmax(dim=1) == test.labels).double().mean().item()
    said = f"accuracy on digits is {accuracy:.0%} after {bed.task.epochs} epochs"
    require(accuracy >= ENOUGH, f"{said}, must be {ENOUGH:.0%}: see that loss and predict use the same logits")


def check_uncertainty_tells_samples_apart(bed: MethodBed) -> None:
    """After training, logits and uncertainty are finite, and the uncertainty is not the same for all."""
    found = predict(bed.trained, bed.images(200))
    for name, values in (("logits", found.logits), ("uncertainty", found.uncertainty)):
        require(values.isfinite().all(), f"predict returns {name} that are not finite: bound it, or take its log")
    constant = (found.uncertainty == found.uncertainty[0]).all()
    require(not constant, "the uncertainty is the same for all images: compute it from each image's own output")


def check_predict_leaves_no_trace(bed: MethodBed) -> None:
    """`predict` changes neither state nor mode, and with the same random numbers returns the same bits."""
    method, images = bed.trained.eval(), bed.images(50)
    state = {name: _copy(value) for name, value in method.state_dict().items()}
    modes = [module.training for module in method.modules()]
    first, second = predict(method, images), predict(method, images)
    changed = [name for name, value in method.state_dict().items() if not _equal(value, state[name])]
    require(not changed, f"predict changes {', '.join(changed)}: change state in loss or finish only")
    unchanged = modes == [module.training for module in method.modules()]
    require(unchanged, "predict switches train or eval mode: leave the mode as it is, or restore it")
    require(same(first, second), "predict twice with one seed differs: draw from torch's global generator only")


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
    """Predictions follow their images when the batch is turned round."""
    _deterministic(bed)
    images = bed.images(50)
    turned = predict(bed.trained, images.flip(0))
    whole = _part(predict(bed.trained, images), torch.arange(49, -1, -1))
    require(close(whole, turned), "predictions depend on the order of the batch: treat each image by itself")


def _deterministic(bed: MethodBed) -> None:
    if bed.is_random:
        raise CheckSkipped("predict draws random numbers, whose order is that of the batch")


def _part(found: Prediction, places: Any) -> Prediction:
    return Prediction(found.logits[places], found.uncertainty[places])


def check_pickles(bed: MethodBed) -> None:
    """A trained method survives pickling, with the same predictions."""
    images = bed.images(50)
    try:
        again = pickle.loads(pickle.dumps(bed.trained))
    except Exception as error:
        raise CheckFailed(f"keep no lambda, file or generator on self: {one_line(error)}") from error
    require(
        same(predict(bed.trained, images), predict(again, images)),
        "the unpickled method predicts otherwise: keep all of its state on self",
    )


def check_state_dict_round_trip(bed: MethodBed) -> None:
    """A fresh method that loads the state of a trained one predicts the same."""
    fresh = bed.build(seed=1)
    try:
        fresh.load_state_dict(bed.trained.state_dict())
    except RuntimeError as error:
        raise CheckFailed(f"state_dict does not load into a fresh method: {one_line(error)}") from error
    images = bed.images(50)
    advice = "register what training or finish computes as a parameter or by register_buffer"
    require(
        same(predict(bed.trained, images), predict(fresh, images)), f"state_dict lacks part of the state: {advice}"
    )


def check_finish_restarts(bed: MethodBed) -> None:
    """`finish`, begun again from the state that training left, gives the same predictions."""
    method, images = bed.train(bed.build()), bed.images(50)
    before = {name: _copy(value) for name, value in method.state_dict().items()}
    first = predict(bed.finish(method), images)
    method.load_state_dict(before)
    advice = "start from state_dict alone, and replace what an earlier finish left"
    require(same(first, predict(bed.finish(method), images)), f"finish differs when it is begun again: {advice}")


def check_bfloat16(bed: MethodBed) -> None:
    """With a backbone that computes in bfloat16 the method trains and predicts finite values."""
    _trains_and_predicts(bed, "cpu", torch.bfloat16)


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
    check_direction_is_documented,
    check_hyper_parameters_are_validated,
    check_unknown_hyper_parameters_are_refused,
    check_oracles_are_hyper_parameters,
    check_declines_with_a_reason,
    check_step_shapes,
    check_prediction_shapes,
    check_loss_is_finite,
    check_every_trained_parameter_gets_a_gradient,
    check_odd_last_batch,
    check_same_seed_same_bits,
    check_true_labels_do_not_matter,
    check_learns_digits,
    check_uncertainty_tells_samples_apart,
    check_predict_leaves_no_trace,
    check_batch_of_one,
    check_batch_order,
    check_pickles,
    check_state_dict_round_trip,
    check_finish_restarts,
    check_bfloat16,
    check_gpu,
)
