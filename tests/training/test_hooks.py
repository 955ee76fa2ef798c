"""Hooks of a method into the training: what they get, when, what is kept, and what is refused."""

import random

import hooked
import numpy as np
import pytest
import torch
from harness import plugin, spec
from interrupted import EPOCHS, data_of, digits, go_on
from torch import nn
from torch.nn import functional as F

from bench.errors import PluginError
from bench.nets.wrapper import Wrapper, defines_hook
from bench.plugins.factory import MethodFactory
from bench.plugins.method import Method, Prediction, Progress, Step, Task
from bench.plugins.registry import Registry
from bench.recipe import Recipe
from bench.training import seeding as generators
from bench.training.checkpoint import OutOfTime
from bench.training.divergence import DivergedError
from bench.training.loop import Trainer, TrainingSet
from bench.training.optimizer import make_optimizer
from bench.training.relabelling import TrainingLabels

SIZE, CLASSES = 10, 3
TASK = Task(CLASSES, (1, 2, 2), SIZE, 4, None)


class Linear(Method):
    """A linear classifier with a head that may join late, and a log of its hooks."""

    def __init__(self, joins=1, **hooks):
        super().__init__(TASK, lambda: None)
        torch.manual_seed(0)
        self.first, self.late = nn.Linear(4, CLASSES), nn.Linear(CLASSES, CLASSES)
        self.joins, self.calls = joins, []
        self.register_buffer("per_sample", torch.zeros(SIZE))
        for name, hook in hooks.items():
            setattr(self, name, hook)

    def loss(self, batch, progress):
        self.calls.append(("loss", batch))
        logits = self.first(batch.images.flatten(1) / 255)
        logits = self.late(logits) if progress.epoch >= self.joins else logits
        return Step(F.cross_entropy(logits, batch.labels), logits)

    def predict(self, images):
        return Prediction(images, images)


def training_set(augment=lambda images, generator: images.float()):
    images = torch.randint(256, (SIZE, 1, 2, 2), generator=torch.Generator().manual_seed(1)).to(torch.uint8)
    given = torch.arange(SIZE) % CLASSES
    labels = TrainingLabels(torch.zeros(SIZE).long(), given, given.clone())
    return TrainingSet(images, labels, augment, lambda batch: [batch.float() + 0.5])


def trainer(method, augment=None, **recipe):
    settings = {"epochs": 4, "batch_size": 5, "learning_rate": 0.1} | recipe
    data = training_set(augment) if augment else training_set()
    return Trainer(method, data, Recipe(**settings), None, 0, CLASSES)


# ---- Parameters without a gradient -------------------------------------------------------------


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw"])
@pytest.mark.parametrize("schedule", ["one-cycle", "constant"])
def test_a_head_that_joins_late_rests_till_then_and_trains_as_from_its_first_step(optimizer, schedule):
    run = trainer(Linear(joins=3), optimizer=optimizer, schedule=schedule, weight_decay=0.1)
    before = run.method.late.weight.clone()
    run.epoch(1)
    run.epoch(2)
    assert torch.equal(run.method.late.weight, before)  # no weight decay either
    run.epoch(3)
    assert not torch.equal(run.method.late.weight, before)


def test_sgd_with_a_late_parameter_follows_its_equations():
    """Against b ← 0.9 b + g + λ w, w ← w − r (g + λ w + 0.9 b), computed by hand from b = 0."""
    rate, decay, momentum = 0.1, 0.01, 0.9
    net = Linear()
    optimizer = make_optimizer(net, Recipe(learning_rate=rate, weight_decay=decay, batch_size=5))
    weights = {name: p.detach().double().clone() for name, p in net.named_parameters()}
    moments = {name: torch.zeros_like(value) for name, value in weights.items()}
    generator = torch.Generator().manual_seed(2)
    for step in range(6):
        for name, p in net.named_parameters():
            rests = name.startswith("late") and step in (0, 1, 4)
            p.grad = None if rests else torch.randn(p.shape, generator=generator)
            if not rests:
                gradient = p.grad.double() + decay * weights[name]
                moments[name] = momentum * moments[name] + gradient
                weights[name] = weights[name] - rate * (gradient + momentum * moments[name])
        optimizer.step()
    for name, p in net.named_parameters():
        torch.testing.assert_close(p.detach().double(), weights[name], rtol=1e-5, atol=1e-6)


def test_a_momentum_that_starts_at_zero_gives_the_bits_of_torchs_own_start():
    nets = [Linear(), Linear()]
    ours = make_optimizer(nets[0], Recipe(learning_rate=0.1))
    groups = nets[1].param_groups(0.1)
    theirs = torch.optim.SGD(groups, 0.1, momentum=0.9, nesterov=True, weight_decay=5e-4, fused=True)
    for optimizer, net in zip((ours, theirs), nets, strict=True):
        generator = torch.Generator().manual_seed(2)
        for _ in range(3):
            for p in net.parameters():
                p.grad = torch.randn(p.shape, generator=generator)
            optimizer.step()
    assert all(torch.equal(a, b) for a, b in zip(nets[0].parameters(), nets[1].parameters(), strict=True))


def test_adamw_decays_weights_apart_from_the_gradient():
    net = Linear()
    optimizer = make_optimizer(net, Recipe(optimizer="adamw", learning_rate=0.1, weight_decay=0.5))
    assert type(optimizer) is torch.optim.AdamW
    before = net.first.weight.detach().clone()
    net.first.weight.grad = torch.zeros_like(before)
    optimizer.step()
    torch.testing.assert_close(net.first.weight.detach(), before * (1 - 0.1 * 0.5))


# ---- What the hooks get ------------------------------------------------------------------------


def test_before_epoch_gets_every_sample_unaugmented_in_order_with_current_labels():
    seen = []
    method = Linear()
    method.before_epoch = lambda clean, progress: seen.append((list(clean), progress))
    run = trainer(method)
    run.data.labels.current[0] = 2
    run.epoch(1)
    run.epoch(2)
    assert [progress for _, progress in seen] == [Progress(1, 4), Progress(2, 4)]
    (batch,) = seen[0][0]
    assert torch.equal(batch.index, torch.arange(SIZE))
    assert torch.equal(batch.labels, run.data.labels.current)
    assert torch.equal(batch.images, run.data.images.float() + 0.5)


def test_the_clean_batches_lead_to_no_true_label():
    kept = []
    method = Linear()
    method.before_epoch = lambda clean, progress: kept.append(clean)
    run = trainer(method)
    run.epoch(1)
    true = run.data.labels.true
    assert not any(value is true or value is run.data for value in vars(kept[0]).values())


def test_after_step_counts_the_steps_of_the_whole_training():
    seen = []
    run = trainer(Linear(after_step=lambda progress, step: seen.append((progress.epoch, step))))
    run.epoch(1)
    run.epoch(2)
    assert seen == [(1, 1), (1, 2), (2, 3), (2, 4)]


def shifted(images, generator):
    return images.float() + torch.rand(len(images), generator=generator)[:, None, None, None]


def test_an_error_after_a_loss_that_is_not_finite_is_told_as_that_loss():
    def backward(loss, loss_again):
        loss.backward()
        if len(run.method.calls) > 1:
            raise ValueError("in the next step")

    run = trainer(Linear(backward=backward))
    with pytest.raises(ValueError, match="in the next step"):
        run.epoch(1)
    run = trainer(Linear(backward=backward))
    run.method.first.weight.data.fill_(torch.nan)
    with pytest.raises(DivergedError, match="^the loss is nan in epoch 1, it must be finite"):
        run.epoch(1)


def test_a_second_view_that_was_not_asked_for_is_told():
    run = trainer(Linear())
    run.epoch(1)
    with pytest.raises(PluginError, match="the method must set two_views = True"):
        _ = run.method.calls[0][1].second_view


def test_a_second_view_is_another_augmentation_and_leaves_the_first_as_it_is():
    batches = {}
    for two_views in (False, True):
        run = trainer(Linear(two_views=two_views), shifted)
        run.epoch(1)
        run.epoch(2)
        batches[two_views] = [batch for _, batch in run.method.calls]
    for one, two in zip(batches[False], batches[True], strict=True):
        assert one.second is None
        assert torch.equal(one.images, two.images)
        assert torch.equal(one.index, two.index)
        difference = (two.second_view - two.images)[:, 0, 0, 0]
        assert difference.abs().max() < 1
        assert len(difference.unique()) > 1


def test_backward_may_compute_the_loss_again_at_other_weights():
    losses = []

    def backward(loss, again):
        method.first.weight.data.add_(1.0)
        losses.append((loss.item(), again().item()))
        method.first.weight.data.sub_(1.0)
        again().backward()

    method = Linear()
    method.backward = backward
    trainer(method).epoch(1)
    assert len(losses) == 2
    assert all(first != second for first, second in losses)


def test_the_loss_again_draws_the_same_random_numbers_and_later_ones_go_on_as_without_it():
    def losses(computes_again):
        found, method = [], Linear()

        def loss(batch, progress):
            logits = method.first(F.dropout(batch.images.flatten(1) / 255))
            order = torch.as_tensor(np.random.permutation(len(logits)))  # noqa: NPY002
            return Step(random.random() * F.cross_entropy(logits[order], batch.labels), logits)

        def backward(loss, again):
            if computes_again:
                assert again().item() == again().item() == loss.item()
            found.append(loss.item())
            loss.backward()

        method.loss, method.backward = loss, backward
        generators.seed(3)
        trainer(method).epoch(1)
        return found

    assert losses(True) == losses(False)
    assert len(set(losses(True))) == 2


def test_an_optimiser_of_its_own_gets_the_recipes_rates_and_schedule():
    given = []

    def own(groups):
        given.extend(map(dict, groups))
        return torch.optim.Adagrad(groups)

    method = Linear()
    method.make_optimizer = own
    run = trainer(method, schedule="linear", weight_decay=0.25)
    assert type(run.optimizer) is torch.optim.Adagrad
    assert (given[0]["lr"], given[0]["weight_decay"]) == (0.1, 0.25)
    first = run.optimizer.param_groups[0]["lr"]
    run.epoch(1)
    assert run.optimizer.param_groups[0]["lr"] != first


# ---- What is refused ---------------------------------------------------------------------------

REFUSED = [
    ("before_epoch", lambda clean, progress: 3, "before_epoch returned a int, must return None"),
    ("after_step", lambda progress, step: [], "after_step returned a list, must return None"),
    ("backward", lambda loss, again: loss, "backward returned a Tensor, must return None"),
    ("make_optimizer", lambda groups: groups, "make_optimizer returned a list, must be a torch.optim.Optimizer"),
    (
        "make_optimizer",
        lambda groups: torch.optim.SGD(groups[0]["params"][:3], lr=0.1),
        "trains 3 of the 4 parameters of param_groups, must train them all",
    ),
]


@pytest.mark.parametrize(("hook", "does", "said"), REFUSED, ids=[f"{row[0]}-{k}" for k, row in enumerate(REFUSED)])
def test_a_hook_that_returns_something_else_is_one_line(hook, does, said):
    with pytest.raises(PluginError, match=said) as raised:
        trainer(Linear(**{hook: does})).epoch(1)
    assert "\n" not in str(raised.value)


class Careless(Linear):
    """Leaves in `per_sample` what a test says, before an epoch or after a step."""

    def __init__(self, left, hook):
        super().__init__()
        self.left, self.hook = left, hook

    def leave(self, hook):
        if hook == self.hook:
            self.per_sample = self.left

    def before_epoch(self, clean, progress):
        self.leave("before_epoch")

    def after_step(self, progress, step):
        self.leave("after_step")


@pytest.mark.parametrize("hook", ["before_epoch", "after_step"])
def test_state_that_a_hook_leaves_keeps_its_shape_and_holds_no_nan(hook):
    with pytest.raises(PluginError, match=rf"{hook}: per_sample of the method is a tensor \(10,\), .* \(9,\)"):
        trainer(Careless(torch.zeros(SIZE - 1), hook)).epoch(1)
    with pytest.raises(DivergedError, match=f"{hook} left NaN in per_sample of the method"):
        trainer(Careless(torch.full((SIZE,), torch.nan), hook)).epoch(1)
    with pytest.raises(PluginError, match=f"{hook}: per_sample .* the hook took it away"):
        trainer(Careless(None, hook)).epoch(1)
    trainer(Careless(torch.full((SIZE,), torch.inf), hook)).epoch(1)


def test_methods_without_hooks_have_none_and_wrappers_those_of_the_inner_method():
    class Bare(Wrapper):
        def __init__(self, inner):
            Method.__init__(self, TASK, lambda: None)
            self.inner = inner

    assert not defines_hook(Bare(Linear()), "before_epoch")
    assert defines_hook(Bare(Careless(None, "")), "before_epoch")
    assert not defines_hook(Bare(Careless(None, "")), "backward")


# ---- All of them at once -----------------------------------------------------------------------


@pytest.fixture
def registry(tmp_path):
    return Registry([plugin(tmp_path / "plugins", "hooked", hooked.SOURCE)])


def hooked_cell(registry, **recipe):
    recipe = hooked.RECIPE | {"augment": {"padding": 1, "flip": "random"}} | recipe  # views differ
    content = {"methods": ["baseline"], "datasets": ["digits"], "noise": [0.4], "epochs": EPOCHS}
    cell = spec(**content, set={"recipe": recipe, "baseline": {"dimension": 8}})
    made = MethodFactory.resolve("hooked", {"dimension": 8}, registry)
    return cell, made


@pytest.mark.parametrize("recipe", [{}, {"lookahead": {"every": 2, "decay": 0.95}}], ids=["plain", "averaged"])
def test_a_run_with_every_hook_stopped_after_every_epoch_ends_in_the_same_bits(tmp_path, registry, recipe):
    cell, factory = hooked_cell(registry, **recipe)
    data = data_of(cell)
    whole = go_on(cell, data, factory, tmp_path / "never.pt", False)
    stops = 0
    while True:
        torch.manual_seed(1000 + stops)
        try:
            pieces = go_on(cell, data, factory, tmp_path / "checkpoint.pt", True)
            break
        except OutOfTime:
            stops += 1
    assert stops == EPOCHS - 1
    assert pieces.digest == whole.digest
    assert pieces.epochs["loss"].tolist() == whole.epochs["loss"].tolist()


def test_present_recipes_keep_what_a_checkpoint_holds(tmp_path):
    """A method without two views has no second generator to keep."""
    assert "second" not in trainer(Linear()).state_dict()
    assert "second" in trainer(Linear(two_views=True)).state_dict()
    assert digits("baseline").recipe.optimizer == "sgd"
