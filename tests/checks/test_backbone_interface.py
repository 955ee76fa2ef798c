"""Each check of a backbone finds what it looks for, and says what to change."""

import pytest
from harness import bench, plugin

from bench.checks.backbone_bed import NamedBackbone
from bench.checks.suite import find_plugin, run_checks
from bench.nets.backbone_names import BUILT_IN, FAMILIES
from bench.nets.built_in import BACKBONES
from bench.nets.built_in import FAMILIES as BUILDERS
from bench.plugins.registry import Registry

HEAD = '''
"""A net."""

import torch
from torch import nn


class Mine(nn.Module):
    seen = 0

    def __init__(self, channels):
        super().__init__()
        self.layer = nn.Conv2d(channels, 4, 3, padding=1)

    def forward(self, images):
        return self.layer(images)
'''


def outcome(folder, source):
    plugin(folder, "mine", source, "backbones")
    return {result.check: result for result in run_checks(find_plugin("mine", Registry([folder])))}


def test_a_sound_net_passes(tmp_path):
    results = outcome(tmp_path, HEAD).values()
    assert {result.status for result in results} <= {"pass", "skip"}
    assert sum(result.status == "pass" for result in results) == 10


FORWARD = "        return self.layer(images)\n"
MADE = "        self.layer = nn.Conv2d(channels, 4, 3, padding=1)\n"


@pytest.mark.parametrize(
    ("old", "new", "check", "said"),
    [
        (
            FORWARD,
            "        return self.layer(images).mean((2, 3))\n",
            "makes a feature map",
            "must return a feature",
        ),
        (
            FORWARD,
            "        return self.layer(images)[:1]\n",
            "makes a feature map",
            "returned (1, 4, 32, 32) for 4",
        ),
        (FORWARD, f"{FORWARD[:-1]} / 0.0\n", "makes a feature map", "not finite: check the initial weights"),
        ("nn.Conv2d(channels,", "nn.Conv2d(3,", "grey images", "take the number of channels that it is given"),
        (FORWARD, f"        images.relu_()\n{FORWARD}", "leaves the images", "it changes the images in place"),
        (FORWARD, f"{FORWARD[:-1]}.detach()\n", "every parameter gets a gradient", "does not require grad"),
        (
            MADE,
            f"{MADE}        self.more = nn.Linear(2, 2)\n",
            "every parameter gets a gradient",
            "more.weight, more.b",
        ),
        (FORWARD, f"{FORWARD[:-1]} - images.mean()\n", "batch of one", "alone and in a batch differ"),
        (
            MADE,
            f"{MADE}        Mine.seen += 1\n        nn.init.constant_(self.layer.weight, Mine.seen)\n",
            "same seed same net",
            "net.layer.weight differs with the same seed: draw from torch's global generator",
        ),
        (
            FORWARD,
            "        return self.layer(images) * self.factor\n",
            "state dict round trip",
            "state_dict lacks part of the state",
        ),
        (FORWARD, "        return self.layer(images.double())\n", "makes a feature map", "cannot take images"),
        (FORWARD, f"        images.sum().item()\n{FORWARD}", "runs without values", "it may read values back"),
        (
            FORWARD,
            f"        assert images.shape[2] > 30\n{FORWARD}",
            "sizes of data sets",
            "no images of 1×8×8, 1×28",
        ),
    ],
)
@pytest.mark.usefixtures("unchecked_types")
def test_a_fault_is_found(tmp_path, old, new, check, said):
    source = HEAD.replace(old, new)
    if "self.factor" in new:
        source = source.replace(MADE, f"{MADE}        self.factor = torch.rand(())\n")
    found = outcome(tmp_path, source)
    noted = check in ("runs without values", "sizes of data sets")
    assert (found[check].status, said in found[check].reason) == ("note" if noted else "fail", True), found[check]
    assert found[check].reason.isprintable()


@pytest.mark.parametrize("name", ["cnn-16-32-64", "airbench94", "wrn-10-1", "torchvision:shufflenet_v2_x0_5"])
def test_nets_of_the_harness_and_of_torchvision_pass(name):
    failed = [result for result in run_checks(NamedBackbone(name)) if result.status == "fail"]
    assert failed == []


def test_every_backbone_has_its_line():
    assert set(BUILT_IN) == set(BACKBONES)
    assert {name.rpartition("-W")[0].removesuffix("-DEPTH") for name in FAMILIES} == set(BUILDERS)


def test_they_are_listed_with_those_of_plugins_and_by_pattern(tmp_path):
    plugin(tmp_path, "my_net", HEAD, "backbones")
    done = bench("list", "backbones", "--plugins", str(tmp_path))
    assert done.returncode == 0, done.stderr
    for name in (*BUILT_IN, *FAMILIES, "timm:NAME", "torchvision:NAME", "my-net"):
        assert f"  {name} " in done.stdout
    named = bench("list", "torchvision:wide*")
    assert named.stdout == "torchvision:wide_resnet101_2\ntorchvision:wide_resnet50_2\n"
    absent = bench("list", "torchvision:wider*")
    assert (absent.returncode, absent.stdout) == (2, "")
    assert absent.stderr.startswith("error: no network of torchvision fits 'wider*'")
