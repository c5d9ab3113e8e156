"""Muon, an optimizer for the weight matrices of linear layers: facts go in with a fraction of AdamW's steps.

A gradient's few large directions drown the many small ones, and rare facts live in the small ones. Muon replaces the
averaged gradient by the nearest matrix whose singular values are all alike, so that every direction counts the same.
Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks".
"""

from collections import defaultdict
from typing import Iterable

import torch
from torch import Tensor, nn


class Muon(torch.optim.Optimizer):
    """Momentum, orthogonalised. For 2-D parameters only; everything else belongs to AdamW.

    W <- (1 - lr * weight_decay) W - lr * sqrt(max(1, rows / columns)) * orthogonalise(g + momentum * (m - g)), where
    m is the running mean of the gradients g. So `lr` sets the size of an update, whatever the gradient's.
    """

    def __init__(self, params: Iterable[nn.Parameter], lr: float, momentum: float = 0.95, weight_decay: float = 0.0):
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})
        for group in self.param_groups:
            for p in group["params"]:
                if p.dim() != 2:
                    raise ValueError(f"Muon optimizes matrices, got a parameter of shape {tuple(p.shape)}")

    @torch.no_grad()
    def step(self) -> None:
        """One update of every parameter that has a gradient."""
        for group in self.param_groups:
            same_shape = defaultdict(list)  # matrices of one shape are orthogonalised together
            for p in group["params"]:
                if p.grad is not None:
                    same_shape[p.shape].append(p)
            for (rows, columns), params in same_shape.items():
                updates = []
                for p in params:
                    mean = self.state[p].setdefault("mean", torch.zeros_like(p))
                    mean.lerp_(p.grad, 1 - group["momentum"])
                    updates.append(p.grad.lerp(mean, group["momentum"]))
                rate = group["lr"] * max(1.0, rows / columns) ** 0.5
                for p, update in zip(params, orthogonalise(torch.stack(updates))):
                    p.mul_(1 - group["lr"] * group["weight_decay"]).sub_(update, alpha=rate)


def orthogonalise(matrices: Tensor, steps: int = 5) -> Tensor:
    """U V^T of each matrix U S V^T, roughly: (n, rows, columns) -> the same shape, singular values near 1.

    An odd polynomial of a matrix acts on its singular values alone. a x + b x^3 + c x^5, applied five times, lifts
    every x in (0, 1] that is not tiny into about [0.7, 1.2]; the coefficients are Jordan et al.'s, steepest at 0.
    """
    a, b, c = 3.4445, -4.7750, 2.0315
    x = matrices / (matrices.norm(dim=(1, 2), keepdim=True) + 1e-7)  # the Frobenius norm bounds every singular value
    tall = x.size(1) > x.size(2)
    if tall:  # the smaller Gram matrix
        x = x.mT
    for _ in range(steps):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.mT if tall else x
