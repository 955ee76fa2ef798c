import dataclasses
import hashlib

import pytest
from harness import elsewhere, spec
from harness import record as record_of

from bench.report.grouping import group, places
from bench.report.older_versions import told_apart, without_outdated
from bench.report.setting import setting
from bench.report.statistics.paired import contrasts
from bench.store.record import Record
from bench.version import PROTOCOL


def record(started: str = "2026-01-01", accuracy: float = 0.9, **content: object) -> Record:
    return record_of(spec(**content), cost={"started": started}, metrics={"accuracy": accuracy})


def test_methods_noise_and_seeds_stand_in_one_group():
    records = [record(noise=[rate], seeds=[seed]) for rate in (0.3, 0) for seed in (1, 0)]
    (found,) = group(records)
    assert [noise.label for noise in found.noises] == ["0%", "30%"]
    assert [r.spec.seed for r in found.cell("dummy", found.noises[0])] == [0, 1]
    assert found.title == "tiny, 4 epochs, test set, seeds 0, 1"


def test_settings_of_one_data_set_are_apart_and_told_apart():
    found = group([record(), record(epochs=1), record(set={"recipe": {"learning_rate": 0.5}})])
    assert len({members.name for members in found}) == 3
    assert sum(members.title.startswith("tiny, 1 epoch, test set, ") for members in found) == 1
    assert sorted("learning_rate 0.5" in members.title for members in found) == [False, False, True]


def recipe(name, **fields):
    made = record(set={"recipe": fields}, precision="float32")
    return dataclasses.replace(made, spec=made.spec.model_copy(update={"recipe_name": name}))


def test_a_recipe_with_a_name_of_its_own_is_told_by_the_name():
    steps = {"schedule": {"factor": 0.9, "first_epoch": 2, "every": 1}, "learning_rate": 0.5}
    found = group([recipe("small"), recipe("steps", **steps, epochs=2), record(precision="bfloat16")])
    told = {members.title: members.recipe for members in found}
    usual = "learning_rate 0.05, schedule one-cycle"
    assert told == {
        "tiny, recipe small, 4 epochs, test set, precision float32, seed 0": usual,
        "tiny, recipe steps, 2 epochs, test set, precision float32, seed 0":
            "learning_rate 0.5, schedule (factor 0.9, first_epoch 2, every 1)",
        f"tiny, 4 epochs, test set, {usual}, precision bfloat16, seed 0": "",
    }  # fmt: skip


def test_a_name_of_two_recipes_tells_neither():
    first, second = group([recipe("small"), recipe("small", learning_rate=0.5)])
    assert (first.recipe, second.recipe) == ("", "")
    assert {"learning_rate 0.5" in each.title for each in (first, second)} == {True, False}


def test_a_recipe_told_by_its_name_may_stand_in_two_settings():
    slow = recipe("slow", learning_rate=0.5)
    other = dataclasses.replace(slow, spec=slow.spec.model_copy(update={"precision": "bfloat16"}))
    found = group([slow, other, recipe("small")])
    assert sum(members.title.startswith("tiny, recipe slow, ") for members in found) == 2
    assert not any("learning_rate" in members.title for members in found)


def test_many_settings_of_one_data_set_have_names_of_their_own():
    """Of this many, some share the first four digits of their hash."""
    base = spec()
    recipes = [base.recipe.model_copy(update={"weight_decay": 1e-6 * place}) for place in range(2000)]
    found = group([record_of(base.model_copy(update={"recipe": recipe})) for recipe in recipes])
    names = {members.name for members in found}
    assert len(names) == 2000
    assert len({name[: len("tiny-") + 4] for name in names}) < 2000
    assert {members.title.count("weight_decay") for members in found} == {1}


def test_a_name_does_not_depend_on_keys_that_are_none():
    first, second = (spec(epochs=epochs) for epochs in (3, 4))
    settings = [{k: v for k, v in setting(each).items() if v is not None} for each in (first, second)]
    digits = [hashlib.sha256(repr(each).encode()).hexdigest()[:4] for each in settings]
    assert "cutout" in setting(first)
    assert {each.name for each in group([record_of(first), record_of(second)])} == {f"tiny-{d}" for d in digits}


def won(*searches, **content):
    return dataclasses.replace(record(**content), searches=searches)


def test_winners_of_a_search_stand_in_one_table_whatever_recipe_won():
    rates = [{"recipe": {"learning_rate": rate}} for rate in (0.1, 0.5)]
    runs = [
        won("5ea2c4ed", methods=["baseline"], set=rates[0] | {"baseline": {"dropout": 0.1}}),
        won("5ea2c4ed", methods=["rul"], set=rates[1], relabel=["off"]),
        won("5ea2c4ed", methods=["rul"], set=rates[0], noise=[0.1], relabel=["off"], seeds=[3]),
    ]
    (found,) = group(runs)
    assert (found.name, found.labels) == ("tiny-tuned", ["baseline", "rul(relabel=off)"])
    assert found.title == "tiny, 4 epochs, tuned (search 5ea2c4ed), test set, seeds 0, 3"
    assert {place.setting for place in places(runs).values()} == {"tiny-tuned"}
    assert places(runs)[runs[0].spec.identity].label == "baseline"


def test_a_winner_stands_beside_other_runs_of_its_setting_too():
    winner, other = won("5ea2c4ed", methods=["rul"]), record(methods=["baseline"])
    tuned, ordinary = group([other, winner])
    assert (tuned.name, ordinary.name) == ("tiny-tuned", "tiny")
    assert (tuned.labels, ordinary.labels) == (["rul"], ["baseline", "rul"])
    assert {place.setting for place in places([other, winner]).values()} == {"tiny"}


def test_winners_of_two_searches_are_apart_and_epochs_that_differ_are_not_told():
    both = won("1111aaaa", "2222bbbb")
    first, second = group([both, won("2222bbbb", epochs=1, methods=["baseline"])])
    assert (first.name, second.name) == ("tiny-tuned-1111aaaa", "tiny-tuned-2222bbbb")
    assert (len(first.records), len(second.records)) == (1, 2)
    assert (" epoch" in first.title, " epoch" in second.title) == (True, False)


def test_other_noise_kinds_come_after_symmetric_noise():
    records = [record(noise=[noise]) for noise in ("pair:0.1", "0.2", "0")]
    assert [noise.label for noise in group(records)[0].noises] == ["0%", "20%", "pair 10%"]


def remade(made, **method):
    """The record with another version of its method, or other values of it."""
    spec = made.spec.model_copy(update={"method": made.spec.method.model_copy(update=method)})
    return dataclasses.replace(made, spec=spec)


PRESENT = "code:present"


def with_code(code="code:present", *, started="2026-01-01", **content):
    return remade(record(started, **content), version=code)


def test_a_row_never_mixes_runs_of_a_plugin_in_flux_that_was_edited():
    old = [with_code("code:old", seeds=[seed], noise=[rate]) for seed in (0, 1) for rate in (0, 0.3)]
    kept, left_out = without_outdated([*old, with_code(seeds=[0])], {PRESENT, OWN_DATA})
    assert [r.spec.method.version for r in kept] == [PRESENT]
    assert left_out == old


OWN_DATA = record().spec.dataset.version  # the tiny data set is in flux, too


@pytest.mark.parametrize("started", ["1970-01-01", "2026-01-01", "2999-12-31", "9999-12-31T23:59:59+00:00"])
@pytest.mark.parametrize("other", ["code:other", "code:", "code:present+code:other", "1+code:zzzz"])
def test_no_date_and_no_other_code_hides_a_run_of_the_code_that_is_here(started, other):
    own, foreign = with_code(seeds=[0]), with_code(other, started=started, seeds=[1])
    for runs in ([own, foreign], [foreign, own]):
        assert without_outdated(runs, {PRESENT, OWN_DATA}) == ([own], [foreign])


@pytest.mark.parametrize(
    "dates", [("2026-01-01", "2999-01-01"), ("2999-01-01", "2026-01-01"), ("2026-01-01", "2026-01-01")]
)
def test_runs_of_codes_that_are_not_here_all_stay_each_in_a_row_of_its_own(dates):
    codes = ("code:aaaa", "code:bbbb")
    runs = [with_code(code, started=date, seeds=[0]) for code, date in zip(codes, dates, strict=True)]
    kept, left_out = without_outdated(runs, {PRESENT, OWN_DATA})
    assert (kept, left_out) == (runs, [])
    told = told_apart(kept)
    assert [r.spec.label for r in told] == ["dummy [version code:aaaa]", "dummy [version code:bbbb]"]
    (found,) = group(told)
    assert found.current == found.labels  # neither is known to be older


def test_one_code_that_is_not_here_keeps_the_plain_label():
    assert [r.spec.label for r in told_apart([with_code("code:aaaa")])] == ["dummy"]


def test_code_in_flux_beside_a_declared_version_is_told_apart_from_it():
    made = [with_code("1", seeds=[0]), with_code("code:aaaa", seeds=[1])]
    released = made[0].spec.dataset.model_copy(update={"version": "1"})
    made = [dataclasses.replace(r, spec=r.spec.model_copy(update={"dataset": released})) for r in made]
    assert [r.spec.label for r in told_apart(made)] == ["dummy", "dummy [version code:aaaa]"]


def test_a_hyper_parameter_that_a_plugin_has_gained_does_not_keep_its_old_runs():
    old, new = with_code("code:old", seeds=[0]), with_code(seeds=[1])
    gained = new.spec.method.hyperparameters | {"gained": 1}
    kept, left_out = without_outdated([old, remade(new, hyperparameters=gained)], {PRESENT, OWN_DATA})
    assert ([r.spec.seed for r in kept], left_out) == ([1], [old])


def test_runs_of_different_seeds_all_count():
    assert without_outdated([record(seeds=[0]), record(seeds=[1])])[1] == []


@pytest.mark.parametrize(("older", "newer"), [("1", "2"), ("2", "10"), ("1+1", "1+2")])
def test_runs_of_several_declared_versions_stand_in_rows_of_their_own(older, newer):
    made = [record("2026-01-02", seeds=[0]), record("2026-01-01", seeds=[1])]
    versions = [remade(each, version=version) for each, version in zip(made, (older, newer), strict=True)]
    released = made[0].spec.dataset.model_copy(update={"version": "1"})
    versions = [dataclasses.replace(r, spec=r.spec.model_copy(update={"dataset": released})) for r in versions]
    kept, left_out = without_outdated(versions)
    assert left_out == []
    assert [r.spec.label for r in told_apart(kept)] == [f"dummy [version {older}]", "dummy"]


def test_runs_of_several_protocols_stand_in_rows_of_their_own():
    old, new = record(seeds=[0]), record(seeds=[1])
    old = dataclasses.replace(old, spec=old.spec.model_copy(update={"protocol": old.spec.protocol - 1}))
    kept, left_out = without_outdated([old, new])
    assert left_out == []
    assert [r.spec.label for r in told_apart(kept)] == [f"dummy [protocol {PROTOCOL - 1}]", "dummy"]
    assert [r.spec.label for r in told_apart([old])] == ["dummy"]


def test_only_rows_of_the_newest_protocol_and_version_are_current():
    made = [remade(record(seeds=[s]), version=str(s)) for s in (1, 2)]
    released = made[0].spec.dataset.model_copy(update={"version": "1"})
    made = [dataclasses.replace(r, spec=r.spec.model_copy(update={"dataset": released})) for r in made]
    (found,) = group(told_apart([*made, record(methods=["baseline"])]))
    assert found.current == ["baseline", "dummy"]
    assert found.labels == ["baseline", "dummy", "dummy [version 1]"]


def test_runs_that_are_all_of_one_older_protocol_are_current():
    runs = [record(methods=[method]) for method in ("dummy", "baseline")]
    runs = [dataclasses.replace(r, spec=r.spec.model_copy(update={"protocol": PROTOCOL - 1})) for r in runs]
    (found,) = group(told_apart(runs))
    assert found.current == found.labels == ["baseline", "dummy"]


def test_runs_of_several_codes_of_a_plugins_backbone_stand_in_rows_of_their_own():
    made = [record(seeds=[seed]) for seed in (0, 1)]
    released = made[0].spec.dataset.model_copy(update={"version": "1"})
    method = made[0].spec.method.model_copy(update={"version": "1"})
    changes = [{"backbone_version": v, "dataset": released, "method": method} for v in ("1", "2")]
    runs = [dataclasses.replace(r, spec=r.spec.model_copy(update=c)) for r, c in zip(made, changes, strict=True)]
    assert runs[0].spec.identity != runs[1].spec.identity
    assert [r.spec.label for r in told_apart(runs)] == ["dummy [backbone's version 1]", "dummy"]


def test_where_files_lie_makes_no_row_of_its_own():
    made = [elsewhere(record(seeds=[0]), "/a", version="1"), elsewhere(record(seeds=[1]), "/b", version="2")]
    assert [r.spec.label for r in told_apart(made)] == ["dummy [version 1]", "dummy"]
    (found,) = group(told_apart(made))
    assert found.labels == ["dummy", "dummy [version 1]"]
    same = [elsewhere(record(), folder, version="1").spec.identity for folder in ("/a", "/b")]
    assert same[0] == same[1]


def test_of_runs_whose_files_lie_elsewhere_those_of_the_code_here_count():
    old = elsewhere(record(accuracy=0.1), "/a", version="code:old")
    new = elsewhere(record(accuracy=0.2), "/b", version=PRESENT)
    kept, left_out = without_outdated([old, new], {PRESENT})
    assert ([r.metrics.accuracy for r in kept], left_out) == ([0.2], [old])


def confused(made, *pairs):
    spec = made.spec
    return dataclasses.replace(
        made, spec=spec.model_copy(update={"noise": spec.noise.model_copy(update={"confusions": pairs})})
    )


def test_noises_of_other_confused_classes_stand_in_columns_of_their_own():
    made = [record(methods=[m], noise=["pair:0.3"], accuracy=a) for m, a in (("dummy", 0.9), ("baseline", 0.5))]
    changed = [confused(made[0], (1, 2)), confused(made[1], (1, 2), (0, 1)), record(noise=[0])]
    (found,) = group(changed)
    clean, *others = found.noises
    assert [noise.label for noise in others] == [f"pair 30% {noise.confusions_hash}" for noise in others]
    assert len({noise.slug for noise in others}) == 2
    assert sorted(
        [r.spec.label for r in found.cell(label, noise)] for noise in others for label in found.labels
    ) == [
        [],
        [],
        ["baseline"],
        ["dummy"],
    ]
    assert contrasts(found, "accuracy", None) == []
    (alone,) = group([changed[0], changed[2]])
    assert [noise.label for noise in alone.noises] == [clean.label, "pair 30%"]
    assert changed[0].spec.model_dump(mode="json")["noise"].keys() == spec().noise.model_dump(mode="json").keys()


def labels_of(records):
    (found,) = group(records)
    return found.labels


def test_labels_stand_in_natural_order():
    sizes = [16, 8, 128, 32]
    found = labels_of([record(methods=["rul"], set={"rul": {"dimension": size}}) for size in sizes])
    assert found == [f"rul(dimension={size})" for size in (8, 16, 32, 128)]


def test_labels_stand_in_order_of_method_then_setting():
    records = [record(methods=["rul"], set={"rul": {"mix": mix}}) for mix in (5, 3, 2)]
    assert labels_of([*records, record(), record(methods=["baseline"])]) == [
        *("baseline", "dummy"),
        *("rul", "rul(mix=3)", "rul(mix=5)"),
    ]


def test_labels_with_fractions_stand_in_order_of_size():
    found = labels_of([record(set={"dummy": {"scale": scale}}) for scale in (0.5, 0.25, 2.0)])
    assert found == ["dummy(scale=0.25)", "dummy(scale=0.5)", "dummy(scale=2.0)"]
