"""Searches of `bench tune`, each a file: what was tried, by identities of runs, and what won."""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, model_validator

from bench.errors import BenchError, UsageError, one_line
from bench.evaluation.metrics import has_better_side
from bench.files.atomic import write_text
from bench.files.reading import parse_json, read_file
from bench.recipe import Frozen
from bench.store.file_sources import SEARCHES
from bench.store.pack_files import NAME, contents
from bench.validation import validated

Identity = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


def _metric(name: str) -> str:
    if not has_better_side(name):
        raise ValueError(f"{name!r} is no metric to choose by")
    return name


class StudyRange(Frozen):
    """A range that was searched."""

    low: float
    high: float
    log: bool = False


class StudyTrial(Frozen):
    """One configuration: its values by NAME.KEY, its runs in the search, and those if it wins."""

    values: dict[str, Any]
    searched: tuple[Identity, ...]
    tested: tuple[Identity, ...]


class StudyContest(Frozen):
    """The configurations of one method at one noise; the winner is None until all were tried."""

    dataset: str
    noise: str
    method: str
    trials: Annotated[tuple[StudyTrial, ...], Field(min_length=1)]
    winner: Annotated[int, Field(ge=0)] | None = None
    tied: Annotated[int, Field(ge=0)] = 0  # other configurations as good as the best

    @model_validator(mode="after")
    def _winner_is_a_trial(self) -> "StudyContest":
        if self.winner is not None and self.winner >= len(self.trials):
            raise ValueError(f"winner is {self.winner}, there are {len(self.trials)} configurations")
        return self


class Study(Frozen):
    """A search: what was asked for, what was tried, and what won."""

    budget: int
    search: str
    search_seed: int
    metric: Annotated[str, AfterValidator(_metric)]
    held_out: float
    space: dict[str, list[Any] | StudyRange]
    contests: tuple[StudyContest, ...]
    is_done: bool = False  # whether all configurations were tried

    @property
    def name(self) -> str:
        """Eight digits that tell it from others: a hash of what is searched, tests aside.

        The order in which methods and settings were named does not count, that of trials does.
        """
        found: Any = {"winner": True, "tied": True, "trials": {"__all__": {"tested"}}}
        asked = self.model_dump(mode="json", exclude={"is_done": True, "contests": {"__all__": found}})
        asked["contests"].sort(key=lambda contest: (contest["dataset"], contest["noise"], contest["method"]))
        return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:8]

    def write(self, results: Path) -> "Study":
        """Write it into a results folder, in place of an earlier state of the same search.

        Returns:
            What was written: with the tests of that state, which may be of other seeds.
        """
        known = {study.name: study for study in read_studies(results)[0]}
        whole = _with_tests_of(self, known[self.name]) if self.name in known else self
        folder = results / SEARCHES
        folder.mkdir(parents=True, exist_ok=True)
        write_text(folder / f"{self.name}.json", whole.text)
        return whole

    @property
    def text(self) -> str:
        """The content of its file."""
        return self.model_dump_json(indent=1)


def _with_tests_of(study: Study, earlier: Study) -> Study:
    """Return a search with the tests of an earlier state of it as well."""
    tested = {trial.searched: trial.tested for contest in earlier.contests for trial in contest.trials}

    def joined(trial: StudyTrial) -> StudyTrial:
        both = dict.fromkeys((*tested[trial.searched], *trial.tested))
        return trial.model_copy(update={"tested": tuple(both)})

    contests = (
        contest.model_copy(update={"trials": tuple(map(joined, contest.trials))}) for contest in study.contests
    )
    return study.model_copy(update={"contests": tuple(contests)})


def read_studies(results: Path) -> tuple[list[Study], list[str]]:
    """Return the searches of a results folder or a pack, and a line for each file that is none.

    A folder may have a pack in it. Of a search that is in both, the folder's state counts.
    """
    found, problems = dict[str, Study](), list[str]()
    for place, read in _files(results):
        try:
            content = parse_json(read())
            if not isinstance(content, dict):
                raise ValueError("it is no search")
            study = validated(Study, content, "key of a search")
            found[study.name] = study
        except (BenchError, UsageError, OSError, ValueError) as error:
            problems.append(f"{place} is left out, it is no search that can be read: {one_line(error)}")
    return list(found.values()), problems


def _files(results: Path) -> Iterator[tuple[Path, Callable[[], bytes]]]:
    """Yield each file of a search and what reads it, those of a pack first."""
    pack = results if results.is_file() else results / NAME
    if pack.is_file():
        for name, content in contents(pack).searches.items():
            yield pack / SEARCHES / name, partial(bytes, content)
    for path in sorted((results / SEARCHES).glob("*.json")):
        yield path, partial(read_file, path)


def add_studies(results: Path, other: Path) -> tuple[int, list[str]]:
    """Copy the searches of another results folder or pack.

    An unfinished one that is here is replaced by a finished one.

    Returns:
        How many were not here, and a line for each file there that is none.
    """
    ours = {study.name: study for study in read_studies(results)[0]}
    theirs, problems = read_studies(other)
    for study in theirs:
        here = ours.get(study.name)
        if here is None or study.is_done or not here.is_done:
            study.write(results)
    return len({study.name for study in theirs} - ours.keys()), problems


def won_in(studies: Iterable[Study]) -> dict[str, tuple[str, ...]]:
    """Return the searches that each winner's test belongs to, by the run's identity."""
    found = dict[str, tuple[str, ...]]()
    for study in studies:
        won = [each.trials[each.winner] for each in study.contests if each.winner is not None]
        for identity in (identity for trial in won for identity in trial.tested):
            found[identity] = (*found.get(identity, ()), study.name)
    return found


def runs_of_searches(results: Path) -> set[str]:
    """Return the identities of all runs on held-out parts that searches of a folder asked for."""
    studies, _ = read_studies(results)
    trials = [trial for study in studies for contest in study.contests for trial in contest.trials]
    return {identity for trial in trials for identity in trial.searched}
