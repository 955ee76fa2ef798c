"""The page in a real browser, opened from disk, wide and narrow."""

import csv
import io
import json
import re
from urllib.parse import unquote, urlencode

import numpy as np
import pytest
from harness import report, run

WIDTHS = {"wide": 1280, "narrow": 390}
SECTIONS = (
    "answer", "metric", "rejection", "reliability", "histograms", "images", "training", "labels", "confusion",
    "ranks", "tables",
)  # fmt: skip
GOOD_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]


class Opened:
    """The page as a test sees it: with what it fetched, and what its console said."""

    def __init__(self, browser, path, width):
        self.path, self.fetched, self.said = path, [], []
        context = browser.new_context(viewport={"width": width, "height": 900}, reduced_motion="reduce")
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        self.tab = context.new_page()
        self.tab.on("console", lambda message: self.said.append(f"{message.type}: {message.text}"))
        self.tab.on("pageerror", lambda error: self.said.append(str(error)))
        self.tab.on("dialog", lambda dialog: (self.said.append("a dialog"), dialog.dismiss()))
        self.tab.on("request", lambda request: self.fetched.append(request.url))
        self.go()

    def go(self, **choice):
        """Open the page with a choice in its address; a link of the same page would not load it."""
        self.tab.goto("about:blank")
        self.tab.goto(self.path.as_uri() + (f"#{urlencode(choice, doseq=True)}" if choice else ""))
        self.tab.wait_for_selector("html[data-ready]")

    def section(self, name):
        """Scroll to a section and return it once it is drawn."""
        found = self.tab.locator(f"#view-{name}")
        found.scroll_into_view_if_needed()
        found.locator(".body[data-drawn]").wait_for()
        return found

    def pick(self, name, label, section):
        """Choose in a picker, and return a section once it is drawn anew."""
        body = self.section(section).locator(".body")
        before = int(body.get_attribute("data-drawn"))
        self.tab.select_option(f"#pick-{name}", label=label)
        self.section(section)
        self.tab.wait_for_function(
            "([name, before]) => +document.querySelector(`#view-${name} .body`).dataset.drawn > before",
            arg=[section, before],
        )
        return self.section(section)


@pytest.fixture(scope="module", params=WIDTHS)
def page(request, browser, wild):
    opened = Opened(browser, wild[1].page, WIDTHS[request.param])
    yield opened
    assert opened.said == []
    own = opened.path.as_uri()
    assert [url for url in opened.fetched if not url.startswith((own, "data:", "blob:", "about:"))] == []
    opened.tab.context.close()


@pytest.fixture(scope="module")
def records(wild):
    """What the stored files say: each run's record and specification, read without our code."""
    root = wild[0] / "results" / "runs"
    return [
        (json.loads((path.parent / "spec.json").read_text()), json.loads(path.read_text()), path.parent)
        for path in sorted(root.rglob("record.json"))
    ]


def accuracies(records, dataset="wild"):
    """Mean and deviation of the accuracy in % by label and noise."""
    found = {}
    for spec, record, _ in records:
        if spec["dataset"]["name"] == dataset:
            found.setdefault((spec["label"], spec["noise"]["rate"]), []).append(
                100 * record["metrics"]["accuracy"]
            )
    return {
        key: (np.mean(values), np.std(values, ddof=1) if len(values) > 1 else None)
        for key, values in found.items()
    }


def copied(page, section, form):
    section.get_by_role("button", name=f"Copy the table as {form}").first.click()
    return page.tab.evaluate("navigator.clipboard.readText()")


def shown_rows(section):
    return (
        section.locator("table.results")
        .first.locator("tbody tr")
        .evaluate_all("rows => rows.map((row) => [...row.cells].map((cell) => cell.textContent))")
    )


def test_every_section_is_drawn_without_a_word_of_the_console(page):
    page.go(setting="wild", noise="30%")
    for name in SECTIONS:
        assert page.section(name).locator("h2").inner_text()
        assert "could not be drawn" not in page.section(name).inner_text()
    assert page.tab.locator("#view-rejection svg path").count() > 4
    assert page.tab.evaluate("document.documentElement.scrollWidth <= innerWidth"), "it scrolls sideways"
    assert page.said == []


def test_the_page_starts_with_the_answer(page, wild):
    page.go(setting="wild")
    first = page.section("answer")
    assert first.locator("h2").inner_text() == "Does the own score beat max-softmax?"
    assert "by AUROC" in first.locator(".lead").inner_text()
    assert first.locator("figure svg").count() == 2


def test_names_stay_text_everywhere(page, records):
    page.go(setting="wild", noise="0%")
    for name in SECTIONS:
        page.section(name)
    text = page.tab.locator("main").inner_text()
    for tag in {spec["label"] for spec, _, _ in records}:
        assert tag in text
    assert page.tab.locator("main script, main img[src=x]").count() == 0
    assert page.said == []


def test_a_link_reproduces_the_view(page, records):
    label = records[0][0]["label"]
    page.go(setting="wild", noise="0%", metric="aurc", score="entropy", method=[label], view="rejection")
    tab = page.tab
    assert tab.locator("#pick-noise option:checked").inner_text() == "0%"
    assert tab.locator("#pick-score").input_value() == "entropy"
    assert tab.locator("#view-metric h2").inner_text() == "AURC (×10³), entropy score by label noise"
    assert [row[0] for row in shown_rows(page.section("metric"))] == [label]
    page.section("rejection")
    assert tab.locator("#view-rejection").evaluate("section => section.getBoundingClientRect().top < innerHeight")


def test_a_choice_is_in_the_address_and_back_takes_it_back(page):
    page.go(setting="wild", noise="30%")
    page.pick("noise", "0%", "rejection")
    assert "noise=0%" in unquote(page.tab.url)
    assert "label noise 0%" in page.tab.locator("#view-rejection h2").inner_text()
    page.tab.go_back()
    page.tab.wait_for_function("document.querySelector('#view-rejection h2').textContent.includes('30%')")
    assert page.tab.locator("#pick-noise option:checked").inner_text() == "30%"


def test_the_table_shows_and_copies_what_the_records_hold(page, records):
    page.go(setting="wild", noise="30%", metric="accuracy")
    section = page.section("metric")
    expected = accuracies(records)
    rows = shown_rows(section)
    assert len(rows) == len({label for label, _ in expected})
    for label, *cells in rows:
        for cell, rate in zip(cells, (0.0, 0.3), strict=True):
            mean, std = expected[label, rate]
            assert cell == f"{mean:.2f} ± {std:.2f}"
    found = list(csv.DictReader(io.StringIO(copied(page, section, "CSV"))))
    assert [row["method"] for row in found] == [row[0] for row in rows]
    for row in found:
        assert 100 * float(row["30%_mean"]) == pytest.approx(expected[row["method"], 0.3][0])
        assert 100 * float(row["30%_std"]) == pytest.approx(expected[row["method"], 0.3][1])


def test_sorting_and_filtering_change_what_is_shown_and_copied(page, records):
    page.go(setting="wild", noise="30%", metric="accuracy")
    section = page.section("metric")
    column = section.locator("thead th").nth(2)
    column.get_by_role("button").click()
    assert column.get_attribute("aria-sort") == "descending"
    values = [float(row[2].split()[0]) for row in shown_rows(section)]
    assert values == sorted(values, reverse=True)
    column.get_by_role("button").click()
    values = [float(row[2].split()[0]) for row in shown_rows(section)]
    assert values == sorted(values)
    names = [row[0] for row in shown_rows(section)]
    latex, markdown = copied(page, section, "LaTeX"), copied(page, section, "Markdown")
    body = latex[latex.index("\\midrule") : latex.index("\\bottomrule")]
    assert [float(value) for value in re.findall(r"& (\d+\.\d+) & \\,\$\\pm\$\\,\S+ \\\\", body)] == values
    assert "<script>" not in body.replace("\\textless{}script\\textgreater{}", "")
    lines = [line for line in markdown.splitlines() if line.startswith("|")][2:]
    assert [float(re.findall(r"\d+\.\d+", line)[-2]) for line in lines] == values
    assert len(lines) == len(names)


def test_a_number_opens_its_runs_with_links_to_their_folders(page, records, wild):
    page.go(setting="wild", noise="30%", metric="accuracy")
    section = page.section("metric")
    label = shown_rows(section)[0][0]
    section.locator("tbody tr").first.locator("button.number-link").nth(1).click()
    links = page.tab.locator("dialog a").evaluate_all("links => links.map((link) => link.getAttribute('href'))")
    folders = [path for spec, _, path in records if spec["label"] == label and spec["noise"]["rate"] == 0.3
               and spec["dataset"]["name"] == "wild"]  # fmt: skip
    found = {(page.path.parent / unquote(link)).resolve() for link in links}
    assert found == {folder.resolve() for folder in folders}
    page.tab.keyboard.press("Escape")
    assert not page.tab.locator("dialog[open]").count()


def test_pointing_at_a_name_marks_its_curve_and_pressing_it_makes_it_grey(page):
    page.go(setting="wild", noise="30%")
    section = page.section("rejection")
    marks = section.locator(".legend .mark")
    assert marks.evaluate_all("all => all.every((mark) => mark.getAttribute('aria-pressed') === 'true')")
    paths = "[...document.querySelectorAll('#view-rejection svg path')]"
    widths = f"() => {paths}.map((path) => path.getAttribute('stroke-width'))"
    assert "3.5" not in page.tab.evaluate(widths)
    marks.first.hover()
    page.tab.wait_for_function(f"({widths})().includes('3.5')")
    before = int(section.locator(".body").get_attribute("data-drawn"))
    marks.first.click()
    page.tab.wait_for_function(f"+document.querySelector('#view-rejection .body').dataset.drawn > {before}")
    assert marks.first.get_attribute("aria-pressed") == "false"
    assert "mark=" in page.tab.url


def test_pointing_at_a_plot_tells_numbers_as_text(page):
    page.go(setting="wild", noise="30%")
    page.section("confusion").locator("svg .mark-text.role-mark text").first.hover()
    tip = page.tab.locator(".tooltip").inner_text()
    assert "<script>alert(1)</script>" in tip
    assert "images" in tip


def test_an_image_opens_with_enter_and_tells_label_prediction_and_scores(page, records):
    page.go(setting="wild", noise="30%")
    thumb = page.section("images").locator(".thumb").first
    thumb.focus()
    page.tab.keyboard.press("Enter")
    dialog = page.tab.locator("dialog[open]")
    said = dialog.inner_text()
    assert "label" in said
    assert "predicted" in said
    rows = dialog.locator("table").nth(1).locator("tbody tr th").all_inner_texts()
    assert rows[:2] == ["own", "msp"]
    place = int(re.search(r"Image (\d+)", said).group(1))
    classes = records[0][1]["classes"]
    assert classes[place % 4] in said  # labels go round, as the data set says
    page.tab.keyboard.press("Escape")


def test_no_face_is_embedded_and_the_page_says_why(page):
    page.go(setting="faces")
    section = page.section("images")
    assert section.locator("img").count() == 0
    assert "show people" in section.inner_text()


def test_a_plot_saves_as_svg(page):
    page.go(setting="wild", noise="30%")
    with page.tab.expect_download() as download:
        page.section("rejection").get_by_role("button", name="Save SVG").click()
    content = download.value.path().read_text()
    assert content.startswith("<svg")
    assert "accuracy of the kept images (%)" in content


def test_light_dark_and_paper(page):
    page.go(setting="wild")
    tab = page.tab
    ground = "getComputedStyle(document.body).backgroundColor"
    assert tab.evaluate(ground) == "rgb(255, 255, 255)"
    tab.click("#theme")
    assert tab.evaluate(ground) == "rgb(22, 25, 29)"
    tab.emulate_media(media="print")
    assert tab.evaluate(ground) == "rgb(255, 255, 255)"
    assert not tab.locator("#pickers").is_visible()
    tab.emulate_media(media="screen")
    tab.click("#theme")


def test_nothing_bars_readers_with_a_keyboard_or_screen_reader(page):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe").Axe()
    scheme = "light" if page.tab.viewport_size["width"] == WIDTHS["wide"] else "dark"
    page.tab.emulate_media(color_scheme=scheme)
    page.go(setting="wild", noise="30%")
    for name in SECTIONS:
        page.section(name)
    found = axe.run(page.tab, options={"runOnly": {"type": "tag", "values": GOOD_TAGS}})
    told = [f"{each['id']}: {each['nodes'][0]['html'][:200]}" for each in found.response["violations"]]
    assert told == []
    page.tab.emulate_media(color_scheme="light")


def test_the_keyboard_reaches_pickers_and_skips_them(page):
    page.go(setting="wild")
    page.tab.keyboard.press("Tab")
    assert page.tab.evaluate("document.activeElement.id") == "skip"
    page.tab.keyboard.press("Enter")
    assert page.tab.evaluate("document.activeElement.id") == "main"
    page.tab.focus("#pick-noise")
    page.tab.keyboard.press("ArrowUp")
    assert page.tab.evaluate("document.activeElement.id") == "pick-noise"


def test_the_subheading_tells_what_a_named_recipe_sets(browser, tmp_path):
    named = {"small": {"backbone": "cnn-8"}, "large": {"backbone": "cnn-16"}}
    run(tmp_path, methods=["dummy"], noise=["0"], recipes=named, epochs=1)
    opened = Opened(browser, report(tmp_path).page, WIDTHS["wide"])
    headings, choices = {}, opened.tab.locator("#pick-setting option").all_inner_texts()
    for choice in opened.tab.locator("#pick-setting option").all():
        opened.tab.select_option("#pick-setting", choice.get_attribute("value"))
        name, values = opened.tab.locator("#subheading").inner_text().split(" · ", 1)
        headings[name] = values
    opened.tab.context.close()
    assert {text.partition(": ")[2] for text in choices} == {
        f"recipe {name}, 1 epoch, test set, seed 0" for name in named
    }
    assert headings == {
        f"tiny, recipe {name}, 1 epoch, test set, seed 0": f"1 run, 1 method · The recipe has backbone {net}."
        for name, net in (("small", "cnn-8"), ("large", "cnn-16"))
    }
