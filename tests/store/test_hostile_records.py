"""Runs whose checksums fit and whose content does not: named by every command, the rest goes on."""

import json
import os
import random

import numpy as np
import pytest
from finished_runs import copy
from harness import checksummed, run, spec

from bench.grid.pictures import Pictures
from bench.plugins.registry import Registry
from bench.report import figures
from bench.report.pages import write_report
from bench.report.results import load_records
from bench.report.sample_pictures import Samples
from bench.store import grid_status
from bench.store.assess import assess
from bench.store.prediction_files import from_parquet, read_predictions
from bench.store.store import Store
from bench.store.transfer import merge, pack


def at(content, path):
    for key in path[:-1]:
        content = content[key]
    return content, path[-1]


def put(*path, to):
    """Return what changes an entry of a JSON file."""

    def change(content):
        inner, key = at(content, path)
        inner[key] = to

    return change


def drop(*path):
    def change(content):
        inner, key = at(content, path)
        del inner[key]

    return change


IN_JSON = {
    "metrics without accuracy": ("record.json", drop("metrics", "accuracy")),
    "metrics without own": ("record.json", drop("metrics", "scores", "own")),
    "metrics without msp": ("record.json", drop("metrics", "scores", "msp")),
    "metrics that are a list": ("record.json", put("metrics", to=[])),
    "accuracy of a text": ("record.json", put("metrics", "accuracy", to="0.9")),
    "accuracy above 1": ("record.json", put("metrics", "accuracy", to=1.5)),
    "more errors than samples": ("record.json", put("metrics", "misclassified", to=10**6)),
    "no samples": ("record.json", put("metrics", "samples", to=0)),
    "a score that is a text": ("record.json", put("metrics", "scores", "own", "auroc", to="high")),
    "a confusion of other classes": ("record.json", put("metrics", "confusion", to=[[1]])),
    "a confusion that is not square": ("record.json", put("metrics", "confusion", to=[[1, 2, 3], [1], [2]])),
    "no classes": ("record.json", put("classes", to=[])),
    "a class too many": ("record.json", put("classes", to=["a", "b", "c", "d"])),
    "no cost": ("record.json", drop("cost")),
    "negative seconds": ("record.json", put("cost", "seconds", to=-1)),
    "a start that is no time": ("record.json", put("cost", "started", to="yesterday")),
    "an unknown entry": ("record.json", put("extra", to=1)),
    "another identity": ("record.json", put("identity", to="0" * 64)),
    "no flips": ("manifest.json", drop("flips")),
    "a rate above 1": ("manifest.json", put("realised_rate", to=2)),
    "a hash that is none": ("manifest.json", put("sha256", to="abc")),
    "transitions that are texts": ("manifest.json", put("transitions", to=[["a"]])),
    "a data set with a slash": ("spec.json", put("dataset", "name", to="a/b")),
    "a data set that climbs": ("spec.json", put("dataset", "name", to="../../x")),
    "a seed below 0": ("spec.json", put("seed", to=-1)),
    "a recipe that is none": ("spec.json", put("recipe", to=None)),
    "an unknown device": ("spec.json", put("device", to="toaster")),
}
IN_TEXT = {
    "accuracy 10⁴⁰⁰": ("record.json", lambda text: text.replace('"accuracy": 0', '"accuracy": 1e400')),
    "a NaN": ("record.json", lambda text: text.replace('"seconds": ', '"seconds": NaN, "was": ')),
    "half of a surrogate pair": ("record.json", lambda text: text.replace('"python": "', '"python": "\\ud800')),
    "nesting": ("record.json", lambda text: "[" * 10_000 + "]" * 10_000),
    "nesting in the manifest": ("manifest.json", lambda text: '{"a":' * 10_000),
    "nesting in the specification": ("spec.json", lambda text: '{"dataset":' * 10_000),
    "5,000 digits": ("record.json", lambda text: text.replace('"samples": ', f'"samples": {"9" * 5000}')),
    "nothing": ("record.json", lambda text: ""),
    "curves without msp": ("curves.csv", lambda text: text.replace("msp", "nsp")),
    "curves without own": ("curves.csv", lambda text: text.replace("own", "one")),
    "curves of too few rows": ("curves.csv", lambda text: "\n".join(text.splitlines()[:50]) + "\n"),
    "a curve above 1": ("curves.csv", lambda text: text.replace(text.split(",")[-1].strip(), "7")),
    "a log without accuracies": ("epochs.csv", lambda text: text.replace("test_accuracy", "tests")),
    "a log without loss": ("epochs.csv", lambda text: text.replace("loss", "lost")),
    "a log of too few epochs": ("epochs.csv", lambda text: "\n".join(text.splitlines()[:-1]) + "\n"),
    "a log with an epoch twice": ("epochs.csv", lambda text: text + text.splitlines()[-1] + "\n"),
    "a log of texts": ("epochs.csv", lambda text: text.replace("1,", "one,")),
    "a log with a formula": ("epochs.csv", lambda text: text.replace("loss", "=1+1")),
}
CASES = IN_JSON | IN_TEXT


def spoil(folder, case):
    """Change a run's file, with checksums that fit."""
    name, change = CASES[case]
    path = folder / name
    if case in IN_TEXT:
        changed = change(path.read_text())
        assert changed != path.read_text()
    else:
        content = json.loads(path.read_text())
        change(content)
        changed = json.dumps(content)
    path.write_text(changed)
    checksummed(folder)


def report(results):
    return write_report(results, Samples(Registry(), results), Pictures())


@pytest.fixture
def spoilt(finished, tmp_path, request):
    """Four runs of one method, of which the first is spoilt; the folder, and that run's name."""
    store = Store(copy(finished, tmp_path / "there", "dummy"))
    cell = spec()
    spoil(store.path(cell), request.param)
    grid_status.remember(store, [cell])
    return store, store.path(cell)


@pytest.fixture
def undrawn(monkeypatch):
    """Reports without their pictures, which would be the same for every spoilt run."""
    monkeypatch.setattr(figures, "FROM_RECORDS", [])


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("spoilt", CASES, indirect=True)
def test_a_spoilt_run_is_named_and_the_others_are_reported_merged_and_packed(spoilt, tmp_path):
    store, folder = spoilt
    records, problems = store.scan()
    assert (len(records), len(problems)) == (3, 1)
    assert str(folder) in problems[0]
    assert "\n" not in problems[0]
    assert len(problems[0]) < 600
    written = report(store.results)
    assert any(str(folder) in problem for problem in written.problems)
    assert len(written.groups[0].records) == 3
    merged = merge(Store(tmp_path / "here"), store.results)
    assert (merged.added, len(merged.problems)) == (3, 1)
    packed, named = pack(store, tmp_path / "runs.tar.gz", predictions=False)
    assert (packed, len(named)) == (3, 1)
    (status,) = grid_status.of(store)
    assert status.state == "failed"
    assert status.detail in problems[0]


def test_an_entry_of_the_list_of_runs_that_is_none_is_named_and_the_others_are_shown(finished, tmp_path, bench):
    store = Store(copy(finished, tmp_path / "there", "dummy"))
    cell = spec()
    grid_status.remember(store, [cell])
    asked = json.loads(store.asked.read_text())
    store.asked.write_text(json.dumps(asked | {"0123456789": {"seed": 0}, "abc": 3}))
    assert [each.spec for each in grid_status.of(store)] == [cell]
    status, out, err = bench("status", "--results", store.results)
    assert (status, out.count("done"), err.count("\n")) == (0, 1, 2)
    assert "holds '01234567', which is no run and is left out" in err


@pytest.mark.parametrize("case", ["accuracy above 1", "nesting", "curves without msp", "a data set with a slash"])
def test_one_bad_run_in_a_pack_does_not_keep_back_the_good_ones(finished, tmp_path, case, monkeypatch):
    store = Store(copy(finished, tmp_path / "there", "dummy"))
    pack(store, tmp_path / "runs.tar.gz", predictions=True)
    monkeypatch.setattr("bench.store.store.read_record", lambda files: files)  # packs whatever is there
    spoil(store.path(spec()), case)
    monkeypatch.undo()
    from bench.store.file_sources import Folder
    from bench.store.pack_files import write_pack

    folders = [Folder(path.parent) for path in sorted(store.root.rglob("record.json"))]
    with (tmp_path / "bad.tar.gz").open("wb") as file:
        write_pack(file, folders, store.root, predictions=True)
    merged = merge(Store(tmp_path / "here"), tmp_path / "bad.tar.gz")
    assert (merged.added, len(merged.problems)) == (3, 1)


@pytest.mark.parametrize("kind", ["pipe", "hole", "link to nothing", "loop of links"])
def test_odd_files_in_a_store_neither_hang_nor_end_a_report(finished, tmp_path, kind):
    store = Store(copy(finished, tmp_path / "there", "dummy"))
    path = store.path(spec()) / "record.json"
    path.unlink()
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "hole":
        with path.open("wb") as file:
            file.truncate(10**11)
    else:
        path.symlink_to(path if kind == "loop of links" else tmp_path / "nothing")
    (store.root / ".DS_Store").write_bytes(b"x")
    (store.root / "tiny" / ".nfs0001").write_bytes(b"x")
    (store.root / "tiny" / "loop").symlink_to(store.root / "tiny")
    written = report(store.results)
    assert sum(str(path.parent) in problem for problem in written.problems) == 1
    assert len(written.groups[0].records) == 3


def test_a_column_of_texts_or_of_too_many_rows_in_a_parquet_is_refused():
    import io

    import pyarrow
    from pyarrow import parquet

    def file(**columns):
        made = io.BytesIO()
        parquet.write_table(pyarrow.table(columns), made)
        return made.getvalue()

    for content, said in [
        (file(label=["a", "b"], logit_0=[0.0, 1.0], uncertainty=[0.0, 1.0]), "its column 'label' holds string"),
        (file(label=[[0], [1]], logit_0=[0.0, 1.0]), "its column 'label' holds list"),
        (file(label=[0, 1], uncertainty=[0.0, 1.0]), "there is no column logit_0"),
        (file(label=[0, 1], logit_0=[0.0, 1.0]), "there is no column uncertainty"),
        (file(label=np.zeros(10**8, np.int8)), "more than .* bytes may unpack to"),
        (b"PAR1 and nothing", "it is no Parquet file that can be read"),
        (b"", "it is no Parquet file that can be read"),
    ]:
        with pytest.raises(ValueError, match=said) as raised:
            from_parquet(content)
        assert "\n" not in str(raised.value)


@pytest.mark.parametrize("method", ["baseline", "rul", "deep-ensemble", "mc-dropout"])
def test_recomputed_metrics_equal_the_first_ones_to_the_last_digit(tmp_path, method):
    small = {"deep-ensemble": {"members": 2}, "mc-dropout": {"passes": 3}}
    (done,) = run(
        tmp_path,
        methods=[method],
        datasets=["digits"],
        epochs=2,
        set={"recipe": {"train_limit": 300}} | {k: v for k, v in small.items() if k == method},
    )
    assert done.status == "done", done.detail
    (record,), _ = Store(tmp_path).scan()
    again = assess(*(read_predictions(record.files, part) for part in ("test", "train")))
    assert again.metrics.entries() == record.metrics.entries()


# ---- whatever else -------------------------------------------------------------------------------

VALUES = [None, -1, 0, 1e308, "", "x" * 500, [], {}, [[]], True, "\x00", "=1+1", "<script>", "é\u202e"]


def paths_in(content, path=()):
    """Every place in a JSON value."""
    yield path
    inner = (
        content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    )
    for key, value in inner:
        yield from paths_in(value, (*path, key))


def test_whatever_a_file_holds_the_other_runs_are_reported(finished, tmp_path):
    """A bounded, seeded fuzz: one entry of a run's files is replaced, dropped or garbled."""
    random.seed(17)
    good = Store(copy(finished, tmp_path / "good", "dummy"))
    cell = spec()
    for number in range(60):
        store = Store(copy(good.results, tmp_path / f"{number}", "dummy"))
        folder = store.path(cell)
        path = folder / random.choice(["spec.json", "manifest.json", "record.json", "epochs.csv", "curves.csv"])
        if path.suffix == ".json" and random.random() < 0.8:
            content = json.loads(path.read_text())
            place = random.choice([each for each in paths_in(content) if each])
            inner, key = at(content, place)
            inner[key] = random.choice(VALUES)
            path.write_text(json.dumps(content))
        else:
            garbled = bytearray(path.read_bytes())
            for _ in range(random.randint(1, 20)):
                garbled[random.randrange(len(garbled))] = random.randrange(256)
            path.write_bytes(bytes(garbled))
        checksummed(folder)
        records, problems = load_records(store)
        assert len(records) >= 3, (number, path.name, problems)
        merged = merge(Store(tmp_path / f"{number}-here"), store.results)
        assert merged.added >= 3
        if number % 10 == 0:
            assert report(store.results).groups
