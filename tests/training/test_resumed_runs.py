"""A run resumed from its checkpoint ends with the same bits as an uninterrupted one."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from harness import DUMMY, PLUGINS, plugin, spec
from interrupted import EPOCHS, STEPS, data_of, digits, factory_of, go, go_on

from bench.execution.runner import execute
from bench.nets.backbones import make_backbone
from bench.plugins.registry import Registry
from bench.store.store import Store
from bench.training import checkpoint, seeding
from bench.training.checkpoint import Keeper, OutOfTime


def go_in_pieces(cell, path):
    """Train each epoch from the checkpoint of the one before; return the outcome and the stops."""
    stops = []
    while True:
        torch.manual_seed(1000 + len(stops))  # what another program would find
        try:
            return go(cell, path, stops=True), stops
        except OutOfTime as error:
            stops.append(str(error))


def files_of(outcome, results):
    """The run's files byte by byte, but for what tells the time it took."""
    store = Store(results)
    store.save(outcome)
    files = {path.name: path.read_bytes() for path in store.path(outcome.spec).iterdir()}
    return {name: files[name] for name in files if name not in ("record.json", "SHA256SUMS")}


SHORT = {  # as in `--preset short`, but for what airbench94 needs, for which digits are too small
    "schedule": {"start": 0.2, "rise": 0.23, "end": 0.07},
    "learning_rate": 0.05,
    "bias_rate_factor": 8,
    "lookahead": {"every": 2, "decay": 0.95},
    "dropout": 0.1,
    "augment": {"padding": 1, "flip": "alternating"},
    "mirrored_views": True,
}
RECIPES = [
    ("baseline", {"schedule": "one-cycle", "learning_rate": 0.05}, {}),
    ("scn", {"optimizer": "adam", "learning_rate": 0.003, "schedule": "constant"}, {}),
    ("dul", {"schedule": STEPS, "learning_rate": 0.05}, {}),
    ("rul", {"schedule": "cosine", "learning_rate": 0.05, "classifier_learning_rate": 0.1}, {}),
    ("mix-output", {"optimizer": "adam", "learning_rate": 0.003, "schedule": STEPS}, {"space": "probabilities"}),
    ("loss-attention", {"optimizer": "adam", "learning_rate": 0.01, "schedule": "one-cycle"}, {}),
    ("elr", {"schedule": "one-cycle", "learning_rate": 0.05}, {}),
    ("co-teaching", {"schedule": "cosine", "learning_rate": 0.05, "classifier_learning_rate": 0.1}, {}),
    ("afm", {"schedule": "cosine", "learning_rate": 0.05}, {}),
    ("rul", SHORT, {}),
]
NAMES = [f"{method}-{len(recipe)}" for method, recipe, _ in RECIPES]


@pytest.mark.parametrize(
    ("method", "recipe", "hyperparameters"), RECIPES, ids=[f"{row[0]}-{len(row[1])}" for row in RECIPES]
)
def test_a_run_stopped_after_every_epoch_ends_in_the_same_bits(tmp_path, method, recipe, hyperparameters):
    cell = digits(method, recipe, **hyperparameters)
    torch.manual_seed(1)
    whole = go(cell, tmp_path / "never.pt")
    pieces, stops = go_in_pieces(cell, tmp_path / "run" / "checkpoint.pt")
    assert stops == [f"stopped after epoch {k} of {EPOCHS}" for k in range(1, EPOCHS)]
    assert not (tmp_path / "never.pt").exists()
    assert pieces.digest == whole.digest
    assert files_of(pieces, tmp_path / "pieces") == files_of(whole, tmp_path / "whole")
    assert pieces.assessment.metrics == whole.assessment.metrics
    audit = whole.epochs[["relabelled", "corrected", "broken", "remaining_noise"]]
    assert audit["relabelled"].iloc[0] == 0 < audit["relabelled"].iloc[1:].min()  # there was something to keep
    assert pieces.epochs[audit.columns].equals(audit)
    ours, theirs = (each.assessment.train.columns["current"] for each in (pieces, whole))
    np.testing.assert_array_equal(ours, theirs)
    assert (theirs != whole.assessment.train.columns["given"]).any()


FINISHING = {
    "mc-dropout": {"passes": 3, "inner.dimension": 8},
    "deep-ensemble": {"members": 2, "inner": "rul", "inner.dimension": 8},
    "temperature-scaling": {"inner": "scn", "inner.dimension": 8},
    "evidential": {"dimension": 8, "annealing_epochs": 2},
    "ddu": {"inner.dimension": 8, "coefficient": 0.7},
    "confidnet": {"inner.dimension": 8, "steps": 50},
    "deep-gamblers": {"dimension": 8},
    "self-adaptive-training": {"dimension": 8},
    "sam": {"inner.dimension": 8},
    "swag": {"inner.dimension": 8, "start": 0.3, "samples": 3},
    "dividemix": {"dimension": 8, "warm_up": 0.4},
    "laplace": {"inner": "rul", "inner.dimension": 8},
}


@pytest.mark.parametrize("method", FINISHING)
def test_a_run_that_ends_in_a_finish_ends_in_the_same_bits_wherever_it_was_stopped(tmp_path, method):
    recipe = {"train_limit": 150, "batch_size": 32, "backbone": "cnn-16-32-64"}
    content = {"methods": [method], "datasets": ["digits"], "noise": [0.4], "held_out": 0.2, "epochs": 3}
    cell = spec(**content, set={method: FINISHING[method], "recipe": recipe})
    whole = go(cell, tmp_path / "last.pt", interval=0.0)
    pieces, stops = go_in_pieces(cell, tmp_path / "checkpoint.pt")
    assert len(stops) == 2
    torch.manual_seed(5)
    from_the_last_epoch = go(cell, tmp_path / "last.pt")
    assert {whole.digest} == {pieces.digest, from_the_last_epoch.digest}
    assert {whole.weights} == {pieces.weights, from_the_last_epoch.weights}


def test_ratios_drawn_in_training_are_those_of_a_run_never_stopped(tmp_path):
    cell = spec(methods=["mixup"], datasets=["digits"], epochs=3, set={"recipe": {"train_limit": 150}})
    whole = go(cell, tmp_path / "never.pt")
    pieces, stops = go_in_pieces(cell, tmp_path / "checkpoint.pt")
    assert len(stops) == 2
    assert pieces.digest == whole.digest


def test_where_it_was_stopped_makes_no_difference(tmp_path):
    cell = digits("rul")
    digests = set()
    for epoch in range(1, EPOCHS):
        path = tmp_path / f"{epoch}.pt"

        def stop(progress, log, last=epoch):
            if progress.epoch == last + 1:
                raise KeyboardInterrupt

        keeper = Keeper(path, cell.identity, interval=0.0)
        with pytest.raises(KeyboardInterrupt):
            execute(cell, data_of(cell), factory_of(cell), stop, keeper)
        resumed = Keeper(path, cell.identity, interval=0.0)
        digests.add(execute(cell, data_of(cell), factory_of(cell), lambda *_: None, resumed).digest)
        assert resumed.note == f", resumed after epoch {epoch}"
    assert digests == {go(cell, tmp_path / "never.pt").digest}


def test_a_checkpoint_is_more_than_the_weights(tmp_path):
    """Training depends on each part of a checkpoint; else tests of equal bits could not fail."""
    cell = digits("scn", {"optimizer": "adam", "learning_rate": 0.003, "schedule": "one-cycle"})
    whole = go(cell, tmp_path / "never.pt").digest
    path = tmp_path / "checkpoint.pt"
    with pytest.raises(OutOfTime):
        go(cell, path, stops=True)
    kept = checkpoint.read(path)
    for part in ("optimizer", "current", "generator", "torch"):
        content = checkpoint.read(path)
        if part == "optimizer":
            content["trainer"][part]["state"] = {}
        elif part == "current":
            content["trainer"][part] = content["trainer"][part].roll(1)
        else:
            content["trainer"][part] = torch.Generator().manual_seed(99).get_state()
        checkpoint.write(path, content)
        assert go(cell, path).digest != whole, part
    checkpoint.write(path, kept)
    assert go(cell, path).digest == whole


def test_a_run_goes_on_in_a_fresh_process_to_the_same_bits(tmp_path):
    cell = digits("loss-attention")
    with pytest.raises(OutOfTime):
        go(cell, tmp_path / "checkpoint.pt", stops=True)
    (tmp_path / "spec.json").write_text(cell.model_dump_json())
    program = f"""
import sys
from pathlib import Path
import torch
torch.set_num_threads(1)
from bench.training.checkpoint import Keeper
from bench.plugins.loading import load
from bench.plugins.factory import MethodFactory
from bench.plugins.registry import Registry
from bench.execution.runner import execute
from bench.spec import RunSpec
folder, registry = Path({str(tmp_path)!r}), Registry()
cell = RunSpec.model_validate_json((folder / "spec.json").read_text())
keeper = Keeper(folder / "checkpoint.pt", cell.identity, 1e9)
factory = MethodFactory.of(cell.method.name, cell.method.hyperparameters, registry)
data = load(cell.dataset, registry, folder, False)
print(execute(cell, data, factory, lambda *_: None, keeper).digest, keeper.note)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert done.stdout == f"{go(cell, tmp_path / 'never.pt').digest} , resumed after epoch 1\n", done.stderr


def test_a_held_out_run_of_a_pretrained_backbone_goes_on_to_the_same_bits(tmp_path):
    weights = tmp_path / "weights.pt"
    torch.manual_seed(5)
    torch.save(make_backbone("cnn-16-32-64", (1, 4, 4), torch.float32).net.state_dict(), weights)
    cell = spec(methods=["dul"], held_out=0.25, evaluate="held-out", set={"recipe": {"pretrained": str(weights)}})
    pieces, stops = go_in_pieces(cell, tmp_path / "checkpoint.pt")
    assert len(stops) == 3
    assert pieces.digest == go(cell, tmp_path / "never.pt").digest


def test_the_state_of_a_method_beyond_its_weights_survives(tmp_path):
    """A method's own state is kept if it is in buffers or returned by `get_extra_state`."""
    source = DUMMY.replace(
        "        self.scale = scale\n",
        "        self.scale = scale\n        self.steps = 0\n"
        "        self.register_buffer('seen', torch.zeros((), dtype=torch.long))\n",
    ).replace(
        "        logits, uncertainty = self(batch.images)\n",
        "        self.steps += 1\n        self.seen += 1\n        logits, uncertainty = self(batch.images)\n"
        "        logits = logits * (1 + 0.01 * self.steps) + 0.001 * self.seen\n",
    )
    source = source.replace("from torch import Tensor, nn", "import torch\nfrom torch import Tensor, nn") + (
        "\n    def get_extra_state(self):\n        return {'steps': self.steps}\n"
        "\n    def set_extra_state(self, state):\n        self.steps = state['steps']\n"
        "\n    def finish(self, train, held_out):\n        assert (self.steps, int(self.seen)) == (16, 16)\n"
    )
    registry = Registry([PLUGINS, plugin(tmp_path / "plugins", "counting", source)])
    cell = spec().model_copy(update={"method": spec().method.model_copy(update={"name": "counting"})})
    data, outcomes = data_of(cell), []
    for stopping in (False, True):
        stops = 0
        while len(outcomes) < (2 if stopping else 1):
            try:
                factory, path = factory_of(cell, registry), tmp_path / "checkpoint.pt"
                outcomes.append(go_on(cell, data, factory, path, stopping, keep_weights=False))
            except OutOfTime:
                stops += 1
    assert stops == 3
    assert outcomes[0].digest == outcomes[1].digest


def test_numbers_that_a_method_draws_from_numpy_are_those_of_a_run_never_interrupted(tmp_path):
    """Not from Python's generator, from which the tests' own type checker draws."""
    source = DUMMY.replace(
        "        logits, uncertainty = self(batch.images)\n",
        "        logits, uncertainty = self(batch.images)\n        logits = logits * np.random.rand()\n",
    )
    source = source.replace("from torch import Tensor, nn", "import numpy as np\nfrom torch import Tensor, nn")
    registry = Registry([PLUGINS, plugin(tmp_path / "plugins", "drawing", source)])
    cell = spec().model_copy(update={"method": spec().method.model_copy(update={"name": "drawing"})})
    drawing, data, path = factory_of(cell, registry), data_of(cell), tmp_path / "checkpoint.pt"
    whole = go_on(cell, data, drawing, tmp_path / "never.pt", stops=False)
    with pytest.raises(OutOfTime):
        go_on(cell, data, drawing, path, stops=True)
    seeding.seed(99)  # what another program would find
    assert go_on(cell, data, drawing, path, stops=False).digest == whole.digest
    other = go_on(spec(seeds=[1]), data, drawing, tmp_path / "other.pt", stops=False)
    assert other.digest != whole.digest
