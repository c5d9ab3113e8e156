"""Training in several processes, one a device: what the processes started by torchrun have to know of each other.

Started without torchrun there is one process, of rank 0, and everything here does nothing.
https://docs.pytorch.org/docs/stable/elastic/run.html
"""

import contextlib
import os
import time
from typing import Any, Iterator, List

import torch
import torch.distributed as dist


def launched() -> bool:
    """Whether torchrun started this process."""
    return "TORCHELASTIC_RUN_ID" in os.environ


def rank() -> int:
    """Which of the processes this is, from 0; the one of rank 0 writes files, logs and progress bars."""
    return int(os.environ["RANK"]) if launched() else 0


def world_size() -> int:
    """How many processes train together."""
    return dist.get_world_size() if dist.is_initialized() else 1


def local_device(device: str) -> str:
    """The device of this process: with CUDA, each process on a machine has a GPU of its own."""
    return f"cuda:{os.environ['LOCAL_RANK']}" if launched() and device == "cuda" else device


@contextlib.contextmanager
def process_group(device: str) -> Iterator[None]:
    """Connects the processes for the length of the block: NCCL between GPUs, Gloo between CPUs."""
    if not launched():
        yield
        return
    if device.startswith("cuda"):
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if device.startswith("cuda") else "gloo")
    try:
        yield
    finally:
        dist.destroy_process_group()
        # A thread of Gloo's may still be letting go of the last result, for which it needs Python's lock. If Python has
        # begun to end by then, the thread cannot have it and aborts the process.
        time.sleep(0.5)


def largest(numbers: List[int], device: str) -> List[int]:
    """Of each number the largest that a process has. Every process must ask, and waits for the others."""
    if world_size() == 1:
        return numbers
    tensor = torch.tensor(numbers, device=device)
    dist.all_reduce(tensor, dist.ReduceOp.MAX)
    return tensor.tolist()


def gathered(value: Any) -> List[Any]:
    """What each process passed, by rank. Every process must ask, and waits for the others."""
    if world_size() == 1:
        return [value]
    values = [None] * world_size()
    dist.all_gather_object(values, value)
    return values
