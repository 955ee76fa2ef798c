"""Untrusted text in each output format, judged by readers of those formats that are not ours."""

import csv
import io

import pytest
from markdown_it import MarkdownIt
from matplotlib import cbook

from bench.escaping import csv_cell, figure_text, is_printable, markdown, printable

ORDINARY = [
    "rul", "mix_output", "deep-ensemble(inner=rul, inner.mix=3)", "rul(mix=C(3,2))", "baseline [protocol 2]",
    "99.36 ± 0.05", "−0.12", "< .001", "human:worse 40.2%", "pair 30%", "größe", "中文",
    "a & b", "results/table1-mnist/report/README.md", "1 − p[given label]", "AURC ×10³", "–",
]  # fmt: skip
WILD = [
    "=cmd|' /C calc'!A0", "a|b", "a\nb", "<script>alert(1)</script>", "`code`", "\x1b[2J\x1b]0;title\x07",
    "\u202egnp.exe", "zero\u200bwidth", "a$b_$c", "[x](http://evil)", "**bold**", "~~gone~~", "&lt;", "\\",
    "a\\|b", "![i](x.png)", "\udcff", "\x00", "\r\n# heading", "http://evil.example", "www.evil.example",
    "^^5cwrite18", "\u2028", "\ue000", "\u2066isolate\u2069", "<!-- open", "_under_", "[ref]: http://evil",
    "- item", "\x9b31m",
    "]", "$\\frac", "#hash", "> quote", "\u3164", "\ufeff", "\t=1+1", " @SUM(1)", "＝1+1", "-2+3", "+1+cmd|'x'!A",
]  # fmt: skip
MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])


def spans(source):
    """Kinds of what Markdown makes of a text, besides text."""
    inline = [child for token in MARKDOWN.parse(source) for child in token.children or ()]
    return [child.type for child in inline if child.type not in ("text", "text_special")]


def shown(source):
    """The text that a reader of Markdown shows."""
    inline = [child for token in MARKDOWN.parse(source) for child in token.children or ()]
    return "".join(child.content for child in inline)


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_names_come_out_unchanged(text):
    assert printable(text) == markdown(text) == csv_cell(text) == figure_text(text) == text


def test_a_signed_number_is_no_list():
    assert markdown("+0.12 (+1.05)") == "+0.12 (+1.05)"


@pytest.mark.parametrize("text", WILD)
def test_printable_text_is_one_line_that_a_terminal_shows_as_it_is(text):
    said = printable(text)
    assert said.isprintable()
    assert is_printable(said)
    assert said.encode("utf-8").decode("utf-8") == said


@pytest.mark.parametrize("text", WILD)
def test_markdown_shows_the_text_and_nothing_else(text):
    said = markdown(text)
    assert spans(f"Note: {said}") == []
    assert shown(f"Note: {said}") == f"Note: {printable(text)}".rstrip()
    assert [token.type for token in MARKDOWN.parse(said)] == ["paragraph_open", "inline", "paragraph_close"]
    assert spans(f"**{said.strip()}**")[0] == "strong_open"


@pytest.mark.parametrize("text", WILD)
def test_a_cell_of_a_markdown_table_stays_one_cell(text):
    parsed = MARKDOWN.parse(f"| name | value |\n|---|---|\n| {markdown(text)} | 1 |\n")
    cells = [parsed[place + 1] for place, token in enumerate(parsed) if token.type == "td_open"]
    assert len(cells) == 2
    assert [child.type for child in cells[0].children if not child.type.startswith("text")] == []
    assert cells[1].content == "1"


@pytest.mark.parametrize("text", WILD)
def test_a_caption_stays_within_its_picture(text):
    (token,) = [each for each in MARKDOWN.parse(f"![{markdown(text)}](figures/a.png)") if each.type == "inline"]
    assert [child.type for child in token.children] == ["image"]
    assert token.children[0].attrs["src"] == "figures/a.png"


@pytest.mark.parametrize("text", WILD)
def test_a_cell_of_a_csv_file_is_one_line_and_no_formula(text):
    file = io.StringIO()
    csv.writer(file).writerow([csv_cell(text), 1])
    assert file.getvalue().count("\n") == 1
    file.seek(0)
    ((cell, _),) = csv.reader(file)
    assert cell.removeprefix("'") == printable(text)
    assert cell.lstrip()[:1] not in set("=+-@＝＋－＠")


@pytest.mark.parametrize("text", ["-0.5", "+3", "1e-3", "-1e300", "-inf", "nan"])
def test_numbers_stay_numbers(text):
    assert csv_cell(text) == text
    assert csv_cell(float(text)) is not None
    assert not isinstance(csv_cell(float(text)), str)


@pytest.mark.parametrize("text", [*WILD, "$", "$$", "\\$x\\$", "a$b$c$d", "$\\notacommand{$"])
def test_a_figure_shows_the_text_without_mathematics(text):
    said = figure_text(text)
    assert not cbook.is_math_text(said)
    assert said.replace(r"\$", "$").lstrip() == printable(text).lstrip()  # what matplotlib then draws


def test_a_line_of_a_legend_is_not_hidden_and_a_long_one_is_cut():
    assert not figure_text("_hidden").startswith("_")
    assert len(figure_text("x" * 10_000)) < 400
