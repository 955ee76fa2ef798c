"""Networks of torchvision are the library's own up to their last feature map."""

import pytest
import torch
from torch import nn
from torchvision import models
from torchvision.models.convnext import CNBlockConfig
from torchvision.models.feature_extraction import create_feature_extractor

from bench.errors import UsageError
from bench.nets.backbones import find_backbone, make_backbone, networks
from bench.nets.torchvision_nets import features_of

SIDE = 64
# Small members of each kind, and the last node of their feature map by the library's own tracing.
NETWORKS = {
    "resnet": (lambda: models.resnet18(), "layer4"),
    "densenet": (lambda: models.DenseNet(4, (2, 2), 8), "relu"),
    "mobilenet": (lambda: models.mobilenet_v3_small(), "features"),
    "regnet": (lambda: models.regnet_y_400mf(), "trunk_output"),
    "shufflenet": (lambda: models.shufflenet_v2_x0_5(), "conv5"),
    "squeezenet": (lambda: models.squeezenet1_1(), "features"),
    "mnasnet": (lambda: models.mnasnet0_5(), "layers"),
    "convnext": (lambda: models.ConvNeXt([CNBlockConfig(8, 16, 1), CNBlockConfig(16, None, 1)]), "features"),
    "swin": (lambda: models.SwinTransformer([4, 4], 8, [1, 1], [1, 2], [4, 4]), "permute"),
}


@pytest.mark.parametrize("kind", NETWORKS)
def test_the_feature_map_is_that_of_the_librarys_own_extractor(kind):
    make, node = NETWORKS[kind]
    model = make().eval()
    images = torch.randn(1, 3, SIDE, SIDE)
    with torch.no_grad():
        wanted = create_feature_extractor(model, {node: "map"})(images)["map"]
        torch.testing.assert_close(features_of(model).eval()(images), wanted)
    assert set(features_of(model).state_dict()) < set(model.state_dict())


def test_a_vision_transformers_map_holds_the_tokens_of_its_patches():
    vit = models.VisionTransformer(SIDE, 16, num_layers=2, num_heads=2, hidden_dim=8, mlp_dim=16).eval()
    nn.init.normal_(vit.class_token)
    seen = []
    vit.encoder.register_forward_hook(lambda module, inputs, output: seen.append(output))
    images = torch.randn(2, 3, SIDE, SIDE)
    with torch.no_grad():
        vit(images)
        found = features_of(vit)(images)
    assert found.shape == (2, 8, 4, 4)
    for row, column in ((0, 0), (1, 3), (3, 2)):
        torch.testing.assert_close(found[:, :, row, column], seen[0][:, 1 + 4 * row + column])


def test_grey_images_are_repeated_and_other_numbers_of_channels_refused():
    grey = make_backbone("torchvision:shufflenet_v2_x0_5", (1, 32, 32), torch.float32).eval()
    colour = make_backbone("torchvision:shufflenet_v2_x0_5", (3, 32, 32), torch.float32).eval()
    colour.net.load_state_dict(grey.net[1].state_dict())
    images = torch.randn(2, 1, 32, 32)
    torch.testing.assert_close(grey(images), colour(images.repeat(1, 3, 1, 1)))
    with pytest.raises(UsageError, match="torchvision:resnet18: wants 1 or 3 channels, got 2; timm:… takes any"):
        make_backbone("torchvision:resnet18", (2, 32, 32), torch.float32)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("torchvision:resnet19", "no backbone 'torchvision:resnet19': did you mean torchvision:resnet18 or "),
        ("torchvision:fasterrcnn_resnet50_fpn", "no backbone 'torchvision:fasterrcnn_resnet50_fpn'"),
        ("torchvision:googlenet", "has auxiliary classifiers, choose another"),
        ("torchvision:", "no backbone 'torchvision:'"),
    ],
)
def test_a_name_that_cannot_be_used_is_one_line(name, said):
    with pytest.raises(UsageError, match=said):
        find_backbone(name)


@pytest.mark.parametrize(
    ("name", "shape", "said"),
    [
        ("torchvision:squeezenet1_1", (3, 8, 8), r"cannot take images \(3, 8, 8\): RuntimeError: "),
        ("torchvision:vit_b_16", (3, 32, 48), "cannot take images of 32×48, only square ones"),
        ("torchvision:maxvit_t", (3, 32, 32), r"cannot take images \(3, 32, 32\): ValueError: Input size "),
    ],
)
def test_images_that_a_network_does_not_take_are_one_line(name, shape, said):
    with pytest.raises(UsageError, match=said):
        make_backbone(name, shape, torch.float32)


def test_networks_are_listed_by_a_pattern():
    assert networks("torchvision:wide*") == ["torchvision:wide_resnet101_2", "torchvision:wide_resnet50_2"]
    with pytest.raises(UsageError, match="no network of torchvision fits 'wider"):
        networks("torchvision:wider*")
    with pytest.raises(UsageError, match="no library of networks 'torch'"):
        networks("torch:wide*")
