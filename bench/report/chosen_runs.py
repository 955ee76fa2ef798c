"""Stored runs that a selection leaves, by setting; one line on what there is if it leaves none."""

import textwrap
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from bench.errors import UsageError, unknown
from bench.plugins.registry import Registry, plugin_name
from bench.report.grouping import Group, group
from bench.report.results import load_records
from bench.report.scoring import Scoring
from bench.report.selection import Selection
from bench.report.setting_titles import seeds_of
from bench.spec import Noise
from bench.store.record import Record
from bench.store.store import Store
from bench.store.studies import runs_of_searches

LISTED = 400  # characters of a list of names in one line


def load_groups(
    results: Path, selection: Selection, registry: Registry | None = None, scoring: Scoring | None = None
) -> tuple[list[Group], list[str]]:
    """Return the selected runs of a results folder by setting, and a line for all that is left out.

    Raises:
        UsageError: there is no such folder, or the selection leaves no run.
    """
    store = Store(results)
    if not store.exists():
        raise UsageError(f"--results {results}: there is no folder {store.root}; `bench run` makes it")
    records, problems = load_records(store, registry, scoring)
    if not records:
        raise UsageError(f"--results {results}: no run has ended there yet")
    groups = group(records)
    shown = without_trials(groups, results, selection.setting) or groups
    return select(shown, selection), problems


def without_trials(groups: list[Group], results: Path, setting: str | None) -> list[Group]:
    """Return settings without those of the trials of searches, whose own tables tell of them.

    Args:
        groups: all runs of a folder.
        results: the folder.
        setting: the name of one that stays in any case.
    """
    trials = runs_of_searches(results)
    return [
        each
        for each in groups
        if setting in _setting_names(each) or any(record.spec.identity not in trials for record in each.records)
    ]


def select(groups: list[Group], selection: Selection, keep: Iterable[str] = ()) -> list[Group]:
    """Return what a selection leaves of each setting, under the setting's own name.

    Args:
        groups: all runs of a folder, so that names of settings do not depend on the selection.
        selection: names that are wanted.
        keep: row labels that are kept besides the wanted methods.

    Raises:
        UsageError: a name that no run has, or no run has all that is wanted.
    """
    records = [record for each in groups for record in each.records]
    _check("data set", selection.datasets, {record.spec.dataset.name for record in records})
    _check(
        "method", selection.methods, {name for record in records for name in _method_names(record)}, plugin_name
    )
    _check_noise(selection.noise, records)
    _check_setting(selection.setting, groups)
    kept = set(keep)
    wanted = [
        restricted(each, lambda record: _is_wanted(record, selection, kept))
        for each in groups
        if selection.setting is None or selection.setting in _setting_names(each)
    ]
    found = [each for each in wanted if each.records]
    if not found:
        raise UsageError(f"no run has all that was asked for; there is {_what_there_is(groups)}")
    return found


def restricted(whole: Group, is_wanted: Callable[[Record], bool]) -> Group:
    """Return a setting with some of its runs, which may be none; its title tells their seeds."""
    records = [record for record in whole.records if is_wanted(record)]
    title = whole.title.removesuffix(seeds_of(whole.records)) + (seeds_of(records) if records else "")
    return replace(whole, records=records, title=title)


def only_one(groups: list[Group]) -> Group:
    """Return the only setting.

    Raises:
        UsageError: there are several; the line says how to choose one.
    """
    if len(groups) == 1:
        return groups[0]
    names = {each.dataset for each in groups}
    option = "--datasets" if len(names) == len(groups) else "--setting"
    told = [each.dataset if option == "--datasets" else f"{each.name} ({each.title})" for each in groups]
    raise UsageError(
        f"the runs are of {len(groups)} settings, choose one by {option}: {shortened_list(told, '; ')}"
    )


def shortened_list(names: Iterable[str], between: str = ", ") -> str:
    """Return names on one line, cut between two of them where there are many.

    >>> shortened_list(["one", "two"])
    'one, two'
    """
    listed = list(names)
    shown, length = list[str](), 0
    for name in listed:
        length += len(name) + len(between)
        if shown and length > LISTED:
            return f"{between.join(shown)}{between}… ({len(listed)} in all)"
        shown.append(textwrap.shorten(name, LISTED, placeholder=" …"))
    return between.join(shown)


def _check(kind: str, asked: list[str], there: set[str], also: Callable[[str], str] = str) -> None:
    for name in asked:
        if name not in there and also(name) not in there:
            raise unknown(kind, name, there)


def _check_noise(asked: list[str], records: list[Record]) -> None:
    points = {record.spec.noise.point: record.spec.noise for record in records}
    for text in asked:
        if not any(_is_noise(text, noise) for noise in points.values()):
            raise unknown("noise", text, {_as_option(noise) for noise in points.values()})


def _check_setting(asked: str | None, groups: list[Group]) -> None:
    names = {name for each in groups for name in _setting_names(each)}
    if asked is not None and asked not in names:
        raise unknown("setting", asked, names)


def _setting_names(of: Group) -> set[str]:
    return {of.name, *(record.spec.recipe_name for record in of.records if record.spec.recipe_name)}


def _method_names(record: Record) -> tuple[str, str]:
    return record.spec.method.name, record.spec.label


def _is_wanted(record: Record, selection: Selection, kept: set[str]) -> bool:
    names, spec = _method_names(record), record.spec
    asked = {form for name in selection.methods for form in (name, plugin_name(name))}
    return (
        (not asked or spec.label in kept or bool(set(names) & asked))
        and (not selection.datasets or spec.dataset.name in selection.datasets)
        and (not selection.noise or any(_is_noise(text, spec.noise) for text in selection.noise))
    )


def _is_noise(text: str, noise: Noise) -> bool:
    """Return whether a text names a point of the noise axis, or all points of a kind."""
    name, colon, rate = text.partition(":")
    if not colon and _number(text) is not None:
        return (
            noise.rate is not None
            and noise.rate == _number(text)
            and (not noise.rate or noise.kind == "symmetric")
        )
    if text in (noise.label, noise.slug, noise.name) or (noise.kind == text and bool(noise.rate)):
        return True
    return name == noise.name and noise.rate is not None and noise.rate == _number(rate)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _as_option(noise: Noise) -> str:
    """Return a point of the noise axis as one types it: `0.3`, `pair:0.3`, `human:worse`."""
    if noise.rate is None or noise.label_set is not None:
        return noise.name
    is_plain = noise.kind == "symmetric" or not noise.rate
    return f"{noise.rate:g}" if is_plain else f"{noise.name}:{noise.rate:g}"


def noises_of(groups: Iterable[Group]) -> list[str]:
    """Return the points of the noise axis as one types them, along the axis."""
    return list(dict.fromkeys(_as_option(noise) for each in groups for noise in each.noises))


def _what_there_is(groups: list[Group]) -> str:
    """Return which methods and noise each setting has, as one line."""
    return shortened_list(
        [f"{each.name}: {', '.join(each.labels)} at noise {', '.join(noises_of([each]))}" for each in groups], "; "
    )
