import numpy as np
import pytest
from harness import of_older_protocol, record, spec

from bench.report.grouping import group
from bench.report.older_versions import told_apart
from bench.report.statistics.paired import POOLED, contrasts, ranks
from bench.report.statistics.significance import holm, sign_flip
from bench.version import PROTOCOL

ONE, OTHER = "dummy", "baseline"


def runs(method, values, noise=0.3, **setting):
    return [
        record(spec(methods=[method], seeds=[seed], noise=[noise], **setting), metrics={"accuracy": value})
        for seed, value in enumerate(values)
        if value is not None
    ]


def of(*records):
    (members,) = group([each for some in records for each in some])
    return members


def test_runs_are_paired_by_seed_and_those_without_a_partner_are_counted():
    members = of(runs(ONE, [0.9, 0.8, None, 0.7]), runs(OTHER, [0.5, 0.7, 0.6]))
    (found,) = contrasts(members, "accuracy", OTHER)
    assert (found.method, found.against, found.pairs, found.unmatched) == (ONE, OTHER, 2, 2)
    assert found.difference == pytest.approx((0.4 + 0.1) / 2)
    assert found.p == sign_flip(np.array([0.4, 0.1])) == found.p_holm


def test_without_predictions_the_interval_is_over_seeds():
    (found,) = contrasts(of(runs(ONE, [0.9, 0.8]), runs(OTHER, [0.5, 0.7])), "accuracy", None)
    assert found.interval == "seeds"
    assert found.low <= found.difference <= found.high


def test_several_noises_are_also_pooled():
    members = of(*(runs(m, v, noise) for noise in (0, 0.3) for m, v in ((ONE, [0.9, 0.8]), (OTHER, [0.5, 0.7]))))
    found = contrasts(members, "accuracy", OTHER)
    assert [(each.noise, each.pairs) for each in found] == [("0%", 2), ("30%", 2), (POOLED, 4)]


def test_holm_is_taken_over_the_pairs_at_one_noise():
    rng = np.random.default_rng(0)
    methods = [ONE, OTHER, "rul"]
    members = of(*(runs(m, rng.uniform(size=5)) for m in methods))
    found = contrasts(members, "accuracy", None)
    assert len(found) == 3
    np.testing.assert_allclose([each.p_holm for each in found], holm(np.array([each.p for each in found])))


def test_runs_that_share_no_seed_are_not_compared():
    assert contrasts(of(runs(ONE, [0.9, None]), runs(OTHER, [None, 0.5])), "accuracy", None) == []


def test_a_block_that_lacks_a_method_is_not_ranked():
    members = of(runs(ONE, [0.9, 0.8, 0.7]), runs(OTHER, [0.5, 0.9]), runs("rul", [0.1, 0.1, 0.1]))
    ranked, dropped = ranks([members], "accuracy")
    assert (ranked.blocks, dropped) == (2, 1)
    assert ranked.means.tolist() == [1.5, 1.5, 3]


def test_settings_of_one_data_set_are_averaged_within_a_block():
    settings = [
        group([r for m, v in values.items() for r in runs(m, v, epochs=epochs)])[0]
        for epochs, values in (
            (1, {ONE: [0.9, 0.2], OTHER: [0.5, 0.5], "rul": [0.1, 0.1]}),
            (2, {ONE: [0.7], OTHER: [0.9], "rul": [0.1]}),
        )
    ]
    ranked, dropped = ranks(settings, "accuracy")
    assert (ranked.blocks, dropped) == (2, 0)  # of two settings and of one
    # Seed 0: 0.8, 0.7, 0.1 in the mean; seed 1: 0.2, 0.5, 0.1.
    assert dict(zip((label.text for label in ranked.labels), ranked.means, strict=True)) == {
        ONE: 1.5,
        OTHER: 1.5,
        "rul": 3.0,
    }
    assert ranks([settings[0]] * 3, "accuracy")[0].p == ranks([settings[0]], "accuracy")[0].p


def test_smaller_is_better_for_a_loss():
    values = {ONE: 1.0, OTHER: 2.0, "rul": 0.5}
    records = [record(spec(methods=[method]), metrics={"nll": value}) for method, value in values.items()]
    ranked, _ = ranks([of(records)], "nll")
    assert [label.text for label in ranked.labels] == ["rul", ONE, OTHER]


def test_two_methods_are_not_ranked():
    assert ranks([of(runs(ONE, [0.9]), runs(OTHER, [0.5]))], "accuracy") == (None, 0)


def with_older_runs():
    """Three methods, and one of them as the protocol before made it."""
    made = [runs(m, v) for m, v in ((ONE, [0.9, 0.8]), (OTHER, [0.5, 0.7]), ("rul", [0.1, 0.2]))]
    older = [of_older_protocol(each, accuracy=0.95) for each in made[0]]
    (members,) = group(told_apart([*(each for some in made for each in some), *older]))
    return members, older_label(ONE)


def older_label(name):
    return f"{name} [protocol {PROTOCOL - 1}]"


def test_rows_of_an_older_protocol_are_neither_tested_nor_ranked():
    members, older = with_older_runs()
    found = contrasts(members, "accuracy", None)
    assert older in members.labels
    assert {name for each in found for name in (each.method, each.against)} == {ONE, OTHER, "rul"}
    np.testing.assert_allclose([each.p_holm for each in found], holm(np.array([each.p for each in found])))
    ranked, dropped = ranks([members], "accuracy")
    assert [label.text for label in ranked.labels] == [ONE, OTHER, "rul"]
    assert (ranked.blocks, dropped) == (2, 0)


def test_a_row_of_an_older_protocol_is_compared_with_when_it_is_named():
    members, older = with_older_runs()
    found = contrasts(members, "accuracy", older)
    assert {(each.method, each.against) for each in found} == {(name, older) for name in (ONE, OTHER, "rul")}
    assert found[[each.method for each in found].index(ONE)].difference == pytest.approx(0.85 - 0.95)
