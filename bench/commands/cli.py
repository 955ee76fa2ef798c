"""The command line. Torch is imported only when a command needs it, so that help comes at once."""

import tomllib
from pathlib import Path
from typing import Annotated, Any

import typer

from bench.errors import UsageError
from bench.version import __version__

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Compare uncertainty-learning methods for image classification under label noise.",
)

GRID, TRAINING = "What to run", "How to train and evaluate"
SPEED, MACHINES = "How much at a time, and for how long", "On other machines"
PLACES = "Where things are"


def _expanded(path: Path | None) -> Path | None:
    """Return a path with ~ replaced, which a shell leaves alone in `--results=~/runs`."""
    return path and path.expanduser()


Results = Annotated[
    Path,
    typer.Option(help="Folder of the runs and the report.", callback=_expanded, rich_help_panel=PLACES),
]
Plugins = Annotated[
    list[Path] | None,
    typer.Option(help="A folder with methods/ or datasets/ of your own; may be repeated.", rich_help_panel=PLACES),
]
DataRoot = Annotated[
    Path | None,
    typer.Option(
        help="Folder of the data sets; else BENCH_DATA, else data.", callback=_expanded, rich_help_panel=PLACES
    ),
]
Figures = Annotated[
    str | None,
    typer.Option(help="Pictures of samples to draw besides the others: images, features or both by a comma."),
]


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"uncertainty-bench {__version__}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Take the options that come before a command."""


@app.command()
def run(
    methods: Annotated[
        str | None, typer.Option(help="Methods, by commas; all there are if not given.", rich_help_panel=GRID)
    ] = None,
    datasets: Annotated[
        str | None, typer.Option(help="Data sets, by commas; default digits.", rich_help_panel=GRID)
    ] = None,
    noise: Annotated[
        str | None,
        typer.Option(
            help="Label noise, by commas: 0.3 is symmetric:0.3; others by kind, such as pair:0.3 or human:worse; "
            "`bench list noise` has them. Default 0,0.1,0.2,0.3.",
            rich_help_panel=GRID,
        ),
    ] = None,
    seeds: Annotated[str | None, typer.Option(help="Seeds, by commas; default 0.", rich_help_panel=GRID)] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME.KEY=VALUE",
            help="A hyper-parameter of a method or data set, or a key of recipe or relabel: rul.mix=3, "
            "recipe.learning_rate=0.05. For a method or relabel a list such as [2,3] is an axis. May be repeated.",
            rich_help_panel=GRID,
        ),
    ] = None,
    experiment: Annotated[
        str | None,
        typer.Option(help="A named experiment, or a TOML file with these options.", rich_help_panel=GRID),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Show the grid and what it will cost; run nothing.", rich_help_panel=GRID),
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Run again what is finished.", rich_help_panel=GRID)
    ] = False,
    preset: Annotated[
        str | None, typer.Option(help="Changes to the recipe, such as quick.", rich_help_panel=TRAINING)
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(help="Epochs instead of the recipe's.", rich_help_panel=TRAINING)
    ] = None,
    relabel: Annotated[
        str | None,
        typer.Option(
            help="on or off for all methods, or on,off for both; each one's default if not given.",
            rich_help_panel=TRAINING,
        ),
    ] = None,
    relabel_from: Annotated[
        int | None, typer.Option(help="First epoch that relabels, from 1.", rich_help_panel=TRAINING)
    ] = None,
    held_out: Annotated[
        float | None,
        typer.Option(help="Part of the noisy training set to set aside, such as 0.1.", rich_help_panel=TRAINING),
    ] = None,
    evaluate: Annotated[
        str | None,
        typer.Option(help="test or held-out, the second for choosing recipes.", rich_help_panel=TRAINING),
    ] = None,
    noise_seed: Annotated[
        int | None, typer.Option(help="Seed of the noise; the run's if not given.", rich_help_panel=TRAINING)
    ] = None,
    device: Annotated[
        str | None, typer.Option(help="auto, cpu or cuda; default auto.", rich_help_panel=TRAINING)
    ] = None,
    precision: Annotated[
        str | None,
        typer.Option(help="auto, float32 or bfloat16; default auto.", rich_help_panel=TRAINING),
    ] = None,
    jobs: Annotated[
        str,
        typer.Option(
            help="Runs at a time, each its own process; auto: one a core or GPU; 0: in this one.",
            rich_help_panel=SPEED,
        ),
    ] = "auto",
    runs_per_gpu: Annotated[
        int, typer.Option(help="Small runs that share a GPU, for auto.", rich_help_panel=SPEED)
    ] = 1,
    threads: Annotated[
        int,
        typer.Option(help="CPU threads of each job; more pay for large nets only.", rich_help_panel=SPEED),
    ] = 1,
    max_minutes: Annotated[
        float | None,
        typer.Option(help="Stop at a checkpoint within so many minutes, exit status 75.", rich_help_panel=SPEED),
    ] = None,
    checkpoint_minutes: Annotated[
        float, typer.Option(help="Minutes between checkpoints; 0 for every epoch.", rich_help_panel=SPEED)
    ] = 5.0,
    executor: Annotated[
        str, typer.Option(help="local, ray or slurm: who runs the runs.", rich_help_panel=MACHINES)
    ] = "local",
    address: Annotated[
        str | None,
        typer.Option(
            help="Of a Ray cluster, such as 10.0.0.1:6379; else Ray on this machine.", rich_help_panel=MACHINES
        ),
    ] = None,
    slurm: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=VALUE",
            help="A parameter of submitit's AutoExecutor, such as slurm_partition=gpu or timeout_min=600. "
            "May be repeated.",
            rich_help_panel=MACHINES,
        ),
    ] = None,
    figures: Figures = None,
    results: Results = Path("results"),
    data_root: DataRoot = None,
    download: Annotated[
        bool, typer.Option("--download", help="Fetch data sets that are missing.", rich_help_panel=PLACES)
    ] = False,
    plugins: Plugins = None,
) -> None:
    """Run methods over data sets and label noise, then show and write tables and curves.

    A finished run is not run again, an interrupted one goes on from its last checkpoint.
    """
    given = {
        "methods": _list(methods),
        "datasets": _list(datasets),
        "noise": _list(noise),
        "seeds": _list(seeds),
        "noise_seed": noise_seed,
        "preset": preset,
        "epochs": epochs,
        "relabel": _list(relabel),
        "relabel_from": relabel_from,
        "held_out": held_out,
        "evaluate": evaluate,
        "device": device,
        "precision": precision,
        "set": _settings(set_ or []) or None,
        "pictures": {"figures": _list(figures)} if figures else None,
    }
    from bench.commands import run as commands
    from bench.grid.cells import cells

    options = {key: value for key, value in given.items() if value is not None}
    context = commands.make_context(
        results,
        data_root,
        plugins or [],
        download=download,
        force=force,
        checkpoint_minutes=checkpoint_minutes,
        max_minutes=max_minutes,
    )
    request = commands.make_request(options, experiment)
    grid = cells(request, context.registry, context.data_root)
    wanted = {"executor": executor, "jobs": jobs, "threads": threads, "runs_per_gpu": runs_per_gpu}
    machines = commands.make_machines(wanted | {"address": address, "slurm": _pairs(slurm or [])}, grid)
    if dry_run:
        raise typer.Exit(commands.show_plan(grid, context, machines))
    raise typer.Exit(commands.run(request, grid, context, results, machines))


@app.command()
def report(
    figures: Figures = None,
    top: Annotated[
        int | None, typer.Option(help="Images in each grid; a tenth of the test set, at most 100, if not given.")
    ] = None,
    score: Annotated[
        str | None,
        typer.Option(help="What makes an image uncertain: own, msp, entropy, margin or energy; default own."),
    ] = None,
    results: Results = Path("results"),
    data_root: DataRoot = None,
    plugins: Plugins = None,
) -> None:
    """Rebuild every table and picture from stored runs, without training."""
    from bench.commands.report import make_samples, report

    given = {"figures": _list(figures), "top": top, "score": score}
    pictures = {key: value for key, value in given.items() if value is not None}
    raise typer.Exit(report(results, make_samples(data_root, plugins or []), pictures))


@app.command()
def compare(
    datasets: Annotated[str | None, typer.Option(help="Data sets, by commas; all if not given.")] = None,
    methods: Annotated[str | None, typer.Option(help="Methods or their row labels, by commas; all.")] = None,
    metric: Annotated[str, typer.Option(help="A metric, such as scores.own.auroc.")] = "accuracy",
    against: Annotated[
        str | None, typer.Option(help="The method to compare every other with; every pair if not given.")
    ] = None,
    results: Results = Path("results"),
) -> None:
    """Test differences between methods, on runs of one noise and seed, without training."""
    from bench.commands.compare import compare

    raise typer.Exit(compare(results, _list(datasets) or [], _list(methods) or [], metric, against))


@app.command()
def status(results: Results = Path("results")) -> None:
    """Show what runs are done, running, interrupted, failed or left, and the time that takes."""
    from bench.commands.status import show_status

    raise typer.Exit(show_status(results))


@app.command()
def merge(
    others: Annotated[list[Path], typer.Argument(help="Results folders, or files that `bench pack` wrote.")],
    results: Results = Path("results"),
) -> None:
    """Bring runs made elsewhere into this results folder.

    The same run with another outcome is named and refused, and the exit status is 1.
    """
    from bench.commands.merge import merge

    raise typer.Exit(merge(others, results))


@app.command()
def pack(
    target: Annotated[Path, typer.Argument(help="The file to write, such as runs.tar.gz.")],
    predictions: Annotated[
        bool, typer.Option("--predictions", help="Take along what pictures of samples need; much larger.")
    ] = False,
    results: Results = Path("results"),
) -> None:
    """Write what tables and curves need of all finished runs to one small file, for `bench merge`."""
    from bench.commands.pack import pack

    raise typer.Exit(pack(target, results, predictions))


@app.command()
def check(
    target: Annotated[str, typer.Argument(help="A plugin's file, or the name of a method or data set.")],
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME.KEY=VALUE", help="A hyper-parameter of the plugin. May be repeated."),
    ] = None,
    data_root: DataRoot = None,
    plugins: Plugins = None,
) -> None:
    """Check that a method or data set does what it must, a line for each check.

    The exit status is 1 if one fails.
    """
    from bench.commands.check import check

    raise typer.Exit(check(target, plugins or [], data_root, _settings(set_ or [])))


@app.command()
def new(
    kind: Annotated[str, typer.Argument(help="method or dataset.")],
    name: Annotated[str, typer.Argument(help="Of the plugin, such as my_idea.")],
    plugins: Annotated[
        Path | None, typer.Option(help="The folder that gets the files; the clone if not given.")
    ] = None,
) -> None:
    """Write a commented, working plugin together with its test."""
    from bench.commands.new import next_step, write_plugin

    for path in write_plugin(kind, name, plugins):
        print(path)
    print(f"Next: {next_step(name, plugins)}")


@app.command("list")
def list_(
    what: Annotated[
        str | None,
        typer.Argument(help="methods, datasets, noise, metrics, presets or experiments; all if not given."),
    ] = None,
    plugins: Plugins = None,
) -> None:
    """List what there is, with a line on each."""
    from bench.commands.list import show

    show(what, plugins or [])


def _list(text: str | None) -> list[str] | None:
    return None if text is None else [part.strip() for part in text.split(",")]


def _settings(assignments: list[str]) -> dict[str, dict[str, Any]]:
    """Return `NAME.KEY=VALUE` assignments as nested values; what is no TOML value is text."""
    settings: dict[str, dict[str, Any]] = {}
    for assignment in assignments:
        path, equals, text = assignment.partition("=")
        name, dot, key = path.partition(".")
        if not (equals and dot and name and key):
            raise UsageError(f"--set {assignment}: must look like NAME.KEY=VALUE, such as rul.mix=3")
        if key in settings.get(name, {}):
            raise UsageError(f"--set {path} is given twice")
        settings.setdefault(name, {})[key] = _value(text)
    return settings


def _pairs(assignments: list[str]) -> dict[str, Any]:
    pairs = {}
    for assignment in assignments:
        key, equals, text = assignment.partition("=")
        if not (equals and key):
            raise UsageError(f"--slurm {assignment}: must look like KEY=VALUE, such as timeout_min=600")
        pairs[key] = _value(text)
    return pairs


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
