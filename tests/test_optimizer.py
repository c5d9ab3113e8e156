"""Muon: what it makes of a gradient, against the singular value decomposition in float64."""

import pytest
import torch
from torch import nn

from optimizer import Muon, orthogonalise


@pytest.mark.parametrize("shape", [(16, 16), (64, 16), (16, 64), (1, 8)])
def test_orthogonalising_keeps_the_singular_vectors_and_brings_the_values_near_one(shape):
    torch.manual_seed(0)
    matrices = torch.randn(3, *shape, dtype=torch.float64) * torch.tensor([1e-4, 1.0, 1e4]).view(3, 1, 1)
    for matrix, result in zip(matrices, orthogonalise(matrices)):
        u, s, vh = torch.linalg.svd(matrix, full_matrices=False)
        inner = u.T @ result @ vh.T  # diagonal if the singular vectors are the same
        values = inner.diagonal()
        torch.testing.assert_close(inner, torch.diag(values), atol=1e-7, rtol=0)
        large = s > 0.05 * s.max()
        assert (values[large] > 0.6).all() and (values < 1.3).all(), "the size of the gradient does not matter"


def test_an_update_follows_the_formula():
    torch.manual_seed(0)
    p = nn.Parameter(torch.randn(8, 4, dtype=torch.float64))
    optimizer = Muon([p], lr=0.1, momentum=0.9, weight_decay=0.5)
    expected, mean = p.detach().clone(), torch.zeros_like(p)
    for _ in range(3):
        gradient = torch.randn_like(p)
        p.grad = gradient.clone()
        optimizer.step()
        mean = 0.9 * mean + 0.1 * gradient
        update = orthogonalise((0.9 * mean + 0.1 * gradient)[None])[0]  # Nesterov: one step ahead of the mean
        expected = (1 - 0.1 * 0.5) * expected - 0.1 * (8 / 4) ** 0.5 * update
        torch.testing.assert_close(p.detach(), expected, rtol=1e-10, atol=1e-12)


def test_parameters_without_a_gradient_stay_and_vectors_are_refused():
    p = nn.Parameter(torch.ones(2, 2))
    Muon([p], lr=0.1, weight_decay=0.5).step()
    assert torch.equal(p, torch.ones(2, 2))
    with pytest.raises(ValueError, match="matrices"):
        Muon([nn.Parameter(torch.ones(3))], lr=0.1)
