"""The global generators, seeded together, kept and put back."""

import io
import random

import numpy as np
import torch

from bench.training import seeding as generators


def draw():
    return random.gauss(), np.random.standard_normal(), np.random.bytes(3), torch.rand(()).item()


def test_the_same_seed_draws_the_same_from_each():
    generators.seed(7)
    first = draw()
    generators.seed(7)
    assert draw() == first
    generators.seed(8)
    assert not set(draw()) & set(first)


def test_a_seed_of_any_size_will_do():
    generators.seed(2**40)
    assert draw()


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
