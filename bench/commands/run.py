"""`bench run`: its options, read and checked; `bench.commands.grid_session` does the work."""

from typing import Annotated

import typer

from bench.commands.assignments import read_pairs, read_settings
from bench.commands.command_options import PLACES, RESULTS, DataRoot, Plugins, Results, typed_for, with_options
from bench.execution.machines import Machines
from bench.grid.pictures import Pictures
from bench.grid.request import GRID, Request
from bench.tracking.names import Track
from bench.validation import validated

Experiment = Annotated[
    str | None,
    typer.Option(
        help="A named experiment, or a TOML file with these options.", metavar="NAME|FILE", rich_help_panel=GRID
    ),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Show the grid and what it will cost; run nothing.", rich_help_panel=GRID)
]
Force = Annotated[bool, typer.Option("--force", help="Run again what is finished.", rich_help_panel=GRID)]
KeepWeights = Annotated[
    bool,
    typer.Option(
        "--keep-weights", help="Store each run's trained weights, for bench predict.", rich_help_panel=GRID
    ),
]
Download = Annotated[
    bool, typer.Option("--download", help="Fetch data sets that are missing.", rich_help_panel=PLACES)
]


@with_options(Request, Machines, Pictures, Track)
def run(
    experiment: Experiment = None,
    dry_run: DryRun = False,
    force: Force = False,
    keep_weights: KeepWeights = False,
    results: Results = RESULTS,
    data_root: DataRoot = None,
    download: Download = False,
    plugins: Plugins = None,
    **typed: str | list[str] | None,
) -> None:
    """Run methods over data sets and label noise, then show and write tables and curves.

    A finished run is not run again; an interrupted one goes on from its last checkpoint.

    \b
    Examples:
      bench run --methods rul,scn --noise 0,0.3 --seeds 0,1
      bench run --datasets mnist --set 'rul.mix=[2,3]' --preset quick
      bench run --experiment table1-mnist --dry-run
    """
    from bench.commands.console import console

    with console.status("loading torch and plugins …"):
        from bench.commands import grid_session as work

    options = typed_for(Request, typed)
    if "set" in options:
        options["set"] = read_settings(options["set"])
    if pictures := typed_for(Pictures, typed):
        options["pictures"] = pictures
    where = typed_for(Machines, typed)
    if "slurm" in where:
        where["slurm"] = read_pairs(where["slurm"])
    machines = validated(Machines, where, "option")
    trackers = validated(Track, typed_for(Track, typed), "option")
    trackers.check()
    context = work.make_context(
        results,
        data_root,
        plugins or [],
        machines,
        download=download,
        force=force,
        keep_weights=keep_weights,
    )
    request = work.make_request(options, experiment)
    grid, context = work.grid_of(request, context, machines)
    if dry_run:
        raise typer.Exit(work.show_plan(grid, context, machines))
    raise typer.Exit(work.run(request, grid, context, results, machines, trackers.track))
