import io

from rich.console import Console

from bench.commands.terminal import show_table
from bench.report.columns import Methods, Summaries, Texts, Words
from bench.report.summaries import Summary
from bench.report.table import Row, Table
from bench.report.values import MethodLabel, Published

COUNTS = ["errors", "uncertain: own", "uncertain: msp", "certain: own", "certain: msp"]


def table(name, columns, *rows):
    """A table of texts, of which all but noise and method stand where numbers do."""
    texts = [Texts(each) if each in ("noise", "method") else Words(each) for each in columns]
    return Table(name, name.capitalize(), texts, [Row(row) for row in rows])


def shown(table, width=80, **how):
    console = Console(file=io.StringIO(), width=width, **how)
    show_table(console, table)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def test_long_names_of_noise_are_folded_between_their_words():
    rows = [
        [noise, method, "124", "44", "44", "60", "60"]
        for noise in ("0%", "instance-dependent 20%", "human:random1 17.2%")
        for method in ("baseline", "loss-attention")
    ]
    lines = shown(table("counts", ["noise", "method", *COUNTS], *rows))
    assert max(map(len, lines)) <= 80
    assert [line.split()[0] for line in lines[4:]] == [
        *("0%", "0%", "instance-dependent", "20%", "instance-dependent", "20%"),
        *("human:random1", "17.2%", "human:random1", "17.2%"),
    ]


def test_long_headings_of_noise_are_broken_at_spaces_so_that_numbers_stay_whole():
    header = ["method", "0%", "20%", "asymmetric 20%", "human:worse 40.2%", "instance-dependent 20%"]
    lines = shown(table("accuracy", header, ["baseline", *["99.50"] * 5]), width=72)
    assert lines[2].split() == ["asymmetric", "human:worse", "instance-dependent"]
    assert lines[3].split() == ["method", "0%", "20%", "20%", "40.2%", "20%"]
    assert lines[4].split() == ["baseline", *["99.50"] * 5]


def test_a_table_that_fits_is_left_as_it_is():
    lines = shown(table("accuracy", ["method", "pair 20%"], ["loss-attention", "99.50"]))
    assert lines[2:] == ["method         pair 20%", "loss-attention    99.50"]


def test_published_numbers_are_dim_and_a_supported_cell_is_bold():
    rows = [
        Row([MethodLabel("rul"), Summary(0.9, None, 1)]),
        Row([MethodLabel("rul"), Published(95.0, 0.9)], "published"),
    ]
    of = Table("accuracy", "Accuracy", [Methods(), Summaries("0%")], rows, bold=frozenset({(0, 1)}))
    ours, paper = shown(of, force_terminal=True, color_system="standard")[-2:]
    assert "90.00\x1b[0m" in ours
    assert "\x1b[1m" in ours
    assert "\x1b[2m  paper (ours − paper)" in paper
    assert "\x1b[2m" not in ours
