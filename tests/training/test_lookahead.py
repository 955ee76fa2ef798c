import copy

import pytest
import torch
from torch import nn

from bench.recipe import Lookahead
from bench.training.lookahead import WeightAverage


def small():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    net.register_buffer("own", torch.zeros(4))  # such as a method's targets per sample
    return net


def moved(net, by):
    """Set every floating tensor of the net to a number, and the method's own buffer too."""
    with torch.no_grad():
        for value in net.state_dict().values():
            if value.is_floating_point():
                value.fill_(by)


def test_the_net_is_pulled_to_the_average_by_the_published_schedule():
    """With weights 1, 2, 3 … after each step, the average is that of the recursion by hand."""
    net = small()
    average = WeightAverage(net, Lookahead(every=2, decay=0.9), steps=7)
    expected, seen = None, []
    for step in range(1, 8):
        moved(net, float(step))
        average.step(step)
        if step % 2 == 0:
            kept = 0.9**2 * (step / 7) ** 3
            expected = float(step) if expected is None else kept * expected + (1 - kept) * step
            seen.append((net[0].weight[0, 0].item(), expected))
        elif step < 7:
            assert net[0].weight[0, 0] == step
    for found, wanted in seen:
        assert found == pytest.approx(wanted, rel=1e-6)
    assert net[0].weight[0, 0].item() == pytest.approx(expected, rel=1e-6)  # after the last step


def test_normalisation_statistics_are_averaged_and_other_buffers_left_alone():
    net = small()
    average = WeightAverage(net, Lookahead(every=1, decay=0.5), steps=3)
    for step in (1, 2):
        moved(net, float(step))
        average.step(step)
    kept = 0.5 * (2 / 3) ** 3
    for value in (net[1].running_mean, net[1].running_var, net[1].weight):
        torch.testing.assert_close(value, torch.full((3,), kept * 1 + (1 - kept) * 2))
    assert (net.own == 2).all()


def test_a_state_that_is_restored_goes_on_alike():
    one, other = small(), small()
    settings = Lookahead(every=1, decay=0.9)
    first = WeightAverage(one, settings, steps=4)
    for step in (1, 2):
        moved(one, float(step))
        first.step(step)
    second = WeightAverage(other, settings, steps=4)
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    for net, average in ((one, first), (other, second)):
        moved(net, 3.0)
        average.step(3)
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


def test_a_state_from_before_the_first_pull_is_empty():
    average = WeightAverage(small(), Lookahead(every=5, decay=0.9), steps=4)
    average.load_state_dict(average.state_dict())
    assert average.average == []
