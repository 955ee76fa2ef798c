import dataclasses
import shutil

import numpy as np
import pandas as pd
import pytest
import scipy.special
import torch
from harness import PLUGINS, plugin, run, samples

from bench.errors import DataError
from bench.evaluation.predictions import LabelledPredictions, Predictions
from bench.plugins.loading import load
from bench.plugins.registry import Registry
from bench.report.results import load_records
from bench.report.sample_pictures import Samples, most
from bench.store.file_sources import Folder
from bench.store.store import Store

TINY = (PLUGINS / "datasets" / "tiny.py").read_text()


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    folder = tmp_path_factory.mktemp("results")
    run(folder, seeds=[0, 1], epochs=1)
    return load_records(Store(folder))[0]


def told(error):
    """What an error says, which must be one line."""
    said = str(error.value)
    assert said.count("\n") == 0
    return said


def test_predictions_and_labels_are_the_stored_ones(records):
    for record in records:
        frame = pd.read_parquet(record.path / "test.parquet")
        found = samples().evaluated(record)
        np.testing.assert_array_equal(found.labels, frame["label"])
        np.testing.assert_array_equal(found.predictions.uncertainty, frame["uncertainty"])
        np.testing.assert_array_equal(found.predicted, frame.filter(like="logit_").to_numpy().argmax(axis=1))
        assert (found.predicted == found.labels).mean() == record.metrics.accuracy


def test_images_are_those_of_the_test_set(records):
    place = samples()
    images = place.images(records[0], place.evaluated(records[0]).labels)
    expected = load(records[0].spec.dataset, Registry([PLUGINS]), PLUGINS, False).test.images
    assert torch.equal(torch.from_numpy(images), expected)


# ---- which ones ----------------------------------------------------------------------------------


def scored(uncertainty, logits=None):
    n = len(uncertainty)
    logits = np.zeros((n, 2), dtype=np.float32) if logits is None else logits
    outputs = Predictions(logits, np.array(uncertainty, dtype=float), None)
    return LabelledPredictions(outputs, {"label": np.zeros(n, dtype=int)})


def test_the_extreme_comes_first_and_ties_stand_in_order():
    found = scored([2, 5, 1, 5, 1, 3])
    assert most(found, 4, "own", certain=False).tolist() == [1, 3, 5, 0]
    assert most(found, 4, "own", certain=True).tolist() == [2, 4, 0, 5]


def test_more_than_there_are_is_all():
    assert most(scored([2, 5, 1]), 7, "own", certain=False).tolist() == [1, 0, 2]


@pytest.mark.parametrize("certain", [True, False])
def test_every_score_orders_by_its_own_values(certain):
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(50, 6)).astype(np.float32) * rng.uniform(1, 4, size=(50, 1)).astype(np.float32)
    p = np.sort(scipy.special.softmax(logits.astype(float), axis=1), axis=1)
    values = {
        "own": rng.random(50),
        "msp": 1 - p[:, -1],
        "entropy": -(p * np.log(p)).sum(axis=1),
        "margin": p[:, -2] - p[:, -1],
        "energy": -scipy.special.logsumexp(logits.astype(float), axis=1),
    }
    found = scored(values["own"], logits)
    orders = {score: most(found, 10, score, certain).tolist() for score in values}
    sign = 1 if certain else -1
    assert orders == {score: np.argsort(sign * u)[:10].tolist() for score, u in values.items()}
    assert len(set(map(tuple, orders.values()))) == 5


def test_energy_of_log_probabilities_orders_nothing():
    found = scored([2, 5, 1])
    found = found._replace(predictions=found.predictions._replace(normalised=True))
    with pytest.raises(DataError, match="there is no score energy: the logits are log-probabilities"):
        most(found, 2, "energy", certain=True)
    assert most(found, 2, "own", certain=True).tolist() == [2, 0]


# ---- what is lacking -----------------------------------------------------------------------------


def moved(record, folder, without):
    """A record whose run was copied, but for one file."""
    shutil.copytree(record.path, folder / "run", ignore=shutil.ignore_patterns(without))
    return dataclasses.replace(record, files=Folder(folder / "run"))


def test_predictions_that_are_not_here_are_told(records, tmp_path):
    with pytest.raises(DataError) as error:
        samples().evaluated(moved(records[0], tmp_path, "test.parquet"))
    assert told(error) == f"{tmp_path / 'run'} has no predictions here: they stay where the run was made"


def test_predictions_that_are_torn_are_told(records, tmp_path):
    torn = moved(records[0], tmp_path, "test.parquet")
    (torn.path / "test.parquet").write_bytes(b"torn")
    with pytest.raises(DataError) as error:
        samples().evaluated(torn)
    assert told(error).startswith(f"{torn.path}: ")
    assert "test.parquet" in told(error)


@pytest.mark.parametrize(
    "labels", [(np.arange(21) + 1) % 3, np.arange(20) % 3], ids=["other labels", "another number"]
)
def test_a_test_set_that_is_not_the_one_of_the_run_is_told(records, labels):
    with pytest.raises(DataError) as error:
        samples().images(records[0], labels)
    said = told(error)
    assert said.startswith(f"{records[0].path}: the test set under data is not the one")


def test_images_of_a_held_out_part_are_told_not_to_be_drawn(tmp_path):
    run(tmp_path, held_out=0.25, evaluate="held-out", epochs=1)
    ((record,), _) = load_records(Store(tmp_path))
    found = samples().evaluated(record)
    assert len(found.labels) == 15
    with pytest.raises(DataError) as error:
        samples().images(record, found.labels)
    assert told(error) == f"{record.path}: evaluated on a held-out part, images are drawn of test sets only"


def test_a_data_set_whose_files_are_missing_is_told_and_never_fetched(records, tmp_path):
    source = TINY.replace(
        "transforms =", 'if not download:\n            raise missing("tiny", root)\n        transforms ='
    )
    folder = plugin(tmp_path, "tiny", source.replace("import DataSet", "import missing, DataSet"), "datasets")
    with pytest.raises(DataError) as error:
        Samples(Registry([folder]), tmp_path / "nowhere").images(records[0], np.arange(21) % 3)
    assert told(error).startswith(f"tiny: its files are not under {tmp_path / 'nowhere'};")


# ---- once ----------------------------------------------------------------------------------------

COUNTING = (
    TINY.replace(
        "class Tiny(Source):",
        """class Tiny(Source):
    loaded = []

    def __init__(self, *, size: int = 21) -> None:
        self.size = size
""",
    )
    .replace("        transforms", "        self.loaded.append(self.size)\n        transforms")
    .replace("21)", "self.size)")
)
COUNTING = COUNTING.replace("int = self.size)", "int = 21)")


def test_a_data_set_is_loaded_once_for_all_records(tmp_path):
    folder = plugin(tmp_path / "plugins", "tiny", COUNTING, "datasets")
    run(tmp_path, folder, seeds=[0, 1], noise=[0, 0.3], epochs=1)
    run(tmp_path, folder, set={"tiny": {"size": 12}}, epochs=1)
    records, _ = load_records(Store(tmp_path))
    assert len(records) == 5
    place = samples(folder)
    loaded = place.registry.find("datasets", "tiny").load().loaded
    loaded.clear()
    for _ in range(2):
        for record in records:
            found = place.evaluated(record)
            assert len(place.images(record, found.labels)) == len(found.labels)
    assert sorted(loaded) == [12, 21]


def test_an_option_of_a_data_set_may_be_a_list(tmp_path):
    source = TINY.replace(
        "    def load", "    def __init__(self, *, sizes: list[int] = [21]) -> None: ...\n\n    def load"
    )
    folder = plugin(tmp_path / "plugins", "tiny", source, "datasets")
    run(tmp_path, folder, epochs=1)
    ((record,), _) = load_records(Store(tmp_path))
    assert len(samples(folder).images(record, np.arange(21) % 3)) == 21
