import pytest
import torch
from torch import nn

from bench.nets.dropout import Dropout


@pytest.mark.parametrize("rate", [0.1, 0.4, 0.5, 0.97])
def test_each_value_is_dropped_with_the_rate_and_apart_from_its_neighbours(rate):
    torch.manual_seed(0)
    count = 2**20
    kept = Dropout(rate)(torch.ones(count)) != 0
    error = 5 * (rate * (1 - rate) / count) ** 0.5  # five standard errors of a frequency
    assert abs((~kept).double().mean() - rate) < error
    for distance in (1, 2, 3, 4, 7):  # four numbers come from one draw
        both = (kept[distance:] & kept[:-distance]).double().mean()
        assert abs(both - (1 - rate) ** 2) < 2 * error
    for place in range(4):
        assert abs((~kept[place::4]).double().mean() - rate) < 2 * error


@pytest.mark.parametrize("shape", [(5,), (3, 7), (2, 3, 5, 7)])
def test_what_is_kept_is_scaled_to_keep_the_mean_and_gets_its_gradient(shape):
    torch.manual_seed(0)
    values = torch.randn(shape, requires_grad=True)
    dropped = Dropout(0.4)(values)
    kept = dropped != 0
    torch.testing.assert_close(dropped[kept], values[kept] / 0.6)
    (gradient,) = torch.autograd.grad(dropped.sum(), values)
    torch.testing.assert_close(gradient, kept / 0.6, check_dtype=False)


@pytest.mark.parametrize(("rate", "dropped"), [(1e-7, 2**-16), (1e-4, 7 / 2**16), (1 - 1e-7, 1 - 2**-16)])
def test_a_rate_is_rounded_to_a_level_between_all_and_none(rate, dropped):
    torch.manual_seed(0)
    count = 2**21
    found = (Dropout(rate)(torch.ones(count)) == 0).double().mean()
    assert abs(found - dropped) < 5 * (dropped * (1 - dropped) / count) ** 0.5


def test_masks_of_any_memory_layout_are_dense():
    torch.manual_seed(0)
    maps = torch.ones(8, 16, 6, 6).contiguous(memory_format=torch.channels_last)
    dropped = Dropout(0.5)(maps)
    assert dropped.is_contiguous(memory_format=torch.channels_last)
    part = Dropout(0.5)(torch.ones(64, 64)[::2, ::3])
    assert part.shape == (32, 22)
    for mask in (dropped, part):
        assert abs((mask == 0).double().mean() - 0.5) < 0.08


def test_the_same_seed_gives_the_same_mask_and_evaluation_and_rate_zero_give_none():
    values = torch.ones(100)
    masks = []
    for _ in range(2):
        torch.manual_seed(3)
        masks.append(Dropout(0.4)(values))
    assert torch.equal(*masks)
    assert not torch.equal(masks[0], Dropout(0.4)(values))
    before = torch.get_rng_state()
    assert torch.equal(Dropout(0.4).eval()(values), values)
    assert torch.equal(Dropout(0.0)(values), values)
    assert torch.equal(before, torch.get_rng_state())


def test_a_rate_that_there_is_not_is_refused_as_by_torch():
    with pytest.raises(ValueError, match="between 0 and 1"):
        Dropout(1.5)
    assert isinstance(Dropout(0.5), nn.Dropout)
