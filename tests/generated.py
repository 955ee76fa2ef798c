"""Stores of many runs: copies of one tiny run under other names, with checksums that fit."""

import json
import multiprocessing
import resource
import tempfile
from collections.abc import Callable, Iterable
from functools import cache
from itertools import product
from multiprocessing.connection import Connection
from pathlib import Path

from commandline import server
from harness import checksummed, run, spec

from bench.spec import RunSpec
from bench.store.store import Store


@cache
def template() -> dict[str, bytes]:
    """The files of the run that is copied."""
    with tempfile.TemporaryDirectory() as folder:
        run(Path(folder))
        return {path.name: path.read_bytes() for path in Store(Path(folder)).path(spec()).iterdir()}


def generate(results: Path, methods: int, noise: Iterable[float], seeds: int, settings: int = 1) -> list[RunSpec]:
    """Write a run for each method, noise, seed and setting, each of another accuracy."""
    cells = [
        specification(f"method-{method}", rate, seed, 1e-4 * (1 + setting))
        for setting, method, rate, seed in product(range(settings), range(methods), noise, range(seeds))
    ]
    for place, cell in enumerate(cells):
        write(results, cell, accuracy=(1 + place) / (1 + len(cells)))
    return cells


def specification(method: str, rate: float, seed: int, weight_decay: float) -> RunSpec:
    """The template's specification, under another name and with other values."""
    original = RunSpec.model_validate_json(template()["spec.json"])
    changes = {
        "label": method,
        "seed": seed,
        "method": original.method.model_copy(update={"name": method}),
        "noise": original.noise.model_copy(update={"rate": rate, "seed": seed}),
        "recipe": original.recipe.model_copy(update={"weight_decay": weight_decay}),
    }
    return original.model_copy(update=changes)


def write(results: Path, cell: RunSpec, accuracy: float) -> None:
    """Write one run as the store would have written it."""
    old = json.loads(template()["record.json"])
    record = template()["record.json"].decode()
    for key, before, after in (
        ("identity", old["identity"], cell.identity),
        ("outcome", old["outcome"], cell.identity[::-1]),
        ("accuracy", old["metrics"]["accuracy"], accuracy),
    ):
        was, now = (f'"{key}": {json.dumps(value)}' for value in (before, after))
        assert record.count(was) == 1
        record = record.replace(was, now)
    folder = Store(results).path(cell)
    folder.mkdir(parents=True)
    changed = {"spec.json": cell.model_dump_json(indent=1).encode(), "record.json": record.encode()}
    for name, content in (template() | changed).items():
        (folder / name).write_bytes(content)
    checksummed(folder)


def accuracies(store: Store) -> list[float]:
    """The accuracies of a store's runs as their files have them, in order of size."""
    found = [json.loads(path.read_text()) for path in store.root.rglob("record.json")]
    return sorted(record["metrics"]["accuracy"] for record in found)


def peak_in_child(work: Callable[..., object], *arguments: object) -> float:
    """Work in a new process that has imported all modules; return its peak memory in MiB."""
    here, there = multiprocessing.Pipe(duplex=False)
    process = server().Process(target=_work, args=(there, work, *arguments))
    process.start()
    there.close()
    peak = float(here.recv())
    process.join()
    return peak


def _work(pipe: Connection, work: Callable[..., object], *arguments: object) -> None:
    work(*arguments)
    pipe.send(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
