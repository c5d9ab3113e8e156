"""The numbers of the graded tests: the saved ones are what is drawn, others differ, the stand-ins' two forms agree."""

import numpy as np
import pytest
import torch

import cases
import oracle_model_solution as oracle
import probes

SAVED = dict(np.load(cases.PUBLIC))


def test_the_public_cases_are_what_is_drawn_with_their_seed():
    drawn = cases.draw(cases.PUBLIC_SEED)
    assert drawn.keys() == SAVED.keys()
    for name, value in drawn.items():
        assert (SAVED[name].shape, SAVED[name].dtype) == (value.shape, value.dtype), name
        np.testing.assert_allclose(SAVED[name], value, rtol=1e-6, atol=1e-6, err_msg=name)  # another computer may round
    assert cases.PUBLIC.stat().st_size < 300_000


def test_other_cases_share_no_input_with_the_public_ones_and_tell_as_much():
    other = cases.draw(7)
    for name, value in other.items():
        assert value.shape == SAVED[name].shape, name
        if value.size > 3:
            assert not np.array_equal(value, SAVED[name]), f"{name} is public"
    assert oracle.is_telling(oracle.part(other, "a3"))


def drawn(*shape):
    return np.random.RandomState(0).randn(*shape)


@pytest.mark.parametrize("module, formula, inputs", [
    (probes.PastMean(), cases.stand_in_attention, [drawn(2, 5, 3)]),
    (probes.Sine(), cases.stand_in_mlp, [drawn(2, 5, 3)]),
    (probes.Shift(1), lambda x: cases.stand_in_block(1, x), [drawn(2, 5, 3)]),
], ids=["attention", "mlp", "block"])  # fmt: skip
def test_a_stand_in_computes_its_formula(module, formula, inputs):
    np.testing.assert_allclose(module(*map(torch.from_numpy, inputs)).numpy(), formula(*inputs), atol=1e-12)


def test_the_stand_in_for_forward_reads_tokens_and_positions():
    table, ids = drawn(11, 6), np.random.RandomState(1).randint(6, size=(3, 7))
    forward = probes.table_logits(torch.from_numpy(table), context_length=7)
    np.testing.assert_array_equal(forward(torch.from_numpy(ids)).numpy(), cases.table_logits(table, ids))
    with pytest.raises(IndexError):
        forward(torch.zeros(1, 8, dtype=torch.long))
