import numpy as np
import pytest
import torch
from harness import PLUGINS, TASK, spec
from torch import nn

from bench.data.augment import Transforms
from bench.errors import PluginError
from bench.grid.recipe_resolution import resolve_recipe
from bench.grid.request import Request
from bench.plugins.loading import load
from bench.plugins.method import Batch, Method, Prediction, Progress, Step
from bench.plugins.registry import Registry
from bench.recipe import Recipe, Relabel
from bench.training.batches import training_order
from bench.training.checked_outputs import check_step
from bench.training.loop import Trainer, TrainingSet
from bench.training.optimizer import make_optimizer, make_schedule
from bench.training.relabelling import TrainingLabels
from bench.training.tracker import Tracker


class Scripted(Method):
    """Predicts the class that an image's first pixel names; records the batches it gets."""

    def __init__(self) -> None:
        super().__init__(TASK, lambda: None)
        self.weight = nn.Parameter(torch.zeros(()))
        self.seen: list[tuple[Progress, Batch]] = []

    def loss(self, batch: Batch, progress: Progress) -> Step:
        self.seen.append((progress, batch))
        logits = 9.0 * nn.functional.one_hot(batch.images[:, 0, 0, 0].long(), 3)
        return Step((self.weight - 1) ** 2, logits + 0 * self.weight, torch.arange(len(logits)).float())

    def predict(self, images: torch.Tensor) -> Prediction:
        return Prediction(images, images)


def identity(images, generator):
    return images.float()


def training_set(says, true, given):
    images = torch.tensor(says, dtype=torch.uint8).view(-1, 1, 1, 1)
    return TrainingSet(images, TrainingLabels.start(torch.tensor(true), torch.tensor(given)), identity)


def trainer(data, relabel=None, **recipe):
    settings = {"epochs": 3, "batch_size": 2, "learning_rate": 0.1, "relabel_from": 2} | recipe
    return Trainer(Scripted(), data, Recipe(**settings), relabel, 0, 3)


def test_an_epoch_visits_every_sample_once_with_its_current_label():
    data = training_set([0, 1, 2, 0], [0, 1, 2, 0], [0, 1, 1, 0])
    run = trainer(data)
    run.epoch(1)
    batches = [batch for _, batch in run.method.seen]
    index = torch.cat([batch.index for batch in batches])
    assert sorted(index.tolist()) == [0, 1, 2, 3]
    assert torch.equal(torch.cat([batch.labels for batch in batches]), data.labels.given[index])
    assert [progress for progress, _ in run.method.seen] == [Progress(1, 3)] * 2


def test_an_uncertainty_that_is_nan_in_a_step_ends_the_training():
    data = training_set([0, 1, 2, 0], [0, 1, 2, 0], [0, 1, 1, 0])
    run = trainer(data)
    uncertainty = torch.tensor([torch.inf, torch.nan])
    run.method.loss = lambda batch, progress: Step(run.method.weight * 1, uncertainty=uncertainty)
    with pytest.raises(PluginError, match=r"^loss returned NaN as the uncertainty of 2 of 4 samples$"):
        run.epoch(1)


def test_a_trailing_batch_of_one_is_dropped():
    sizes = [len(index) for index in training_order(9, 4, torch.Generator().manual_seed(0))]
    assert sizes == [4, 4]
    assert [len(index) for index in training_order(10, 4, torch.Generator().manual_seed(0))] == [4, 4, 2]


def test_the_log_tells_clean_from_flipped_samples():
    data = training_set([0, 1, 2, 1], [0, 1, 2, 0], [0, 1, 1, 1])
    log = trainer(data, batch_size=4).epoch(1)
    assert log["train_accuracy_clean"] == 1.0
    assert log["train_accuracy_flipped"] == 0.5
    assert log["train_memorised_flipped"] == 0.5
    assert log["loss"] == pytest.approx(1.0)


def test_the_log_leaves_out_what_is_not_there():
    log = trainer(training_set([0, 1], [0, 1], [0, 1])).epoch(1)
    assert log["train_accuracy_flipped"] is None
    assert "relabelled" not in log


def test_relabelling_starts_at_its_epoch_and_is_audited():
    data = training_set([0, 1, 2, 0], [0, 1, 2, 0], [1, 1, 2, 0])
    run = trainer(data, Relabel(fraction=1.0))
    first, second = run.epoch(1), run.epoch(2)
    assert (first["relabelled"], first["remaining_noise"]) == (0, 0.25)
    assert (second["relabelled"], second["corrected"], second["broken"]) == (1, 1, 0)
    assert second["remaining_noise"] == 0.0
    assert data.labels.current.tolist() == [0, 1, 2, 0]
    assert data.labels.given.tolist() == [1, 1, 2, 0]


def test_an_epochs_loss_is_the_mean_over_samples():
    tracker = Tracker(TrainingLabels.start(torch.zeros(6).long(), torch.zeros(6).long()))
    tracker.step(torch.arange(4), Step(torch.tensor(1.0)))
    tracker.step(torch.arange(4, 6), Step(torch.tensor(4.0)))
    assert tracker.read()["loss"] == pytest.approx(2.0)


@pytest.mark.parametrize("schedule", ["one-cycle", "linear", "cosine", "constant"])
def test_schedules_follow_their_formula_over_the_whole_training(schedule):
    recipe = Recipe(epochs=4, batch_size=4, learning_rate=0.5, schedule=schedule)
    optimizer = make_optimizer(Scripted(), recipe)
    scheduler = make_schedule(optimizer, recipe, size=10)  # 4 + 4 + 2: three batches an epoch
    rates = []
    for _ in range(12):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    if schedule == "constant":
        assert rates == [0.5] * 12
    elif schedule == "cosine":
        expected = 0.25 * (1 + torch.cos(torch.pi * torch.arange(12) / 12))
        assert rates == pytest.approx(expected.tolist(), abs=1e-6)
    elif schedule == "linear":
        # A tenth of twelve steps is one: up in it, then down in eleven.
        assert rates == pytest.approx([0.1, *(0.5 * left / 11 for left in range(11, 0, -1))])
    else:
        assert rates[0] == pytest.approx(0.5 / 25)
        assert max(rates) == pytest.approx(0.5, rel=0.05)
        assert rates[-1] < 0.05


def test_a_ramp_is_airbenchs_triangle():
    """The factor is linear between (0, start), (int(rise · steps), 1) and (steps, end)."""
    ramp = {"start": 0.2, "rise": 0.23, "end": 0.07}
    recipe = Recipe(epochs=4, batch_size=4, learning_rate=0.5, schedule=ramp)
    optimizer = make_optimizer(Scripted(), recipe)
    scheduler = make_schedule(optimizer, recipe, size=100)
    rates = []
    for _ in range(100):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    assert rates == pytest.approx(list(0.5 * np.interp(np.arange(100), [0, 23, 100], [0.2, 1, 0.07])))


def test_the_linear_schedule_rises_from_a_fifth_in_a_tenth_of_the_steps():
    optimizer = make_optimizer(Scripted(), recipe := Recipe(epochs=10, learning_rate=2.0, schedule="linear"))
    scheduler = make_schedule(optimizer, recipe, size=50 * recipe.batch_size)
    rates = []
    for _ in range(500):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    assert rates[0] == pytest.approx(0.4)
    assert rates[25] == pytest.approx(1.2)
    assert rates[50] == max(rates) == 2.0
    assert rates[275] == pytest.approx(1.0)
    assert rates[499] == pytest.approx(2 / 450)
    assert optimizer.param_groups[0]["lr"] == 0


@pytest.mark.parametrize(("side", "hidden"), [(None, 0), (2, 4), (9, 35)])
def test_each_training_image_has_the_recipes_cutout(side, hidden):
    images = torch.full((6, 3, 5, 7), 9, dtype=torch.uint8)
    data = TrainingSet(images, TrainingLabels.start(torch.zeros(6).long(), torch.zeros(6).long()), identity)
    run = trainer(data, cutout=side)
    run.method.loss = lambda batch, progress: run.method.seen.append(batch) or Step(run.method.weight * 1)
    run.epoch(1)
    counts = torch.cat([(batch.images == 0).sum(dim=(2, 3)) for batch in run.method.seen])
    assert torch.equal(counts, torch.full((6, 3), hidden))


DECAYS = [
    pytest.param("fer2013", 250, 85, 5, id="fer2013"),
    pytest.param("rafdb", 60, 2, 1, id="rafdb"),
]


@pytest.mark.parametrize(("dataset", "epochs", "first", "every"), DECAYS)
def test_step_decay_holds_the_rate_within_an_epoch_and_lowers_it_as_published(dataset, epochs, first, every):
    recipe = resolve_recipe(Request(), Registry().find("datasets", dataset))
    assert recipe.epochs == epochs
    optimizer = make_optimizer(WithClassifier(), recipe)
    scheduler = make_schedule(optimizer, recipe, size=2 * recipe.batch_size + 2)  # three batches an epoch
    starts = [group["lr"] for group in optimizer.param_groups]
    factor = 1.0
    for epoch in range(1, epochs + 1):
        if epoch in range(first, epochs + 1, every):
            factor *= 0.9
        for _ in range(3):
            rates = [group["lr"] for group in optimizer.param_groups]
            assert rates == pytest.approx([factor * start for start in starts], rel=1e-9)
            optimizer.step()
            scheduler.step()
    assert factor < 0.05


def test_a_trailing_batch_of_one_is_no_step_of_the_decay():
    recipe = Recipe(epochs=3, batch_size=4, schedule={"factor": 0.5, "first_epoch": 2, "every": 1})
    data = training_set([0] * 9, [0] * 9, [0] * 9)
    run = Trainer(Scripted(), data, recipe, None, 0, 3)
    rates = []
    for epoch in (1, 2, 3):
        rates.append(run.optimizer.param_groups[0]["lr"])
        run.epoch(epoch)
    assert rates == pytest.approx([0.1, 0.05, 0.025])


class WithClassifier(Scripted):
    """Two layers named `fc`, one of them nested, and layers whose names only start with it."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(2, 3)
        self.head = nn.ModuleDict({"fc": nn.Linear(2, 3), "fc2": nn.Linear(2, 3)})


OF_CLASSIFIER = {"fc.weight", "fc.bias", "head.fc.weight", "head.fc.bias"}


def rates_by_name(method, optimizer):
    names = {id(p): name for name, p in method.named_parameters()}
    rates = [(names[id(p)], group["lr"]) for group in optimizer.param_groups for p in group["params"]]
    assert len(rates) == len(dict(rates))
    return dict(rates)


@pytest.mark.parametrize("name", ["sgd", "adam"])
def test_the_classifiers_rate_is_that_of_the_parameters_named_fc_only(name):
    method = WithClassifier()
    recipe = Recipe(optimizer=name, learning_rate=0.01, classifier_learning_rate=0.3)
    rates = rates_by_name(method, make_optimizer(method, recipe))
    assert rates == {
        each: pytest.approx(0.3 if each in OF_CLASSIFIER else 0.01) for each, _ in method.named_parameters()
    }


def test_without_a_classifiers_rate_all_parameters_have_one():
    method = WithClassifier()
    rates = rates_by_name(method, make_optimizer(method, Recipe(learning_rate=0.01)))
    assert rates == dict.fromkeys((name for name, _ in method.named_parameters()), 0.01)


def test_a_classifiers_rate_without_a_classifier_is_refused():
    with pytest.raises(PluginError) as raised:
        make_optimizer(Scripted(), Recipe(classifier_learning_rate=0.3))
    said = "the recipe has a classifier_learning_rate, but no parameter of the method is named fc"
    assert str(raised.value) == said


class OwnGroups(WithClassifier):
    """Parameter groups: inner layers, as an iterator, at a tenth of the rate; others without."""

    def param_groups(self, lr):
        inner = {"params": self.head.parameters(), "lr": lr / 10, "weight_decay": 0.0}
        return [inner, {"params": [self.weight, *self.fc.parameters()]}]


def test_a_methods_own_groups_keep_their_settings_and_the_ratio_of_their_rates():
    method = OwnGroups()
    recipe = Recipe(learning_rate=0.01, classifier_learning_rate=0.3, weight_decay=5e-4)
    optimizer = make_optimizer(method, recipe)
    expected = {"weight": 0.01, "head.fc2.weight": 0.001, "head.fc2.bias": 0.001}
    expected |= {"fc.weight": 0.3, "fc.bias": 0.3, "head.fc.weight": 0.03, "head.fc.bias": 0.03}
    assert rates_by_name(method, optimizer) == {name: pytest.approx(rate) for name, rate in expected.items()}
    inside = {id(p) for p in method.head.parameters()}
    for group in optimizer.param_groups:
        assert group["weight_decay"] == (0.0 if id(group["params"][0]) in inside else 5e-4)


def test_one_cycle_peaks_each_group_at_its_own_rate():
    recipe = Recipe(epochs=4, batch_size=4, learning_rate=0.5, classifier_learning_rate=2.0, schedule="one-cycle")
    method = WithClassifier()
    optimizer = make_optimizer(method, recipe)
    scheduler = make_schedule(optimizer, recipe, size=100)
    seen = []
    for _ in range(100):
        seen.append(rates_by_name(method, optimizer))
        optimizer.step()
        scheduler.step()
    for name in seen[0]:
        peak = 2.0 if name in OF_CLASSIFIER else 0.5
        assert max(rates[name] for rates in seen) == pytest.approx(peak, rel=1e-3)
        assert seen[0][name] == pytest.approx(peak / 25)


@pytest.mark.parametrize(
    ("momentum", "asked", "done"), [(0.9, True, True), (0.9, False, False), (0.0, True, False)]
)
def test_nesterov_is_the_recipes_where_there_is_momentum(momentum, asked, done):
    optimizer = make_optimizer(Scripted(), Recipe(momentum=momentum, nesterov=asked))
    assert (optimizer.defaults["momentum"], optimizer.defaults["nesterov"]) == (momentum, done)


@pytest.mark.parametrize("nesterov", [True, False])
def test_sgd_takes_the_steps_of_its_formula(nesterov):
    recipe = Recipe(learning_rate=0.1, momentum=0.9, nesterov=nesterov, weight_decay=0.01)
    method = Scripted()
    optimizer = make_optimizer(method, recipe)
    weight, velocity = 0.0, 0.0
    for _ in range(5):
        optimizer.zero_grad()
        ((method.weight - 1) ** 2).backward()
        optimizer.step()
        slope = 2 * (weight - 1) + 0.01 * weight
        velocity = 0.9 * velocity + slope
        weight -= 0.1 * (slope + 0.9 * velocity if nesterov else velocity)
        assert method.weight.item() == pytest.approx(weight, rel=1e-5)


def test_rafdbs_adam_takes_the_steps_of_its_formula():
    recipe = resolve_recipe(Request(), Registry().find("datasets", "rafdb"))
    assert (recipe.optimizer, recipe.learning_rate, recipe.classifier_learning_rate) == ("adam", 2e-4, 2e-3)
    method = WithClassifier()
    nn.init.constant_(method.fc.bias, 1.0)
    nn.init.constant_(method.weight, 1.0)
    optimizer = make_optimizer(method, recipe)
    expected = {}
    for name, rate in (("weight", 2e-4), ("fc.bias", 2e-3)):
        value, first, second = 1.0, 0.0, 0.0
        for step in range(1, 6):
            slope = 2 * (value - 3) + 1e-4 * value
            first, second = 0.9 * first + 0.1 * slope, 0.999 * second + 0.001 * slope**2
            value -= rate * (first / (1 - 0.9**step)) / ((second / (1 - 0.999**step)) ** 0.5 + 1e-8)
        expected[name] = value
    for _ in range(5):
        optimizer.zero_grad()
        sum(((p - 3) ** 2).sum() for p in method.parameters()).backward()
        optimizer.step()
    parameters = dict(method.named_parameters())
    for name, value in expected.items():
        assert parameters[name].flatten()[0].item() == pytest.approx(value, rel=1e-6)


def test_optimisers_are_the_recipes():
    sgd = make_optimizer(Scripted(), Recipe(optimizer="sgd", momentum=0.8, weight_decay=0.01, learning_rate=0.3))
    group = sgd.param_groups[0]
    assert (type(sgd).__name__, group["lr"], group["momentum"], group["nesterov"]) == ("SGD", 0.3, 0.8, True)
    assert group["weight_decay"] == 0.01
    assert type(make_optimizer(Scripted(), Recipe(optimizer="adam"))).__name__ == "Adam"


def test_a_parameter_group_may_have_a_rate_of_its_own():
    class TwoRates(Scripted):
        def param_groups(self, lr):
            return [{"params": [self.weight], "lr": 10 * lr}]

    recipe = Recipe(learning_rate=0.1, schedule="one-cycle", epochs=2, batch_size=2)
    optimizer = make_optimizer(TwoRates(), recipe)
    make_schedule(optimizer, recipe, size=10)
    assert optimizer.param_groups[0]["max_lr"] == 1.0


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (Step(torch.zeros(2)), "loss returned loss of shape (2,), must be ()"),
        (Step(torch.zeros(()), torch.zeros(4, 2)), "loss returned logits of shape (4, 2), must be (4, 3)"),
        (
            Step(torch.zeros(()), None, torch.zeros(4, 1)),
            "loss returned uncertainty of shape (4, 1), must be (4,)",
        ),
    ],
)
def test_a_wrong_shape_is_told_with_the_right_one(step, said):
    with pytest.raises(PluginError) as raised:
        check_step(step, 4, 3, relabels=False)
    assert str(raised.value) == said


class Bystander(Scripted):
    """Remembers its batches, and draws some random numbers of its own at each step."""

    def __init__(self, draws: int) -> None:
        super().__init__()
        self.draws = draws

    def loss(self, batch: Batch, progress: Progress) -> Step:
        torch.rand(self.draws)
        self.seen.append((progress, batch))
        return Step(self.weight**2)


def test_all_methods_see_the_same_batches_however_much_randomness_they_draw():
    data = load(spec(datasets=["digits"]).dataset, Registry([PLUGINS]), PLUGINS, False)
    augment = Transforms([0.5], [0.5], padding=1, flip=True).augment
    methods = [Bystander(draws=0), Bystander(draws=5)]
    for method in methods:
        labels = TrainingLabels.start(data.train.labels, data.train.labels)
        training = TrainingSet(data.train.images, labels, augment)
        Trainer(method, training, Recipe(epochs=1, batch_size=64), None, 7, 10).epoch(1)
    first, second = ([batch for _, batch in method.seen] for method in methods)
    assert len(first) == 19
    for one, other in zip(first, second, strict=True):
        assert torch.equal(one.index, other.index)
        assert torch.equal(one.images, other.images)
