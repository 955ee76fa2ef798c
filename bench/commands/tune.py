"""`bench tune`: its options, read and checked; `bench.commands.tuning_session` does the work."""

import typer

from bench.commands.assignments import read_pairs, read_settings
from bench.commands.command_options import RESULTS, DataRoot, Plugins, Results, typed_for, with_options
from bench.commands.run import Download, DryRun, Experiment, KeepWeights
from bench.execution.machines import Machines
from bench.grid.search_space import Search, Searched
from bench.tracking.names import Track
from bench.validation import validated


@with_options(Search, Searched, Machines, Track)
def tune(
    experiment: Experiment = None,
    dry_run: DryRun = False,
    keep_weights: KeepWeights = False,
    results: Results = RESULTS,
    data_root: DataRoot = None,
    download: Download = False,
    plugins: Plugins = None,
    **typed: str | list[str] | None,
) -> None:
    """Choose settings on a held-out part, the same number for each method, then test the winners.

    A list in --set is searched; with --search random a range {low=1e-3, high=1, log=true}, too.
    The test set is not read in the search. The same command goes on where it was interrupted.

    \b
    Examples:
      bench tune --methods rul,scn --noise 0.3 --set 'rul.mix=[2,3]' --budget 10
      bench tune --set 'recipe.learning_rate=[0.03,0.1,0.3]' --tune-seeds 0,1 --seeds 0-2
      bench tune --search random --set 'recipe.learning_rate={low=0.01, high=1.0, log=true}'
    """
    from bench.commands.console import console

    with console.status("loading torch and plugins …"):
        from bench.commands import grid_session as work
        from bench.commands import tuning_session, tuning_shown

    options = typed_for(Searched, typed)
    if "set" in options:
        options["set"] = read_settings(options["set"])
    where = typed_for(Machines, typed)
    if "slurm" in where:
        where["slurm"] = read_pairs(where["slurm"])
    machines = validated(Machines, where, "option")
    trackers = validated(Track, typed_for(Track, typed), "option")
    trackers.check()
    search = validated(Search, typed_for(Search, typed), "option")
    context = work.make_context(
        results, data_root, plugins or [], machines, download=download, keep_weights=keep_weights
    )
    request = work.make_request(options, experiment, Searched)
    tuning = tuning_session.make_tuning(request, search, context, machines)
    if dry_run:
        raise typer.Exit(tuning_shown.show_plan(tuning))
    raise typer.Exit(tuning_shown.run(tuning, results, trackers.track))
