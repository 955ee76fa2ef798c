import pytest
from harness import PLUGINS, grid, plugin, report, run, spec

from bench.errors import UsageError
from bench.report.frames import frame
from bench.store.store import Store

RECIPE = (PLUGINS / "datasets" / "tiny.toml").read_text()
TINY = (PLUGINS / "datasets" / "tiny.py").read_text()
# Of 60 images of the classes 0, 1, 2, 0, …: every fifth label is another than the true one.
CROWD = "(torch.arange(60) % 3 + (torch.arange(60) % 5 == 0)) % 3"
LABELLED = TINY.replace("transforms.evaluate)", f'transforms.evaluate, {{"crowd": ({CROWD}).numpy()}})')
SETTINGS = {"datasets": ["labelled"], "epochs": 1}


def labelled(folder, toml='[noise]\nconfusions = [[0, 2], [2, 1]]\nlabel_sets = ["crowd"]\n', source=LABELLED):
    plugin(folder, "labelled", source, "datasets")
    (folder / "datasets" / "labelled.toml").write_text(RECIPE + toml)
    return folder


@pytest.fixture
def folder(tmp_path):
    return labelled(tmp_path / "plugins")


def manifest(results, cell):
    return Store(results).read(cell).manifest.entries()


def cell_of(folder, noise, **content):
    (cell,) = grid(folder, noise=[noise], **SETTINGS | content)
    return cell


def test_declared_confusions_enter_the_run_and_its_identity(tmp_path, folder):
    cell = cell_of(folder, "asymmetric:0.5")
    assert cell.noise.confusions == ((0, 2), (2, 1))
    other = cell_of(labelled(tmp_path / "other", "[noise]\nconfusions = [[0, 1]]\n"), "asymmetric:0.5")
    assert other.identity != cell.identity


def test_what_a_kind_does_not_need_stays_out_of_the_run(folder):
    assert cell_of(folder, "0.3").noise == spec().noise
    assert cell_of(folder, "human:crowd").noise.confusions is None
    assert cell_of(folder, "asymmetric:0").noise == cell_of(folder, "0").noise


def test_the_table_is_no_part_of_the_recipe(folder):
    assert cell_of(folder, "0.3").recipe == spec(epochs=1).recipe


@pytest.mark.parametrize(
    ("toml", "noise", "said"),
    [
        ("", "asymmetric:0.2", "--noise asymmetric: labelled declares no classes that look alike; the TOML file"),
        ("", "human:crowd", "--noise human:crowd: labelled has no labels by people"),
        (
            '[noise]\nlabel_sets = ["crowd"]',
            "human:crowds",
            "no label set of labelled for --noise human:SET 'crowds'",
        ),
        ('[noise]\nlabel_sets = ["crowd"]', "human:0.2", "no label set of labelled for --noise human:SET '0.2'"),
        ('[noise]\nlabel_sets = ["crowd"]', "human", "--noise human: name the labels, one of human:crowd"),
        ("[noise]\nconfused = [[0, 1]]", "0.1", "no key of noise in labelled.toml 'confused'. Did you mean 'conf"),
        ("[noise]\nconfusions = [[0, 1], [0, 2]]", "0.1", "confusions: each class stands first at most once"),
        (
            "[noise]\nconfusions = [[1, 1]]",
            "0.1",
            "confusions: each class stands first at most once, and beside an",
        ),
        (
            "[noise]\nconfusions = [[0, -1]]",
            "0.1",
            "confusions: input should be greater than or equal to 0, got -1",
        ),
        ('[noise]\nlabel_sets = ["a/b"]', "0.1", "label_sets: string should match pattern"),
    ],
)
def test_noise_that_the_data_set_does_not_offer_is_refused_in_one_line(tmp_path, toml, noise, said):
    with pytest.raises(UsageError) as raised:
        cell_of(labelled(tmp_path, toml), noise)
    assert str(raised.value).startswith(said)
    assert "\n" not in str(raised.value)


def test_an_unknown_label_set_gets_a_guess(folder):
    with pytest.raises(UsageError, match=r"'crowds'\. Did you mean 'crowd'\? Available: crowd$"):
        cell_of(folder, "human:crowds")


def test_asymmetric_noise_moves_the_declared_classes(tmp_path, folder):
    (done,) = run(tmp_path, folder, noise=["asymmetric:0.25"], **SETTINGS)
    assert done.status == "done", done.detail
    told = manifest(tmp_path, cell_of(folder, "asymmetric:0.25"))
    assert told["transitions"] == [[15, 0, 5], [0, 20, 0], [0, 5, 15]]
    assert told["confusions"] == [[0, 2], [2, 1]]


def test_a_confusion_with_a_class_that_there_is_not_fails_the_run(tmp_path):
    folder = labelled(tmp_path / "plugins", "[noise]\nconfusions = [[0, 1], [1, 3]]\n")
    (failed,) = run(tmp_path, folder, noise=["asymmetric:0.5"], **SETTINGS)
    assert (failed.status, failed.detail) == (
        "failed",
        "--noise asymmetric: no classes (1, 3) to confuse, the data set's are 0–2",
    )


def test_labels_by_people_are_trained_on_and_told(tmp_path, folder):
    (done,) = run(tmp_path, folder, noise=["human:crowd"], **SETTINGS)
    assert done.status == "done", done.detail
    told = manifest(tmp_path, cell_of(folder, "human:crowd"))
    assert told["transitions"] == [[16, 4, 0], [0, 16, 4], [4, 0, 16]]
    assert (told["kind"], told["label_set"], "rate" in told, told["realised_rate"]) == (
        "human",
        "crowd",
        False,
        0.2,
    )


def test_labels_by_people_go_with_a_limited_training_set(tmp_path, folder):
    settings = SETTINGS | {"set": {"recipe": {"train_limit": 20}}}
    run(tmp_path, folder, noise=["human:crowd"], **settings)
    frame = manifest(tmp_path, cell_of(folder, "human:crowd", **settings))
    assert frame["samples"] == 20
    assert 0 < frame["flips"] <= 12


@pytest.mark.parametrize("noise", ["instance-dependent:0.3", "asymmetric:0.3", "human:crowd"])
def test_the_same_run_comes_out_twice(tmp_path, folder, noise):
    for place in ("first", "second"):
        run(tmp_path / place, folder, noise=[noise], **SETTINGS)
    first, second = (Store(tmp_path / place).scan()[0][0] for place in ("first", "second"))
    assert first.outcome == second.outcome
    assert first.manifest.flips > 0


def test_tables_show_the_rate_that_labels_by_people_have(tmp_path, folder):
    noise = ["human:crowd", "asymmetric:0.3", "0.1", "instance-dependent:0.3", "0"]
    run(tmp_path, folder, noise=noise, seeds=[0, 1], **SETTINGS)
    made = report(tmp_path, folder)
    (members,) = made.groups
    _, accuracy, *others = made.tables[members.name]
    columns = ["0%", "10%", "asymmetric 30%", "human:crowd 20%", "instance-dependent 30%"]
    assert accuracy.header == ["method", *columns]
    assert all(cell.count("±") == 1 for cell in accuracy.texts[0][1:])
    detection = next(table for table in others if table.name.startswith("noise-detection"))
    assert {row[0] for row in detection.texts} == set(columns[1:])
    assert (tmp_path / "report" / "figures" / f"rejection-{members.name}-human-crowd.png").is_file()
    rows = frame(members.records, tmp_path)
    asked = {(kind, rate) for kind, rate in zip(rows["noise_kind"], rows["noise_rate"], strict=True)}
    assert asked == {
        *(("symmetric", 0.0), ("symmetric", 0.1), ("asymmetric", 0.3), ("instance-dependent", 0.3)),
        ("human:crowd", 0.2),
    }


def test_labels_by_people_that_are_not_here_fail_the_run_with_the_way_to_mend_it(tmp_path):
    absent = TINY.replace("transforms.evaluate)", 'transforms.evaluate, DataError("get the crowd from there"))')
    source = absent.replace("import torch\n", "import torch\n\nfrom bench.errors import DataError\n", 1)
    folder = labelled(tmp_path / "plugins", source=source)
    other, failed = run(tmp_path, folder, noise=["0.1", "human:crowd"], **SETTINGS)
    assert other.status == "done"
    assert (failed.status, failed.detail) == ("failed", "get the crowd from there")


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ('{"men": torch.zeros(60).long().numpy()}', "the data set has no labels by people 'crowd', it has men"),
        ('{"crowd": torch.arange(60).numpy()}', "labelled, labels crowd: label 3 of sample 3 is outside 0–2"),
        (
            '{"crowd": torch.zeros(9).long().numpy()}',
            "labelled, labels crowd: must be int64 (60,), got int64 (9,)",
        ),
        ('{"crowd": torch.zeros(60).numpy()}', "labelled, labels crowd: must be int64 (60,), got float32 (60,)"),
    ],
)
def test_labels_by_people_are_checked(tmp_path, labels, said):
    source = TINY.replace("transforms.evaluate)", f"transforms.evaluate, {labels})")
    folder = labelled(tmp_path / "plugins", source=source)
    (failed,) = run(tmp_path, folder, noise=["human:crowd"], **SETTINGS)
    assert failed.status == "failed"
    assert failed.detail.startswith(said)


def test_an_oracle_is_told_the_rate_that_the_labels_have(tmp_path, folder):
    source = (PLUGINS / "methods" / "dummy.py").read_text().replace("relabels = True", 'oracle = ("scale",)')
    seen = "        super().__init__(task, make_backbone)\n"
    plugin(folder, "knowing", source.replace(seen, seen + "        assert task.noise_rate == 0.2\n"))
    (done,) = run(tmp_path, folder, methods=["knowing"], noise=["human:crowd"], **SETTINGS)
    assert done.status == "done", done.detail
