import pytest
import torch
from harness import PLUGINS, spec
from scripted import Scripted, identity, trainer, training_set

from bench.data.augment import Transforms
from bench.errors import PluginError
from bench.plugins.loading import load
from bench.plugins.method import Batch, Progress, Step
from bench.plugins.registry import Registry
from bench.recipe import Recipe, Relabel
from bench.training.batches import training_order
from bench.training.checked_outputs import check_step
from bench.training.loop import Trainer, TrainingSet
from bench.training.relabelling import TrainingLabels
from bench.training.tracker import Tracker


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


@pytest.mark.parametrize(("side", "hidden"), [(None, 0), (2, 4), (9, 35)])
def test_each_training_image_has_the_recipes_cutout(side, hidden):
    images = torch.full((6, 3, 5, 7), 9, dtype=torch.uint8)
    data = TrainingSet(images, TrainingLabels.start(torch.zeros(6).long(), torch.zeros(6).long()), identity)
    run = trainer(data, cutout=side)
    run.method.loss = lambda batch, progress: run.method.seen.append(batch) or Step(run.method.weight * 1)
    run.epoch(1)
    counts = torch.cat([(batch.images == 0).sum(dim=(2, 3)) for batch in run.method.seen])
    assert torch.equal(counts, torch.full((6, 3), hidden))


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
