"""`bench pack`: write finished runs to one small file."""

from pathlib import Path
from typing import Annotated

import typer

from bench.commands.command_options import RESULTS, Results


def pack(
    target: Annotated[Path, typer.Argument(help="The file to write, such as runs.tar.gz.")],
    predictions: Annotated[
        bool,
        typer.Option("--predictions", help="Include predictions, for pictures of samples; much larger."),
    ] = False,
    weights: Annotated[
        bool,
        typer.Option("--weights", help="Include trained weights that were kept, for bench predict; larger still."),
    ] = False,
    results: Results = RESULTS,
) -> None:
    """Write all finished runs to one small file, for `bench merge` elsewhere.

    It has what tables and curves need.

    \b
    Examples:
      bench pack runs.tar.gz
      bench pack runs.tar.gz --predictions --results results/table1-mnist
    """
    from bench.commands.console import note, say
    from bench.files.atomic import clear_partials
    from bench.store import transfer
    from bench.store.store import Store

    clear_partials(target.parent, target.name)
    packed, problems = transfer.pack(Store(results), target, predictions, weights)
    for line in problems:
        note(line)
    kibibytes = target.stat().st_size / 1024
    size = f"{kibibytes:.0f} KiB" if kibibytes < 1024 else f"{kibibytes / 1024:.1f} MiB"
    say(f"{target}: {packed} runs, {size}")
