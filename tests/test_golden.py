"""Declared versions and the protocol keep their word: the same number has the same outcome.

When one of these fails, either mend what moved an outcome unwillingly, or raise the number
(`version` of the method or data set, `PROTOCOL` in bench/version.py for what all methods share)
and run `python tests/golden.py`.
"""

import json

import golden
import pytest
from torch import nn

from bench.data.label_noise import NOISE_KINDS
from bench.errors import DataError
from bench.nets import trunk
from bench.plugins.registry import Registry
from bench.version import PROTOCOL

KNOWN = json.loads(golden.FILE.read_text())
NEEDS_OPTIONS = {"arrays", "folder", "parquet"}
# Data sets that were at hand nowhere when the values were written.
UNSEEN = {"affectnet", "animal10n", "cifar100", "clothing1m", "emnist", "fashion-mnist", "ferplus", "kmnist"}
UNSEEN |= {"rafdb", "svhn"}


def check(name: str) -> None:
    """Compare a short training with what it was; processors differ by 0.0006 in the first epoch."""
    now, then = golden.of_method(name), KNOWN["methods"][name]
    assert now["version"] == then["version"], "run `python tests/golden.py`: the version was raised"
    assert now["loss"][0] == pytest.approx(then["loss"][0], rel=1.5e-3)
    assert now["loss"][1] == pytest.approx(then["loss"][1], rel=1.5e-2)
    assert now["nll"] == pytest.approx(then["nll"], rel=0.1)
    key = "own score finds flipped labels"
    assert now[key] == pytest.approx(then[key], abs=0.02)


def test_the_values_are_of_this_protocol():
    assert KNOWN["protocol"] == PROTOCOL, "run `python tests/golden.py`: the protocol was raised"


def test_every_method_noise_net_and_data_set_has_values():
    registry = Registry()
    assert set(KNOWN["methods"]) == set(registry.all("methods"))
    assert set(KNOWN["noise"]) == set(NOISE_KINDS)
    assert set(KNOWN["backbones"]) == set(golden.NETS)
    assert set(KNOWN["data sets"]) == set(registry.all("datasets")) - NEEDS_OPTIONS - UNSEEN


def test_every_plugin_of_ours_declares_a_version():
    registry = Registry()
    plugins = [*registry.all("methods").values(), *registry.all("datasets").values()]
    assert [plugin.name for plugin in plugins if not plugin.version.isdigit()] == []


@pytest.mark.parametrize("name", Registry().all("methods"))
def test_a_method_trains_as_its_version_did(name):
    check(name)


@pytest.mark.parametrize("kind", NOISE_KINDS)
def test_a_kind_of_noise_makes_the_labels_it_made(kind):
    assert golden.of_noise(kind) == KNOWN["noise"][kind]


@pytest.mark.parametrize("name", golden.NETS)
def test_a_fresh_net_has_the_features_it_had(name):
    assert golden.of_backbone(name) == pytest.approx(KNOWN["backbones"][name], rel=0.05)


@pytest.mark.parametrize("name", KNOWN["data sets"])
def test_a_data_set_holds_the_images_it_held(name):
    try:
        now = golden.of_data_set(name)
    except DataError as error:
        pytest.skip(str(error))
    then = KNOWN["data sets"][name]
    assert {key: now[key] for key in ("version", "train", "test")} == {
        key: then[key] for key in ("version", "train", "test")
    }
    for key in ("augmented", "evaluated"):
        assert now[key] == pytest.approx(then[key], rel=1e-4)


def test_a_trunk_with_other_random_numbers_is_noticed(monkeypatch):
    """torch's own dropout draws other numbers: an outcome moves and no number was raised."""
    monkeypatch.setattr(trunk, "Dropout", nn.Dropout)
    with pytest.raises(AssertionError):
        check("baseline")
