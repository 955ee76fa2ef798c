"""Files of CIFAR-100's layout, arrays and Parquet files through the command line to the report."""

import io

import made_data as made
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from harness import bench
from PIL import Image

from bench.checks.suite import run_checks
from bench.plugins.registry import Registry

TRAIN, TEST = np.arange(200) % 4, np.arange(80) % 4


def flat(labels):
    """Return grey images (N, 8, 8), each of a level by its label, with a little noise."""
    return (40 + 50 * labels[:, None, None] + made.pixels(len(labels), len(labels), 8, 8) // 16).astype(np.uint8)


def png(image):
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "PNG")
    return {"bytes": stream.getvalue(), "path": "any.png"}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A data root with the three."""
    root = tmp_path_factory.mktemp("data")
    made.cifar100(root)
    np.savez(root / "mine.npz", x_train=flat(TRAIN), y_train=TRAIN, x_test=flat(TEST), y_test=TEST)
    (root / "pets").mkdir()
    for part, labels in (("train", TRAIN), ("test", TEST)):
        cells = [png(image) for image in flat(labels)]
        pq.write_table(pa.table({"img": cells, "label": labels}), root / "pets" / f"{part}.parquet")
    return root


def test_each_is_trained_on_and_stands_in_the_report(root, tmp_path):
    settings = ["arrays.path=mine.npz", "parquet.path=pets", "parquet.size=8", "parquet.channels=1"]
    settings += ["cifar100.labels=coarse", "recipe.backbone=cnn-4-8", "recipe.batch_size=10"]
    done = bench(
        *("run", "--datasets", "arrays,parquet,cifar100", "--methods", "baseline", "--noise", "0.2"),
        *("--epochs", "1", *(part for each in settings for part in ("--set", each))),
        *("--data-root", str(root), "--results", str(tmp_path)),
    )
    assert done.returncode == 0, done.stderr
    runs = pd.read_csv(tmp_path / "report" / "runs.csv").set_index("dataset")
    assert runs["flips"].to_dict() == {"arrays": 40, "parquet": 40, "cifar100": 40}
    assert runs["accuracy"][["arrays", "parquet"]].min() > 0.4  # of 4 classes


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("cifar100", {}),
        ("cifar100", {"labels": "coarse"}),
        ("arrays", {"path": "mine.npz"}),
        ("parquet", {"path": "pets"}),
    ],
)
def test_every_check_of_the_kit_passes(root, name, settings):
    results = list(run_checks(Registry().find("datasets", name), settings, root))
    failed = {result.check: result.reason for result in results if result.status != "pass"}
    assert set(failed) <= {"missing files are one line"}
    assert set(failed.values()) <= {"it needs no file under the data root"}
