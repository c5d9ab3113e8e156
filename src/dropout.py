"""Dropout that is cheap on a CPU: it draws a random number for each unit it drops, not for each unit.

Drawing a number for every unit costs a CPU almost as much time as the matrix products of a small transformer. But how
far it is from one dropped unit to the next follows a geometric distribution, so it is enough to draw these gaps.
Srivastava et al. 2014, "Dropout". On other devices this is torch's own dropout.
"""

import math

import torch
from torch import Tensor, nn
from torch.autograd import Function


class Dropout(nn.Dropout):
    """nn.Dropout, with the same law: in training each unit is 0 with probability p, else divided by 1 - p."""

    def forward(self, x: Tensor) -> Tensor:
        """x of any shape -> the same shape."""
        if self.training and 0.0 < self.p < 1.0 and x.device.type == "cpu":
            return _Drop.apply(x, self.p)
        return super().forward(x)


def dropped_units(count: int, p: float) -> Tensor:
    """Which of `count` units to drop, each with probability p, independently: ascending indices, Long.

    P(gap = g) = p (1 - p)^(g - 1) for g = 1, 2, ..., and with u uniform in (0, 1] such a gap is
    1 + floor(log(u) / log(1 - p)). The mean number of gaps is p * count, its standard deviation less than
    sqrt(p * count): six of them more than the mean are enough almost always, and if not, more are drawn.
    """
    draws = int(p * count + 6 * math.sqrt(p * count)) + 1
    indices = _gaps(draws, p).cumsum(0).sub_(1)
    while indices[-1] < count:
        indices = torch.cat((indices, _gaps(draws, p).cumsum(0).add_(indices[-1])))
    return indices[: int(torch.searchsorted(indices, count))]


def _gaps(draws: int, p: float) -> Tensor:
    return torch.rand(draws).neg_().log1p_().mul_(1 / math.log1p(-p)).long().add_(1)


class _Drop(Function):
    """Sets the dropped units, and in the backward pass their gradients, to 0 and scales the others."""

    @staticmethod
    def forward(ctx, x: Tensor, p: float) -> Tensor:
        ctx.scale = 1 / (1 - p)
        dropped = dropped_units(x.numel(), p)
        ctx.save_for_backward(dropped)
        return (x.contiguous() * ctx.scale).view(-1).index_fill_(0, dropped, 0.0).view(x.shape)

    @staticmethod
    def backward(ctx, grad: Tensor):
        (dropped,) = ctx.saved_tensors
        return (grad.contiguous() * ctx.scale).view(-1).index_fill_(0, dropped, 0.0).view(grad.shape), None
