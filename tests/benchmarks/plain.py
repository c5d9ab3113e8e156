"""The textbook formulation of what src/ does fast: what the benchmark and the tests compare src/ with.

One example at a time, every batch padded to block_size, attention as a matrix of weights, every new character from
another whole forward pass. Parameters and buffers have the names of src/, so a state dict fits both ways; the modules
here start with torch's default parameters and are meant to be given those of a model of src/.
"""

import math
import random

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import Dataset

PAD, MASK = "\u25a1", "\u2047"
MAX_ANSWER = 32  # characters that the handout's evaluation generates after a question


# ----------------------------------------------------------------------------------------------------------------------
# The model


class Attention(nn.Module):
    """softmax(Q K^T / sqrt(hs) + M) V in every head, M hiding keys j > i from query i: the handout's equations."""

    def __init__(self, config, block_size):
        super().__init__()
        width = config.n_embd
        self.key, self.query, self.value = nn.Linear(width, width), nn.Linear(width, width), nn.Linear(width, width)
        self.attn_drop = nn.Dropout(config.attn_pdrop)
        self.resid_drop = nn.Dropout(config.resid_pdrop)
        self.proj = nn.Linear(width, width)
        self.register_buffer("mask", torch.tril(torch.ones(1, 1, block_size, block_size)))
        self.n_head = config.n_head

    def heads(self, x):
        return x.unflatten(-1, (self.n_head, -1)).transpose(1, 2)  # (B, T, C) -> (B, nh, T, hs)

    def forward(self, x_kv, x_q):
        q, k, v = self.heads(self.query(x_q)), self.heads(self.key(x_kv)), self.heads(self.value(x_kv))
        scores = q @ k.transpose(-2, -1) / math.sqrt(k.size(-1))  # (B, nh, Tq, Tk)
        scores = scores.masked_fill(self.mask[:, :, : q.size(2), : k.size(2)] == 0, -math.inf)
        weights = self.attn_drop(scores.softmax(dim=-1))
        return self.resid_drop(self.proj((weights @ v).transpose(1, 2).flatten(2)))


class SelfAttention(Attention):
    def forward(self, x):
        return super().forward(x, x)


def make_mlp(config):
    return nn.Sequential(
        nn.Linear(config.n_embd, 4 * config.n_embd),
        nn.GELU(),
        nn.Linear(4 * config.n_embd, config.n_embd),
        nn.Dropout(config.resid_pdrop),
    )


class Block(nn.Module):
    """A pre-layer-norm block."""

    def __init__(self, config, block_size):
        super().__init__()
        self.ln1, self.ln2 = nn.LayerNorm(config.n_embd), nn.LayerNorm(config.n_embd)
        self.attn = SelfAttention(config, block_size)
        self.mlp = make_mlp(config)

    def forward(self, x):
        x = x + self.attn(self.ln1(x))
        return x + self.mlp(self.ln2(x))


class DownProjectBlock(nn.Module):
    """The Perceiver's basis C reads the sequence: (B, T, C) -> (B, m, C)."""

    def __init__(self, config):
        super().__init__()
        self.C = nn.Parameter(torch.zeros(1, config.bottleneck_dim, config.n_embd))
        self.ln1, self.ln2 = nn.LayerNorm(config.n_embd), nn.LayerNorm(config.n_embd)
        self.attn = Attention(config, config.block_size)
        self.mlp = make_mlp(config)

    def forward(self, x_input):
        x = self.C + self.attn(x_input, self.ln1(self.C))
        return x + self.mlp(self.ln2(x))


class UpProjectBlock(nn.Module):
    """The sequence reads the m vectors: (B, m, C), (B, T, C) -> (B, T, C)."""

    def __init__(self, config):
        super().__init__()
        self.ln1, self.ln2 = nn.LayerNorm(config.n_embd), nn.LayerNorm(config.n_embd)
        self.attn = Attention(config, config.block_size)
        self.mlp = make_mlp(config)

    def forward(self, y, x_input):
        x = x_input + self.attn(self.ln1(y), x_input)
        return x + self.mlp(self.ln2(x))


class GPT(nn.Module):
    """Vanilla or, with config.perceiver, the Perceiver; `config` is a model.GPTConfig."""

    def __init__(self, config):
        super().__init__()
        self.block_size, self.perceiver = config.block_size, config.perceiver
        self.tok_emb = nn.Embedding(config.vocab_size, config.n_embd)
        self.pos_emb = nn.Parameter(torch.zeros(1, config.block_size, config.n_embd))
        self.drop = nn.Dropout(config.embd_pdrop)
        if config.perceiver:
            self.down_block = DownProjectBlock(config)
            self.blocks = nn.Sequential(*[Block(config, config.bottleneck_dim) for _ in range(config.n_layer - 2)])
            self.up_block = UpProjectBlock(config)
        else:
            self.blocks = nn.Sequential(*[Block(config, config.block_size) for _ in range(config.n_layer)])
        self.ln_f = nn.LayerNorm(config.n_embd)
        self.head = nn.Linear(config.n_embd, config.vocab_size, bias=False)

    def forward(self, idx, targets=None):
        x = self.drop(self.tok_emb(idx) + self.pos_emb[:, : idx.size(1)])
        if self.perceiver:
            x = self.up_block(self.blocks(self.down_block(x)), x)
        else:
            x = self.blocks(x)
        logits = self.head(self.ln_f(x))
        if targets is None:
            return logits, None
        return logits, F.cross_entropy(logits.view(-1, logits.size(-1)), targets.reshape(-1), ignore_index=0)


# ----------------------------------------------------------------------------------------------------------------------
# The data sets


def tensor_of(text, stoi):
    """The ids of the characters of `text`."""
    return torch.tensor([stoi[char] for char in text], dtype=torch.long)


class CharCorruptionDataset(Dataset):
    """Span corruption, one document a line: prefix ⁇ suffix ⁇ masked content, padded."""

    def __init__(self, text, block_size, seed=0):
        self.documents = [line for line in text.split("\n") if line.strip()]
        self.stoi = {char: i for i, char in enumerate([PAD, MASK] + sorted(set(text)))}
        self.block_size = block_size
        self.random = random.Random(seed)

    def __len__(self):
        return len(self.documents)

    def __getitem__(self, index):
        longest = int(self.block_size * 7 / 8)
        document = self.documents[index][: self.random.randint(4, longest)]
        length = self.random.uniform(1, max(1, len(document) / 2 - 1))  # len(document) / 4 on average
        span = int(length) + (self.random.random() < length % 1)  # rounded at random, so that the average stays
        start = self.random.randint(0, len(document) - span)
        masked = document[start : start + span]
        text = document[:start] + MASK + document[start + span :] + MASK + masked
        text = text + PAD * (self.block_size + 1 - len(text))
        return tensor_of(text[:-1], self.stoi), tensor_of(text[1:], self.stoi)


class NameDataset(Dataset):
    """Questions with answers, lines of question<tab>place: x is question ⁇ place ⁇, y what follows the question."""

    def __init__(self, pretraining_dataset, text):
        self.stoi, self.block_size = pretraining_dataset.stoi, pretraining_dataset.block_size
        self.lines = text.strip().split("\n")

    def __len__(self):
        return len(self.lines)

    def __getitem__(self, index):
        question, place = self.lines[index].split("\t")
        text = question + MASK + place + MASK
        text = text + PAD * (self.block_size + 1 - len(text))
        targets = PAD * len(question) + text[len(question) + 1 :]
        return tensor_of(text[:-1], self.stoi), tensor_of(targets, self.stoi)


# ----------------------------------------------------------------------------------------------------------------------
# Training


def make_optimizer(model, learning_rate=3e-4, weight_decay=0.1):
    """AdamW that decays the weights of linear layers and nothing else."""
    decaying = [module.weight for module in model.modules() if isinstance(module, nn.Linear)]
    others = [p for p in model.parameters() if all(p is not weight for weight in decaying)]
    groups = [{"params": decaying, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=learning_rate, betas=(0.9, 0.95))


def training_step(model, optimizer, x, y):
    """One step on a batch x, y (B, T); returns the loss."""
    optimizer.zero_grad()
    _, loss = model(x, y)
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    return loss.detach()


def train(model, optimizer, batches, device="cpu"):
    """One epoch over `batches`, a DataLoader of (x, y)."""
    model.train()
    for x, y in batches:
        training_step(model, optimizer, x.to(device), y.to(device))


# ----------------------------------------------------------------------------------------------------------------------
# Answering and generating


@torch.no_grad()
def answer(model, stoi, question, device="cpu"):
    """What the model answers: 32 characters, always, of which those between the first and the second ⁇ count."""
    model.eval()
    itos = {i: char for char, i in stoi.items()}
    x = tensor_of(question + MASK, stoi)[None].to(device)
    for _ in range(MAX_ANSWER):
        logits, _ = model(x[:, -model.block_size :])
        x = torch.cat((x, logits[:, -1].argmax(dim=-1, keepdim=True)), dim=1)
    return "".join(itos[i] for i in x[0].tolist()).split(MASK)[1]


@torch.no_grad()
def generate(model, x, num_new_tokens):
    """Assignment 3: x (B, T) continued greedily; `model` gives logits for ids, as model_solution.Transformer does."""
    for _ in range(num_new_tokens):
        x = torch.cat((x, model(x)[:, -1].argmax(dim=-1, keepdim=True)), dim=1)
    return x
