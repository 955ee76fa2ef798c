"""The golden values: what a short training, each noise kind, net and data set come out as.

`python tests/golden.py` writes them anew, once a `version` or the `PROTOCOL` was raised.
"""

import hashlib
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bench.data.data_root import find_data_root
from bench.data.label_noise import NOISE_KINDS, Clean, corrupt
from bench.errors import DataError
from bench.execution.context import Context
from bench.execution.local import LocalExecutor
from bench.execution.observer import Observer
from bench.grid.cells import cells
from bench.grid.request import Request
from bench.nets.backbones import BACKBONES, make_backbone
from bench.plugins.loading import load
from bench.plugins.registry import Registry
from bench.report.summaries import entry
from bench.spec import Choice
from bench.store.store import Store
from bench.validation import validated
from bench.version import PROTOCOL

FILE = Path(__file__).with_name("golden.json")
TRAINING = {
    "datasets": ["digits"],
    "noise": [0.3],
    "epochs": 2,
    "relabel_from": 2,
    "held_out": 0.1,
    "device": "cpu",
    "precision": "float32",
}
# The 6,000 steps that are ConfidNet's default, as its own tests assert, take half a minute.
SETTINGS: dict[str, dict[str, Any]] = {"confidnet": {"steps": 300}}
FEW = 8
NETS = (*BACKBONES, "wrn-10-2")


def of_method(name: str) -> dict[str, Any]:
    """Return what two epochs on the digits come out as."""
    registry = Registry()
    asked = TRAINING | {"methods": [name], "set": {name: SETTINGS.get(name, {})}}
    (cell,) = cells(validated(Request, asked, "option"), registry, Path())
    with tempfile.TemporaryDirectory() as folder:
        context = Context(registry, Store(Path(folder)), Path())
        (report,) = LocalExecutor(context, Observer()).run([cell])
        assert report.status == "done", report.detail
        record = context.store.read(cell)
    return {
        "version": cell.method.version,
        "loss": [float(loss) for loss in record.epochs["loss"]],
        "nll": entry(record, "nll"),
        "own score finds flipped labels": entry(record, "noise_detection", "own", "auroc"),
    }


def of_noise(kind: str) -> str:
    """Return a hash of the labels that a kind of noise makes of the digits'."""
    digits = load(Choice(name="digits", hyperparameters={}, version=""), Registry(), Path(), download=False)
    labels = digits.train.labels.numpy()
    clean = Clean(
        labels, 10, lambda places: digits.train.images[torch.from_numpy(places)].numpy(), ((2, 7), (5, 6)), labels
    )
    return _hash(corrupt(clean, kind, 0.3, 0))


def of_backbone(name: str) -> dict[str, float]:
    """Return mean and deviation of a fresh net's feature map of fixed images, in train mode."""
    torch.manual_seed(0)
    net = make_backbone(name, (3, 64, 64), torch.float32).train()
    features = net(torch.randn(FEW, 3, 64, 64, generator=torch.Generator().manual_seed(1))).detach()
    return {"mean": features.mean().item(), "std": features.std().item()}


def of_data_set(name: str) -> dict[str, Any]:
    """Return hashes of images and labels, and mean squares of transformed first images."""
    registry = Registry()
    data = load(Choice(name=name, hyperparameters={}, version=""), registry, find_data_root(None), download=False)
    augmented = data.augment(data.train.images[:FEW], torch.Generator().manual_seed(0))
    view = torch.stack(list(data.evaluate(data.test.images[:FEW])))
    return {
        "version": registry.find("datasets", name).version,
        "train": _hash(data.train.images.numpy(), data.train.labels.numpy()),
        "test": _hash(data.test.images.numpy(), data.test.labels.numpy()),
        "augmented": augmented.square().mean().item(),
        "evaluated": view.square().mean().item(),
    }


def _hash(*arrays: np.ndarray) -> str:
    return hashlib.sha256(b"".join(np.ascontiguousarray(array).tobytes() for array in arrays)).hexdigest()[:16]


def _data_sets() -> dict[str, Any]:
    """Return the values of all data sets that are at hand, and the former ones of the others."""
    known = json.loads(FILE.read_text())["data sets"] if FILE.is_file() else {}
    for name in Registry().all("datasets"):
        try:
            known[name] = of_data_set(name)
        except (DataError, TypeError):  # its files are not here, or it has none of its own
            print(f"{name}: not at hand")
    return known


def write() -> None:
    """Write all values."""
    torch.set_num_threads(1)
    content = {
        "protocol": PROTOCOL,
        "methods": {name: of_method(name) for name in Registry().all("methods")},
        "noise": {name: of_noise(name) for name in NOISE_KINDS},
        "backbones": {name: of_backbone(name) for name in NETS},
        "data sets": _data_sets(),
    }
    FILE.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    write()
