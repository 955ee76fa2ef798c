"""`bench import`: predictions that were made elsewhere become stored runs."""

from pathlib import Path
from typing import Annotated

import typer

from bench.commands.command_options import RESULTS, DataRoot, Plugins, Results

File = Annotated[Path, typer.Argument(help="An npz or Parquet file; `bench list predictions` says what is read.")]
Train = Annotated[
    Path | None,
    typer.Option(help="A file of the training images' arrays, such as train.parquet.", metavar="FILE"),
]
Who = Annotated[str, typer.Option(help="Name of the row in tables.", metavar="NAME")]
DataSetName = Annotated[str, typer.Option(help="The data set whose test images they are of.", metavar="NAME")]
NoisePoint = Annotated[
    str, typer.Option(help="Label noise of the training, as for `bench run`: 0.3, pair:0.3.", metavar="RATE")
]
Seed = Annotated[str, typer.Option(help="Seed of the training; runs of one seed are paired.", metavar="N")]
NoiseSeed = Annotated[
    str | None, typer.Option(help="Seed of the label noise; the run's if not given.", metavar="N")
]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME.KEY=VALUE", help="An option of the data set. May be repeated."),
]


def import_(
    file: File,
    name: Who,
    dataset: DataSetName,
    noise: NoisePoint,
    seed: Seed = "0",
    noise_seed: NoiseSeed = None,
    train: Train = None,
    set_: Settings = None,
    results: Results = RESULTS,
    data_root: DataRoot = None,
    plugins: Plugins = None,
) -> None:
    """Store predictions of a training elsewhere as a run, beside the runs of methods here.

    Each uncertainty in the file becomes a row of its own.

    \b
    Examples:
      bench import preds.npz --name mine --dataset cifar10 --noise 0.3
      bench import test.parquet --train train.parquet --name ours --dataset mnist --noise 0
    """
    from bench.commands.assignments import read_settings
    from bench.commands.console import note, say
    from bench.commands.grid_session import make_context
    from bench.execution.imports import ImportRequest, import_arrays
    from bench.store.array_files import read_arrays
    from bench.validation import validated

    content = {"name": name, "dataset": dataset, "noise": noise, "seed": seed, "set": read_settings(set_ or [])}
    asked = validated(ImportRequest, content | ({"noise_seed": noise_seed} if noise_seed else {}), "option")
    arrays = read_arrays(file) | (read_arrays(train, training=True) if train else {})
    context = make_context(results, data_root, plugins or [])
    for imported in import_arrays(arrays, asked, context):
        outcome = imported.outcome
        accuracy = f"accuracy {100 * outcome.assessment.metrics.accuracy:.2f} %"
        where = f"stored in {context.store.path(outcome.spec)}" if imported.is_new else "is there already"
        say(f"{outcome.spec.title}: {accuracy}, {where}")
        for remark in outcome.remarks:
            note(remark)
