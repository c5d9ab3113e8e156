"""Trains any language model on any data set of (x, y) pairs: the loop, the optimizer, the schedule, the checkpoints.

Nothing here knows what a GPT is. The model only has to be causal and return (logits, loss), the loss a mean over the
targets that are not 0. While it trains, everything needed to go on after an interruption is kept in `ckpt_path`.ckpt:
it is written each minute, and at the end of an epoch wherever writing has taken less than 1 % of the time so far.
Under torchrun several processes share every batch, and take the steps that one would.
"""

import contextlib
import math
import os
import random
import signal
import sys
import threading
import time
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, Dict, Iterator, List, Optional, Tuple

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, Dataset, default_collate
from tqdm import tqdm

from files import BadInput, is_plain, load_tensors, save_params, save_tensors
from optimizer import Muon
from parallel import gathered, largest, rank, world_size


@dataclass
class TrainerConfig:
    """The settings of one training run. Tokens are counted as block_size for every example, padding included."""

    max_epochs: int = 10
    batch_size: int = 64
    learning_rate: float = 3e-4
    betas: Tuple[float, float] = (0.9, 0.95)
    grad_norm_clip: float = 1.0
    weight_decay: float = 0.1  # on the weights of linear layers only
    muon_lr: Optional[float] = None  # if given, Muon learns the weights of linear layers, with this rate
    lr_decay: bool = False
    warmup_tokens: int = 512 * 20  # the learning rate rises from 0 to learning_rate over these ...
    final_tokens: int = 260 * 10**9  # ... and reaches the bottom of its decay here
    decay: str = "cosine"  # or "linear"
    ckpt_path: Optional[str] = None  # where save_checkpoint() writes the parameters
    num_workers: int = 0
    writer: Any = None  # a tensorboard SummaryWriter
    seed: int = 0
    identity: Dict[str, str] = field(default_factory=dict)  # what has to be equal for a run to be resumed
    save_every: float = 60.0  # seconds between two training states, at most
    log_every: int = 10  # steps between two points of a curve
    rows_at_once: Optional[int] = 22  # examples in one pass on a CPU, see split_by_length; None: the padded batch
    compile: bool = False  # have torch.compile fuse the model's operations
    device: str = "cpu"


class Interrupted(KeyboardInterrupt):
    """Ctrl-C or SIGTERM arrived (`signum`) and training stopped after a whole step, its state saved."""

    def __init__(self, signum: int):
        super().__init__()
        self.signum = signum


def lr_factor(config: TrainerConfig, tokens: int) -> float:
    """The factor on the learning rate after `tokens` tokens: a linear warm-up, then half a cosine, at least 0.1.

    Past final_tokens the cosine goes on and rises again: with the course's recipe that is the plateau of the loss
    which the handout speaks of. With decay "linear" a straight line falls to 0 instead and stays there (Bergsma et al.
    2025, "Straight to Zero"): the last small steps settle what the large ones keep shaking.
    """
    if not config.lr_decay:
        return 1.0
    if tokens < config.warmup_tokens:
        return tokens / max(1, config.warmup_tokens)
    progress = (tokens - config.warmup_tokens) / max(1, config.final_tokens - config.warmup_tokens)
    if config.decay == "linear":
        return max(0.0, 1.0 - progress)
    return max(0.1, 0.5 * (1.0 + math.cos(math.pi * progress)))


def make_optimizers(model: nn.Module, config: TrainerConfig) -> List[torch.optim.Optimizer]:
    """AdamW for everything; with config.muon_lr, Muon for the weights of linear layers.

    Weight decay acts on the weights of linear layers and on nothing else: no biases, norms, embeddings, basis vectors.
    """
    linear = {id(module.weight) for module in model.modules() if isinstance(module, nn.Linear)}
    matrices = [p for p in model.parameters() if id(p) in linear]
    others = {"params": [p for p in model.parameters() if id(p) not in linear], "weight_decay": 0.0}
    if config.muon_lr is None:
        groups = [{"params": matrices, "weight_decay": config.weight_decay}, others]
        optimizers = [torch.optim.AdamW(groups, lr=config.learning_rate, betas=config.betas, fused=True)]
    else:
        optimizers = [
            Muon(matrices, lr=config.muon_lr, weight_decay=config.weight_decay),
            torch.optim.AdamW([others], lr=config.learning_rate, betas=config.betas, fused=True),
        ]
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["initial_lr"] = group["lr"]  # what the schedule scales
    return optimizers


class Trainer:
    """`Trainer(model, train_dataset, test_dataset, config).train()`; the test set may be None."""

    def __init__(
        self, model: nn.Module, train_dataset: Dataset, test_dataset: Optional[Dataset], config: TrainerConfig
    ):
        self.model = model.to(config.device)
        self.train_dataset = train_dataset
        self.test_dataset = test_dataset
        self.config = config
        self.on_gpu = config.device.startswith("cuda")
        self.optimizers = make_optimizers(self.model, config)
        self.learner = self.model  # through which gradients come about
        if config.compile:  # on a GPU the steps become CUDA graphs, one for each shape
            self.learner = torch.compile(model, mode="reduce-overhead" if self.on_gpu else None)
        if world_size() > 1:
            self.learner = DistributedDataParallel(self.learner, forward_sync_buffers=False)
            torch.manual_seed(config.seed + rank())  # each process drops units of its own
        made_on_gpu = self.on_gpu and config.num_workers == 0 and hasattr(train_dataset, "to")
        if made_on_gpu:
            train_dataset.to(config.device)  # batches are made where they are used
        self.identity = {  # what has to be equal for a run to be resumed to the same parameters
            **config.identity,
            "device": torch.device(config.device).type,
            "batches made on": "GPU" if made_on_gpu else "CPU",
            "compile": str(config.compile),
            "processes": str(world_size()),
        }
        self.order = torch.Generator().manual_seed(config.seed)  # shuffles every epoch and seeds its examples
        self.epoch = 0  # the epoch that is running,
        self.epoch_order = self.order.get_state()  # what `order` was when it began,
        self.batch = 0  # and how many of its batches have been learned
        self.step = 0
        self.tokens = 0
        self.saved_step: Optional[int] = None  # the step after which the training state was saved last

    @property
    def state_path(self) -> Optional[str]:
        """Where the training state is kept: `ckpt_path`.ckpt."""
        return None if self.config.ckpt_path is None else f"{self.config.ckpt_path}.ckpt"

    @property
    def steps_per_epoch(self) -> int:
        """Batches in one pass over the training set, the last of them perhaps smaller."""
        return math.ceil(len(self.train_dataset) / self.config.batch_size)

    def save_checkpoint(self) -> None:
        """Writes the model's parameters to ckpt_path and removes the training state, which has served its purpose."""
        if rank() != 0:
            return
        save_params(self.config.ckpt_path, self.model.state_dict())
        with contextlib.suppress(FileNotFoundError):
            os.remove(self.state_path)

    def train(self) -> None:
        """Trains up to max_epochs.

        Raises Interrupted, with the state saved, on Ctrl-C or SIGTERM. Raises BadInput when the loss is no number any
        more, the state cannot be written or a process that prepares batches has died.
        """
        config = self.config
        # looking at a loss makes the CPU wait for the GPU: there, once an epoch
        log_every = self.steps_per_epoch if self.on_gpu else config.log_every
        meter = _Meter(config, self.step, config.max_epochs * self.steps_per_epoch, log_every)
        began = saved_at = time.monotonic()
        saving = 0.0  # seconds that writing the state has taken
        self.model.train()
        with meter.bar, _postponed_signals() as arrived:
            while self.epoch < config.max_epochs:
                self.order.set_state(self.epoch_order)
                for x, y in self._living_batches():
                    meter.add(self.epoch, self.step, *self._learn(x, y))
                    epoch_ends = self.batch == self.steps_per_epoch
                    if world_size() > 1 and self.step % log_every != 0 and not epoch_ends:
                        continue  # the processes come to an agreement now and then only
                    now = time.monotonic()
                    due = now - saved_at > config.save_every or (epoch_ends and saving <= 0.01 * (now - began))
                    due, signum = largest([int(due), max(arrived, default=0)], config.device)
                    if due or signum:
                        meter.report()
                        self._save_state()
                        saved_at = time.monotonic()
                        saving += saved_at - now
                    if signum:
                        raise Interrupted(signum)
                self.epoch, self.epoch_order, self.batch = self.epoch + 1, self.order.get_state(), 0
                if self.test_dataset is not None:
                    meter.report_test(self.test_loss())
            meter.report()

    def _batches(self) -> DataLoader:
        """The batches of this epoch that are still to be learned.

        Every batch is drawn with a seed of its own. What is learned therefore depends neither on the number of
        workers nor on where a run was interrupted.
        """
        count = len(self.train_dataset)
        batches = torch.randperm(count, generator=self.order).split(self.config.batch_size)
        seeds = torch.randint(2**32, (len(batches),), generator=self.order).tolist()
        return DataLoader(
            _SeededBatches(self.train_dataset),
            sampler=list(zip(batches, seeds))[self.batch :],
            batch_size=None,  # a key stands for a whole batch
            num_workers=self.config.num_workers,
            generator=torch.Generator().manual_seed(seeds[0]),  # else it would draw from dropout's random numbers
        )

    def _living_batches(self) -> Iterator[Tuple[Tensor, Tensor]]:
        """The batches of _batches(). Saves the state and raises BadInput when a process that prepares them has died."""
        try:
            batches = iter(self._batches())
            if self.config.num_workers and threading.current_thread() is threading.main_thread() and os.name == "posix":
                # torch's handler would raise in the middle of a step; without it the next batch fails to come
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            yield from batches
        except (RuntimeError, ConnectionError, EOFError) as error:
            # the two last when it dies while handing over a batch, before it counts as dead
            if isinstance(error, RuntimeError) and "DataLoader worker" not in str(error):
                raise
            if world_size() == 1:  # several processes save together, and the others wait elsewhere
                self._save_state()
            raise BadInput("a process that prepares batches has died; go on with --resume --num_workers 0") from None

    def _learn(self, x: Tensor, y: Tensor) -> Tuple[Tensor, Tensor, Tensor, float]:
        """One optimizer step on a batch x, y (B, T) -> loss, gradient norm, number of targets, learning rate."""
        config = self.config
        self.tokens += y.numel()
        factor = lr_factor(config, self.tokens)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = factor * group["initial_lr"]
        x, y = x.to(config.device, non_blocking=True), y.to(config.device, non_blocking=True)
        self.model.zero_grad(set_to_none=True)
        loss = self._backward(x, y)
        grad_norm = nn.utils.clip_grad_norm_(self.model.parameters(), config.grad_norm_clip)
        for optimizer in self.optimizers:
            optimizer.step()
        self.batch += 1
        self.step += 1
        return loss, grad_norm, (y != 0).sum(), factor * config.learning_rate

    def _backward(self, x: Tensor, y: Tensor) -> Tensor:
        """Leaves in every parameter's `grad` the gradient of the batch's loss, the mean over all its targets; the loss.

        The batch goes through the model in parts, and each process takes only its own. The parts' means, weighted
        with their shares of the targets, add up. A GPU takes all at once, in bfloat16 and always in the same shape:
        looking at lengths would have it wait for the CPU.
        """
        processes = world_size()
        mine = slice(rank(), None, processes)
        if self.on_gpu or self.config.rows_at_once is None:
            parts = [(x[mine], y[mine])] if rank() < len(x) else []
        else:
            parts = list(split_by_length(x[mine], y[mine], self.config.rows_at_once))
        shares = [(y_part != 0).sum() / (y != 0).sum() for _, y_part in parts]
        if processes > 1 and not parts:  # the others wait for this process to take part
            parts, shares = [(x[:1], y[:1])], [0.0]
        loss = torch.zeros((), device=self.config.device)
        for i, ((x_part, y_part), share) in enumerate(zip(parts, shares)):
            quiet = processes > 1 and i + 1 < len(parts)  # gradients travel once a step, with the last part
            with self.learner.no_sync() if quiet else contextlib.nullcontext():
                with torch.autocast("cuda", torch.bfloat16, enabled=self.on_gpu):
                    _, part = self.learner(x_part, y_part)
                (part * share * processes).backward()  # the processes' gradients are averaged, they should be added
            loss += part.detach() * share
        if processes > 1:
            dist.all_reduce(loss)
        return loss

    @torch.no_grad()
    def test_loss(self) -> float:
        """The mean loss over the batches of the test set."""
        self.model.eval()
        device = self.config.device
        loader = DataLoader(self.test_dataset, batch_size=self.config.batch_size)
        losses = [self.model(x.to(device), y.to(device))[1].item() for x, y in loader]
        self.model.train()
        return sum(losses) / len(losses)

    def _save_state(self) -> None:
        """Writes the training state. Raises BadInput, and keeps the earlier one, if a parameter is no number any more."""
        if self.state_path is None:
            return
        if not all(p.isfinite().all() for p in self.model.parameters()):
            raise BadInput(f"a parameter became no number by step {self.step}; start again with a lower learning rate")
        dropout = gathered(random_state(self.config.device))
        if rank() != 0:
            return
        state = {
            "identity": self.identity,
            "model": self.model.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "progress": [self.epoch, self.batch, self.step, self.tokens],
            "epoch_order": self.epoch_order,
            "dropout": dropout,  # the random numbers of each process
        }
        save_tensors(self.state_path, state)
        self.saved_step = self.step

    def load_state(self) -> None:
        """Goes to where an interrupted run stopped, as its state at `state_path` says; train() then goes on from there.

        Raises BadInput when the state is damaged or of another run, naming what differs.
        """
        state = load_tensors(self.state_path)
        try:
            if not isinstance(state, dict):  # asked for a name, a tensor would answer with a warning
                raise ValueError("not a training state")
            differing = [
                f"{name} was {state['identity'].get(name)}, is {value}"
                for name, value in self.identity.items()
                if state["identity"].get(name) != value
            ]
            if differing:
                raise BadInput(
                    f"{self.state_path}: is of another run ({'; '.join(differing)}); repeat that or delete it"
                )
            epoch, batch, step, tokens = progress = state["progress"]
            if not all(type(number) is int and number >= 0 for number in progress):
                raise ValueError("progress is counted in whole numbers")
            if epoch >= self.config.max_epochs or batch > self.steps_per_epoch:
                raise ValueError("this run has no such epoch or batch")
            if step != epoch * self.steps_per_epoch + batch:
                raise ValueError("these numbers contradict each other")
            torch.Generator().set_state(state["epoch_order"])
            self.model.load_state_dict(state["model"])
            if len(state["optimizers"]) != len(self.optimizers):
                raise ValueError("another number of optimizers")
            for optimizer, saved in zip(self.optimizers, state["optimizers"]):
                optimizer.load_state_dict(saved)
                check_optimizer_state(optimizer)
            self.epoch, self.batch, self.step, self.tokens = progress
            self.epoch_order, self.saved_step = state["epoch_order"], step
            set_random_state(self.config.device, state["dropout"][rank()])
        except (LookupError, TypeError, ValueError, AttributeError, RuntimeError):
            raise BadInput(
                f"{self.state_path}: does not hold the state of this training; delete it to start anew"
            ) from None


def check_optimizer_state(optimizer: torch.optim.Optimizer) -> None:
    """Raises ValueError unless every parameter has its moments, in its own shape: fused kernels do not look."""
    for group in optimizer.param_groups:
        for p in group["params"]:
            moments = {name: tensor for name, tensor in optimizer.state[p].items() if name != "step"}
            if not moments or any(not is_plain(tensor) or tensor.shape != p.shape for tensor in moments.values()):
                raise ValueError("a parameter's moments are missing or have another shape")


def split_by_length(x: Tensor, y: Tensor, rows: int) -> Iterator[Tuple[Tensor, Tensor]]:
    """x, y (B, T) in parts of at most `rows` rows of similar length, each without the columns it has no target in.

    In a causal model nothing before these columns depends on them, so the loss and its gradient stay what they are.
    Of a batch padded to T more than half may be padding, of its parts little is; and a small part stays in the cache.
    """
    lengths = ((y != 0) * torch.arange(1, y.size(1) + 1, device=y.device)).amax(dim=1)  # up to the last target
    for chosen in lengths.argsort(stable=True).tensor_split(max(1, math.ceil(len(x) / rows))):
        T = int(lengths[chosen[-1]]) if len(chosen) else 0
        if T == 0:  # no rows, or none with a target
            continue
        yield x[chosen, :T], y[chosen, :T]


class _SeededBatches(Dataset):
    """The batches of a data set under keys (indices, seed): what is random in one is drawn with its seed."""

    def __init__(self, dataset: Dataset):
        self.dataset = dataset

    def __getitem__(self, key: Tuple[Tensor, int]) -> Tuple[Tensor, Tensor]:
        indices, seed = key
        if hasattr(self.dataset, "generator"):
            self.dataset.generator.manual_seed(seed)
        random.seed(seed)  # for data sets that draw from Python's or NumPy's random numbers
        np.random.seed(seed)
        if hasattr(self.dataset, "batch"):
            return self.dataset.batch(indices)
        return default_collate([self.dataset[i] for i in indices.tolist()])


class _Meter:
    """The progress bar and the TensorBoard curves. Values stay on the device until there is something to draw."""

    def __init__(self, config: TrainerConfig, step: int, total: int, log_every: int):
        self.config = config
        self.log_every = log_every
        self.bar = tqdm(
            initial=step,
            total=total,
            unit="step",
            smoothing=0.05,
            mininterval=0.5 if sys.stderr.isatty() else 30,
            disable=rank() != 0,
        )
        self._start_interval()

    def _start_interval(self) -> None:
        self.losses: List[Tensor] = []
        self.targets: List[Tensor] = []
        self.since = time.monotonic()

    def add(
        self, epoch: int, step: int, loss: Tensor, grad_norm: Tensor, targets: Tensor, learning_rate: float
    ) -> None:
        """Takes in one step's results; every `log_every` steps they are drawn. Speed counts no padding."""
        self.losses.append(loss)
        self.targets.append(targets)
        self.step, self.grad_norm, self.learning_rate = step, grad_norm, learning_rate
        self.bar.set_description(f"epoch {epoch + 1}/{self.config.max_epochs}", refresh=False)
        self.bar.update()
        if len(self.losses) == self.log_every:
            self.report()

    def report(self) -> None:
        """Draws what has come in since the last report. Raises BadInput when the loss is no number any more."""
        if not self.losses:
            return
        loss = torch.stack(self.losses).mean().item()
        speed = torch.stack(self.targets).sum().item() / (time.monotonic() - self.since)
        if not math.isfinite(loss):
            raise BadInput(f"the loss became {loss} before step {self.step}; start again with a lower learning rate")
        self.bar.set_postfix_str(f"loss {loss:.3f}, lr {self.learning_rate:.1e}, {speed:,.0f} tokens/s", refresh=False)
        scalars = {
            "loss": loss,
            "lr": self.learning_rate,
            "grad_norm": self.grad_norm.item(),
            "tokens_per_second": speed,
        }
        self._write(scalars)
        self._start_interval()

    def report_test(self, loss: float) -> None:
        """Draws the loss on the test set."""
        self._write({"test_loss": loss})

    def _write(self, scalars: Dict[str, float]) -> None:
        for name, value in scalars.items():
            draw(self.config, "add_scalar", f"train/{name}", value, self.step)


def draw(config: TrainerConfig, method: str, *arguments: Any) -> None:
    """Calls a method of config.writer, if there is one; where it cannot write any more, all goes on without curves."""
    if config.writer is None:
        return
    try:
        attrgetter(method)(config.writer)(*arguments)
    except OSError as error:
        print(f"\nNote: no curves from here on, they cannot be written ({error.strerror})", file=sys.stderr)
        config.writer = None


def random_state(device: str) -> Tensor:
    """The state of the random numbers that dropout draws on this device."""
    if device.startswith("cuda"):
        return torch.cuda.get_rng_state(device)
    return torch.mps.get_rng_state() if device.startswith("mps") else torch.get_rng_state()


def set_random_state(device: str, state: Tensor) -> None:
    """Has dropout draw on this device what it drew after `state` was taken."""
    if device.startswith("cuda"):
        torch.cuda.set_rng_state(state, device)
    elif device.startswith("mps"):
        torch.mps.set_rng_state(state)
    else:
        torch.set_rng_state(state)


@contextlib.contextmanager
def _postponed_signals() -> Iterator[List[int]]:
    """Collects Ctrl-C and SIGTERM in the list it yields, so that the step under way ends; a second one ends all."""
    arrived: List[int] = []

    def note(signum, frame):
        if arrived:
            raise KeyboardInterrupt
        arrived.append(signum)

    if threading.current_thread() is not threading.main_thread():  # only the main thread may set handlers
        yield arrived
        return
    before = {signum: signal.signal(signum, note) for signum in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield arrived
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)
