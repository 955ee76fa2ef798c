"""Backbones from plugin files: what makes them, what it is given, and what may be wrong."""

import importlib.metadata
from importlib.metadata import EntryPoint, EntryPoints

import pytest
import torch
from harness import PLUGINS, grid, plugin, run

from bench.errors import PluginError, UsageError
from bench.execution.context import Context
from bench.execution.observer import Observer
from bench.execution.processes import ProcessExecutor
from bench.nets.backbones import find_backbone, make_backbone
from bench.plugins.registry import Registry
from bench.store.store import Store

NET = """
from torch import nn

def mine(channels):
    return nn.Sequential(nn.Conv2d(channels, 8, 3, stride=2, padding=1), nn.BatchNorm2d(8), nn.ReLU())
"""
CLASS = """
from torch import nn

class Helper(nn.Module):
    pass

class MyNet(nn.Module):
    version = 3

    def __init__(self, image_shape, channels, *rest, width=8, **more):
        super().__init__()
        self.shape = image_shape
        self.convolution = nn.Conv2d(channels, width, 3)

    def forward(self, images):
        return self.convolution(images)
"""


def made(folder, source, name="mine", shape=(3, 8, 8)):
    registry = Registry([plugin(folder, name, source, "backbones")])
    return make_backbone(name.replace("_", "-"), shape, torch.float32, registry=registry)


def test_a_function_makes_a_net_from_the_number_of_channels(tmp_path):
    backbone = made(tmp_path, NET, shape=(2, 8, 12))
    assert (backbone.channels, backbone.grid) == (8, (4, 6))
    assert backbone.net[0].in_channels == 2


def test_of_several_the_one_of_the_files_name_makes_the_net_and_may_ask_for_the_shape(tmp_path):
    backbone = made(tmp_path, CLASS, "my_net")
    assert (backbone.channels, backbone.grid, backbone.net.shape) == (8, (6, 6), (3, 8, 8))


@pytest.mark.parametrize(
    ("source", "error", "said"),
    [
        ("x = 1\n", PluginError, r"mine\.py: a backbone's file defines one function or class, this one defines 0"),
        ("def a(): ...\ndef b(): ...\n", PluginError, r"defines 2 \(a, b\); give one the file's name"),
        ("def mine(width): ...\n", PluginError, r"takes \(width\), must take channels, image_shape or both"),
        ("def mine(channels, width): ...\n", PluginError, r"takes \(channels, width\), must take channels, "),
        ("def mine(channels): return 3\n", PluginError, r"made a int, must make a torch\.nn\.Module"),
        (
            "def mine(channels):\n    1 / 0\n",
            PluginError,
            r"cannot be made .*: ZeroDivisionError: .*\(mine\.py:2\)",
        ),
        ("import nothing_such\n", PluginError, "does not import: ModuleNotFoundError"),
        (
            f"{NET}\ndef mine(channels):\n    return nn.Flatten()\n",
            PluginError,
            r"backbone mine: returns \(1, 192\) for one image, must return a feature map \(1, channels, h, w\)",
        ),
        (
            "from torch import nn\nclass Mine(nn.Module):\n    def __init__(self, channels):\n"
            "        super().__init__()\n    def forward(self, images):\n        return [images]\n",
            PluginError,
            "backbone mine: returns a list for one image",
        ),
        (
            "from torch import nn\nclass Mine(nn.Module):\n    def __init__(self, channels):\n"
            "        super().__init__()\n    def forward(self, images):\n        raise ValueError('no')\n",
            UsageError,
            r"backbone mine: cannot take images \(3, 8, 8\): ValueError: no \(mine\.py:6\)",
        ),
    ],
)
@pytest.mark.usefixtures("unchecked_types")
def test_what_is_wrong_with_a_plugin_is_one_line(tmp_path, source, error, said):
    with pytest.raises(error, match=said) as raised:
        made(tmp_path, source)
    assert str(raised.value).isprintable()


@pytest.mark.parametrize("name", ["resnet18", "cnn_8", "wrn_10_1"])
def test_a_plugin_may_not_have_the_name_of_a_built_in_net(tmp_path, name):
    shown = name.replace("_", "-")
    with pytest.raises(UsageError, match=rf"{name}\.py: {shown} is the name of a built-in backbone; rename"):
        made(tmp_path, NET, name)
    assert find_backbone(shown).version is None  # without the folder there is no doubt


def test_an_unknown_name_is_told_with_those_of_plugins(tmp_path):
    registry = Registry([plugin(tmp_path, "my_net", CLASS, "backbones")])
    with pytest.raises(UsageError, match=r"no backbone 'my-nett'\. Did you mean 'my-net'\?"):
        find_backbone("my-nett", registry)


def test_an_installed_package_offers_backbones(tmp_path, monkeypatch):
    (tmp_path / "their_nets.py").write_text(NET)
    monkeypatch.syspath_prepend(tmp_path)
    found = {"bench.backbones": EntryPoints([EntryPoint("their_net", "their_nets", "bench.backbones")])}
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: found.get(group, EntryPoints()))
    assert make_backbone("their-net", (1, 8, 8), torch.float32, registry=Registry()).channels == 8


def using(name="mine"):
    return {"set": {"recipe": {"backbone": name}}}


def identity(folder, source):
    (cell,) = grid(plugin(folder, "mine", source, "backbones"), **using())
    return cell.identity, cell.backbone_version


def test_a_plugins_code_or_its_declared_version_is_part_of_a_runs_identity(tmp_path):
    first, version = identity(tmp_path, NET)
    assert version.startswith("code:")
    assert identity(tmp_path, NET + "# a comment\n")[0] == first
    assert identity(tmp_path, NET.replace("8", "9"))[0] != first
    declared = identity(tmp_path, NET + "version = 2\n")
    assert declared[1] == "2"
    assert identity(tmp_path, NET.replace("8", "9") + "version = 2\n") == declared
    assert identity(tmp_path, CLASS.replace("MyNet", "Mine"))[1] == "3"


def test_nets_of_the_harness_have_no_version_in_an_identity():
    (cell,) = grid()
    assert cell.backbone_version is None
    assert "backbone_version" not in cell.counting


def test_a_wrong_version_is_refused(tmp_path):
    registry = Registry([plugin(tmp_path, "mine", NET + "version = 'new'\n", "backbones")])
    backbone = find_backbone("mine", registry)
    with pytest.raises(PluginError, match="version is 'new', must be a whole number from 1"):
        _ = backbone.version


def test_worker_processes_and_other_machines_find_a_plugins_backbone(tmp_path):
    folder = plugin(tmp_path / "plugins", "mine", NET, "backbones")
    cells = grid(folder, methods=["baseline"], **using())
    registry = Registry([PLUGINS, folder])
    context = Context(registry, Store(tmp_path / "results"), tmp_path)
    executor = ProcessExecutor(context, Observer(), jobs=1, threads=1)
    try:
        (report,) = executor.run(cells)
    finally:
        executor.close()
    assert (report.status, report.detail[-1:]) == ("done", "s"), report.detail
    assert "backbones/mine.py" in registry.files()


def test_a_plugin_that_returns_no_map_fails_its_run_in_one_line(tmp_path):
    folder = plugin(tmp_path / "plugins", "mine", "def mine(channels):\n    return 3\n", "backbones")
    (report,) = run(tmp_path / "results", folder, methods=["baseline"], **using())
    assert report.status == "failed"
    assert report.detail.endswith("mine.py: made a int, must make a torch.nn.Module")
