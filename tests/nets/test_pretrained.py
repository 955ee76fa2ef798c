import os
import pickle
import shutil
from pathlib import Path

import pytest
import torch
from harness import grid, plugin, run
from torch import nn
from torchvision.models import resnet18, resnet34

from bench.errors import UsageError
from bench.nets.backbones import make_backbone
from bench.nets.pretrained import load_weights, read_state
from bench.plugins.registry import Registry
from bench.recipe import Recipe, Weights
from bench.validation import validated

COLOUR = (3, 32, 32)


@pytest.fixture(scope="module")
def published():
    """Return torchvision's state dict, its running statistics unlike those of a fresh net."""
    torch.manual_seed(5)
    state = resnet18(num_classes=7).state_dict()
    return {k: torch.rand_like(v) if k.endswith(("running_mean", "running_var")) else v for k, v in state.items()}


@pytest.fixture
def small():
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4))
    net(torch.randn(2, 1, 5, 5))
    return net


def saved(folder, content, **options):
    torch.save(content, folder / "weights.pt", **options)
    return folder / "weights.pt"


def refusal(net, path):
    before = {key: value.clone() for key, value in net.state_dict().items()}
    with pytest.raises(UsageError) as raised:
        load_weights(net, path)
    assert all(torch.equal(value, before[key]) for key, value in net.state_dict().items())
    said = str(raised.value)
    assert str(path) in said
    assert said.isprintable()
    return said


def prefixed(state, prefix):
    return {prefix + key: value for key, value in state.items()}


WAYS = {
    "plain": lambda state: state,
    "state_dict": lambda state: {"epoch": 3, "state_dict": state, "best": 0.5},
    "model_state_dict": lambda state: {"model_state_dict": state, "optimizer": {"lr": 0.1}},
    "model": lambda state: {"model": state},
    "data parallel": lambda state: {"state_dict": prefixed(state, "module.")},
    "compiled": lambda state: prefixed(state, "_orig_mod."),
    "data parallel of compiled": lambda state: prefixed(state, "module._orig_mod."),
    "compiled data parallel": lambda state: prefixed(state, "_orig_mod.module."),
    "without counters": lambda state: {k: v for k, v in state.items() if not k.endswith("num_batches_tracked")},
    "without a classifier": lambda state: {k: v for k, v in state.items() if not k.startswith("fc.")},
}


def test_a_resnets_weights_are_loaded_exactly_its_classifier_left_out(published, tmp_path):
    path = saved(tmp_path, WAYS["data parallel"](published))
    loaded = make_backbone("resnet18-imagenet", COLOUR, torch.float32, Weights.of(path)).net.state_dict()
    assert {*published} - {*loaded} == {"fc.weight", "fc.bias"}
    assert all(torch.equal(value, published[key]) for key, value in loaded.items())


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("new_format", [True, False])
def test_weights_are_found_however_a_training_script_wraps_them(small, tmp_path, way, new_format):
    wanted = {key: value.clone() for key, value in small.state_dict().items()}
    state = wanted | {"fc.weight": torch.ones(3, 4), "fc.bias": torch.ones(3)}
    path = saved(tmp_path, WAYS[way](state), _use_new_zipfile_serialization=new_format)
    for value in small.state_dict().values():
        value.zero_()
    load_weights(small, path)
    counted = way != "without counters"
    for key, value in small.state_dict().items():
        assert torch.equal(value, wanted[key] if counted or "num_batches" not in key else torch.tensor(0))


def test_weights_in_half_precision_are_loaded_as_float32(small, tmp_path):
    halved = {
        key: value.half() if value.is_floating_point() else value for key, value in small.state_dict().items()
    }
    load_weights(small, saved(tmp_path, halved))
    assert small[0].weight.dtype == torch.float32
    assert torch.equal(small[0].weight, halved["0.weight"].float())


def test_without_a_checkpoint_a_backbone_is_fresh(published):
    loaded = make_backbone("resnet18-imagenet", COLOUR, torch.float32).net.state_dict()
    assert not torch.equal(loaded["conv1.weight"], published["conv1.weight"])


def test_another_architecture_is_refused_with_the_keys(published, tmp_path):
    net = make_backbone("cnn-16-32-64", COLOUR, torch.float32).net
    said = refusal(net, saved(tmp_path, published))
    assert "does not fit the backbone: missing keys: 0.weight 1.weight 1.bias and 12 more; " in said
    assert said.endswith("unknown keys: conv1.weight bn1.weight bn1.bias and 117 more")


def test_a_deeper_net_is_refused_by_what_it_has_more(published, tmp_path):
    net = make_backbone("resnet18-imagenet", COLOUR, torch.float32).net
    more = len(resnet34().state_dict()) - len(resnet18().state_dict())
    said = refusal(net, saved(tmp_path, resnet34().state_dict()))
    assert "missing keys" not in said
    assert "unknown keys: layer1.2.conv1.weight layer1.2.bn1.weight layer1.2.bn1.bias and" in said
    assert f"and {more - 3} more; keys of another shape" not in said
    assert f"and {more - 3} more" in said


def test_a_large_stem_in_the_small_stemmed_net_is_refused_by_its_shape(published, tmp_path):
    net = make_backbone("resnet18", COLOUR, torch.float32).net
    said = refusal(net, saved(tmp_path, published))
    wanted = "keys of another shape: conv1.weight (64, 3, 7, 7), must be (64, 3, 3, 3)"
    assert said == f"checkpoint {tmp_path / 'weights.pt'} does not fit the backbone: {wanted}"


def test_a_few_misfits_are_all_named(small, tmp_path):
    state = small.state_dict()
    state["0.weight"], state["2.weight"] = torch.zeros(4, 2, 3, 3), state.pop("1.bias")
    said = refusal(small, saved(tmp_path, state)).split("backbone: ")[1]
    lacks, has, shape = said.split("; ")
    assert lacks == "missing keys: 1.bias"
    assert has == "unknown keys: 2.weight"
    assert shape == "keys of another shape: 0.weight (4, 2, 3, 3), must be (4, 1, 3, 3)"


@pytest.mark.parametrize(
    "content",
    [torch.zeros(3), [torch.zeros(3)], {"epoch": 3, "weight": torch.zeros(3)}, {"state_dict": {"lr": 0.1}}, None],
    ids=["a tensor", "a list", "a mixed dict", "wrapped numbers", "none"],
)
def test_a_file_without_a_state_dict_is_refused(small, tmp_path, content):
    said = refusal(small, saved(tmp_path, content))
    assert said.endswith("holds no state dict, must be a dict of tensors by name")


def damaged(small, folder):
    new = saved(folder, small.state_dict()).read_bytes()
    old = saved(folder, small.state_dict(), _use_new_zipfile_serialization=False).read_bytes()
    cut = [whole[: len(whole) * part // 8] for whole in (new, old) for part in range(8)]
    return [*cut, b"hello", b"Not found", b"<!DOCTYPE html>", b"\x89PNG\r\n\x1a\n", b"\x80\x02", b"PK\x03\x04"]


def test_a_file_that_is_no_checkpoint_or_is_cut_short_is_refused(small, tmp_path):
    for content in damaged(small, tmp_path):
        (tmp_path / "weights.pt").write_bytes(content)
        assert "cannot be read as plain weights: " in refusal(small, tmp_path / "weights.pt")


class Executes:
    def __init__(self, folder):
        self.folder = str(folder)

    def __reduce__(self):
        return os.mkdir, (self.folder,)


@pytest.mark.parametrize("way", ["zip", "old format", "plain pickle"])
def test_a_pickle_that_would_execute_code_is_refused_and_not_executed(small, tmp_path, way):
    path, trace = tmp_path / "weights.pt", tmp_path / "executed"
    if way == "plain pickle":
        path.write_bytes(pickle.dumps(Executes(trace), protocol=2))
    else:
        content = {"state_dict": small.state_dict(), "more": Executes(trace)}
        torch.save(content, path, _use_new_zipfile_serialization=way == "zip")
    assert "cannot be read as plain weights" in refusal(small, path)
    assert not trace.exists()


def test_a_pickled_module_is_refused(small, tmp_path):
    assert "cannot be read as plain weights" in refusal(small, saved(tmp_path, small))


def test_a_missing_file_is_named(small, tmp_path):
    assert "No such file" in refusal(small, tmp_path / "none.pt")
    with pytest.raises(UsageError, match="pretrained: there is no checkpoint .*none.pt"):
        validated(Recipe, {"pretrained": str(tmp_path / "none.pt")}, "key of recipe")


def test_a_path_may_begin_at_home(small, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    saved(tmp_path, small.state_dict())
    recipe = validated(Recipe, {"pretrained": "~/weights.pt"}, "key of recipe")
    state = read_state(Path(recipe.pretrained.path))
    assert torch.equal(state["0.weight"], small[0].weight)


TRUNK = '''
"""The baseline, which remembers its backbone's first weights."""

import torch

from bench.nets.trunk import EmbeddingMethod
from bench.plugins.method import Prediction, Step
from torch.nn import functional as F


class Trunk(EmbeddingMethod):
    first = []

    def __init__(self, task, make_backbone, **trunk):
        super().__init__(task, make_backbone, **trunk)
        Trunk.first.append({k: v.clone() for k, v in self.backbone.net.state_dict().items()})

    def loss(self, batch, progress):
        logits = self.fc(self.embed(batch.images))
        return Step(F.cross_entropy(logits, batch.labels), logits)

    def predict(self, images):
        logits = self.fc(self.embed(images))
        return Prediction(logits, -logits.amax(dim=1))
'''


@pytest.fixture
def trunk(tmp_path):
    return plugin(tmp_path / "plugins", "trunk", TRUNK)


@pytest.fixture
def weights(tmp_path):
    torch.manual_seed(9)
    return saved(tmp_path, make_backbone("cnn-16-32-64", (1, 4, 4), torch.float32).net.state_dict())


def using(weights):
    return {"methods": ["trunk"], "set": {"recipe": {"pretrained": str(weights)}}}


def test_identity_follows_the_checkpoints_content_and_not_its_path(trunk, weights, tmp_path):
    elsewhere = tmp_path / "elsewhere.pt"
    shutil.copy(weights, elsewhere)
    (first,), (moved,) = grid(trunk, **using(weights)), grid(trunk, **using(elsewhere))
    assert first.recipe.pretrained.path != moved.recipe.pretrained.path
    assert first.identity == moved.identity
    weights.write_bytes(weights.read_bytes() + b"\0")
    (changed,), (fresh,) = grid(trunk, **using(weights)), grid(trunk, methods=["trunk"])
    assert len({first.identity, changed.identity, fresh.identity}) == 3


def test_a_run_starts_from_the_checkpoints_weights_whatever_its_seed(trunk, weights, tmp_path):
    reports = run(tmp_path / "results", trunk, seeds=[0, 1], **using(weights))
    reports += run(tmp_path / "results", trunk, methods=["trunk"])
    assert [report.status for report in reports] == ["done"] * 3
    state = read_state(weights)
    *loaded, fresh = Registry([trunk]).find("methods", "trunk").load().first
    assert len(loaded) == 2
    for first in loaded:
        assert first.keys() == state.keys()
        assert all(torch.equal(first[key], value) for key, value in state.items())
    assert not torch.equal(fresh["0.weight"], state["0.weight"])


def test_a_run_with_the_same_checkpoint_elsewhere_is_stored_already(trunk, weights, tmp_path):
    (first,) = run(tmp_path / "results", trunk, **using(weights))
    moved = weights.rename(tmp_path / "moved.pt")
    (second,) = run(tmp_path / "results", trunk, **using(moved))
    assert (first.status, second.status) == ("done", "finished")


def test_a_checkpoint_that_does_not_fit_fails_its_run_in_one_line(trunk, published, tmp_path):
    path = saved(tmp_path, published)
    (report,) = run(tmp_path / "results", trunk, **using(path))
    assert report.status == "failed"
    assert report.detail.startswith(f"checkpoint {path} does not fit the backbone: missing keys: 0.weight")
    assert report.detail.isprintable()
