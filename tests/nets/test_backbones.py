import pytest
import torch
from torch import nn
from torchvision.models import resnet18

from bench.errors import UsageError
from bench.nets.backbones import BACKBONES, find_backbone, make_backbone

SHAPES = [
    ("airbench94", (1, 28, 28), 256, (1, 1)),
    ("airbench94", (3, 32, 32), 256, (1, 1)),
    ("airbench96", (3, 32, 32), 512, (1, 1)),
    ("cnn-16-32-64", (1, 8, 8), 64, (2, 2)),
    ("cnn-16-32-64", (3, 8, 12), 64, (2, 3)),
    ("cnn-16-32-64", (1, 28, 28), 64, (7, 7)),
    ("cnn-pooled-16-24-48", (1, 8, 8), 48, (1, 1)),
    ("cnn-pooled-16-24-48", (3, 28, 28), 48, (3, 3)),
    ("cnn-32-64-128", (1, 8, 8), 128, (2, 2)),
    ("cnn-32-64-128", (1, 28, 28), 128, (7, 7)),
    ("resnet18", (3, 32, 32), 512, (4, 4)),
    ("resnet34", (1, 28, 28), 512, (4, 4)),
    ("resnet50", (3, 32, 32), 2048, (4, 4)),
    ("resnet18-imagenet", (3, 64, 96), 512, (2, 3)),
    ("resnet18-imagenet", (3, 224, 224), 512, (7, 7)),
]


def test_every_backbone_is_covered_here():
    assert {name for name, *_ in SHAPES} == set(BACKBONES)


@pytest.mark.parametrize(("name", "image_shape", "channels", "grid"), SHAPES)
def test_channels_and_grid_are_those_of_a_forward_pass(name, image_shape, channels, grid):
    backbone = make_backbone(name, image_shape, torch.float32)
    assert (backbone.channels, backbone.grid) == (channels, grid)
    feature_map = backbone(torch.randn(2, *image_shape))
    assert feature_map.shape == (2, channels, *grid)
    assert feature_map.dtype == torch.float32


@pytest.mark.parametrize("name", ["cnn-16-32-64", "cnn-32-64-128", "cnn-pooled-16-24-48"])
def test_a_family_with_these_widths_is_the_net_of_that_name(name):
    widths = [int(part) for part in name.split("-") if part.isdigit()]
    torch.manual_seed(0)
    known = BACKBONES[name](1).state_dict()
    torch.manual_seed(0)
    made = make_backbone(name, (1, 8, 8), torch.float32).net.state_dict()
    assert [len(value) for key, value in made.items() if value.dim() == 4] == widths
    assert all(torch.equal(made[key], value) for key, value in known.items())


def test_a_family_takes_any_widths():
    backbone = make_backbone("cnn-pooled-5-7", (1, 8, 8), torch.float32)
    assert (backbone.channels, backbone.grid) == (7, (2, 2))


@pytest.mark.parametrize(
    "name",
    ["cnn-", "cnn-0-3", "cnn-pooled", "resnet18-3", "cnn-99999", "airbench-8-8", "", ":resnet18", "tim:resnet18"],
)
def test_a_name_of_no_net_is_refused_with_those_there_are(name):
    with pytest.raises(UsageError, match=f"no backbone '{name}'.* Available: airbench94, "):
        find_backbone(name)


@pytest.mark.parametrize("name", ["cnn-16-32-64", "resnet18"])
def test_bfloat16_stays_inside(name):
    torch.manual_seed(0)
    exact = make_backbone(name, (1, 8, 8), torch.float32)
    rounded = make_backbone(name, (1, 8, 8), torch.bfloat16)
    rounded.load_state_dict(exact.state_dict())
    inside = []
    rounded.net[0].register_forward_hook(lambda module, inputs, output: inside.append(output.dtype))
    images = torch.randn(16, 1, 8, 8)
    feature_map, reference = rounded(images), exact(images)
    assert inside == [torch.bfloat16]
    assert feature_map.dtype == torch.float32
    assert all(parameter.dtype == torch.float32 for parameter in rounded.parameters())
    error = (feature_map - reference).abs().mean() / reference.abs().mean()
    assert 1e-4 < error < 0.05


def test_float32_is_not_rounded():
    backbone = make_backbone("cnn-16-32-64", (1, 8, 8), torch.float32)
    images = torch.randn(4, 1, 8, 8)
    torch.testing.assert_close(backbone(images), backbone.net(images))


@pytest.mark.parametrize("name", BACKBONES)
def test_building_leaves_train_mode_and_untouched_statistics(name):
    backbone = make_backbone(name, (3, 16, 16), torch.float32)
    norms = [module for module in backbone.modules() if isinstance(module, nn.BatchNorm2d)]
    assert all(module.training for module in backbone.modules())
    assert all(not norm.running_mean.any() and (norm.running_var == 1).all() for norm in norms)


@pytest.mark.parametrize("name", BACKBONES)
def test_a_backbone_is_fresh_and_follows_the_seed(name):
    torch.manual_seed(1)
    first, second = (make_backbone(name, (3, 16, 16), torch.float32).state_dict() for _ in range(2))
    torch.manual_seed(1)
    again = make_backbone(name, (3, 16, 16), torch.float32).state_dict()
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert any(not torch.equal(first[key], second[key]) for key in first)


def test_the_resnet_stem_keeps_the_resolution():
    backbone = make_backbone("resnet18", (3, 32, 32), torch.float32)
    convolutions = [module for module in backbone.modules() if isinstance(module, nn.Conv2d)]
    stem = convolutions[0]
    assert (stem.in_channels, stem.out_channels, stem.kernel_size, stem.stride) == (3, 64, (3, 3), (1, 1))
    assert not any(isinstance(module, nn.MaxPool2d) for module in backbone.modules())
    assert len([c for c in convolutions if c.kernel_size == (3, 3)]) == 17


def test_the_imagenet_resnet_is_torchvisions_without_its_head():
    theirs = resnet18()
    backbone = make_backbone("resnet18-imagenet", (3, 64, 64), torch.float32)
    backbone.net.load_state_dict({k: v for k, v in theirs.state_dict().items() if not k.startswith("fc.")})
    images = torch.randn(2, 3, 64, 64)
    pooled = backbone.eval()(images).mean(dim=(2, 3))
    theirs.fc = nn.Identity()
    torch.testing.assert_close(pooled, theirs.eval()(images), rtol=1e-4, atol=1e-5)


def test_the_imagenet_resnet_takes_grey_images_as_three_equal_channels():
    torch.manual_seed(0)
    grey = make_backbone("resnet18-imagenet", (1, 32, 32), torch.float32).eval()
    colour = make_backbone("resnet18-imagenet", (3, 32, 32), torch.float32).eval()
    colour.load_state_dict(grey.state_dict())
    images = torch.randn(2, 1, 32, 32)
    torch.testing.assert_close(grey(images), colour(images.repeat(1, 3, 1, 1)))


@pytest.mark.parametrize("channels", [2, 4])
def test_the_imagenet_resnet_wants_one_or_three_channels(channels):
    with pytest.raises(UsageError) as raised:
        make_backbone("resnet18-imagenet", (channels, 224, 224), torch.float32)
    said = f"backbone resnet18-imagenet: wants 1 or 3 channels, got {channels}; resnet18 takes any number"
    assert str(raised.value) == said


def test_images_that_are_too_small_for_a_net_are_told():
    with pytest.raises(UsageError, match=r"^backbone airbench94: cannot take images \(1, 8, 8\): .*too small"):
        make_backbone("airbench94", (1, 8, 8), torch.float32)


def test_feature_maps_do_not_depend_on_the_memory_layout():
    backbone = make_backbone("cnn-16-32-64", (3, 8, 8), torch.float32).eval()
    images = torch.randn(4, 3, 8, 8)
    assert torch.equal(backbone(images), backbone(images.contiguous(memory_format=torch.channels_last)))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_pooling_before_the_relu_gives_the_bits_of_the_usual_order(dtype):
    backbone = make_backbone("cnn-16-32-64", (1, 28, 28), dtype)
    first, normalised, pooling, relu, *rest = backbone.net
    assert isinstance(pooling, nn.MaxPool2d)
    usual = nn.Sequential(first, normalised, relu, pooling, *rest[:2], rest[3], rest[2], *rest[4:])
    images = torch.randn(8, 1, 28, 28).contiguous(memory_format=torch.channels_last)
    features = []
    gradients = []
    for net in (backbone.net, usual):
        with torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16):
            features.append(net(images).float())
        weight = torch.linspace(-1, 1, features[-1].numel()).view_as(features[-1])
        gradients.append(torch.autograd.grad((features[-1] * weight).sum(), list(net.parameters())))
    assert torch.equal(*features)
    assert all(torch.equal(own, other) for own, other in zip(*gradients, strict=True))
