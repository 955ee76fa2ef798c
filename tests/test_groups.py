import dataclasses

import pandas as pd
from harness import spec

from bench.groups import group, newest
from bench.store import Record


def record(started: str = "2026-01-01", accuracy: float = 0.9, **content: object) -> Record:
    cell = spec(**content)
    return Record(
        path=cell.folder,
        spec=cell,
        manifest={},
        metrics={"accuracy": accuracy},
        environment={},
        cost={"started": started},
        metrics_source="",
        epochs=pd.DataFrame(),
        curves=pd.DataFrame(),
    )


def test_methods_noise_and_seeds_stand_in_one_group():
    records = [record(noise=[rate], seeds=[seed]) for rate in (0.3, 0) for seed in (1, 0)]
    (found,) = group(records)
    assert [noise.label for noise in found.noises] == ["0%", "30%"]
    assert [r.spec.seed for r in found.cell("dummy", found.noises[0])] == [0, 1]
    assert found.title == "tiny, 4 epochs, test set, seeds 0, 1"


def test_settings_of_one_data_set_are_apart_and_told_apart():
    found = group([record(), record(epochs=2), record(set={"recipe": {"learning_rate": 0.5}})])
    assert len({members.name for members in found}) == 3
    assert sorted("learning_rate 0.5" in members.title for members in found) == [False, False, True]


def test_other_noise_kinds_come_after_symmetric_noise():
    records = [record(noise=[noise]) for noise in ("pair:0.1", "0.2", "0")]
    assert [noise.label for noise in group(records)[0].noises] == ["0%", "20%", "pair 10%"]


def test_a_row_never_mixes_runs_of_a_changed_plugin():
    old = [record("2026-01-01", seeds=[seed], noise=[rate]) for seed in (0, 1) for rate in (0, 0.3)]
    new = record("2026-01-02", seeds=[0])
    changed = new.spec.model_copy(update={"method": new.spec.method.model_copy(update={"source": "other"})})
    kept, superseded = newest([*old, dataclasses.replace(new, spec=changed)])
    assert [r.spec.method.source for r in kept] == ["other"]
    assert superseded == 4


def test_of_runs_that_differ_only_in_plugin_source_the_newest_counts():
    old, new = record("2026-01-01", accuracy=0.1), record("2026-01-02", accuracy=0.2)
    changed = new.spec.model_copy(update={"method": new.spec.method.model_copy(update={"source": "other"})})
    kept, superseded = newest([dataclasses.replace(new, spec=changed), old])
    assert [r.metrics["accuracy"] for r in kept] == [0.2]
    assert superseded == 1


def test_runs_of_different_seeds_all_count():
    assert newest([record(seeds=[0]), record(seeds=[1])])[1] == 0
