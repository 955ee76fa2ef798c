"""Checks of a method's constructor, `loss` and `predict` before or within a few training steps."""

import copy
import inspect
import sys
from collections.abc import Callable
from difflib import get_close_matches
from typing import Any

import torch
from torch import Tensor

from bench.checks.equality import differing, predict
from bench.checks.method_bed import EPOCHS, SHORT, MethodBed
from bench.checks.outcomes import CheckFailed, CheckNoted, CheckSkipped, require
from bench.errors import BenchError, UsageError, one_line
from bench.plugins.hyperparameters import check, declared, required
from bench.plugins.method import Method, Prediction, Step
from bench.training.checked_outputs import NUMBER_TYPES

Check = Callable[[MethodBed], None]
ALIKE = 0.85  # similarity of a name to one of the interface from which it may be a misspelling of it


def check_direction_is_documented(bed: MethodBed) -> None:
    """The docstring of the file or the class says what the uncertainty is."""
    module = sys.modules[bed.cls.__module__].__doc__ or ""
    said = f"{module} {bed.cls.__doc__ if '__doc__' in vars(bed.cls) else ''}"
    named = "u =" in said or "uncertain" in said.lower()
    require(named, "say in the class's docstring what the uncertainty is, such as `u = 1 − max softmax`")


def check_hyper_parameters_are_keywords(bed: MethodBed) -> None:
    """Hyper-parameters are keyword-only.

    The only positional arguments of the constructor are the task and `make_backbone`.
    """
    others = list(inspect.signature(bed.cls).parameters.values())[2:]
    positional = [p.name for p in others if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    said = f"write `*, {', '.join(positional)}` in the constructor: hyper-parameters are keywords only"
    require(not positional, said)


def check_hyper_parameters_are_validated(bed: MethodBed) -> None:
    """Every hyper-parameter has an annotation that rejects wrong types."""
    for name, parameter in declared(bed.cls).items():
        try:
            check(name, parameter, object())
        except UsageError:
            continue
        raise CheckFailed(f"annotate {name} in the constructor with its type, such as `{name}: float`")


def check_is_built(bed: MethodBed) -> None:
    """The constructor works; every hyper-parameter has a default or was given."""
    name, missing = bed.plugin.name, set(required(bed.cls)) - bed.settings.keys()
    for parameter in sorted(missing):
        raise CheckFailed(f"give {parameter} a default, or pass --set {name}.{parameter}=VALUE")
    try:
        bed.build()
    except Exception as error:
        advice = "call super().__init__(task, make_backbone) first in the constructor"
        raise CheckFailed(f"{advice}; it raises {one_line(error)}") from error


def check_unknown_hyper_parameters_are_refused(bed: MethodBed) -> None:
    """The constructor rejects an unknown hyper-parameter."""
    try:
        bed.build(no_such_hyper_parameter=1)
    except (TypeError, UsageError):
        return
    raise CheckFailed("the constructor takes any keyword: pass its ** on to super().__init__, or drop it")


def check_oracles_are_hyper_parameters(bed: MethodBed) -> None:
    """Names in `oracle` are hyper-parameters of the method."""
    unknown = [name for name in bed.cls.oracle if name not in declared(bed.cls)]
    require(not unknown, f"oracle names {', '.join(unknown)}: name only keywords of the constructor")


def check_declines_with_a_reason(bed: MethodBed) -> None:
    """`declines` returns None or a reason in one line."""
    for task in (bed.task(), bed.task()._replace(num_classes=2)):
        reason = bed.cls.declines(task)
        fits = reason is None or (isinstance(reason, str) and reason.strip() and "\n" not in reason)
        require(fits, f"declines returned {reason!r}: return None, or why not to run, in one line")


def check_step_shapes(bed: MethodBed) -> None:
    """`loss` returns a Step: loss (), logits (B, K) and uncertainty (B,), float32 or float64.

    Logits and uncertainty may be None unless the method relabels by default.
    """
    step = bed.step(bed.build(), 20)
    require(isinstance(step, Step), f"loss returned a {type(step).__name__}: return a bench.api.Step")
    _shape("loss", "loss", step.loss, ())
    for name, value, shape in (("logits", step.logits, (20, 10)), ("uncertainty", step.uncertainty, (20,))):
        require(
            value is not None or not bed.cls.relabels,
            f"loss returns no {name} for relabelling: put it into the Step, or leave `relabels` False",
        )
        if value is not None:
            _shape("loss", name, value, shape)


def check_prediction_shapes(bed: MethodBed) -> None:
    """`predict` returns a Prediction: logits (B, K) and uncertainty (B,), float32 or float64.

    Features are (B, D) or None.
    """
    found = predict(bed.build(), bed.images(20))
    said = f"predict returned a {type(found).__name__}: return a bench.api.Prediction"
    require(isinstance(found, Prediction), said)
    _shape("predict", "logits", found.logits, (20, 10))
    _shape("predict", "uncertainty", found.uncertainty, (20,))
    if found.features is not None:
        _shape("predict", "features", found.features, (20, *found.features.shape[1:2]))


def _shape(function: str, name: str, value: Any, shape: tuple[int, ...]) -> None:
    is_tensor = isinstance(value, Tensor)
    require(is_tensor, f"{function} returned {name} as a {type(value).__name__}: make it a tensor {shape}")
    seen = f"{function} returned {name} of shape {tuple(value.shape)}, {value.dtype}"
    fits = tuple(value.shape) == shape and value.dtype in NUMBER_TYPES
    require(fits, f"{seen}: make it {shape}, float32 or float64")


def check_loss_is_finite(bed: MethodBed) -> None:
    """The loss of the first step is finite and has a gradient."""
    loss = bed.step(bed.build(), 64).loss
    require(loss.isfinite(), f"the first loss is {loss.item()}: look for log 0, a division by 0, or exp overflow")
    require(loss.requires_grad, "the loss has no gradient: do not detach it")


def check_loss_leaves_the_mode(bed: MethodBed) -> None:
    """`loss` leaves every module in train mode."""
    method = bed.build()
    bed.step(method, 20)
    switched = [name or "the method" for name, module in method.named_modules() if not module.training]
    said = f"loss switches {', '.join(switched)} to eval mode"
    require(not switched, f"{said}: leave the mode as it is, or restore it")


def check_loss_leaves_the_batch(bed: MethodBed) -> None:
    """`loss` does not change images, labels or index of its batch."""
    method = bed.build().train()
    batch = bed.batch(20, two_views=method.two_views)
    before = {name: part.clone() for name, part in batch._asdict().items() if part is not None}
    method.loss(batch, bed.progress)
    changed = [name for name, was in before.items() if not torch.equal(was, getattr(batch, name))]
    require(not changed, f"loss changes {', '.join(changed)} of the batch in place: work on a copy")


def check_names_of_the_interface(bed: MethodBed) -> None:
    """No attribute of the class looks like a misspelt one of the interface, which nobody calls."""
    views = bed.cls.two_views
    require(isinstance(views, bool), f"two_views is {views!r}: it must be True or False")
    known = [name for name in dir(Method) if not name.startswith("_")]
    others = [name for name in dir(bed.cls) if not name.startswith("_") and name not in known]
    for name in others:
        for meant in get_close_matches(name, known, n=1, cutoff=ALIKE):
            raise CheckNoted(f"nobody calls {name}; did you mean {meant}, which the harness calls?")


def check_an_epoch_trains(bed: MethodBed) -> None:
    """An epoch on a few digits ends without an error, with all hooks."""
    try:
        _ = bed.briefly_trained
    except BenchError:
        raise
    except Exception as error:
        raise CheckFailed(f"an epoch of training raises {one_line(error)}") from error


def check_every_trained_parameter_gets_a_gradient(bed: MethodBed) -> None:
    """Each parameter of `param_groups` gets a gradient in some epoch of a short training.

    All gradients are finite.
    """
    method = bed.build(size=64)
    trainer = bed.trainer(method, EPOCHS, size=64)
    trained = {id(p) for group in trainer.optimizer.param_groups for p in group["params"]}
    waiting = {name: p for name, p in method.named_parameters() if id(p) in trained}
    for number in range(1, EPOCHS + 1):
        trainer.epoch(number)
        for name, p in method.named_parameters():
            finite = p.grad is None or p.grad.isfinite().all()
            require(finite, f"the gradient of {name} is not finite: fix the loss")
        waiting = {name: p for name, p in waiting.items() if p.grad is None or not p.grad.any()}
    advice = "use it in the loss, in an epoch that follows from progress, or leave it out of param_groups"
    require(not waiting, f"{', '.join(waiting)} got no gradient in {EPOCHS} epochs: {advice}")


def check_odd_last_batch(bed: MethodBed) -> None:
    """The loss of a last batch of two or three samples is finite."""
    for size in (2, 3):
        try:
            loss = bed.step(bed.build(), size).loss
        except Exception as error:
            raise CheckFailed(f"a last batch of {size} must train, it raises {one_line(error)}") from error
        require(loss.isfinite(), f"the loss of a last batch of {size} is {loss.item()}: allow for empty groups")


def check_same_seed_same_bits(bed: MethodBed) -> None:
    """Two trainings with the same seed end with the same bits."""
    advice = "draw random numbers from the global generators only, and keep no state outside the instance"
    said = f"{bed.unrepeatable} differs between two trainings with the same seed: {advice}"
    require(bed.unrepeatable is None, said)


def check_true_labels_do_not_matter(bed: MethodBed) -> None:
    """Training gives the same bits whatever the true labels are."""
    if bed.unrepeatable:
        raise CheckSkipped("two trainings with the same seed already differ")
    others = (bed.data.train.labels[:SHORT] + 1) % len(bed.data.class_names)
    found = differing(bed.briefly_trained, bed.train(bed.build(), true=others))
    require(found is None, f"{found} depends on the true labels: use nothing but batch.labels")


def check_goes_on_from_a_checkpoint(bed: MethodBed) -> None:
    """Training resumed from a checkpoint ends with the bits of uninterrupted training."""
    whole, resumed = bed.trainer(bed.build(), epochs=2), bed.trainer(bed.build(seed=1), epochs=2)
    whole.epoch(1)
    checkpoint = copy.deepcopy(whole.state_dict())
    whole.epoch(2)
    resumed.load_state_dict(checkpoint)
    resumed.epoch(2)
    found = differing(whole.method, resumed.method)
    advice = "keep what steps compute in parameters or by register_buffer, not in plain attributes"
    require(found is None, f"{found} differs after training resumed from a checkpoint: {advice}")


CHECKS: tuple[Check, ...] = (
    check_direction_is_documented,
    check_hyper_parameters_are_keywords,
    check_hyper_parameters_are_validated,
    check_is_built,
    check_unknown_hyper_parameters_are_refused,
    check_oracles_are_hyper_parameters,
    check_declines_with_a_reason,
    check_step_shapes,
    check_prediction_shapes,
    check_loss_is_finite,
    check_loss_leaves_the_mode,
    check_loss_leaves_the_batch,
    check_names_of_the_interface,
    check_an_epoch_trains,
    check_every_trained_parameter_gets_a_gradient,
    check_odd_last_batch,
    check_same_seed_same_bits,
    check_true_labels_do_not_matter,
    check_goes_on_from_a_checkpoint,
)
# If one of these fails, the later checks would repeat its message or be meaningless.
BASIC = (check_is_built, check_step_shapes, check_prediction_shapes, check_loss_is_finite, check_an_epoch_trains)
