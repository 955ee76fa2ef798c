import dataclasses

import pytest
from harness import record, spec

from bench.errors import UsageError
from bench.report.chosen_runs import load_groups, noises_of, only_one, restricted, select, shortened_list
from bench.report.grouping import group
from bench.report.selection import Selection, split_labels


@pytest.fixture(scope="module")
def groups():
    """Two methods at three points of noise with two seeds; one of them in a second setting."""
    cells = [
        spec(methods=[method], noise=[noise], seeds=[seed])
        for method in ("rul", "baseline")
        for noise in ("0", "0.3", "pair:0.3")
        for seed in (0, 1)
    ]
    cells += [spec(methods=["rul"], set={"rul": {"mix": "C(3,2)"}}, noise=["0"]), spec(noise=["0"], epochs=9)]
    return group([record(cell) for cell in cells])


def rows(groups):
    return {(r.spec.label, r.spec.noise.label, r.spec.seed) for each in groups for r in each.records}


def test_an_empty_selection_leaves_all(groups):
    assert rows(select(groups, Selection())) == rows(groups)
    assert len(rows(groups)) == 14


@pytest.mark.parametrize(
    ("asked", "labels"),
    [
        ("rul", {"rul", "rul(mix=C(3,2))"}),
        ("rul(mix=C(3,2))", {"rul(mix=C(3,2))"}),
        ("baseline,rul(mix=C(3,2))", {"baseline", "rul(mix=C(3,2))"}),
    ],
)
def test_methods_are_chosen_by_name_or_row_label(groups, asked, labels):
    assert {row[0] for row in rows(select(groups, Selection(methods=asked)))} == labels


@pytest.mark.parametrize(
    ("asked", "points"),
    [
        ("0.3", {"30%"}),
        ("0.30", {"30%"}),
        ("symmetric:0.3", {"30%"}),
        ("pair:0.3", {"pair 30%"}),
        ("pair", {"pair 30%"}),
        ("pair 30%", {"pair 30%"}),
        ("0", {"0%"}),
        ("0,0.3", {"0%", "30%"}),
        ([0, 0.3], {"0%", "30%"}),
    ],
)
def test_noise_is_chosen_as_it_was_asked_for_or_as_tables_show_it(groups, asked, points):
    assert {row[1] for row in rows(select(groups, Selection(noise=asked)))} == points


def test_what_the_groups_offer_can_be_asked_for(groups):
    assert noises_of(groups) == ["0", "0.3", "pair:0.3"]
    for noise in noises_of(groups):
        assert len({row[1] for row in rows(select(groups, Selection(noise=[noise])))}) == 1


def test_names_of_settings_do_not_depend_on_the_selection_and_titles_tell_the_seeds(groups):
    names = {each.name for each in groups}
    assert len(names) == 2
    chosen = select(groups, Selection(methods=["rul"]))
    assert {each.name for each in chosen} <= names
    one = restricted(groups[0], lambda record: record.spec.seed == 1)
    assert (groups[0].title.split(", seed")[0], one.title.rpartition(", ")[2]) == (
        one.title.split(", seed")[0],
        "seed 1",
    )


def test_a_setting_is_chosen_by_its_name_and_several_are_told(groups):
    with pytest.raises(UsageError, match="the runs are of 2 settings, choose one by --setting: tiny-"):
        only_one(groups)
    (chosen,) = select(groups, Selection(setting=groups[1].name))
    assert only_one([chosen]).name == groups[1].name


def test_several_data_sets_are_told_by_their_names(groups):
    dataset = groups[1].records[0].spec.dataset.model_copy(update={"name": "other"})
    moved = [
        dataclasses.replace(r, spec=r.spec.model_copy(update={"dataset": dataset})) for r in groups[1].records
    ]
    both = [groups[0], dataclasses.replace(groups[1], name="other", records=moved)]
    with pytest.raises(UsageError, match="of 2 settings, choose one by --datasets: tiny; other"):
        only_one(both)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"methods": "rull"}, "no method 'rull'. Did you mean 'rul'"),
        ({"datasets": "tinny"}, "no data set 'tinny'. Did you mean 'tiny'"),
        ({"noise": "0.2"}, "no noise '0.2'. .*Available: 0, 0.3, pair:0.3"),
        ({"setting": "tin"}, "no setting 'tin'"),
        ({"methods": "rul(mix=C(3,2))", "noise": "0.3"}, "no run has all that was asked for; there is tiny-"),
    ],
)
def test_what_is_not_there_is_told_with_what_is(groups, asked, said):
    with pytest.raises(UsageError, match=said):
        select(groups, Selection(**asked))


def test_a_row_to_compare_with_is_kept_beside_the_wanted_methods(groups):
    kept = select(groups, Selection(methods="baseline"), keep=["rul"])
    assert {row[0] for row in rows(kept)} == {"baseline", "rul"}


def test_a_folder_that_is_not_there_is_one_line(tmp_path):
    with pytest.raises(UsageError, match="there is no folder"):
        load_groups(tmp_path, Selection())


def test_commas_in_brackets_belong_to_a_label():
    assert split_labels("a,b(c=1, d=(2,3)), e [x, y]") == ["a", "b(c=1, d=(2,3))", "e [x, y]"]
    assert split_labels(["a,b"]) == ["a,b"]


def test_long_lists_are_cut_between_names_and_say_how_many_there_are():
    names = [f"method-{k:03}" for k in range(100)]
    said = shortened_list(names)
    assert said.startswith("method-000, method-001, ")
    assert said.endswith("… (100 in all)")
    assert len(said) < 450
    assert set(said.removesuffix(", … (100 in all)").split(", ")) <= set(names)
