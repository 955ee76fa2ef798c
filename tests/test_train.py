import pytest
import torch
from harness import PLUGINS, TASK, spec
from torch import nn

from bench.augment import Transforms
from bench.data import load, training_order
from bench.errors import PluginError
from bench.method import Batch, Method, Prediction, Progress, Step
from bench.registry import Registry
from bench.relabel import Labels
from bench.spec import Recipe, Relabel
from bench.train import Tracker, Trainer, TrainingSet, check_step, make_optimizer, make_schedule


class Scripted(Method):
    """Says that each image's class is the one its first pixel names, and remembers the batches it saw."""

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
    return TrainingSet(images, Labels.start(torch.tensor(true), torch.tensor(given)), identity)


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
    tracker = Tracker(Labels.start(torch.zeros(6).long(), torch.zeros(6).long()))
    tracker.step(torch.arange(4), Step(torch.tensor(1.0)))
    tracker.step(torch.arange(4, 6), Step(torch.tensor(4.0)))
    assert tracker.read()["loss"] == pytest.approx(2.0)


@pytest.mark.parametrize("schedule", ["one-cycle", "cosine", "constant"])
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
    else:
        assert rates[0] == pytest.approx(0.5 / 25)
        assert max(rates) == pytest.approx(0.5, rel=0.05)
        assert rates[-1] < 0.05


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
        labels = Labels.start(data.train.labels, data.train.labels)
        training = TrainingSet(data.train.images, labels, augment)
        Trainer(method, training, Recipe(epochs=1, batch_size=64), None, 7, 10).epoch(1)
    first, second = ([batch for _, batch in method.seen] for method in methods)
    assert len(first) == 19
    for one, other in zip(first, second, strict=True):
        assert torch.equal(one.index, other.index)
        assert torch.equal(one.images, other.images)
