"""A second implementation of model_solution.py for its tests to compare with: NumPy, float64, one vector at a time.

Written from the handout's equations, not from src/. Weights are a dictionary with the names of the state dict.
tests/autograder/cases.py saves what it draws and computes for the graded tests.
"""
import math

import numpy as np

# d_head = 8 is neither n_heads nor n_layers, so that mixing two sizes up shows
D_MODEL, N_HEADS, N_LAYERS, CONTEXT, VOCAB = 24, 3, 2, 10, 29
SIZES = dict(d_model=D_MODEL, n_heads=N_HEADS, n_layers=N_LAYERS, context_length=CONTEXT, vocab_size=VOCAB)
NEW_TOKENS = 25
MARGIN = 0.05  # how far the best logit is above the second best, at least, wherever a token is chosen


def part(weights, prefix):
    """The weights below `prefix`, with the prefix taken off."""
    return {name[len(prefix) + 1:]: value for name, value in weights.items() if name.startswith(prefix + ".")}


# ------------------------------------------------------------------------------------- one vector or one sequence

def affine(weights, vector):
    """W x + b for one vector x."""
    return weights["weight"] @ vector + weights["bias"]


def layer_norm(weights, vector):
    """(x - mean) / sqrt(variance + 1e-5), times the gain, plus the bias; the variance divides by n."""
    mean = sum(vector) / len(vector)
    variance = sum((value - mean) ** 2 for value in vector) / len(vector)
    return weights["weight"] * (vector - mean) / math.sqrt(variance + 1e-5) + weights["bias"]


def gelu(value):
    """x/2 (1 + tanh(sqrt(2/π) (x + 0.044715 x³))) for one number."""
    return value / 2 * (1 + math.tanh(math.sqrt(2 / math.pi) * (value + 0.044715 * value * value * value)))


def mlp(weights, sequence):
    hidden = [[gelu(value) for value in affine(part(weights, "fc1"), vector)] for vector in sequence]
    return np.array([affine(part(weights, "fc2"), np.array(units)) for units in hidden])


def attention(weights, sequence, n_heads):
    """Head by head and query by query: query i weighs the values of positions 0 to i."""
    keys, queries, values = ([affine(part(weights, name), vector) for vector in sequence]
                             for name in ("W_k", "W_q", "W_v"))
    d_head = len(sequence[0]) // n_heads
    read = np.zeros(np.shape(sequence))
    for head in range(n_heads):
        own = range(head * d_head, (head + 1) * d_head)  # a head owns neighbouring features
        for i, query in enumerate(queries):
            scores = [sum(query[f] * keys[j][f] for f in own) / math.sqrt(d_head) for j in range(i + 1)]
            shares = [math.exp(score - max(scores)) for score in scores]
            for f in own:
                read[i, f] = sum(share * values[j][f] for j, share in enumerate(shares)) / sum(shares)
    return np.array([affine(part(weights, "W_o"), vector) for vector in read])


def decoder_block(weights, sequence, n_heads):
    normed = np.array([layer_norm(part(weights, "pre_layer_norm"), vector) for vector in sequence])
    sequence = sequence + attention(part(weights, "attention"), normed, n_heads)
    normed = np.array([layer_norm(part(weights, "post_layer_norm"), vector) for vector in sequence])
    return sequence + mlp(part(weights, "mlp"), normed)


def stream(weights, tokens, n_heads):
    """What the first block reads, what comes out of it, ..., what comes out of the last: a list of sequences."""
    layers = {int(name.split(".")[1]) for name in weights if name.startswith("backbone.")}
    states = [np.array([weights["embeddings.weight"][token] + weights["position_embeddings.weight"][position]
                        for position, token in enumerate(tokens)])]
    for layer in range(len(layers)):
        states.append(decoder_block(part(weights, f"backbone.{layer}"), states[-1], n_heads))
    return states


def logits(weights, tokens, n_heads):
    last = stream(weights, tokens, n_heads)[-1]
    return np.array([weights["lm_head.weight"] @ layer_norm(part(weights, "final_layer_norm"), vector)
                     for vector in last])


def generate(weights, tokens, n_heads, num_new_tokens):
    """(tokens and the new ones, every margin): each new token reads the last context_length ones from scratch."""
    context_length, tokens, margins = len(weights["position_embeddings.weight"]), list(tokens), []
    for _ in range(num_new_tokens):
        scores = list(logits(weights, tokens[-context_length:], n_heads)[-1])
        best, second = sorted(scores, reverse=True)[:2]
        margins.append(best - second)
        tokens.append(scores.index(best))
    return tokens, margins


def loss(weights, rows, n_heads):
    """The mean of -log p(token | those before it) over every token of every row but the rows' first ones."""
    surprises = []
    for tokens in rows:
        for scores, following in zip(logits(weights, tokens, n_heads), list(tokens)[1:]):
            log_total = max(scores) + math.log(sum(math.exp(score - max(scores)) for score in scores))
            surprises.append(log_total - scores[following])
    return sum(surprises) / len(surprises)


# ------------------------------------------------------------------------------------------------ the saved arrays

def shapes():
    """The state dict of a Transformer of the SIZES: name -> shape."""
    names = {"embeddings.weight": (VOCAB, D_MODEL), "position_embeddings.weight": (CONTEXT, D_MODEL),
             "final_layer_norm.weight": (D_MODEL,), "final_layer_norm.bias": (D_MODEL,),
             "lm_head.weight": (VOCAB, D_MODEL)}
    for layer in range(N_LAYERS):
        for name, outputs, inputs in (("attention.W_k", D_MODEL, D_MODEL), ("attention.W_q", D_MODEL, D_MODEL),
                                      ("attention.W_v", D_MODEL, D_MODEL), ("attention.W_o", D_MODEL, D_MODEL),
                                      ("mlp.fc1", 4 * D_MODEL, D_MODEL), ("mlp.fc2", D_MODEL, 4 * D_MODEL)):
            names[f"backbone.{layer}.{name}.weight"] = (outputs, inputs)
            names[f"backbone.{layer}.{name}.bias"] = (outputs,)
        for name in ("pre_layer_norm", "post_layer_norm"):
            names[f"backbone.{layer}.{name}.weight"] = names[f"backbone.{layer}.{name}.bias"] = (D_MODEL,)
    return names


def draw(seed):
    """Weights and inputs by name. Everything is far from where training starts: there a mistake hardly shows."""
    random = np.random.RandomState(seed)  # this generator's numbers never change from one NumPy to the next
    drawn = {}
    for name, shape in shapes().items():
        noise = random.randn(*shape)
        if "norm" in name:
            noise = 0.4 * noise + name.endswith("weight")
        elif len(shape) == 2 and name.startswith("backbone"):
            noise *= 1.4 / math.sqrt(shape[1])
        elif len(shape) == 1:
            noise *= 0.5
        drawn[f"weights.{name}"] = noise.astype(np.float32)
    for name in ("mlp", "attention", "decoder_block"):
        drawn[f"input.{name}"] = random.randn(2, 7, D_MODEL).astype(np.float32)
    drawn["input.forward"] = random.randint(VOCAB, size=(2, 8))
    drawn["input.generate"] = random.randint(VOCAB, size=(3, 4))
    drawn["input.loss"] = random.randint(VOCAB, size=(3, 6))
    drawn["input.loss"][1, 2] = 0  # id 0 is a token like any other
    return drawn


def expected(drawn):
    """What the model makes of the inputs, by name, in float64 from the float32 weights."""
    weights = {name: value.astype(np.float64) for name, value in part(drawn, "weights").items()}
    inputs, first = part(drawn, "input"), part(weights, "backbone.0")
    rows = [generate(weights, tokens, N_HEADS, NEW_TOKENS) for tokens in inputs["generate"]]
    return {
        "expected.mlp": np.array([mlp(part(first, "mlp"), x.astype(np.float64)) for x in inputs["mlp"]]),
        "expected.attention": np.array([attention(part(first, "attention"), x.astype(np.float64), N_HEADS)
                                        for x in inputs["attention"]]),
        "expected.decoder_block": np.array([decoder_block(first, x.astype(np.float64), N_HEADS)
                                            for x in inputs["decoder_block"]]),
        "expected.stream": np.array([stream(weights, tokens, N_HEADS) for tokens in inputs["forward"]]).swapaxes(0, 1),
        "expected.forward": np.array([logits(weights, tokens, N_HEADS) for tokens in inputs["forward"]]),
        "expected.generate": np.array([tokens for tokens, _ in rows]),
        "expected.margins": np.array([margins for _, margins in rows]),
        "expected.loss": np.array(loss(weights, inputs["loss"], N_HEADS)),
    }


def is_telling(arrays):
    """Whether the greedy continuations tell right from wrong: no near ties, and rows that vary and differ."""
    rows = arrays["expected.generate"][:, arrays["input.generate"].shape[1]:]
    varied = all(len(set(row)) >= NEW_TOKENS // 3 and np.mean(row[1:] != row[:-1]) > 0.8 for row in rows)
    distinct = len({tuple(row) for row in rows}) == len(rows)
    return arrays["expected.margins"].min() > MARGIN and varied and distinct
