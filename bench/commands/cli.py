"""The command line, put together from its commands.

Commands import torch, numpy and pandas only within their functions, so that help comes at once.
"""

import inspect
import re
from typing import Annotated

import typer

from bench.commands.arguments import Command
from bench.commands.check import check
from bench.commands.compare import compare
from bench.commands.draw_figure import figure
from bench.commands.import_ import import_
from bench.commands.interrupts import ending_in_one_line
from bench.commands.list import list_
from bench.commands.merge import merge
from bench.commands.new import new
from bench.commands.pack import pack
from bench.commands.predict_test_set import predict
from bench.commands.report import report
from bench.commands.run import run
from bench.commands.status import status
from bench.commands.tune import tune
from bench.commands.write_table import table
from bench.version import __version__

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Compare uncertainty-learning methods for image classification under label noise.",
)


def _reflowed(text: str) -> str:
    """Return a docstring with each paragraph in one line; indented lines stay as they are."""
    return re.sub(r"(?<=[^\s\b])\n(?=\S)", " ", inspect.cleandoc(text))


for command in (run, tune, predict, report, compare, table, figure, status, merge, pack, check, new):
    app.command(cls=Command, help=_reflowed(command.__doc__ or ""))(ending_in_one_line(command))
for name, reserved in (("list", list_), ("import", import_)):  # words that Python has taken
    app.command(name, cls=Command, help=_reflowed(reserved.__doc__ or ""))(ending_in_one_line(reserved))


def _show_version(wanted: bool) -> bool:
    if wanted:
        print(f"uncertainty-bench {__version__}")
        raise typer.Exit
    return wanted


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Take the options that come before a command."""
