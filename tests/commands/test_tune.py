"""`bench tune` and `bench.tune`: budget, winners, what they read, bad input, resuming."""

import inspect
import json
import math
import re
import shutil

import numpy as np
import pandas as pd
import pytest
from harness import PLUGINS, bench, plugin, spec

import bench as package
from bench.commands.grid_session import make_request
from bench.errors import UsageError
from bench.execution.machines import Machines
from bench.grid.search_space import Search, Searched
from bench.store.pack_files import write_pack
from bench.store.store import Store
from bench.store.studies import Study, StudyContest, StudyTrial, read_studies
from bench.tracking.names import Track

TINY = {
    "methods": ["dummy"],
    "datasets": "tiny",
    "noise": 0.3,
    "epochs": 1,
    "device": "cpu",
    "precision": "float32",
    "plugins": [PLUGINS],
    "held_out": 0.2,
    "progress": False,
}
RATES = {"recipe": {"learning_rate": [0.001, 3.0]}}
TYPED = ("tune", "--plugins", str(PLUGINS), "--datasets", "tiny", "--methods", "dummy", "--device", "cpu")
TYPED += ("--epochs", "1", "--noise", "0.3", "--jobs", "0")


@pytest.fixture(scope="module")
def tuned(tmp_path_factory):
    results = tmp_path_factory.mktemp("tuned")
    space = {"dummy": {"scale": [1.0, 4.0]}, **RATES}
    return results, package.tune(results=results, **TINY, set=space, budget=9, seeds=[0, 1], tune_seeds=[0, 1, 2])


def runs_of(results):
    return package.load_results(results).set_index("identity")


def test_the_defaults_come_first_and_a_listed_default_is_not_tried_twice(tuned):
    _, trials = tuned
    assert trials["configuration"][0] == "defaults"
    assert len(trials) == 1 + 4  # 2 scales times 2 rates, neither rate being the default
    assert (set(trials["tried"]), set(trials["budget"])) == ({5}, {9})


def test_the_winner_is_the_first_within_one_standard_error_of_the_best(tuned):
    results, trials = tuned
    means, images = trials["held_out"].to_numpy(), 3 * 12
    best = means.max()
    p = (best * images + 2) / (images + 4)
    tied = np.flatnonzero(means >= best - math.sqrt(p * (1 - p) / images))
    assert list(np.flatnonzero(trials["won"])) == [tied[0]]
    (study,) = (results / "tuning").glob("*.json")
    assert json.loads(study.read_text())["contests"][0]["tied"] == len(tied) - 1


def test_the_winner_stands_in_the_tables_of_its_search(tuned):
    results, trials = tuned
    told = bench("table", "accuracy", "--results", str(results), "--setting", "tiny-tuned")
    assert told.returncode == 0, told.stderr
    runs = runs_of(results)
    tests = runs[runs["evaluate"] == "test"]
    assert set(tests["setting"]) == {"tiny-tuned"}
    assert set(tests["label"]) == {"dummy"}
    won = trials["configuration"][trials["won"]].item()
    assert ("learning_rate=3.0" in won) == (set(tests["recipe.learning_rate"]) == {3.0})


def test_comparisons_leave_out_the_trials_unless_one_of_their_settings_is_named(tuned):
    results, _ = tuned
    told = bench("table", "accuracy", "--results", str(results))
    assert "held-out part" not in told.stdout
    assert "tuned (search" in told.stdout
    runs = runs_of(results)
    name = runs["setting"][runs["evaluate"] == "held-out"].iloc[0]
    assert "held-out part" in bench("table", "accuracy", "--results", str(results), "--setting", name).stdout
    compared = bench("table", "comparison", "--results", str(results), "--setting", name)
    assert "held-out part" in compared.stdout


def test_more_seeds_join_the_tests_of_the_same_search(tmp_path):
    options = TINY | {"set": RATES, "results": tmp_path, "budget": 3}
    alone = package.tune(**options, seeds=2)
    elsewhere = shutil.copytree(tmp_path, tmp_path / "elsewhere")
    more = package.tune(**options, seeds=[0, 1])
    assert len(list((tmp_path / "tuning").glob("*.json"))) == 1
    runs = runs_of(tmp_path)
    tests = runs[runs["evaluate"] == "test"]
    assert sorted(tests["seed"]) == [0, 1, 2]
    assert set(tests["setting"]) == {"tiny-tuned"}
    assert more["test"][more["won"]].item() == pytest.approx(tests["accuracy"].mean())
    assert alone["test"][alone["won"]].item() == tests.set_index("seed")["accuracy"][2]
    for into, other in ((elsewhere, tmp_path), (tmp_path, elsewhere)):
        assert bench("merge", str(other), "--results", str(into)).returncode == 0
    both = [read_studies(place)[0][0] for place in (tmp_path, elsewhere)]
    for trials in (study.contests[0].trials for study in both):
        assert {len(trial.tested) for trial in trials} == {3}


def test_the_order_of_methods_and_settings_makes_no_other_search():
    def trial(digit):
        return StudyTrial(values={}, searched=(64 * digit,), tested=())

    contests = [StudyContest(dataset="d", noise="0%", method=m, trials=(trial(m),)) for m in "ab"]
    space = {"x.y": [1, 2], "recipe.z": [3, 4]}
    asked = {"budget": 2, "search": "grid", "search_seed": 0, "metric": "accuracy", "held_out": 0.1}
    one = Study(**asked, space=space, contests=tuple(contests))
    other = Study(**asked, space=dict(reversed(space.items())), contests=tuple(contests[::-1]))
    assert one.name == other.name
    assert one.name != other.model_copy(update={"budget": 3}).name


def test_means_are_those_of_runs_on_the_held_out_part_and_of_the_winners_tests(tuned):
    results, trials = tuned
    runs = runs_of(results)
    (study,) = (results / "tuning").glob("*.json")
    contest = json.loads(study.read_text())["contests"][0]
    for trial, mean in zip(contest["trials"], trials["held_out"], strict=True):
        found = runs.loc[trial["searched"]]
        assert set(found["evaluate"]) == {"held-out"}
        assert mean == pytest.approx(found["accuracy"].mean(), rel=1e-12)
    tested = runs.loc[contest["trials"][contest["winner"]]["tested"]]
    assert (set(tested["evaluate"]), set(tested["held_out"]), sorted(tested["seed"])) == ({"test"}, {0.0}, [0, 1])
    assert trials[trials["won"]]["test"].item() == pytest.approx(tested["accuracy"].mean(), rel=1e-12)
    assert trials[~trials["won"]]["test"].isna().all()
    assert len(runs) == 5 * 3 + 2


def test_the_same_search_again_trains_nothing_and_says_the_same(tuned, monkeypatch):
    results, trials = tuned

    def refuse(*given, **named):
        raise AssertionError("it was trained again")

    monkeypatch.setattr("bench.execution.cell.execute", refuse)
    space = {"dummy": {"scale": [1.0, 4.0]}, **RATES}
    again = package.tune(results=results, **TINY, set=space, budget=9, seeds=[0, 1], tune_seeds=[0, 1, 2])
    pd.testing.assert_frame_equal(again, trials)
    assert len(list((results / "tuning").glob("*.json"))) == 1


def test_the_test_set_is_never_read_in_the_search(tmp_path):
    """A search on a data set with another test set has the same bits."""
    source = (PLUGINS / "datasets" / "tiny.py").read_text()
    other = source.replace("self.part(21)", "Split(255 - self.part(21).images, 0 * self.part(21).labels)")
    assert other != source
    results = []
    for name, text in (("one", source), ("two", other)):
        folder = tmp_path / name
        version = text.replace('    """Images 1×4×4', '    version = 1\n    """Images 1×4×4')
        named = version.replace("class Tiny", "class Poisoned").replace('    version = 1\n    """', '    """')
        named = named.replace("    def load", "    version = 1\n\n    def load", 1)
        plugin(folder, "poisoned", named, "datasets")
        options = TINY | {"datasets": "poisoned", "plugins": [PLUGINS, folder]}
        trials = package.tune(results=folder / "results", **options, set=RATES, budget=3)
        results.append((trials, folder))
    (first, one), (second, two) = results
    hidden = ["test"]
    pd.testing.assert_frame_equal(first.drop(columns=hidden), second.drop(columns=hidden))
    assert first["test"].max() != second["test"].max()  # which tells that the sets do differ
    runs = runs_of(one / "results")
    searched = runs.index[runs["evaluate"] == "held-out"]
    assert len(searched) == 3
    for identity in searched:
        here, there = (package.load_predictions(each / "results", identity) for each in (one, two))
        pd.testing.assert_frame_equal(here, there, check_exact=True)


def test_random_search_is_seeded_shares_values_and_keeps_to_the_budget(tmp_path):
    rates, sizes = {"low": 0.01, "high": 1.0, "log": True}, {"low": 8, "high": 32}
    space = {"recipe": {"learning_rate": rates, "batch_size": sizes}}
    plugin(tmp_path, "other", (PLUGINS / "methods" / "dummy.py").read_text().replace("Dummy", "Other"))
    options = TINY | {"methods": ["dummy", "other"], "plugins": [PLUGINS, tmp_path]}
    options |= {"set": space, "search": "random", "budget": 4, "results": tmp_path / "results"}
    trials = package.tune(**options)
    tried = trials.groupby("method")["configuration"].apply(list)
    assert tried["dummy"] == tried["other"]
    assert len(set(tried["dummy"])) == 4
    for values in trials["values"][1:4]:
        assert 0.01 <= values["recipe.learning_rate"] <= 1
        assert values["recipe.batch_size"] in range(8, 33)
    assert package.tune(**options)["configuration"].tolist() == trials["configuration"].tolist()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"budget": 0}, "budget: input should be greater than 0, got 0"),
        ({"budget": "-1"}, "budget: input should be greater than 0, got -1"),
        ({"budget": "nan"}, "budget: input should be a valid integer"),
        ({"tune_seeds": "0,0"}, "tune_seeds: 0 is given twice"),
        ({"metric": "speed"}, "no metric to tune by 'speed'"),
        ({"held_out": 0}, "--held-out 0: a search needs a held-out part"),
        ({"set": {}}, "nothing to tune: pass values to choose from"),
        ({"set": {"dummy": {"scale": 2.0}}}, "nothing to tune: pass values to choose from"),
        ({"set": {"dummy": {"scale": []}}}, "--set dummy.scale=[]: the list is empty"),
        ({"set": {"dummy": {"scale": [2.0]}}}, "--set dummy.scale=[2.0]: one value leaves nothing to choose"),
        ({"set": {"dummy": {"scael": [1.0, 2.0]}}}, "no hyper-parameter of dummy 'scael'. Did you mean 'scale'?"),
        ({"set": {"recipe": {"learning": [1.0, 2.0]}}}, "no key of recipe 'learning'"),
        ({"set": {"dumy": {"scale": [1.0, 2.0]}}}, "no method, data set or section to --set 'dumy'"),
        ({"set": {"rul": {"mix": [2, 3]}}}, "--set rul.…: rul is not in this run"),
        (
            {"set": {"tiny": {"imbalance": ["a", "b"]}}},
            "--set tiny.imbalance: an option of a data set",
        ),
        ({"set": {"recipe": {"learning_rate": {"low": 1.0}}}}, "--set recipe.learning_rate: a range is {low=1,"),
        ({"set": {"recipe": {"learning_rate": {"low": 1.0, "high": 0.1}}}}, "--set recipe.learning_rate: a range"),
        (
            {"set": {"recipe": {"learning_rate": {"low": 0.1, "high": 1.0}}}},
            "--set recipe.learning_rate: a range needs --search random",
        ),
        ({"metric": "scores.nope.auroc"}, "no score to tune by 'nope'"),
        ({"metric": "scores.knn.auroc"}, "no score to tune by 'knn'"),
        ({"budget": 2}, "--budget 2: the grid of dummy has up to 3 configurations"),
        ({"relabel": "on,off"}, "--relabel on,off: a search relabels or does not"),
        ({"evaluate": "test"}, "no argument 'evaluate'"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_written(tmp_path, options, said):
    with pytest.raises(UsageError) as error:
        package.tune(**TINY | {"set": RATES, "budget": 3, "results": tmp_path / "results"} | options)
    assert str(error.value).startswith(said)
    assert not (tmp_path / "results").exists()


def test_a_configuration_that_fails_is_counted_and_cannot_win(tmp_path):
    space = {"dummy": {"scale": [1e300, 2.0]}}
    with pytest.warns(UserWarning, match="1 of 4 cells failed"):
        trials = package.tune(**TINY | {"set": space, "results": tmp_path, "budget": 3})
    assert trials["held_out"].isna().tolist() == [False, True, False]
    assert not trials["won"][1]


def test_time_that_runs_out_leaves_no_winner_and_the_same_command_goes_on(tmp_path):
    options = TINY | {"set": RATES, "results": tmp_path, "budget": 3}
    stopped = package.tune(**options, max_minutes=0)
    assert not stopped["won"].any()
    study = json.loads(next((tmp_path / "tuning").glob("*.json")).read_text())
    assert not study["is_done"]
    assert package.tune(**options)["won"].sum() == 1
    assert json.loads(next((tmp_path / "tuning").glob("*.json")).read_text())["is_done"]


def test_the_command_plans_tells_who_has_fewer_and_shows_and_writes_both_tables(tmp_path):
    plugin(tmp_path, "other", (PLUGINS / "methods" / "dummy.py").read_text().replace("Dummy", "Other"))
    where = ("--results", str(tmp_path / "r"), "--plugins", str(tmp_path), "--methods", "dummy,other")
    given = tuple(each for each in TYPED if each not in ("--methods", "dummy"))
    typed = (*given, *where, "--set", "dummy.scale=[2.0,4.0]", "--budget", "3")
    planned = bench(*typed, "--dry-run")
    assert planned.returncode == 0, planned.stderr
    assert "4 runs on the held-out part, then 2 on the test set" in planned.stdout
    assert "6 cells, 6 to run" in planned.stdout
    assert not list((tmp_path / "r").rglob("record.json"))
    done = bench(*typed)
    assert done.returncode == 0, done.stderr
    assert "other: only its defaults, fewer than the budget of 3" in " ".join(done.stderr.split())
    assert "Tuning: grid search by accuracy" in done.stdout
    (path,) = (tmp_path / "r" / "report" / "tables").glob("tuning-????????.csv")
    table = pd.read_csv(path)
    assert list(table["tried"]) == [3, 1]
    assert {"dataset", "noise", "method", "budget", "winner", "held_out_mean", "tied", "test_mean"} <= set(table)
    page = (tmp_path / "r" / "report" / "README.md").read_text()
    assert "practitioner" in page
    assert "held-out part (noisy labels)" not in page  # the runs of the search fill no other tables
    alone = bench("table", "tuning", "--results", str(tmp_path / "r"))
    assert (alone.returncode, "Tuning: grid search" in alone.stdout) == (0, True)


def test_the_plan_of_a_finished_search_has_nothing_to_run(tuned):
    results, trials = tuned
    assert "learning_rate=3.0" in trials["configuration"][trials["won"]].item()  # not the default
    typed = (
        *TYPED,
        "--set",
        "recipe.learning_rate=[0.001,3.0]",
        "--set",
        "dummy.scale=[1.0,4.0]",
        "--budget",
        "9",
    )
    seeds = ("--seeds", "0,1", "--tune-seeds", "0,1,2", "--held-out", "0.2", "--precision", "float32")
    planned = bench(*typed, *seeds, "--results", str(results), "--dry-run")
    assert planned.returncode == 0, planned.stderr
    assert re.search(r"\b17 cells, 0 to run", " ".join(planned.stdout.split())), planned.stdout


def test_a_search_that_cannot_be_read_is_told_and_left_out(tmp_path):
    package.run(**{k: v for k, v in TINY.items() if k != "held_out"}, results=tmp_path)
    (tmp_path / "tuning").mkdir()
    (tmp_path / "tuning" / "odd.json").write_text("[]")
    told = bench("report", "--results", str(tmp_path))
    assert told.returncode == 0
    assert "odd.json is left out" in "".join(told.stderr.split("\n"))
    assert bench("table", "tuning", "--results", str(tmp_path)).returncode == 2


def test_an_experiment_says_which_part_is_held_out_unless_an_option_does(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text("held_out = 0.3\n")
    assert make_request({}, str(file), Searched).held_out == 0.3
    assert make_request({"held_out": "0.2"}, str(file), Searched).held_out == 0.2
    assert make_request({}, None, Searched).held_out == 0.1


def test_the_help_offers_what_a_search_has():
    told = bench("tune", "--help").stdout
    assert "--evaluate" not in told
    assert "[default: 0.1]" in told


def test_the_signature_is_that_of_the_models():
    shown = inspect.signature(package.tune).parameters
    own = {"results", "data_root", "download", "plugins", "keep_weights", "progress"}
    models = {**Search.model_fields, **Searched.model_fields, **Machines.model_fields, **Track.model_fields}
    assert shown.keys() - own == models.keys() - {"pictures", "recipes", "recipe", "evaluate"}
    for name, field in Search.model_fields.items():
        default = field.get_default()
        assert shown[name].default == (default[0] if isinstance(default, list) else default)
    told = package.tune.__doc__.partition("Returns:")[0]
    assert re.findall(r"^ {8}(\w+): \S", told, re.MULTILINE) == list(shown)


def test_a_run_of_the_search_is_the_run_that_held_out_evaluation_asks_for(tuned):
    results, _ = tuned
    asked = spec(held_out=0.2, evaluate="held-out", epochs=1)
    assert Store(results).has(asked)


def test_a_search_goes_along_in_a_pack_and_is_shown_from_it(tuned, tmp_path):
    results, _ = tuned
    pack = tmp_path / "published" / "runs.tar.gz"
    pack.parent.mkdir()
    assert bench("pack", str(pack), "--results", str(results)).returncode == 0
    tables = [bench("table", "tuning", "--results", str(place)) for place in (results, pack.parent)]
    assert tables[0].stdout == tables[1].stdout
    assert "defaults" in tables[0].stdout
    assert not (pack.parent / "tuning").exists()
    done = bench("merge", str(pack), "--results", str(tmp_path / "here"))
    assert done.stdout.endswith(" runs added, 0 were here; 1 searches of bench tune\n"), done.stdout + done.stderr
    (here,), (there,) = ((place / "tuning").glob("*.json") for place in (tmp_path / "here", results))
    assert (here.name, here.read_bytes()) == (there.name, there.read_bytes())


def test_a_merge_completes_a_search_and_never_undoes_one(tuned, tmp_path):
    results, _ = tuned
    half, here = shutil.copytree(results, tmp_path / "half"), tmp_path / "here"
    (study,) = (half / "tuning").glob("*.json")
    done = json.loads(study.read_text())
    study.write_text(json.dumps(done | {"is_done": False}))
    for other, expected in ((half, False), (results, True), (half, True)):
        assert bench("merge", str(other), "--results", str(here)).returncode == 0
        assert json.loads((here / "tuning" / study.name).read_text())["is_done"] is expected


def test_a_file_in_a_pack_that_is_no_search_is_named_and_the_runs_are_read(tuned, tmp_path):
    results, _ = tuned
    store, pack = Store(results), tmp_path / "runs.tar.gz"
    with pack.open("wb") as file:
        write_pack(file, [each.files for each in store.scan()[0]], store.root, False, searches={"0a.json": b"{"})
    done = bench("merge", str(pack), "--results", str(tmp_path / "here"))
    assert done.returncode == 1
    assert f"{pack}/tuning/0a.json is left out, it is no search" in done.stderr.replace("\n", "")
    assert "17 runs added" in done.stdout


@pytest.mark.parametrize(
    "changed",
    [
        {"metric": "foo"},
        {"metric": "scores"},
        {"space": {"a": {"x": 1}}},
        {"space": {"a": 3}},
        {"contests": [{"dataset": "d", "noise": "0%", "method": "m", "trials": []}]},
        {"winner": 99},
        {"winner": -1},
    ],
    ids=str,
)
def test_a_file_that_is_no_sound_search_is_named_and_the_report_is_written(tuned, tmp_path, changed):
    results = shutil.copytree(tuned[0], tmp_path / "results")
    (path,) = (results / "tuning").glob("*.json")
    content = json.loads(path.read_text())
    if "winner" in changed:
        content["contests"][0] |= changed
    else:
        content |= changed
    path.write_text(json.dumps(content))
    _, problems = read_studies(results)
    assert len(problems) == 1
    assert problems[0].startswith(f"{path} is left out, it is no search that can be read: ")


def test_a_search_whose_winner_was_not_tested_yet_is_reported(tuned, tmp_path):
    results = shutil.copytree(tuned[0], tmp_path / "results")
    for record in Store(results).scan()[0]:
        if record.spec.evaluate == "test":
            shutil.rmtree(record.path)
    done = bench("report", "--results", str(results))
    assert done.returncode == 0, done.stderr
    assert done.stderr == "note: no run on the test set is finished; the tables are those of bench tune\n"
    assert "defaults" in (results / "report" / "README.md").read_text()
