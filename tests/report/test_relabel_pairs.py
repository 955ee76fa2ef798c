from harness import elsewhere, spec
from harness import record as record_of

from bench.report.grouping import group
from bench.report.relabel_pairs import relabel_pairs


def both(**content):
    return record_of(spec(methods=["rul"], **content))


def seeds_of(ways):
    return [sorted(r.spec.seed for r in way) for way in ways]


def test_runs_without_and_with_relabelling_are_paired_under_the_shorter_label():
    records = [both(relabel=[way], seeds=[seed]) for seed in (1, 0) for way in ("on", "off")]
    (found,) = group([*records, both(relabel=["on"], seeds=[2])])
    pairs = relabel_pairs(found, found.noises[0])
    assert list(pairs) == ["rul"]
    off, on = pairs["rul"]
    assert {r.spec.relabel for r in off} == {None}
    assert None not in {r.spec.relabel for r in on}
    assert seeds_of(pairs["rul"]) == [[0, 1], [0, 1, 2]]


def test_a_method_that_does_not_relabel_by_default_is_paired_under_its_own_name():
    (found,) = group([record_of(spec(methods=["baseline"], relabel=[way])) for way in ("on", "off")])
    assert found.labels == ["baseline", "baseline(relabel=on)"]
    assert list(relabel_pairs(found, found.noises[0])) == ["baseline"]


def test_runs_are_paired_wherever_their_files_lie():
    ways = [elsewhere(both(relabel=[way]), folder) for way, folder in (("on", "/a"), ("off", "/b"))]
    (found,) = group(ways)
    assert list(relabel_pairs(found, found.noises[0])) == ["rul"]


def test_only_runs_that_differ_in_nothing_but_relabelling_are_paired():
    one_way = [both(relabel=["on"]), both(relabel=["off"], set={"rul": {"mix": 3}})]
    other_noise = both(relabel=["off"], noise=[0])
    (found,) = group([*one_way, other_noise])
    assert [relabel_pairs(found, noise) for noise in found.noises] == [{}, {}]
    (completed,) = group([*one_way, other_noise, both(relabel=["on"], set={"rul": {"mix": 3}})])
    assert list(relabel_pairs(completed, completed.noises[1])) == ["rul(mix=3)"]


def test_relabelling_with_other_settings_than_the_usual_ones_is_not_paired():
    unusual = both(relabel=["on"], set={"relabel": {"fraction": 1.0}})
    (found,) = group([both(relabel=["off"]), unusual])
    assert relabel_pairs(found, found.noises[0]) == {}
