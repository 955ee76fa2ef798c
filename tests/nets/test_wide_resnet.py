"""Wide ResNets and small-stem ResNets have the sizes that were published."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from bench.errors import UsageError
from bench.nets.backbones import find_backbone, make_backbone
from bench.nets.built_in import BACKBONES
from bench.nets.wide_resnet import PreactivatedBlock, of_depth_and_width

CLASSES = 10


def size(net, channels):
    """Number of parameters with a classifier of ten classes, which the published counts have."""
    return sum(p.numel() for p in net.parameters()) + (channels + 1) * CLASSES


def on_meta(make):
    with torch.device("meta"):
        return make(3)


@pytest.mark.parametrize(
    ("depth", "width", "published"), [(28, 10, 36.5e6), (16, 4, 2.7e6), (16, 8, 11.0e6), (40, 4, 8.9e6)]
)
def test_wide_resnets_have_the_sizes_of_the_paper(depth, width, published):
    """Tables 3 to 5 of the paper, which cut or round to 0.1 million."""
    found = size(on_meta(of_depth_and_width([depth, width])), 64 * width)
    assert abs(found - published) < 0.1e6


@pytest.mark.parametrize(
    ("name", "channels", "known"),
    [("resnet18", 512, 11_173_962), ("resnet34", 512, 21_282_122), ("resnet50", 2048, 23_520_842)],
)
def test_resnets_with_a_small_stem_have_their_known_sizes(name, channels, known):
    assert size(on_meta(BACKBONES[name]), channels) == known


@pytest.mark.parametrize("name", ["wrn-28-10", "wrn-16-4", "wrn-10-2"])
def test_depth_counts_the_convolutions(name):
    net = on_meta(find_backbone(name).make)
    convolutions = [module for module in net.modules() if isinstance(module, nn.Conv2d)]
    assert len(convolutions) == int(name.split("-")[1])
    assert all(c.bias is None for c in convolutions)


def test_the_map_has_a_quarter_of_the_sides():
    backbone = make_backbone("wrn-10-2", (1, 28, 28), torch.float32)
    assert (backbone.channels, backbone.grid) == (128, (7, 7))
    assert backbone(torch.randn(2, 1, 28, 28)).min() == 0  # after a last ReLU


def test_a_block_is_normalised_and_active_before_each_convolution():
    block = PreactivatedBlock(4, 6, stride=2).eval()
    for norm in (block.bn1, block.bn2):
        norm.running_mean.normal_()
        norm.running_var.uniform_(0.5, 2)
    x = torch.randn(2, 4, 8, 8)

    def normalised(values, norm):
        mean, var = (each.view(1, -1, 1, 1) for each in (norm.running_mean, norm.running_var))
        return (values - mean) / (var + 1e-5).sqrt()

    active = normalised(x, block.bn1).clamp(min=0)
    inner = F.conv2d(active, block.conv1.weight, stride=2, padding=1)
    second = F.conv2d(normalised(inner, block.bn2).clamp(min=0), block.conv2.weight, padding=1)
    torch.testing.assert_close(block(x), second + F.conv2d(active, block.shortcut.weight, stride=2))


def test_a_block_that_keeps_its_width_adds_its_input():
    block = PreactivatedBlock(4, 4, stride=1)
    nn.init.zeros_(block.conv2.weight)
    x = torch.randn(2, 4, 8, 8)
    assert torch.equal(block(x), x)


def test_initial_weights_are_after_he_by_fan_out():
    weight = PreactivatedBlock(64, 256, stride=1).conv2.weight
    assert weight.std().item() == pytest.approx((2 / (256 * 9)) ** 0.5, rel=0.01)


@pytest.mark.parametrize("name", ["wrn-28", "wrn-27-10", "wrn-4-1", "wrn-28-10-2"])
def test_a_depth_of_no_net_is_told_before_any_training(name):
    with pytest.raises(
        UsageError, match=f"no backbone '{name}': must be wrn-DEPTH-WIDTH with a depth of 10, 16, "
    ):
        find_backbone(name)


def test_names_may_be_typed_with_underscores():
    from bench.recipe import Recipe

    assert Recipe(backbone="wrn_28_10").backbone == "wrn-28-10"
    assert Recipe(backbone="torchvision:wide_resnet50_2").backbone == "torchvision:wide_resnet50_2"
