"""`bench predict`: predictions of stored runs on a test set, without training again."""

from pathlib import Path
from typing import Annotated

import typer

from bench.commands.assignments import read_settings
from bench.commands.command_options import RESULTS, DataRoot, Output, Plugins, Results, typed_for, with_options
from bench.commands.score_options import AddedScores, listed_scores
from bench.errors import UsageError
from bench.options import split_list
from bench.report.selection import Selection
from bench.validation import validated

WHERE = "What to predict"
ENDINGS = (".npz", ".parquet")
TestSet = Annotated[
    str | None,
    typer.Option(
        help="Data set whose test images to predict; the run's own if not given.",
        metavar="NAME",
        rich_help_panel=WHERE,
    ),
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME.KEY=VALUE",
        help="An option of that data set, such as arrays.path=shifted.npz, or of an added score, such as "
        "knn.k=10. May be repeated.",
        rich_help_panel=WHERE,
    ),
]
Features = Annotated[
    bool, typer.Option("--features", help="Write features, too, if the method has them.", rich_help_panel=WHERE)
]
Seeds = Annotated[str | None, typer.Option(help="Seeds of the runs; all if not given.", metavar="N,…")]
Run = Annotated[Path | None, typer.Option(help="Folder of one run, in place of a choice.", metavar="FOLDER")]


@with_options(Selection)
def predict(
    output: Output = None,
    dataset: TestSet = None,
    set_: Settings = None,
    scores: AddedScores = None,
    features: Features = False,
    seeds: Seeds = None,
    run: Run = None,
    results: Results = RESULTS,
    data_root: DataRoot = None,
    plugins: Plugins = None,
    **typed: str | None,
) -> None:
    """Predict a test set with trained runs that have their weights, without training again.

    Runs keep weights if made with `bench run --keep-weights`. The file is in the form that `bench
    import` reads, with an uncertainty for each of --scores. Of several runs, -o names a folder, and
    each has a file there.

    \b
    Examples:
      bench predict --methods rul --noise 0.3 -o preds.npz
      bench predict --methods rul --dataset arrays --set arrays.path=shifted.npz -o shifted.parquet
      bench predict --methods rul --noise 0.3 --scores knn,msp --set knn.k=10 -o preds.npz
      bench predict --dataset arrays --set arrays.path=shifted.npz -o predictions
    """
    from bench.commands import predictions_anew as work
    from bench.commands.console import say
    from bench.commands.grid_session import make_context
    from bench.store.array_files import write_arrays

    if output is None:
        raise UsageError("pass -o FILE, an .npz or .parquet file, or -o FOLDER for a file of each run")
    if output.suffix not in (*ENDINGS, ""):
        raise UsageError(f"-o {output}: must name an .npz or .parquet file, or a folder for a file of each run")
    selection = validated(Selection, typed_for(Selection, typed), "option")
    context = make_context(results, data_root, plugins or [])
    asked = work.asked_for(dataset, read_settings(set_ or []), listed_scores(scores), context)
    records = work.chosen(context, selection, _numbers(seeds), run)
    if output.suffix:
        work.only_one(records)
    for record in records:
        path = output if output.suffix else output / f"{'-'.join(record.spec.folder.parts)}.npz"
        found = work.predicted(record, asked, context)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_arrays(path, found if features else work.without_features(found))
        accuracy = 100 * (found.predicted == found.labels).mean()
        say(f"{path}: {len(found.labels)} images by {record.spec.title}, accuracy {accuracy:.2f} %")


def _numbers(seeds: str | None) -> list[int]:
    """Return seeds typed with commas.

    Raises:
        UsageError: one is no number.
    """
    try:
        return [int(each) for each in split_list(seeds)] if seeds else []
    except ValueError:
        raise UsageError(f"--seeds {seeds}: must be whole numbers with commas, such as 0,1") from None
