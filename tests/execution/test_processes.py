"""Runs in their own processes: in order, apart from each other, none lost with its process."""

import os
import re
import signal
from pathlib import Path

import hooked
import pytest
import torch
from commandline import server, until
from harness import DUMMY, PLUGINS, grid, plugin, run

from bench.execution.context import Context
from bench.execution.observer import Observer
from bench.execution.processes import ProcessExecutor, death, gpu_of, interrupts_held
from bench.files import locks
from bench.grid.cell_state import BrokenCell
from bench.plugins.registry import Registry
from bench.store import grid_status as status
from bench.store.grid_status import remember
from bench.store.store import Store
from bench.store.unfinished import folder_of

LOSS = "        logits, uncertainty = self(batch.images)\n"


@pytest.fixture(autouse=True, scope="module")
def _server():
    server()


class Watcher(Observer):
    """Notes what it is told."""

    def __init__(self):
        self.told = []

    def run_started(self, spec):
        self.told.append(("started", spec.title))

    def epoch(self, spec, progress, log=None):
        self.told.append(("epoch", spec.title, progress.epoch))

    def run_ended(self, spec):
        self.told.append(("ended", spec.title))

    def cell_finished(self, report):
        self.told.append(("finished", report.title))


def method(folder, name, in_loss="", imports="import os, signal\nfrom pathlib import Path\n", more=""):
    """A dummy that does something more in each step."""
    assert LOSS in DUMMY
    lines = "".join(f"        {line}\n" for line in in_loss.splitlines())
    head, future, rest = DUMMY.partition("from torch import Tensor, nn\n")
    assert future
    return plugin(folder, name, (head + imports + future + rest).replace(LOSS, lines + LOSS) + more)


def make(results, *folders, jobs=2, threads=1, observer=None, **fields):
    registry = Registry([PLUGINS, *folders])
    context = Context(registry, Store(results), Path("data"), **fields)
    return ProcessExecutor(context, observer or Observer(), jobs, threads)


def undisturbed(results, folder, name):
    """The outcome of a run of tiny by a method that nothing disturbs."""
    (report,) = run(results, folder, methods=[name])
    assert report.status == "done", report.detail
    (record,) = Store(results).scan()[0]
    return record.outcome


# ---- what runs where -----------------------------------------------------------------------------


def test_reports_come_in_the_order_of_the_grid_whichever_run_ends_first(tmp_path):
    """The first run waits for the second to be stored: it must run at the same time."""
    bb = f"Path({str(tmp_path)!r}).glob('results/runs/tiny/bb/*/seed0-*/record.json')"
    method(tmp_path / "plugins", "aa", f"import time\nwhile not list({bb}):\n    time.sleep(0.01)")
    folder = method(tmp_path / "plugins", "bb")
    watcher, cells = Watcher(), grid(folder, methods=["aa", "bb"])
    reports = make(tmp_path / "results", folder, observer=watcher).run(cells)
    assert [(each.title, each.status) for each in reports] == [(cell.title, "done") for cell in cells]
    finished = [told[1] for told in watcher.told if told[0] == "finished"]
    assert finished == [cells[1].title, cells[0].title]
    for cell in cells:
        mine = [told[:1] + told[2:] for told in watcher.told if told[1] == cell.title]
        assert mine == [("started",), *(("epoch", k) for k in range(1, 5)), ("ended",), ("finished",)]


def test_each_run_has_a_process_of_its_own_with_the_threads_and_the_gpu_of_its_job(tmp_path, monkeypatch):
    """The GPUs that this program may use are told by the variable, even where there are none."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,5")
    said = tmp_path / "said"
    said.mkdir()
    tell = (
        f"import torch\nnames = [torch.get_num_threads(), os.environ.get('CUDA_VISIBLE_DEVICES'), os.getpid()]\n"
        f"(Path({str(said)!r}) / ' '.join(map(str, names))).touch()\n"
        "import time\n"
        f"while len(list(Path({str(said)!r}).iterdir())) < 2:\n    time.sleep(0.01)"
    )
    folder = method(tmp_path / "plugins", "telling", tell)
    cells = grid(folder, methods=["telling"], seeds=[0, 1])
    reports = make(tmp_path / "results", folder, threads=2).run(cells)
    assert [report.status for report in reports] == ["done", "done"], reports
    told = [path.name.split() for path in said.iterdir()]
    assert sorted(each[:2] for each in told) == [["2", "3"], ["2", "5"]]
    assert len({each[2] for each in told} | {str(os.getpid())}) == 3
    assert {each.environment.threads for each in Store(tmp_path / "results").scan()[0]} == {2}
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "3,5"


def test_processes_give_the_same_bits_as_none(tmp_path):
    asked = {"methods": ["dummy", "rul"], "seeds": [0, 1]}
    run(tmp_path / "here", **asked)
    assert {report.status for report in make(tmp_path / "there", jobs=2).run(grid(**asked))} == {"done"}
    here, there = ({r.spec.identity: r.outcome for r in Store(tmp_path / n).scan()[0]} for n in ("here", "there"))
    assert here == there
    assert len(here) == 4


def test_a_grid_of_which_nothing_is_to_run_starts_no_process(tmp_path, monkeypatch):
    run(tmp_path, seeds=[0, 1])
    broken = BrokenCell(title="a broken one", reason="it does not import")
    first, second = grid(seeds=[0, 1])
    executor = make(tmp_path)
    monkeypatch.setattr(executor, "server", None)
    reports = executor.run([first, broken, second])
    assert [report.status for report in reports] == ["finished", "failed", "finished"]
    assert (reports[1].title, reports[1].detail) == ("a broken one", "it does not import")


def test_a_cell_that_fails_in_its_process_says_why_and_the_others_run(tmp_path):
    folder = method(tmp_path / "plugins", "broken", "raise RuntimeError('no\\nluck')")
    watcher = Watcher()
    reports = make(tmp_path / "results", folder, observer=watcher).run(grid(folder, methods=["broken", "dummy"]))
    assert [report.status for report in reports] == ["failed", "done"]
    assert re.match(r"RuntimeError: no luck \(broken\.py:\d+\) \(traceback in ", reports[0].detail)
    assert sum(told[0] == "started" for told in watcher.told) == 2  # what fails is not tried again


# ---- processes that die --------------------------------------------------------------------------


def dying(folder, how, epoch=3, once=True):
    """A method that ends its process in an epoch, the first time or always."""
    mark = folder / "mark"
    again = "not mark.exists()" if once else "True"
    body = f"mark = Path({str(mark)!r})\nif progress.epoch == {epoch} and {again}:\n"
    return method(folder, "dying", body + f"    mark.touch()\n    {how}")


@pytest.mark.parametrize("how", ["os.kill(os.getpid(), signal.SIGKILL)", "os._exit(0)"])
def test_a_process_that_dies_costs_one_retry_that_goes_on_from_the_checkpoint(tmp_path, how):
    folder, watcher = dying(tmp_path / "plugins", how), Watcher()
    cells = grid(folder, methods=["dying", "dummy"])
    reports = make(tmp_path / "results", folder, observer=watcher, checkpoint_seconds=0.0).run(cells)
    assert [report.status for report in reports] == ["done", "done"]
    assert reports[0].detail.endswith(", resumed after epoch 2")
    mine = [told[:1] + told[2:] for told in watcher.told if told[1] == cells[0].title]
    before, after = ([("epoch", k) for k in epochs] for epochs in ((1, 2), (3, 4)))
    assert mine == [("started",), *before, ("ended",), ("started",), *after, ("ended",), ("finished",)]
    store = Store(tmp_path / "results")
    outcome = store.read(cells[0]).outcome
    assert outcome == undisturbed(tmp_path / "alone", folder, "dying")
    assert not list(store.root.rglob(".p*"))


def test_a_run_with_every_hook_goes_on_in_a_new_process_with_the_same_bits(tmp_path):
    mark = tmp_path / "mark"
    kill = (
        f"        import os, pathlib\n        mark = pathlib.Path({str(mark)!r})\n"
        "        if progress.epoch == 3 and not mark.exists():\n"
        "            mark.touch()\n            os.kill(os.getpid(), 9)\n"
    )
    start = "    def before_epoch(self, clean, progress):\n"
    folder = plugin(tmp_path / "plugins", "hooked", hooked.SOURCE.replace(start, start + kill))
    cells = grid(folder, **hooked.GRID)
    (report,) = make(tmp_path / "results", folder, checkpoint_seconds=0.0).run(cells)
    assert report.detail.endswith(", resumed after epoch 2"), report
    (whole,) = run(tmp_path / "alone", folder, **hooked.GRID)
    assert whole.status == "done", whole.detail
    outcomes = [Store(tmp_path / name).read(cells[0]).outcome for name in ("results", "alone")]
    assert outcomes[0] == outcomes[1]


def test_a_process_that_always_dies_costs_its_own_cell_only_and_the_signal_is_named(tmp_path):
    folder = dying(tmp_path / "plugins", "os.kill(os.getpid(), signal.SIGSEGV)", epoch=1, once=False)
    cells, store = grid(folder, methods=["dying", "dummy"], seeds=[0, 1]), Store(tmp_path / "results")
    remember(store, cells)
    watcher = Watcher()
    reports = make(tmp_path / "results", folder, observer=watcher).run(cells)
    assert [report.status for report in reports] == ["failed", "done", "failed", "done"]
    assert {report.detail for report in reports[::2]} == {"its process died by SIGSEGV (2 tries got no further)"}
    assert [told[0] for told in watcher.told if told[1] == cells[0].title].count("started") == 2
    found = {each.spec.title: (each.state, each.detail) for each in status.of(store)}
    assert found[cells[0].title] == ("failed", reports[0].detail)
    assert found[cells[1].title][0] == "done"


def test_a_process_that_dies_before_it_says_anything_is_told_with_its_exit_status(tmp_path):
    """The method's file ends every process that imports it, but this one."""
    leave = f"import os\nif os.getpid() != {os.getpid()}:\n    os._exit(3)\n"
    folder = method(tmp_path / "plugins", "dying", imports=leave)
    reports = make(tmp_path / "results", folder).run(grid(folder, methods=["dying", "dummy"]))
    assert [report.status for report in reports] == ["failed", "done"]
    assert reports[0].detail == "its process died by exit status 3 (2 tries got no further)"


@pytest.mark.parametrize("error", ["MemoryError('in vain')", "torch.OutOfMemoryError('in vain')"])
def test_a_run_out_of_memory_has_one_retry_when_the_others_are_done(tmp_path, error):
    mark = tmp_path / "mark"
    body = f"import torch\nif progress.epoch == 3 and not Path({str(mark)!r}).exists():\n"
    folder = method(tmp_path / "plugins", "hungry", f"{body}    Path({str(mark)!r}).touch()\n    raise {error}")
    cells, watcher = grid(folder, methods=["hungry", "dummy"], seeds=[0, 1]), Watcher()
    reports = make(tmp_path, folder, jobs=1, observer=watcher, checkpoint_seconds=0.0).run(cells)
    assert [report.status for report in reports] == ["done"] * 4
    assert reports[0].detail.endswith(", resumed after epoch 2")
    started = [told[1] for told in watcher.told if told[0] == "started"]
    assert started == [cell.title for cell in (*cells, cells[0])]


def test_a_run_that_never_has_enough_memory_fails_and_says_so(tmp_path):
    folder = method(tmp_path / "plugins", "hungry", "raise MemoryError('in vain')")
    (report,) = make(tmp_path, folder, jobs=1).run(grid(folder, methods=["hungry"]))
    said = "it ran out of memory: MemoryError: in vain (2 tries got no further)"
    assert (report.status, report.detail) == ("failed", said)


def test_a_run_whose_checkpoint_moves_on_is_tried_again_however_often_its_process_dies(tmp_path):
    body = "mark = Path({!r}) / str(progress.epoch)\nif not mark.exists():\n    mark.touch()\n    os._exit(3)"
    folder = method(tmp_path / "plugins", "dying", body.format(str(tmp_path)))
    (report,) = make(tmp_path / "results", folder, checkpoint_seconds=0.0).run(grid(folder, methods=["dying"]))
    assert (report.status, report.detail.endswith(", resumed after epoch 3")) == ("done", True), report


def _interrupted_while_it_tells(told):
    with interrupts_held():
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGINT)
        told.append("all")


def test_an_interrupt_while_a_process_is_started_waits_until_it_has_been_told_all():
    told = []
    with pytest.raises(KeyboardInterrupt):
        _interrupted_while_it_tells(told)
    assert told == ["all"]
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_an_interrupt_ends_the_processes_at_once(tmp_path):
    """Each run would wait for ever; the interrupt comes when both are under way."""
    pids = tmp_path / "pids"
    pids.mkdir()
    wait = f"(Path({str(pids)!r}) / str(os.getpid())).touch()\nimport time\nwhile True:\n    time.sleep(1)"
    folder = method(tmp_path / "plugins", "endless", wait)

    class Impatient(Observer):
        started = 0

        def run_started(self, spec):
            self.started += 1
            if self.started == 2:
                until(lambda: len(list(pids.iterdir())) == 2, "both runs")
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make(tmp_path / "results", folder, observer=Impatient()).run(
            grid(folder, methods=["endless"], seeds=[0, 1])
        )
    for path in pids.iterdir():
        until(lambda path=path: not is_alive(int(path.name)), "the end of a process")


def is_alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


# ---- runs that another program works on ----------------------------------------------------------


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_run_that_another_program_works_on_is_waited_for_and_done_when_it_gave_up(tmp_path, jobs):
    mine, other = cells = grid(seeds=[0, 1])
    store = Store(tmp_path)
    lock = locks.take(folder_of(store.path(mine)) / "lock")
    assert lock is not None

    class Releasing(Watcher):
        def cell_finished(self, report):
            super().cell_finished(report)
            if report.title == other.title:
                assert not store.has(mine)
                lock.release()

    watcher = Releasing()
    reports = make(tmp_path, jobs=jobs, observer=watcher).run(cells)
    assert [(report.title, report.status) for report in reports] == [(cell.title, "done") for cell in cells]
    assert [told for told in watcher.told if told[0] == "finished"] == [
        ("finished", other.title),
        ("finished", mine.title),
    ]


def test_a_run_that_another_program_finished_meanwhile_is_stored(tmp_path):
    mine, other = cells = grid(seeds=[0, 1])
    store = Store(tmp_path)
    lock = locks.take(folder_of(store.path(mine)) / "lock")

    class Finishing(Observer):
        def cell_finished(self, report):
            if report.title == other.title:
                lock.release()
                run(tmp_path, seeds=[0])

    reports = make(tmp_path, observer=Finishing()).run(cells)
    assert [report.status for report in reports] == ["finished", "done"]


def test_when_time_is_over_what_another_program_works_on_is_not_waited_for(tmp_path):
    cells = grid(seeds=[0, 1])
    with locks.take(folder_of(Store(tmp_path).path(cells[0])) / "lock"):
        reports = make(tmp_path, deadline=0.0).run(cells)
    assert [(report.status, report.detail) for report in reports] == [("stopped", "not begun")] * 2


# ---- how many, and how they ended ----------------------------------------------------------------


def test_jobs_take_the_gpus_that_the_program_may_use_in_turn(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,5")
    assert [gpu_of(slot) for slot in range(4)] == ["3", "5", "3", "5"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-8b2f,MIG-12")
    assert [gpu_of(slot) for slot in range(3)] == ["GPU-8b2f", "MIG-12", "GPU-8b2f"]
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert [gpu_of(slot) for slot in range(3)] == ["0", "1", "0"]
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    assert gpu_of(0) is None


@pytest.mark.parametrize(
    ("exitcode", "said"),
    [
        (-signal.SIGKILL, "SIGKILL, perhaps for want of memory"),
        (-signal.SIGSEGV, "SIGSEGV"),
        (-signal.SIGABRT, "SIGABRT"),
        (-(signal.SIGRTMIN + 5), f"signal {signal.SIGRTMIN + 5}"),
        (0, "exit status 0"),
        (3, "exit status 3"),
    ],
)
def test_a_death_is_named(exitcode, said):
    assert death(exitcode) == said
