import pytest
import torch
from torch import nn

from bench.plugins.method import Method, Step
from bench.recipe import Recipe, Relabel
from bench.training.loop import Trainer, TrainingSet
from bench.training.relabelling import Relabeller, TrainingLabels, candidates, corrected

# Each row: true, given, p of classes 0, 1, 2, uncertainty, label after one step with the defaults.
# With B = 6 the candidates are the three most uncertain: rows 0, 1 and 2.
ROWS = {
    "candidate beyond the margin, to the true label": (1, 0, (0.1, 0.8, 0.1), 0.9, 1),
    "candidate beyond the margin, to a wrong label": (0, 0, (0.2, 0.2, 0.6), 0.8, 2),
    "candidate within the margin": (1, 0, (0.4, 0.55, 0.05), 0.7, 0),
    "beyond the margin but no candidate": (2, 0, (0.0, 0.0, 1.0), 0.3, 0),
    "neither": (1, 1, (0.2, 0.6, 0.2), 0.2, 1),
    "sure and right": (2, 2, (0.1, 0.1, 0.8), 0.1, 2),
}
TRUE, GIVEN, P, UNCERTAINTY, AFTER = (list(column) for column in zip(*ROWS.values(), strict=True))


def labels(current=None):
    start = TrainingLabels.start(torch.tensor(TRUE), torch.tensor(GIVEN))
    if current is not None:
        start.current.copy_(torch.tensor(current))
    return start


def step_of(probabilities, uncertainty=UNCERTAINTY):
    logits = (torch.tensor(probabilities) + 1e-30).log() + 5
    return Step(torch.zeros(()), logits.requires_grad_(), torch.tensor(uncertainty).requires_grad_())


def relabel(labels, *steps, **settings):
    relabeller = Relabeller(labels, Relabel(**settings))
    for index, step in steps:
        relabeller.step(torch.as_tensor(index), step)
    return relabeller


def test_current_starts_as_a_copy_of_given():
    start = labels()
    assert torch.equal(start.current, start.given)
    assert start.current.data_ptr() != start.given.data_ptr()


def test_a_label_moves_only_if_a_candidate_and_beyond_the_margin():
    vectors = labels()
    relabel(vectors, (range(6), step_of(P)))
    assert dict(zip(ROWS, vectors.current.tolist(), strict=True)) == dict(zip(ROWS, AFTER, strict=True))


def test_the_batch_may_come_in_any_order_and_leaves_others_alone():
    vectors = TrainingLabels.start(torch.tensor([*TRUE, 0, 0]), torch.tensor([*GIVEN, 1, 2]))
    order = [4, 0, 5, 2, 1, 3]
    relabel(vectors, (order, step_of([P[i] for i in order], [UNCERTAINTY[i] for i in order])))
    assert vectors.current.tolist() == [*AFTER, 1, 2]


@pytest.mark.parametrize(
    "settings", [{}, {"fraction": 1.0, "margin": 0.0}, {"compare": "original", "fraction": 1.0}]
)
def test_only_the_current_labels_are_touched(settings):
    vectors = labels()
    before = [vector.numpy().tobytes() for vector in vectors.vectors]
    relabel(vectors, (range(6), step_of(P)), **settings)
    after = [vector.numpy().tobytes() for vector in vectors.vectors]
    assert after[:2] == before[:2]
    assert after[2] != before[2]


@pytest.mark.parametrize(
    ("size", "fraction", "count"),
    [(7, 0.5, 3), (7, 0.3, 2), (7, 1.0, 7), (64, 0.5, 32), (64, 0.3, 19), (2, 0.3, 0), (7, 0.0, 0)],
)
def test_candidates_are_the_most_uncertain_part_of_the_batch(size, fraction, count):
    uncertainty = torch.randperm(size).float()
    chosen = candidates(uncertainty, fraction)
    by_hand = sorted(range(size), key=lambda i: uncertainty[i].item(), reverse=True)[:count]
    assert sorted(chosen.nonzero().flatten().tolist()) == sorted(by_hand)


@pytest.mark.parametrize(("margin", "moves"), [(0.125, True), (0.25, False), (0.5, False)])
def test_the_margin_must_be_exceeded(margin, moves):
    probabilities = torch.tensor([[0.25, 0.5, 0.25]])
    assert (corrected(torch.tensor([0]), probabilities, margin).item() == 1) is moves


# p[0] = 0.4, p[1] = 0.5, p[2] = 0.1: class 1 is beyond the margin over class 2 only. Within the
# margin a candidate has the label compared: the one it has, or the one it had at the start.
@pytest.mark.parametrize(
    ("compare", "given", "current", "after"),
    [("current", 0, 2, 1), ("current", 2, 0, 0), ("original", 0, 2, 0), ("original", 2, 0, 1)],
)
def test_the_label_compared_is_the_current_or_the_original(compare, given, current, after):
    vectors = TrainingLabels.start(torch.tensor([0]), torch.tensor([given]))
    vectors.current[0] = current
    relabel(vectors, ([0], step_of([(0.4, 0.5, 0.1)], [1.0])), compare=compare, fraction=1.0)
    assert vectors.current.item() == after


def test_by_equation_5_a_candidate_falls_back_to_its_original_label():
    vectors = TrainingLabels.start(torch.tensor([0]), torch.tensor([0]))
    away, back = ([0], step_of([(0.3, 0.7)], [1.0])), ([0], step_of([(0.99, 0.01)], [1.0]))
    relabeller = relabel(vectors, away, compare="original", fraction=1.0)
    assert vectors.current.item() == 1
    relabeller.step(torch.tensor([0]), back[1])
    assert vectors.current.item() == 0


def test_a_sample_that_is_no_candidate_keeps_its_current_label():
    vectors = TrainingLabels.start(torch.tensor([0, 0]), torch.tensor([0, 0]))
    vectors.current[:] = 1
    relabel(vectors, ([0, 1], step_of([(0.99, 0.01)] * 2, [0.9, 0.1])), compare="original", fraction=0.5)
    assert vectors.current.tolist() == [0, 1]


def test_the_audit_counts_relabelled_corrected_broken_and_remaining():
    vectors = labels()
    relabeller = relabel(vectors, (range(6), step_of(P)))
    remaining = sum(now != true for now, true in zip(AFTER, TRUE, strict=True)) / 6
    assert relabeller.audit() == (2, 1, 1, pytest.approx(remaining))


def test_a_move_between_two_wrong_labels_is_neither_corrected_nor_broken():
    vectors = TrainingLabels.start(torch.tensor([0]), torch.tensor([1]))
    relabeller = relabel(vectors, ([0], step_of([(0.0, 0.1, 0.9)], [1.0])), fraction=1.0)
    assert relabeller.audit() == (1, 0, 0, 1.0)


def test_the_audit_starts_anew_and_counts_a_sample_relabelled_twice_twice():
    vectors = TrainingLabels.start(torch.tensor([0]), torch.tensor([1]))
    there, back = ([0], step_of([(0.9, 0.1, 0.0)], [1.0])), ([0], step_of([(0.1, 0.9, 0.0)], [1.0]))
    relabeller = relabel(vectors, there, back, fraction=1.0)
    assert relabeller.audit() == (2, 1, 1, 1.0)
    assert relabeller.audit() == (0, 0, 0, 1.0)


def test_a_label_that_is_the_argmax_already_is_not_counted():
    relabeller = relabel(labels(AFTER), (range(6), step_of(P)), compare="original")
    assert relabeller.audit()[:3] == (0, 0, 0)


class Recorder(Method):
    """Predicts class 0 for each image with full certainty; records the labels it gets."""

    def __init__(self):
        nn.Module.__init__(self)
        self.weight = nn.Parameter(torch.zeros(()))
        self.seen = {}

    def loss(self, batch, progress):
        for sample, label in zip(batch.index.tolist(), batch.labels.tolist(), strict=True):
            self.seen.setdefault(progress.epoch, {})[sample] = label
        logits = torch.tensor([9.0, 0.0, 0.0]).expand(len(batch.labels), 3)
        return Step(self.weight * 1.0, logits, torch.ones(len(batch.labels)))


def test_relabelling_begins_with_its_epoch_and_is_effective_at_the_next_visit():
    given = torch.tensor([1, 2, 1, 0])
    vectors = TrainingLabels.start(torch.zeros(4, dtype=torch.long), given)
    data = TrainingSet(
        torch.zeros(4, 1, 2, 2, dtype=torch.uint8), vectors, lambda images, generator: images.float()
    )
    recipe = Recipe(epochs=4, batch_size=2, schedule="constant", relabel_from=2)
    method = Recorder()
    trainer = Trainer(method, data, recipe, Relabel(fraction=1.0), seed=0, num_classes=3)
    logs = [trainer.epoch(number) for number in (1, 2, 3)]
    assert method.seen[1] == method.seen[2] == dict(enumerate(given.tolist()))
    assert method.seen[3] == dict.fromkeys(range(4), 0)
    assert [(log["relabelled"], log["remaining_noise"]) for log in logs] == [(0, 0.75), (3, 0.0), (0, 0.0)]
