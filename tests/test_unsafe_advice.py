"""Libraries advise to load a file in a way that runs the code in it; nobody is told so by us."""

import io
import pickle
import warnings
import zipfile

import numpy as np
import pytest
import torch
from harness import DUMMY, plugin, run, spec
from torch import nn

from bench.errors import BenchError, DataError, UsageError, one_line, trace
from bench.nets.pretrained import read_state
from bench.plugins.registry import Registry
from bench.store.store import Store
from bench.training.checkpoint import Keeper

ADVICE = ("weights_only", "False", "allow_pickle", "safe_globals", "trust", "unsafely", "pickle.load")


class Foreign:
    """Something else than plain data."""


def saved(content, **how):
    file = io.BytesIO()
    torch.save(content, file, **how)
    return file.getvalue()


def scripted():
    file = io.BytesIO()
    with warnings.catch_warnings(action="ignore"):
        torch.jit.save(torch.jit.script(nn.Linear(2, 2)), file)
    return file.getvalue()


def zipped():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({"a": Foreign()}))
        archive.writestr("archive/version", "3")
    return file.getvalue()


WHOLE = saved({"state_dict": {"a": torch.zeros(9)}})
FILES = {
    "a function": saved({"a": print}),
    "a class of somebody": saved({"a": Foreign()}),
    "a module": saved(nn.Linear(2, 2)),
    "an array": saved({"a": np.zeros(3)}),
    "the old format": saved({"a": Foreign()}, _use_new_zipfile_serialization=False),
    "a pickle": pickle.dumps({"a": Foreign()}, protocol=2),
    "a newer pickle": pickle.dumps({"a": Foreign()}),
    "a zip of a pickle": zipped(),
    "half of it": WHOLE[: len(WHOLE) // 2],
    "a page": b"<!DOCTYPE html>",
    "text": b"hello",
    "nothing": b"",
}


def advises_nothing(said):
    assert "\n" not in said
    assert [word for word in ADVICE if word in said] == []


@pytest.fixture(params=FILES)
def path(request, tmp_path):
    (tmp_path / "file.pt").write_bytes(FILES[request.param])
    return tmp_path / "file.pt"


def test_nor_of_a_checkpoint_of_weights(path):
    with pytest.raises(UsageError) as raised:
        read_state(path)
    advises_nothing(str(raised.value))


@pytest.mark.usefixtures("unchecked_types")  # no training is asked for what a checkpoint holds
def test_nor_of_a_checkpoint_of_a_run(path):
    with pytest.raises(BenchError) as raised:
        Keeper(path, "identity", 0)._resume(None, [])
    advises_nothing(str(raised.value))
    assert "delete it to start the run again" in str(raised.value)


def test_nor_of_labels_given_by_people(path):
    cifar10 = Registry().find("datasets", "cifar10").load()
    said = cifar10._label_sets(path, np.zeros(3, dtype=np.int64))
    assert isinstance(said, DataError)
    advises_nothing(str(said))


def test_nor_of_a_scripted_module(tmp_path):
    (tmp_path / "file.pt").write_bytes(scripted())
    with pytest.raises(UsageError) as raised:
        read_state(tmp_path / "file.pt")
    advises_nothing(str(raised.value))


def failing(load):
    try:
        load()
    except Exception as error:
        return error
    raise AssertionError("it did not fail")


def object_array():
    file = io.BytesIO()
    np.save(file, np.array([Foreign()]))
    return file.getvalue()


@pytest.mark.parametrize("content", [b"abc", b"\x80\x04", object_array(), pickle.dumps([1])])
def test_nor_of_an_array(content):
    error = failing(lambda: np.load(io.BytesIO(content), allow_pickle=False))
    advises_nothing(one_line(error))


@pytest.mark.parametrize("name", ["trust_remote_code=True", "set weights_only=False", "pass allow_pickle=True"])
def test_nor_in_a_traceback_with_its_causes(name):
    def load():
        try:
            raise ValueError(f"cannot load:\n{name} loads it")
        except ValueError as error:
            raise RuntimeError("of the plugin") from error

    said = trace(failing(load))
    assert f"{name} loads it" not in said
    assert "RuntimeError: of the plugin" in said
    assert "def load" in said or "load" in said


def test_nor_where_a_plugin_loads_a_file(tmp_path):
    (tmp_path / "own.pt").write_bytes(FILES["a class of somebody"])
    load = f"        torch.load({str(tmp_path / 'own.pt')!r})\n        super().__init__"
    assert "        super().__init__" in DUMMY
    source = "import torch\n" + DUMMY.replace("        super().__init__", load, 1)
    (report,) = run(tmp_path / "results", plugin(tmp_path / "plugins", "dummy", source), epochs=1)
    assert report.status == "failed"
    assert "weights_only" not in report.detail
    assert "UnpicklingError: a file is damaged, or holds more than plain data" in report.detail
    kept = [file for file in (tmp_path / "results").rglob("*") if file.is_file()]
    assert all(b"weights_only`" not in file.read_bytes() for file in kept)
    assert Store(tmp_path / "results").scan()[0] == []
    assert spec().method.name == "dummy"


def test_what_is_no_such_advice_is_passed_on():
    assert one_line(RuntimeError("mat1 and mat2 shapes cannot\nbe multiplied")) == (
        "RuntimeError: mat1 and mat2 shapes cannot be multiplied"
    )
    assert one_line(pickle.PicklingError("Can't pickle lambda")) == "PicklingError: Can't pickle lambda"
