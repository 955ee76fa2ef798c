"""Noisy labels from a file, as a point of the noise axis: identity, runs, tables, and faults."""

import numpy as np
import pytest
import torch
from commandline import server
from harness import PLUGINS, bench, grid, report, run, spec
from PIL import Image

import bench as package
from bench.errors import UsageError
from bench.execution.context import Context
from bench.execution.local import LocalExecutor
from bench.execution.observer import Observer
from bench.execution.processes import ProcessExecutor
from bench.plugins.registry import Registry
from bench.store.prediction_files import read_predictions
from bench.store.store import Store

TRUE = np.arange(60) % 3
NOISY = (TRUE + (np.arange(60) % 5 == 0)) % 3
BETTER = (TRUE + (np.arange(60) % 10 == 0)) % 3
SHORT = {"epochs": 1}


def saved(path, labels=NOISY):
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, labels)
    return f"file:{path}"


def context_of(results):
    return Context(Registry([PLUGINS]), Store(results), results)


def test_labels_of_a_file_are_trained_on_and_told(tmp_path):
    point = saved(tmp_path / "worse.npy")
    (done,) = run(tmp_path, noise=[point], **SHORT)
    assert done.status == "done", done.detail
    cell = spec(noise=[point], **SHORT)
    told, source = Store(tmp_path).read(cell).manifest.entries(), cell.noise.file.source
    assert (told["kind"], told["realised_rate"]) == ("file", 0.2)
    assert not {"rate", "label_set"} & set(told)
    assert told["transitions"] == [[16, 4, 0], [0, 16, 4], [4, 0, 16]]
    assert told["file"] == {"path": str(tmp_path / "worse.npy"), "stem": "worse", "source": source}
    made = package.load_results(tmp_path)
    assert made[["noise_kind", "noise_rate", "noise_file"]].values.tolist() == [["file:worse", 0.2, source]]


def test_content_and_key_count_and_the_place_does_not(tmp_path):
    here, there = (saved(tmp_path / place) for place in ("a/one.npy", "b/two.npy"))
    torch.save({"x": NOISY, "y": BETTER}, tmp_path / "c.pt")
    x, y = (f"file:{tmp_path}/c.pt:{key}" for key in "xy")
    first, second = spec(noise=[here]), spec(noise=[there])
    assert first.identity == second.identity
    assert first.folder == second.folder
    assert first.noise.point == second.noise.point
    others = [spec(noise=[point]) for point in (here, saved(tmp_path / "one.npy", BETTER), x, y)]
    for tell in (lambda cell: cell.identity, lambda cell: cell.noise.point, lambda cell: cell.noise.slug):
        assert len(set(map(tell, others))) == 4
    assert others[2].noise.label == "file:c:x"


def test_a_file_that_moved_or_has_another_name_is_not_run_again(tmp_path):
    run(tmp_path, noise=[saved(tmp_path / "one.npy")], **SHORT)
    (tmp_path / "one.npy").rename(tmp_path / "two.npy")
    (again,) = run(tmp_path, noise=[f"file:{tmp_path}/two.npy"], **SHORT)
    assert again.status == "finished"


def test_an_identity_without_a_file_is_what_it_was():
    assert spec().counting["noise"] == {"kind": "symmetric", "rate": 0.3, "seed": 0}


def test_one_content_twice_is_refused_and_two_contents_of_one_name_are_not(tmp_path):
    one, same, other = (saved(tmp_path / path) for path in ("a.npy", "b.npy", "c/a.npy"))
    saved(tmp_path / "c" / "a.npy", BETTER)
    with pytest.raises(UsageError, match="--noise: file:b is given twice"):
        grid(noise=[one, same])
    assert len(grid(noise=[one, other])) == 2


def test_tables_tell_files_of_one_name_apart(tmp_path):
    points = [saved(tmp_path / "a" / "worse.npy"), saved(tmp_path / "b" / "worse.npy", BETTER)]
    points.append(saved(tmp_path / "best.npy", TRUE))
    run(tmp_path, noise=["0.1", *points], seeds=[0, 1], **SHORT)
    made = report(tmp_path)
    (members,) = made.groups
    hashes = [spec(noise=[point]).noise.file.source for point in points]
    columns = ["10%", "file:best 0%", f"file:worse-{hashes[0]} 20%", f"file:worse-{hashes[1]} 10%"]
    _, accuracy, *_ = made.tables[members.name]
    assert sorted(accuracy.header[1:]) == sorted(columns)
    assert all(cell.count("±") == 1 for cell in accuracy.texts[0][1:])
    for source in hashes:
        assert (tmp_path / "report" / "figures" / f"rejection-{members.name}-file-{source}.png").is_file()


def test_a_file_goes_with_a_limited_and_with_a_long_tailed_training_set(tmp_path):
    point = saved(tmp_path / "worse.npy")
    for settings, samples in (({"recipe": {"train_limit": 20}}, 20), ({"tiny": {"imbalance": 0.25}}, 35)):
        run(tmp_path, noise=[point], set=settings, **SHORT)
        record = Store(tmp_path).read(spec(noise=[point], set=settings, **SHORT))
        train = read_predictions(record.files, "train").columns
        assert (train["given"] == NOISY[train["index"]]).all()
        assert (train["true"] == TRUE[train["index"]]).all()
        assert record.manifest.samples == samples


# ---- faults --------------------------------------------------------------------------------------

BAD = {
    "absent": (None, "there is no such file"),
    "wrong length": (NOISY[:59], "59 labels, must be 60, one for each training image"),
    "out of range": (NOISY + 1, "label 3 of image"),
    "floats": (NOISY / 2, "labels must be whole numbers (n,), got float64 (60,)"),
    "objects": (np.array([None]), "a file is damaged, or holds more than plain data"),
}


@pytest.mark.usefixtures("unchecked_types")
@pytest.mark.parametrize(("labels", "said"), BAD.values(), ids=BAD)
def test_a_file_that_does_not_fit_stops_the_grid_before_anything_is_trained(tmp_path, labels, said):
    path, asked = tmp_path / "bad.npy", {"methods": "dummy", "datasets": "tiny", "plugins": PLUGINS}
    if labels is not None:
        np.save(path, labels, allow_pickle=True)
    with pytest.raises(UsageError) as refused:
        package.run(results=tmp_path / "results", noise=[0, f"file:{path}"], **asked)
    assert str(refused.value).startswith(f"--noise file:{path}: {said}")
    assert not list(tmp_path.rglob("record.json"))


def test_the_command_line_says_it_in_one_line(tmp_path):
    shown = bench("run", "--noise", f"0,{saved(tmp_path / 'bad.npy')}", "--results", str(tmp_path / "results"))
    needed = "60 labels, must be 1197, one for each training image"
    assert (shown.returncode, shown.stderr) == (2, f"error: --noise file:{tmp_path}/bad.npy: {needed}\n")


def test_a_data_set_that_is_not_here_leaves_the_check_to_its_runs(tmp_path):
    cells = grid(noise=[saved(tmp_path / "worse.npy")], datasets=["cifar10"])
    (failed,) = LocalExecutor(context_of(tmp_path), Observer()).run(cells)
    assert failed.detail.startswith("cifar10: its files are not under")
    (tmp_path / "bad.csv").write_text("1,2,3\n")
    with pytest.raises(UsageError, match="line 1: 3 columns"):
        grid(noise=[f"file:{tmp_path}/bad.csv"], datasets=["cifar10"])


def test_a_file_that_changes_between_request_and_run_fails_the_run(tmp_path):
    cells = grid(noise=[saved(tmp_path / "worse.npy")], **SHORT)
    saved(tmp_path / "worse.npy", BETTER)
    (failed,) = LocalExecutor(context_of(tmp_path), Observer()).run(cells)
    assert failed.status == "failed"
    assert "the file has changed since this run was asked for" in failed.detail


# ---- other ways to run ---------------------------------------------------------------------------


def test_processes_read_the_file_and_give_the_same_bits(tmp_path):
    server()
    point = saved(tmp_path / "worse.npy")
    cells = grid(noise=[point], **SHORT)
    (done,) = ProcessExecutor(context_of(tmp_path / "there"), Observer(), 1, 1).run(cells)
    assert done.status == "done", done.detail
    run(tmp_path / "here", noise=[point], **SHORT)
    here, there = (Store(tmp_path / place).read(cells[0]) for place in ("here", "there"))
    assert here.outcome == there.outcome


def test_an_experiment_names_files_from_the_current_folder_and_commas_in_a_list(tmp_path, monkeypatch):
    saved(tmp_path / "labels" / "a,b.npy")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.toml").write_text(
        'methods = ["dummy"]\ndatasets = ["tiny"]\nnoise = [0, "file:labels/a,b.npy"]\nepochs = 1\n'
    )
    shown = bench("run", "--experiment", "mine.toml", "--plugins", str(PLUGINS), "--results", "results")
    assert shown.returncode == 0, shown.stderr
    kinds = {record.spec.noise.name for record in Store(tmp_path / "results").scan()[0]}
    assert kinds == {"symmetric", "file:a-b"}


def test_packed_and_merged_runs_are_one_whatever_the_file_was_called(tmp_path):
    for place in ("one", "two"):
        run(tmp_path / place, noise=[saved(tmp_path / f"{place}.npy")], **SHORT)
    assert bench("pack", str(tmp_path / "two.tar.gz"), "--results", str(tmp_path / "two")).returncode == 0
    merged = bench("merge", str(tmp_path / "two.tar.gz"), "--results", str(tmp_path / "one"))
    assert merged.returncode == 0, merged.stderr
    (record,), problems = Store(tmp_path / "one").scan()
    assert (record.spec.noise.label, record.noise.label, problems) == ("file:one", "file:one 20%", [])


def test_images_of_a_folder_are_named_as_they_lie(tmp_path):
    names = [f"{('cat', 'dog')[k % 2]}/{k}.png" for k in range(8)]
    for part, count in (("train", 8), ("test", 4)):
        for k, name in enumerate(names[:count]):
            path = tmp_path / "data" / part / name
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.full((8, 8), 20 * k, dtype=np.uint8)).save(path)
    rows = [f"{name},{('cat', 'dog')[k < 4]}" for k, name in enumerate(names)]
    table = tmp_path / "given.csv"
    table.write_text("\n".join(["file,label", *rows[::-1]]))
    options = {"path": str(tmp_path / "data"), "size": 8}
    settings = {"datasets": ["folder"], "set": {"folder": options, "recipe": {"backbone": "cnn-16-32-64"}}}
    point = f"file:{table}"
    (done,) = run(tmp_path, noise=[point], **settings, **SHORT)
    assert done.status == "done", done.detail
    told = Store(tmp_path).read(spec(noise=[point], **settings, **SHORT)).manifest
    assert told.transitions == [[2, 2], [2, 2]]  # dogs are 0 to 3, of which 0 and 2 are cats
    table.write_text("\n".join([*rows, "cat/9.png,cat"]))
    with pytest.raises(UsageError, match=r"line 9: there is no training image 'cat/9.png'; .* as cat/0.png$"):
        grid(noise=[point], **settings)
