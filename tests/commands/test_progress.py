import io

from rich.console import Console

from bench.commands.terminal import show_table
from bench.report.table import Table

COUNTS = ["errors", "uncertain: own", "uncertain: msp", "certain: own", "certain: msp"]


def shown(table, width=80):
    console = Console(file=io.StringIO(), width=width)
    show_table(console, table)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def test_long_names_of_noise_are_folded_between_their_words():
    rows = [
        [noise, method, "124", "44", "44", "60", "60"]
        for noise in ("0%", "instance-dependent 20%", "human:random1 17.2%")
        for method in ("baseline", "loss-attention")
    ]
    lines = shown(Table("counts", "Counts", ["noise", "method", *COUNTS], rows, []))
    assert max(map(len, lines)) <= 80
    assert [line.split()[0] for line in lines[4:]] == [
        *("0%", "0%", "instance-", "dependent", "instance-", "dependent"),
        *("human:random1", "17.2%", "human:random1", "17.2%"),
    ]


def test_long_headings_of_noise_are_broken_at_spaces_so_that_numbers_stay_whole():
    header = ["method", "0%", "20%", "asymmetric 20%", "human:worse 40.2%", "instance-dependent 20%"]
    lines = shown(Table("accuracy", "Accuracy", header, [["baseline", *["99.50"] * 5]], []))
    assert lines[2].split() == ["asymmetric", "human:worse", "instance-dependent"]
    assert lines[3].split() == ["method", "0%", "20%", "20%", "40.2%", "20%"]
    assert lines[4].split() == ["baseline", *["99.50"] * 5]


def test_a_table_that_fits_is_left_as_it_is():
    lines = shown(Table("accuracy", "Accuracy", ["method", "pair 20%"], [["loss-attention", "99.50"]], []))
    assert lines[2:] == ["method         pair 20%", "loss-attention    99.50"]
