"""Networks of timm are the library's own up to their features, and are put to the checks."""

import builtins
import sys

import pytest
import torch

timm = pytest.importorskip("timm")

from bench.checks.backbone_bed import NamedBackbone  # noqa: E402
from bench.checks.suite import run_checks  # noqa: E402
from bench.errors import PluginError, UsageError  # noqa: E402
from bench.nets.architecture import NoFeatureMap  # noqa: E402
from bench.nets.backbones import find_backbone, make_backbone, networks  # noqa: E402
from bench.nets.timm_nets import sides  # noqa: E402

COMMON = (
    "convnext_atto",
    "deit_tiny_patch16_224",
    "densenet121",
    "efficientnet_b0",
    "levit_128s",
    "mobilenetv3_small_100",
    "regnety_002",
    "resnet18",
    "resnet26d",
    "vit_tiny_patch16_224",
)


@pytest.mark.parametrize("name", COMMON)
def test_common_networks_pass_every_check(name):
    results = list(run_checks(NamedBackbone(f"timm:{name}")))
    assert [result for result in results if result.status == "fail"] == []
    assert sum(result.status in ("pass", "note") for result in results) == 10


def fresh(name, shape=(3, 64, 64)):
    return make_backbone(f"timm:{name}", shape, torch.float32).eval()


@pytest.mark.parametrize("name", ["resnet10t", "mobilenetv3_small_050"])
def test_a_map_is_that_of_the_librarys_own_forward_features(name):
    ours, theirs = fresh(name), timm.create_model(name, num_classes=7).eval()
    theirs.load_state_dict(ours.net.model.state_dict(), strict=False)
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(ours(images), theirs.forward_features(images))
    if name.startswith("resnet"):  # without more of a head than a classifier
        theirs.reset_classifier(0)
        torch.testing.assert_close(ours(images).mean(dim=(2, 3)), theirs(images))


def test_what_serves_the_classifier_alone_is_dropped():
    names = dict(fresh("mobilenetv3_small_050").named_parameters())
    whole = dict(timm.create_model("mobilenetv3_small_050", num_classes=0).named_parameters())
    assert {name for name in whole if f"net.model.{name}" not in names} == {"conv_head.weight", "conv_head.bias"}


def test_tokens_are_put_where_their_patches_are_without_those_of_no_patch():
    ours = fresh("test_vit", (3, 48, 64))
    images = torch.randn(2, 3, 48, 64)
    with torch.no_grad():
        tokens, found = ours.net.model.forward_features(images), ours(images)
    assert (ours.channels, ours.grid) == (64, (3, 4))
    assert tokens.shape == (2, 1 + 3 * 4, 64)
    for row, column in ((0, 0), (1, 3), (2, 1)):
        torch.testing.assert_close(found[:, :, row, column], tokens[:, 1 + 4 * row + column])


def test_a_map_with_its_channels_last_is_turned():
    ours = fresh("swin_tiny_patch4_window7_224")
    images = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        theirs = ours.net.model.forward_features(images)
        assert theirs.shape == (1, 2, 2, 768)
        torch.testing.assert_close(ours(images)[:, :, 0, 1], theirs[:, 0, 1])


@pytest.mark.parametrize("channels", [1, 5])
def test_images_of_any_number_of_channels_enter_by_the_first_layer(channels):
    first = next(
        module for module in fresh("resnet10t", (channels, 32, 32)).modules() if hasattr(module, "stride")
    )
    assert first.in_channels == channels


@pytest.mark.parametrize(
    ("tokens", "ratio", "found"), [(16, 1.0, (4, 4)), (6, 2 / 3, (2, 3)), (12, 48 / 64, (3, 4)), (1, 1.0, (1, 1))]
)
def test_the_sides_of_a_map_are_those_of_the_image(tokens, ratio, found):
    assert sides(tokens, ratio) == found


@pytest.mark.parametrize("tokens", [5, 10, 17, 50, 197])
def test_tokens_with_one_of_no_patch_are_no_map(tokens):
    with pytest.raises(NoFeatureMap, match=f"its {tokens} tokens are no map of the image"):
        sides(tokens, 1.0)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("timm:resnet26dd", "no backbone 'timm:resnet26dd': did you mean timm:resnet26d or "),
        ("timm:resnet26d.bt_in1k", "write timm:resnet26d, and recipe.pretrained=library:bt_in1k for its weights"),
        ("timm:hf-hub:someone/net", "no backbone 'timm:hf-hub:someone/net'"),
        ("timm:", "no backbone 'timm:'"),
    ],
)
def test_a_name_that_cannot_be_used_is_one_line(name, said):
    with pytest.raises(UsageError) as raised:
        find_backbone(name)
    assert said in str(raised.value)
    assert len(str(raised.value)) < 250


@pytest.mark.parametrize(
    ("name", "side", "error", "said"),
    [
        ("test_vit", 8, UsageError, r"backbone timm:test_vit: cannot take images \(3, 8, 8\): "),
        ("crossvit_tiny_240", 32, UsageError, "backbone timm:crossvit_tiny_240: cannot take images"),
        ("volo_d1_224", 32, PluginError, "backbone timm:volo_d1_224: its 5 tokens are no map of the image"),
    ],
)
def test_a_network_that_gives_no_map_is_one_line(name, side, error, said):
    with pytest.raises(error, match=said) as raised:
        fresh(name, (3, side, side))
    assert str(raised.value).isprintable()


def test_without_timm_it_is_told_what_to_install(monkeypatch):
    whole = builtins.__import__

    def without(name, *rest, **more):
        if name == "timm":
            raise ModuleNotFoundError("No module named 'timm'", name="timm")
        return whole(name, *rest, **more)

    monkeypatch.delitem(sys.modules, "timm")
    monkeypatch.setattr(builtins, "__import__", without)
    for ask in (lambda: find_backbone("timm:resnet18"), lambda: networks("timm:*")):
        with pytest.raises(UsageError, match=r"timm is not installed; pip install '.\[timm\]' brings it"):
            ask()


def test_networks_are_listed_by_a_pattern():
    assert networks("timm:resnet26*") == ["timm:resnet26", "timm:resnet26d", "timm:resnet26t"]
