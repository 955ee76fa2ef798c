"""What `bench predict` and `bench.predict` do: choose runs, predict with their kept weights."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from bench.errors import DataError, UsageError
from bench.evaluation.array_names import NAMED
from bench.evaluation.evaluate import all_scores
from bench.evaluation.predictions import LabelledPredictions
from bench.evaluation.scores import UNDEFINED_IF_NORMALISED
from bench.execution.context import Context
from bench.execution.test_sets import test_set
from bench.execution.trained import load_trained
from bench.options import PathLike, path_of, split_list
from bench.plugins.plugin_folders import plugin_folders
from bench.plugins.registry import plugin_name
from bench.report.chosen_runs import load_groups, shortened_list
from bench.report.scoring import Scoring
from bench.report.selection import Selection
from bench.spec import ImportedSpec
from bench.store.array_files import arrays_of
from bench.store.file_sources import Folder
from bench.store.record import Record, read_record
from bench.validation import validated


def chosen(context: Context, selection: Selection, seeds: list[int], run: Path | None) -> list[Record]:
    """Return the runs to predict with, by their options or by the folder of one.

    Imported runs, which have no weights, are left out.

    Raises:
        UsageError: there is none, or a folder comes with another choice.
        BenchError: the folder is that of no run.
    """
    if run is not None:
        if seeds or selection != Selection():
            raise UsageError("--run names the run: leave out what else chooses runs")
        return [read_record(Folder(run))]
    groups, _ = load_groups(context.store.results, selection, context.registry)
    # A winner of a search may stand in a setting of its own, too.
    found = list({record.spec.identity: record for each in groups for record in each.records}.values())
    kept = [record for record in found if not seeds or record.spec.seed in seeds]
    trained = [record for record in kept if not isinstance(record.spec, ImportedSpec)]
    if kept and not trained:
        raise UsageError("the chosen runs are imported: they were trained elsewhere and have no weights here")
    if not kept:
        there = ", ".join(map(str, sorted({record.spec.seed for record in found})))
        raise UsageError(f"--seeds {','.join(map(str, seeds))}: no chosen run has it, there is {there}")
    return trained


def only_one(records: list[Record]) -> Record:
    """Return the only run.

    Raises:
        UsageError: there are several; the line says how to choose one.
    """
    if len(records) == 1:
        return records[0]
    told = shortened_list([record.spec.title for record in records], "; ")
    raise UsageError(
        f"{len(records)} runs were chosen, one file takes one; choose by --methods, --noise and --seeds, "
        f"or name a folder as -o for a file each: {told}"
    )


class Asked(NamedTuple):
    """What to predict, and the scores to add."""

    dataset: str | None  # None: the run's own test set
    options: dict[str, Any]  # of that data set
    scores: list[str]
    scoring: Scoring | None  # the scores that are plugins


def asked_for(
    dataset: str | None, settings: Mapping[str, dict[str, Any]], scores: Iterable[str], context: Context
) -> Asked:
    """Return what to predict, from settings of the data set and of scores.

    Raises:
        UsageError: a score is unknown, or a setting is of something else.
        PluginError: a score does not load.
    """
    names = [plugin_name(name) for name in scores]
    of_scores = {name: values for name, values in settings.items() if plugin_name(name) in names}
    options = dict[str, Any]()
    for name in settings.keys() - of_scores.keys():
        if dataset is None or plugin_name(name) != plugin_name(dataset):
            raise UsageError(
                f"--set {name}.…: must be of the data set that --dataset names, got {dataset}, or of a score "
                f"that --scores names"
            )
        options |= settings[name]
    scoring = Scoring.of(names, of_scores, context.registry, context.data_root)
    return Asked(dataset, options, list(dict.fromkeys(names)), scoring)


def predicted(record: Record, asked: Asked, context: Context) -> LabelledPredictions:
    """Return predictions of a run's trained method on its own or another test set.

    Scores that were asked for are columns `uncertainty_NAME`.

    Raises:
        BenchError: the weights are missing or damaged, the data set does not fit, or a score fails.
    """
    trained = load_trained(record, context)
    found = trained.on(test_set(trained, asked.dataset, asked.options, context))
    if not asked.scores:
        return found
    outputs = found.predictions
    offered = all_scores(outputs)
    if asked.scoring is not None:
        offered |= asked.scoring.of_images(record, outputs, context.store)
    for name in asked.scores:
        if name not in offered:
            raise DataError(f"score {name} of {record.files}: {UNDEFINED_IF_NORMALISED[name]}")
    return LabelledPredictions(
        outputs, {**found.columns, **{f"{NAMED}{name}": offered[name] for name in asked.scores}}
    )


def without_features(found: LabelledPredictions) -> LabelledPredictions:
    """Return predictions without features."""
    return LabelledPredictions(found.predictions._replace(features=None), found.columns)


def predict(
    *,
    results: PathLike = "results",
    methods: str | Iterable[str] = (),
    datasets: str | Iterable[str] = (),
    noise: str | float | Iterable[str | float] = (),
    setting: str | None = None,
    seed: int | None = None,
    run: PathLike | None = None,
    dataset: str | None = None,
    set: dict[str, dict[str, Any]] = {},  # noqa: B006 - it is not changed
    scores: str | Iterable[str] = (),
    features: bool = True,
    data_root: PathLike | None = None,
    plugins: Iterable[PathLike] = (),
) -> dict[str, np.ndarray]:
    """Return predictions of one stored run's trained method, without training again.

    The run must have been made with `keep_weights`. Images are normalised as in the run.

    Args:
        results: folder of the store.
        methods: the run's method or row label.
        datasets: the data set that the run was trained on.
        noise: the run's label noise, such as 0.3 or `pair:0.3`.
        setting: the name of the run's setting, where runs have several recipes.
        seed: of the run.
        run: the run's folder, in place of all these.
        dataset: name of the data set whose test images to predict, of the same image shape and
            classes; None for the run's own.
        set: options of that data set: `{"arrays": {"path": "shifted.npz"}}`; and of scores.
        scores: post-hoc scores to add, such as `knn`; what they need of the training images is made
            with the run's weights.
        features: whether to return features, if the method has them.
        data_root: where data sets are; None takes BENCH_DATA, else `data`.
        plugins: folders of plugins besides those that BENCH_PLUGINS names.

    Returns:
        `logits` (N, K) or `log_probabilities`, `labels` (N,), `uncertainty` (N,), larger = less
        sure, `uncertainty_NAME` (N,) of each added score, and `features` (N, D); the arrays that
        `bench import` reads.

    Raises:
        UsageError: an unknown name, or not exactly one run is chosen.
        DataError: the run has no weights, they are damaged, the data set does not fit, or a score
            fails.
    """
    from bench.commands.grid_session import make_context

    folders = plugin_folders(path_of(folder, "plugins") for folder in plugins)
    context = make_context(path_of(results, "results"), data_root, folders)
    wanted = {"methods": methods, "datasets": datasets, "noise": noise}
    given = {name: each if isinstance(each, str) else split_list(each) for name, each in wanted.items()}
    selection = validated(Selection, given | {"setting": setting}, "argument")
    place = None if run is None else path_of(run, "run")
    record = only_one(chosen(context, selection, [] if seed is None else [seed], place))
    listed = split_list(scores) if isinstance(scores, str) else scores
    found = predicted(record, asked_for(dataset, set, listed, context), context)
    return arrays_of(found if features else without_features(found))
