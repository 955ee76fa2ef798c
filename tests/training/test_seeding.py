"""The global generators, seeded together, kept and put back."""

import io
import random

import numpy as np
import pytest
import torch
from harness import spec

from bench.data.label_noise import Clean, corrupt
from bench.data.splits import random_part
from bench.errors import UsageError
from bench.grid.request import Request
from bench.spec import RunSpec
from bench.training import seeding as generators
from bench.training.transforms import AlternatingFlips
from bench.validation import validated


def draw():
    return random.gauss(), np.random.standard_normal(), np.random.bytes(3), torch.rand(()).item()


def test_the_same_seed_draws_the_same_from_each():
    generators.seed(7)
    first = draw()
    generators.seed(7)
    assert draw() == first
    generators.seed(8)
    assert not set(draw()) & set(first)


SMALL = [0, 1, 2, 7, 2**31 - 1, 2**31, 2**32 - 1]
LARGE = [2**32, 2**32 + 1, 2**32 + 7, 2**33 + 1, 2**40, 2**63 - 1, 2**63, 2**64 - 1, 2**64, 2**64 + 1, 2**96 + 1]
LARGE += [1 << 32 | 2**31, 3 << 32 | 1, 5 << 64 | 1, 7 << 64, 2**128 - 1]
SEEDS = [*SMALL, *LARGE]
CLEAN = Clean(np.arange(600) % 10, 10, lambda places: np.zeros((len(places), 1, 4, 4), dtype=np.uint8))


def globally(make):
    def seeded(seed):
        generators.seed(seed)
        return make()

    return seeded


DRAWS = {
    "python": globally(lambda: [random.random() for _ in range(8)]),
    "numpy": globally(lambda: np.random.random(8).tolist()),
    "torch": globally(lambda: torch.rand(8).tolist()),
    "torch, integers": globally(lambda: torch.randperm(64).tolist()),
    "generator": lambda seed: torch.rand(8, generator=generators.torch_generator(seed)).tolist(),
    "alternating flips": lambda seed: AlternatingFlips(64, seed, torch.device("cpu")).first.tolist(),
    "held-out part": lambda seed: random_part(200, 100, seed, stream=2)[0].tolist(),
    **{kind: lambda seed, kind=kind: corrupt(CLEAN, kind, 0.4, seed).tolist() for kind in ("symmetric", "pair")},
    "instance-dependent": lambda seed: corrupt(CLEAN, "instance-dependent", 0.4, seed).tolist(),
}


@pytest.mark.parametrize("use", DRAWS)
def test_seeds_that_differ_draw_differently_in_every_use(use):
    drawn = [DRAWS[use](seed) for seed in SEEDS]
    assert len({tuple(each) for each in drawn}) == len(SEEDS)
    assert [DRAWS[use](seed) for seed in SEEDS] == drawn


@pytest.mark.parametrize("seed", SMALL)
def test_a_small_seed_draws_as_torch_and_numpy_do_with_it(seed):
    """So all published outcomes stay."""
    generators.seed(seed)
    assert torch.rand(()) == torch.rand((), generator=torch.Generator().manual_seed(seed))
    assert np.random.random() == np.random.RandomState(seed).random()
    assert random.random() == random.Random(seed).random()
    assert generators.torch_generator(seed).initial_seed() == seed


@pytest.mark.parametrize(
    "seed", [2**128, -1, True, 1.0, "1.0", "many", None, 2**20000], ids=lambda seed: type(seed).__name__
)
def test_what_is_no_seed_is_refused_in_one_line(seed):
    for option in ({"seeds": [seed]}, {"noise_seed": seed} if seed is not None else {"seeds": [-1]}):
        with pytest.raises(UsageError) as raised:
            validated(Request, option, "option")
        assert "\n" not in str(raised.value)


def test_runs_of_large_seeds_are_runs_of_their_own_and_read_back():
    identities = {}
    for seed in SEEDS:
        cell = spec(seeds=[str(seed)])
        assert RunSpec.model_validate_json(cell.model_dump_json()) == cell
        assert (cell.seed, cell.noise.seed, len(cell.folder.name)) < (seed + 1, seed + 1, 60)
        identities[cell.identity] = seed
    assert list(identities.values()) == SEEDS


# The checks of annotations draw from the global generator of Python, which is looked at here.
@pytest.mark.usefixtures("unchecked_types")
def test_a_state_that_went_through_a_file_without_pickled_code_goes_back_to_where_it_was():
    generators.seed(7)
    draw()  # which leaves half of a pair of normal numbers for the next call
    file = io.BytesIO()
    torch.save(generators.state(), file)
    expected = draw(), draw()
    generators.seed(0)
    file.seek(0)
    generators.restore(torch.load(file, weights_only=True))
    assert (draw(), draw()) == expected
