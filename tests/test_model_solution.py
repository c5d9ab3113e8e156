"""The transformer of model_solution.py: proof that the graded tests of its parts notice mistakes, and its equations.

test_mlp, test_attention, test_decoder_block, test_forward, test_generate and test_loss_on_batch of graded/ compare with
what oracle_model_solution.py, a second implementation, computed from saved weights. Here they are asked about this
solution and about copies of it with a mistake; the rest of the file tests what they leave out.
"""
import inspect
import math
import sys
import types

import numpy as np
import pytest
import torch
from torch.nn import functional as F

import model_solution
import oracle_model_solution as oracle
import test_assignment3
from grading import PUBLIC_CASES, Failed, InThisProcess, Lost, Submission
from model_solution import MLP, CausalAttention, DecoderBlock, ModelConfig, Transformer
from oracles import exact, normal, scramble
from utils import state_dict_converter

SAVED = oracle.part(dict(np.load(PUBLIC_CASES)), "a3")


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def config(solution=model_solution, **changes):
    return solution.ModelConfig(**{**oracle.SIZES, **changes})


def saved_weights(prefix=""):
    """The saved state dict, or the part of it below `prefix`."""
    weights = oracle.part(SAVED, "weights")
    weights = oracle.part(weights, prefix) if prefix else weights
    return {name: torch.from_numpy(value) for name, value in weights.items()}


def load(module, prefix, precision):
    """The module with the saved weights, every one of them and no others."""
    module.load_state_dict(saved_weights(prefix), strict=True)
    return module.to(precision).eval()


def tokens(batch, length, vocab=oracle.VOCAB, seed=0):
    return torch.randint(vocab, (batch, length), generator=torch.Generator().manual_seed(seed))


def error(got, expected):
    """How far each number is off, relative to the largest expected one; not a number counts as infinitely far."""
    off = np.abs(got.detach().double().numpy() - expected) / max(1.0, np.abs(expected).max())
    return np.where(np.isnan(off), np.inf, off)


def assert_shape(got, shape, what):
    assert isinstance(got, torch.Tensor), f"{what} should be a tensor, it is {type(got).__name__}"
    assert tuple(got.shape) == tuple(shape), f"{what} has shape {tuple(got.shape)}, expected {tuple(shape)}"


def assert_close(got, expected, what, tolerance=1e-10):
    expected = np.asarray(expected.detach() if isinstance(expected, torch.Tensor) else expected)
    assert_shape(got, expected.shape, what)
    worst = error(got, expected).max()
    assert worst <= tolerance, f"{what}: off by up to {worst:.3g}"


# ------------------------------------------------------------------------------------- the graded tests

GRADED = {name: getattr(test_assignment3, f"test_{name}")
          for name in ("mlp", "attention", "decoder_block", "forward", "generate", "loss_on_batch")}


def grade(name, solution):
    """Runs a graded test about the module `solution`, in this process; raises Lost or Failed."""
    load = {"model_solution": solution}.__getitem__
    GRADED[name](Submission(src=None, files=None, reference=None, data=None, sandbox=InThisProcess(load)))


@pytest.mark.parametrize("name", GRADED)
def test_the_solution_gets_the_points_of(name):
    grade(name, model_solution)


# ------------------------------------------------------------------------------------- the saved numbers

def test_the_saved_continuations_have_no_near_ties_and_go_well_past_the_context():
    assert oracle.is_telling(SAVED)
    assert SAVED["input.generate"].shape[1] < oracle.CONTEXT < SAVED["expected.generate"].shape[1] / 2
    single = load(Transformer(config()), "", torch.float32)
    x = torch.from_numpy(SAVED["expected.generate"][:, -oracle.CONTEXT:])
    assert (single(x) - single.double()(x)).abs().max() < oracle.MARGIN / 100, "rounding could choose another token"


# ------------------------------------------------------------------------------------- proof: mistakes are noticed

FORWARD = 'self.lm_head(self._hidden(x))'
GELU = '0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))'
MLP_SUM = 'self.fc2(self.gelu(self.fc1(x)))'
SPLIT = '"batch time (head d_head) -> batch head time d_head"'
JOIN = 'rearrange(y, "batch head time d_head -> batch time (head d_head)")'
SCALE = ' / math.sqrt(q.size(-1))'
MASK = '~self.causal_mask[keys - queries : keys, :keys]'
MASKED = f'        scores = scores.masked_fill({MASK}, float("-inf"))\n'
AVERAGE = 'y = scores.softmax(dim=-1) @ v'
ATTEND = 'x = x + self.attention(self.pre_layer_norm(x), cache)'
THINK = 'x = x + self.mlp(self.post_layer_norm(x))'
BLOCK = f'        {ATTEND}\n        {THINK}\n        return x\n'
POSITIONS = 'positions = torch.arange(start, start + x.size(1), device=x.device)'
EMBED = 'self.embeddings(x) + self.position_embeddings(positions)'
LAYERS = 'for i, block in enumerate(self.backbone):'
CALL = 'block(h, None if caches is None else caches[i])'
NEW_STATE = 'return self.final_layer_norm(h)'
WINDOW = 'window = x[:, -self.config.context_length :]'
FULL = 'if x.size(1) > self.config.context_length:\n                known'
RESET = 'known, caches = 0, [KeyValueCache() for _ in self.backbone]'
STEP = 'self._hidden(window[:, known:], known, caches)'
CHOICE = 'self.lm_head(h[:, -1:]).argmax(dim=-1)'
CACHES = 'caches = [KeyValueCache() for _ in self.backbone]\n        for'
EXTEND = 'torch.cat((self.keys_values[0], k), dim=2), torch.cat((self.keys_values[1], v), dim=2)'
LOSS_READS = 'logits = self(input_ids[:, :-1])'
TARGETS = 'input_ids[:, 1:].flatten().long()'
LOSS = f'F.cross_entropy(rearrange(logits, "b t vocab -> (b t) vocab"), {TARGETS})'

# graded test, mistake, the text it is made in, the text with it; the first text stands in the source just once
MISTAKES = [
    ("mlp", "GELU with the exact erf", GELU, '0.5 * x * (1 + torch.erf(x / math.sqrt(2)))'),
    ("mlp", "GELU by the sigmoid approximation", GELU, 'x * torch.sigmoid(1.702 * x)'),
    ("mlp", "ReLU", GELU, 'torch.relu(x)'),
    ("mlp", "GELU's constant ten times too large", '0.044715', '0.44715'),
    ("mlp", "GELU's constant with two digits swapped", '0.044715', '0.044175'),
    ("mlp", "GELU without the square root", 'math.sqrt(2 / math.pi)', '(2 / math.pi)'),
    ("mlp", "GELU with the fraction upside down", 'math.sqrt(2 / math.pi)', 'math.sqrt(math.pi / 2)'),
    ("mlp", "GELU with a square for the cube", 'x**3', 'x**2'),
    ("mlp", "GELU without its half", '0.5 * x *', 'x *'),
    ("mlp", "MLP without a nonlinearity", MLP_SUM, 'self.fc2(self.fc1(x))'),
    ("mlp", "MLP with GELU after fc2 too", MLP_SUM, f'self.gelu({MLP_SUM})'),
    ("mlp", "MLP that adds its input", MLP_SUM, f'x + {MLP_SUM}'),

    ("attention", "scores not scaled", SCALE, ''),
    ("attention", "scores divided by d_head, not by its root", SCALE, ' / q.size(-1)'),
    ("attention", "scores divided by sqrt(d_model)", SCALE, ' / math.sqrt(x.size(-1))'),
    ("attention", "scores divided by sqrt(n_heads)", SCALE, ' / math.sqrt(self.n_heads)'),
    ("attention", "scores divided by sqrt(number of keys)", SCALE, ' / math.sqrt(keys)'),
    ("attention", "scores multiplied by sqrt(d_head)", SCALE, ' * math.sqrt(q.size(-1))'),
    ("attention", "softmax over the queries", AVERAGE, 'y = scores.softmax(dim=-2) @ v'),
    ("attention", "softmax over the heads", AVERAGE, 'y = scores.softmax(dim=1).nan_to_num() @ v'),
    ("attention", "no softmax", AVERAGE, 'y = scores.exp() @ v'),
    ("attention", "a position does not read itself", '.tril()', '.tril(-1)'),
    ("attention", "a position does not read itself, the first one apart", '.tril()',
     '.tril(-1).index_fill(1, torch.tensor([0]), True)'),
    ("attention", "a position reads the next one", '.tril()', '.tril(1)'),
    ("attention", "no mask", MASKED, ''),
    ("attention", "the mask transposed", '.tril()', '.triu()'),
    ("attention", "the mask inverted", MASK, MASK[1:]),
    ("attention", "masked scores of 0", MASKED, MASKED.replace('float("-inf")', '0.0')),
    ("attention", "masked only after the softmax", MASKED + '        ' + AVERAGE,
     f'        y = scores.softmax(dim=-1).masked_fill({MASK}, 0.0) @ v'),
    ("attention", "keys ask, queries answer", 'q @ k.transpose(-2, -1)', 'k @ q.transpose(-2, -1)'),
    ("attention", "keys and values swapped", '(self.W_q, self.W_k, self.W_v)', '(self.W_q, self.W_v, self.W_k)'),
    ("attention", "keys for values", AVERAGE, 'y = scores.softmax(dim=-1) @ k'),
    ("attention", "queries for keys", '(self.W_q, self.W_k, self.W_v)', '(self.W_q, self.W_q, self.W_v)'),
    ("attention", "heads cut out interleaved", SPLIT, SPLIT.replace('(head d_head)', '(d_head head)')),
    ("attention", "heads put together interleaved", JOIN, JOIN.replace('(head d_head)', '(d_head head)')),
    ("attention", "heads cut across positions", f'rearrange(W(x), {SPLIT}, head=self.n_heads)',
     'W(x).reshape(x.size(0), self.n_heads, x.size(1), -1)'),
    ("attention", "heads put together across positions", JOIN, 'y.reshape(x.shape)'),
    ("attention", "one wide head", 'head=self.n_heads', 'head=1'),
    ("attention", "no W_o", f'self.W_o({JOIN})', JOIN),
    ("attention", "W_o twice", f'self.W_o({JOIN})', f'self.W_o(self.W_o({JOIN}))'),

    ("decoder_block", "norms after the sublayers", BLOCK,
     BLOCK.replace(ATTEND, 'x = self.pre_layer_norm(x + self.attention(x, cache))')
     .replace(THINK, 'x = self.post_layer_norm(x + self.mlp(x))')),
    ("decoder_block", "norms of the sublayers' outputs", BLOCK,
     BLOCK.replace(ATTEND, 'x = x + self.pre_layer_norm(self.attention(x, cache))')
     .replace(THINK, 'x = x + self.post_layer_norm(self.mlp(x))')),
    ("decoder_block", "the two norms swapped", BLOCK,
     BLOCK.replace('pre_', '_').replace('post_', 'pre_').replace('._', '.post_')),
    ("decoder_block", "the first norm in both places", 'self.post_layer_norm(x)', 'self.pre_layer_norm(x)'),
    ("decoder_block", "no residual around attention", ATTEND, ATTEND.replace('x + ', '')),
    ("decoder_block", "no residual around the MLP", THINK, THINK.replace('x + ', '')),
    ("decoder_block", "no norm before attention", ATTEND, ATTEND.replace('self.pre_layer_norm(x)', 'x')),
    ("decoder_block", "no norm before the MLP", THINK, THINK.replace('self.post_layer_norm(x)', 'x')),
    ("decoder_block", "the MLP before attention", BLOCK, f'        {THINK}\n        {ATTEND}\n        return x\n'),
    ("decoder_block", "attention and MLP side by side", BLOCK,
     '        return x + self.attention(self.pre_layer_norm(x), cache) + self.mlp(self.post_layer_norm(x))\n'),
    ("decoder_block", "the norm's output as the residual", ATTEND, f'x = self.pre_layer_norm(x)\n        {ATTEND}'),
    ("decoder_block", "the MLP twice", THINK, f'{THINK}\n        {THINK}'),

    ("forward", "no position embeddings", EMBED, 'self.embeddings(x)'),
    ("forward", "positions from 1", POSITIONS, POSITIONS + ' + 1'),
    ("forward", "positions from 1, the last one 0", POSITIONS, POSITIONS + '.add(1) % self.config.context_length'),
    ("forward", "positions reversed", POSITIONS, POSITIONS + '.flip(0)'),
    ("forward", "positions all 0", POSITIONS, POSITIONS + ' * 0'),
    ("forward", "embeddings times positions", EMBED, EMBED.replace('+', '*')),
    ("forward", "embeddings scaled by sqrt(d_model)", EMBED, 'math.sqrt(self.config.d_model) * ' + EMBED),
    ("forward", "no final layer norm", NEW_STATE, 'return h'),
    ("forward", "the final layer norm twice", NEW_STATE, 'return self.final_layer_norm(self.final_layer_norm(h))'),
    ("forward", "the final layer norm before the blocks", f'h = {EMBED}', f'h = self.final_layer_norm({EMBED})'),
    ("forward", "blocks in reverse order", LAYERS, 'for i, block in enumerate(reversed(self.backbone)):'),
    ("forward", "the first block only", LAYERS, 'for i, block in enumerate(self.backbone[:1]):'),
    ("forward", "the last block left out", LAYERS, 'for i, block in enumerate(self.backbone[:-1]):'),
    ("forward", "the first block every time", CALL, CALL.replace('block', 'self.backbone[0]')),
    ("forward", "every block reads the embeddings", CALL, CALL.replace('(h', f'({EMBED}')),
    ("forward", "a residual around every block", CALL, f'h + {CALL}'),
    ("forward", "the embeddings as lm_head", FORWARD, 'self._hidden(x) @ self.embeddings.weight.T'),
    ("forward", "probabilities for logits", FORWARD, f'{FORWARD}.softmax(dim=-1)'),
    ("forward", "log-probabilities for logits", FORWARD, f'{FORWARD}.log_softmax(dim=-1)'),

    ("generate", "sampling", CHOICE,
     'self.lm_head(h[:, -1]).softmax(dim=-1).multinomial(1, generator=torch.Generator().manual_seed(0))'),
    ("generate", "the least probable token", 'argmax', 'argmin'),
    ("generate", "the second best token", '.argmax(dim=-1)', '.topk(2, dim=-1).indices[..., 1]'),
    ("generate", "the first position's logits", 'h[:, -1:]', 'h[:, :1]'),
    ("generate", "the logits before the last", 'h[:, -1:]', 'h[:, -2:][:, :1]'),
    ("generate", "the first row for every row", CHOICE, f'{CHOICE}[:1].repeat(len(x), 1)'),
    ("generate", "the context's first tokens", WINDOW, 'window = x[:, : self.config.context_length]'),
    ("generate", "a window one token short", WINDOW, WINDOW.replace('length :', 'length + 1 :')),
    ("generate", "a window one token long", WINDOW, WINDOW.replace('length :', 'length - 1 :')),
    ("generate", "the last token alone", f'h = {STEP}', 'h = self._hidden(window[:, -1:])'),
    ("generate", "one token too many", 'in range(num_new_tokens)', 'in range(num_new_tokens + 1)'),
    ("generate", "one token too few", 'in range(num_new_tokens)', 'in range(num_new_tokens - 1)'),
    ("generate", "new tokens before the prompt", 'torch.cat((x, following.to(x.dtype)), dim=1)',
     'torch.cat((following.to(x.dtype), x), dim=1)'),
    ("generate", "cached positions start one too early", STEP, STEP.replace(' known,', ' max(known - 1, 0),')),
    ("generate", "cached positions start one too late", STEP,
     STEP.replace(' known,', ' min(known + (known > 0), self.config.context_length - 1),')),
    ("generate", "cached positions start at 0", STEP, STEP.replace(' known,', ' 0,')),
    ("generate", "a cached step reads the last two tokens", STEP,
     STEP.replace('[:, known:]', '[:, max(known - 1, 0):]').replace(' known,', ' max(known - 1, 0),')),
    ("generate", "the cache never reset", FULL, 'if False:\n                known'),
    ("generate", "the cache reset once only", FULL, FULL.replace('> self', '== 1 + self')),
    ("generate", "the cache reset one token late", FULL, FULL.replace('length:', 'length + 1:')),
    ("generate", "past the context the oldest key is dropped, the rest kept", f'                {RESET}',
     ('                known -= 1\n                for cache in caches:\n                    '
      'cache.keys_values = tuple(kept[:, :, 1:] for kept in cache.keys_values)')),
    ("generate", "one cache for all layers", 'None if caches is None else caches[i]',
     'None if caches is None else caches[0]'),
    ("generate", "one cache for all layers from the start", CACHES,
     'caches = [KeyValueCache()] * len(self.backbone)\n        for'),
    ("generate", "the caches of the layers swapped after the first step", 'caches[i])',
     'caches[i if start == 0 else -1 - i])'),
    ("generate", "the cache keeps nothing", 'self.keys_values = (k, v)', 'pass'),
    ("generate", "the cache keeps the prompt only", 'self.keys_values = (k, v)',
     'self.keys_values = self.keys_values or (k, v)'),
    ("generate", "cached keys after the new ones", 'torch.cat((self.keys_values[0], k), dim=2)',
     'torch.cat((k, self.keys_values[0]), dim=2)'),
    ("generate", "keys and values swapped in the cache", EXTEND,
     'torch.cat((self.keys_values[1], k), dim=2), torch.cat((self.keys_values[0], v), dim=2)'),
    ("generate", "a cached query masked like the first one", 'keys - queries : keys,', ':queries,'),

    ("loss_on_batch", "a token has to predict itself", TARGETS, TARGETS.replace('1:', ':-1')),
    ("loss_on_batch", "a token has to predict the one before", LOSS, LOSS.replace('1:', ':-1')),
    ("loss_on_batch", "the sum", LOSS, LOSS[:-1] + ', reduction="sum")'),
    ("loss_on_batch", "the sum over a row", LOSS, LOSS[:-1] + ', reduction="sum") / len(input_ids)'),
    ("loss_on_batch", "no mean at all", LOSS, LOSS[:-1] + ', reduction="none")'),
    ("loss_on_batch", "the last position only", LOSS, 'F.cross_entropy(logits[:, -1], input_ids[:, -1].long())'),
    ("loss_on_batch", "the first position only", LOSS, 'F.cross_entropy(logits[:, 0], input_ids[:, 1].long())'),
    ("loss_on_batch", "the last position left out", LOSS,
     'F.cross_entropy(logits[:, :-1].flatten(0, 1), input_ids[:, 1:-1].flatten().long())'),
    ("loss_on_batch", "the first row only", LOSS, 'F.cross_entropy(logits[0], input_ids[0, 1:].long())'),
    ("loss_on_batch", "token 0 taken for padding", LOSS, LOSS[:-1] + ', ignore_index=0)'),
    ("loss_on_batch", "smoothed labels", LOSS, LOSS[:-1] + ', label_smoothing=0.1)'),
    ("loss_on_batch", "the softmax taken twice", LOSS, LOSS.replace('(logits,', '(logits.softmax(dim=-1),')),
    ("loss_on_batch", "bits for nats", LOSS, LOSS + ' / math.log(2)'),
    ("loss_on_batch", "the sign wrong", LOSS, '-' + LOSS),
    ("loss_on_batch", "rows and positions mixed up", '"b t vocab -> (b t) vocab"', '"b t vocab -> (t b) vocab"'),
    ("loss_on_batch", "perplexity", LOSS, f'{LOSS}.exp()'),
]


def run_source(source):
    """The module that a changed source text makes."""
    module = types.ModuleType("model_solution_changed")
    exec(compile(source, "model_solution_changed.py", "exec"), module.__dict__)
    return module


@pytest.mark.parametrize("name", GRADED)
def test_the_unchanged_source_passes(name):
    grade(name, run_source(inspect.getsource(model_solution)))


@pytest.mark.parametrize("name, mistake, right, wrong", MISTAKES,
                         ids=[f"{name}: {mistake}" for name, mistake, *_ in MISTAKES])
def test_a_plausible_mistake_turns_its_graded_test_red(name, mistake, right, wrong):
    source = inspect.getsource(model_solution)
    assert source.count(right) == 1, f"the mistake replaces a text of model_solution.py that changed: {right!r}"
    changed = run_source(source.replace(right, wrong))
    with pytest.raises((Lost, Failed)):
        grade(name, changed)


def test_every_sub_problem_has_mistakes_and_no_mistake_is_there_twice():
    assert {name for name, *_ in MISTAKES} == GRADED.keys()
    assert len({(name, right, wrong) for name, _, right, wrong in MISTAKES}) == len(MISTAKES)
    assert all(right != wrong for _, _, right, wrong in MISTAKES)


# ------------------------------------------------------------------------------------- parts and names

def test_state_dict_has_the_names_and_shapes_of_the_contract():
    model = Transformer(config())
    assert {name: tuple(value.shape) for name, value in model.state_dict().items()} == oracle.shapes()
    assert oracle.shapes().keys() == {name for name, _ in model.named_parameters()}, "every entry is a parameter"


def test_modules_have_the_parts_of_the_contract():
    model = Transformer(config())
    parts = {Transformer: ["embeddings", "position_embeddings", "backbone", "final_layer_norm", "lm_head"],
             DecoderBlock: ["mlp", "attention", "pre_layer_norm", "post_layer_norm"],
             CausalAttention: ["W_k", "W_q", "W_v", "W_o"], MLP: ["fc1", "gelu", "fc2"]}
    found = {kind: [module for module in model.modules() if type(module) is kind] for kind in parts}
    assert [len(modules) for modules in found.values()] == [1, *[oracle.N_LAYERS] * 3]
    for kind, modules in found.items():
        for module in modules:
            assert sorted(name for name, _ in module.named_children()) == sorted(parts[kind]), kind.__name__
    assert list(model.backbone) == found[DecoderBlock] and model.config == config()
    assert all(isinstance(mlp.gelu, model_solution.GELU) for mlp in found[MLP])


def test_the_causal_mask_is_a_buffer_that_is_not_saved():
    attention = CausalAttention(config())
    assert [name for name, _ in attention.named_buffers()] == ["causal_mask"]
    assert "causal_mask" not in attention.state_dict()
    assert attention.causal_mask.shape == (oracle.CONTEXT, oracle.CONTEXT)


def test_lm_head_has_no_bias_and_weights_of_its_own():
    model = Transformer(config())
    assert model.lm_head.bias is None
    assert model.lm_head.weight.data_ptr() != model.embeddings.weight.data_ptr()


def test_a_state_dict_travels_to_another_model_and_back():
    model, other = scramble(Transformer(config())), Transformer(config())
    assert not torch.equal(model(tokens(2, 5)), other(tokens(2, 5)))
    other.load_state_dict(model.state_dict(), strict=True)
    assert torch.equal(model(tokens(2, 5)), other(tokens(2, 5)))
    assert all(torch.equal(value, model.state_dict()[name]) for name, value in other.state_dict().items())


@pytest.mark.parametrize("change", [{"n_layers": 3}, {"context_length": 11}, {"vocab_size": 30}, {"d_model": 27}])
def test_a_state_dict_of_other_sizes_does_not_load(change):
    with pytest.raises(RuntimeError, match="state_dict"):
        Transformer(config(**change)).load_state_dict(saved_weights())


# ------------------------------------------------------------------------------------- initial values

def test_weights_start_normal_with_deviation_0_02_biases_at_0_and_norms_as_the_identity():
    model = Transformer(config(d_model=60, context_length=50, vocab_size=90))
    counted = dict.fromkeys((torch.nn.Linear, torch.nn.Embedding, torch.nn.LayerNorm), 0)
    for name, module in model.named_modules():
        if type(module) not in counted:
            continue
        counted[type(module)] += 1
        if isinstance(module, torch.nn.LayerNorm):
            assert (module.weight == 1).all() and (module.bias == 0).all(), f"{name} should start as the identity"
            continue
        assert getattr(module, "bias", None) is None or (module.bias == 0).all(), f"{name}.bias should start at 0"
        weight = module.weight.detach().double().numpy().ravel()
        assert abs(weight.mean()) < 5 * 0.02 / math.sqrt(weight.size), f"mean of {name}.weight is {weight.mean():.5f}"
        assert abs(weight.std() - 0.02) < 5 * 0.02 / math.sqrt(2 * weight.size), \
            f"deviation of {name}.weight is {weight.std():.5f}"
        kurtosis = (weight ** 4).mean() / (weight ** 2).mean() ** 2  # 3 for a normal, 1.8 for a uniform
        assert abs(kurtosis - 3) < 5 * math.sqrt(24 / weight.size), f"{name}.weight is not normal: kurtosis {kurtosis}"
    assert list(counted.values()) == [6 * oracle.N_LAYERS + 1, 2, 2 * oracle.N_LAYERS + 1]


def test_the_seed_decides_the_initial_values():
    drawn = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        drawn.append(Transformer(config()).lm_head.weight)
    assert torch.equal(drawn[0], drawn[1]) and not torch.equal(drawn[0], drawn[2])


def test_the_loss_of_a_new_model_is_close_to_that_of_guessing():
    model = Transformer(config(vocab_size=200))
    assert abs(model.get_loss_on_batch(tokens(8, oracle.CONTEXT, 200)).item() - math.log(200)) < 0.1


# ------------------------------------------------------------------------------------- forward

@pytest.mark.parametrize("d_model, n_heads, n_layers, context_length, vocab_size",
                         [(1, 1, 1, 1, 1), (6, 1, 1, 5, 7), (6, 6, 3, 4, 5), (8, 2, 1, 3, 50), (10, 5, 4, 6, 3)])
def test_logits_of_other_sizes_equal_those_of_the_oracle(d_model, n_heads, n_layers, context_length, vocab_size):
    model = exact(Transformer(ModelConfig(d_model, n_heads, n_layers, context_length, vocab_size)))
    weights = {name: value.numpy() for name, value in model.state_dict().items()}
    for length in {1, context_length}:
        ids = tokens(3, length, vocab_size)
        assert_close(model(ids), [oracle.logits(weights, row, n_heads) for row in ids.tolist()], f"{length} tokens")


@pytest.mark.parametrize("t", range(oracle.CONTEXT))
def test_changing_token_t_changes_no_logits_before_it_and_all_from_it_on(t):
    model, ids = exact(Transformer(config())), tokens(2, oracle.CONTEXT)
    changed = ids.clone()
    changed[:, t] = (ids[:, t] + 1) % oracle.VOCAB
    moved = (model(ids) - model(changed)).abs().amax(dim=-1)
    assert (moved[:, :t] < 1e-12).all(), f"logits before {t} saw token {t}"
    assert (moved[:, t:] > 1e-6).all(), f"logits from {t} on did not see token {t}"


def test_logits_of_a_prefix_are_the_prefix_of_the_logits():
    model, ids = exact(Transformer(config())), tokens(2, oracle.CONTEXT)
    for length in range(1, oracle.CONTEXT):
        assert_close(model(ids[:, :length]), model(ids)[:, :length], f"the first {length} tokens", 1e-12)


def test_rows_of_a_batch_do_not_see_each_other():
    model, ids = exact(Transformer(config())), tokens(3, oracle.CONTEXT)
    for row in range(3):
        assert_close(model(ids[row:row + 1]), model(ids)[row:row + 1], f"row {row} alone", 1e-12)


def test_the_order_of_the_tokens_matters():
    model, ids = exact(Transformer(config())), torch.tensor([[1, 2, 3, 4], [2, 1, 3, 4]])
    logits = model(ids)
    assert (logits[0, -1] - logits[1, -1]).abs().max() > 1e-3


def test_ids_of_32_bits_give_the_same_logits_and_the_same_loss():
    model, ids = exact(Transformer(config())), tokens(2, 6)
    assert torch.equal(model(ids.int()), model(ids))
    assert torch.equal(model.get_loss_on_batch(ids.int()), model.get_loss_on_batch(ids))


def test_modules_compute_the_same_on_a_slice_that_is_not_contiguous():
    block, x = exact(DecoderBlock(config())), normal(oracle.CONTEXT, 2, oracle.D_MODEL)
    assert_close(block(x.transpose(0, 1)), block(x.transpose(0, 1).contiguous()), "a transposed view", 1e-12)
    ids, model = tokens(oracle.CONTEXT, 2), exact(Transformer(config()))
    assert_close(model(ids.T), model(ids.T.contiguous()), "transposed ids", 1e-12)
    assert_close(model.get_loss_on_batch(ids.T), model.get_loss_on_batch(ids.T.contiguous()), "their loss", 1e-12)


# ------------------------------------------------------------------------------------- generate

def naive(model, x, num_new_tokens):
    """One whole forward pass for every new token."""
    for _ in range(num_new_tokens):
        logits = model(x[:, -model.config.context_length:])[:, -1]
        x = torch.cat((x, logits.argmax(dim=-1, keepdim=True).to(x.dtype)), dim=1)
    return x


@pytest.mark.parametrize("kind", [torch.int64, torch.int32])
@pytest.mark.parametrize("n_layers", [1, 3])
@pytest.mark.parametrize("batch, length, new, context_length", [
    (1, 1, 5, 1), (2, 4, 3, 1), (3, 1, 12, 2), (1, 1, 7, 8), (2, 3, 5, 8), (2, 3, 6, 8), (3, 5, 20, 8), (2, 8, 4, 8),
    (2, 7, 4, 8), (4, 9, 4, 8), (1, 30, 10, 8), (5, 1, 1, 6)])
def test_generate_equals_a_forward_pass_for_every_token(batch, length, new, context_length, n_layers, kind):
    for seed in range(3):
        model = exact(Transformer(config(context_length=context_length, n_layers=n_layers)), seed)
        prompt = tokens(batch, length, seed=seed).to(kind)
        x = model.generate(prompt, new)
        assert x.dtype == kind
        assert torch.equal(x, naive(model, prompt, new)), f"seed {seed}"


@pytest.mark.parametrize("length", [1, oracle.CONTEXT, oracle.CONTEXT + 5])
def test_no_new_tokens_leave_the_prompt_as_it_was(length):
    prompt = tokens(2, length)
    assert torch.equal(Transformer(config()).generate(prompt, 0), prompt)


def test_generate_leaves_the_given_ids_and_the_model_as_they_were():
    model, prompt = scramble(Transformer(config())), tokens(2, 4)
    before, weights = prompt.clone(), {name: value.clone() for name, value in model.state_dict().items()}
    model.train()
    first = model.generate(prompt, 12)
    assert torch.equal(prompt, before) and model.training
    assert all(torch.equal(value, weights[name]) for name, value in model.state_dict().items())
    assert torch.equal(model.generate(prompt, 12), first), "a second call starts anew and chooses the same"


def test_generate_passes_each_position_through_the_blocks_just_once_while_it_fits_the_context():
    model, lengths = exact(Transformer(config())), {}
    for layer, block in enumerate(model.backbone):
        lengths[layer] = []
        block.register_forward_hook(lambda block, x, y, layer=layer: lengths[layer].append(y.size(1)))
    model.generate(tokens(2, 4), 9)
    # tokens 4 to 10 (the tenth is the last that fits) cost one position each; then the window slides
    once = [4, *[1] * (oracle.CONTEXT - 4)]
    for layer, passed in lengths.items():
        assert passed[:len(once)] == once and sum(once) == oracle.CONTEXT, f"block {layer}: {passed}"
        assert passed[len(once):] == [oracle.CONTEXT] * 2, f"block {layer} past the context: {passed}"


def test_generate_reads_the_last_position_only_through_lm_head():
    model, shapes = Transformer(config()), []
    model.lm_head.register_forward_hook(lambda head, x, y: shapes.append(tuple(y.shape)))
    model.generate(tokens(2, 4), 3)
    assert shapes == [(2, 1, oracle.VOCAB)] * 3


def test_generate_makes_no_gradient_graph():
    model, modes = Transformer(config()), []
    model.backbone[-1].register_forward_hook(lambda block, x, y: modes.append((torch.is_grad_enabled(), y.grad_fn)))
    assert not model.generate(tokens(2, 4), 3).requires_grad
    assert modes == [(False, None)] * 3
    assert torch.is_grad_enabled() and model(tokens(2, 4)).requires_grad, "afterwards gradients are on as before"


# ------------------------------------------------------------------------------------- loss

@pytest.mark.parametrize("batch, length", [(1, 2), (3, 2), (4, 7), (2, oracle.CONTEXT), (2, oracle.CONTEXT + 1)])
def test_the_loss_is_the_cross_entropy_of_each_token_but_the_first(batch, length):
    model, ids = exact(Transformer(config())), tokens(batch, length)
    logits, following = model(ids[:, :-1]), ids[:, 1:]
    assert_close(model.get_loss_on_batch(ids), F.cross_entropy(logits.transpose(1, 2), following), "F.cross_entropy")
    by_hand = [-logits[b, t].log_softmax(-1)[following[b, t]] for b in range(batch) for t in range(length - 1)]
    assert_close(model.get_loss_on_batch(ids), sum(by_hand) / len(by_hand), "the mean of -log p")


def test_the_gradient_of_the_loss_is_its_slope_in_every_parameter():
    model, ids = exact(Transformer(config(d_model=6, vocab_size=5))), tokens(2, 6, 5)
    model.get_loss_on_batch(ids).backward()
    random, step = np.random.RandomState(0), 1e-6
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, f"{name} takes no part in the loss"
        values, gradient = parameter.detach().view(-1), parameter.grad.view(-1)
        for i in random.randint(len(values), size=3):
            losses, value = [], values[i].item()
            for at in (value + step, value - step):
                values[i] = at
                losses.append(model.get_loss_on_batch(ids).item())
            values[i] = value
            slope = (losses[0] - losses[1]) / (2 * step)
            assert abs(slope - gradient[i].item()) < 1e-7 * max(1, abs(slope)), f"{name}[{i}]"


def test_positions_after_the_last_one_predicted_get_no_gradient():
    model = exact(Transformer(config()))
    model.get_loss_on_batch(tokens(2, 6)).backward()
    slopes = model.position_embeddings.weight.grad.abs().amax(dim=1)
    assert (slopes[:5] > 0).all() and (slopes[5:] == 0).all(), "six tokens: five are read, five are predicted"


def test_a_model_learns_two_sentences_by_heart_and_goes_on_with_them():
    model = Transformer(config())
    sentences = torch.stack((torch.randperm(oracle.VOCAB)[:8], torch.randperm(oracle.VOCAB)[:8]))
    sentences[:, 0] = torch.tensor([3, 4])
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(60):
        optimizer.zero_grad()
        loss = model.get_loss_on_batch(sentences)
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.1
    assert torch.equal(model.generate(sentences[:, :1], 7), sentences)


# ------------------------------------------------------------------------------------- refused input

@pytest.mark.parametrize("name", oracle.SIZES)
@pytest.mark.parametrize("size", [0, -1, 4.0, "8", None])
def test_a_size_that_is_no_positive_whole_number_is_refused(name, size):
    with pytest.raises(ValueError, match=f"{name} must be a whole number from 1 up, got"):
        config(**{name: size})


@pytest.mark.parametrize("d_model, n_heads", [(24, 5), (24, 48), (1, 2)])
def test_a_width_that_does_not_divide_into_the_heads_is_refused(d_model, n_heads):
    with pytest.raises(ValueError, match=rf"d_model \({d_model}\) must be a multiple of n_heads \({n_heads}\)"):
        config(d_model=d_model, n_heads=n_heads)


CALLS = {"forward": lambda model, x: model(x), "generate": lambda model, x: model.generate(x, 2),
         "generate nothing": lambda model, x: model.generate(x, 0),
         "loss": lambda model, x: model.get_loss_on_batch(x)}


@pytest.mark.parametrize("ids, message", [
    (torch.tensor([[0, 1, -1]]), "0 to 28, got -1"),
    (torch.tensor([[0, 1, 2], [29, 3, 4]]), "0 to 28, got 29"),
    (torch.tensor([[-2 ** 40, 2 ** 40]]), f"0 to 28, got -{2 ** 40}"),
    (torch.tensor([1, 2, 3]), r"shape \(batch, time\).*got \(3,\)"),
    (torch.tensor(3), r"shape \(batch, time\).*got \(\)"),
    (torch.ones(2, 3, 1, dtype=torch.long), r"shape \(batch, time\).*got \(2, 3, 1\)"),
    (torch.ones(0, 3, dtype=torch.long), r"shape \(batch, time\).*got \(0, 3\)"),
    (torch.ones(2, 0, dtype=torch.long), r"shape \(batch, time\).*got \(2, 0\)"),
    (torch.ones(2, 3), "int32 or int64, got torch.float32"),
    (torch.ones(2, 3, dtype=torch.float64), "int32 or int64, got torch.float64"),
    (torch.ones(2, 3, dtype=torch.bool), "int32 or int64, got torch.bool"),
    ([[1, 2, 3]], "must be a tensor .*got list"),
    (np.ones((2, 3), dtype=np.int64), "must be a tensor"),
    (None, "must be a tensor .*got NoneType"),
], ids=["negative", "too large", "far outside", "one row", "one id", "three axes", "no rows", "no tokens", "float32",
        "float64", "bool", "list", "array", "None"])
@pytest.mark.parametrize("call", CALLS)
def test_ids_that_are_none_are_refused_with_the_reason(call, ids, message):
    with pytest.raises(ValueError, match=message):
        CALLS[call](Transformer(config()), ids)


def test_the_first_and_the_last_id_and_a_single_token_are_taken():
    model = Transformer(config())
    ids = torch.tensor([[0, oracle.VOCAB - 1]])
    assert model(ids).shape == (1, 2, oracle.VOCAB) and model.generate(ids, 1).shape == (1, 3)
    assert model(ids[:, :1]).shape == (1, 1, oracle.VOCAB) and model.generate(ids[:, :1], 1).shape == (1, 2)
    assert model.get_loss_on_batch(ids).shape == ()


def test_a_sequence_of_context_length_is_taken_and_a_longer_one_refused():
    model = Transformer(config())
    assert model(tokens(1, oracle.CONTEXT)).shape == (1, oracle.CONTEXT, oracle.VOCAB)
    with pytest.raises(ValueError, match="11 tokens do not fit context_length 10"):
        model(tokens(1, oracle.CONTEXT + 1))
    with pytest.raises(ValueError, match="12 tokens do not fit: context_length 10"):
        model.get_loss_on_batch(tokens(1, oracle.CONTEXT + 2))


@pytest.mark.parametrize("number", [-1, 2.0, 2.5, None, "2", torch.tensor(2.0)])
def test_a_number_of_new_tokens_that_is_none_is_refused(number):
    with pytest.raises(ValueError, match="num_new_tokens must be a whole number from 0 up, got"):
        Transformer(config()).generate(tokens(1, 3), number)


@pytest.mark.parametrize("batch", [1, 4])
def test_the_loss_refuses_sequences_of_one_token(batch):
    with pytest.raises(ValueError, match="at least two tokens"):
        Transformer(config()).get_loss_on_batch(tokens(batch, 1))


# ------------------------------------------------------------------------------------- GPT-2 of Hugging Face

def their_names(weights, prefix="transformer."):
    """A state dict of Transformer as GPT2LMHeadModel would have it, with the two buffers of its older versions."""
    theirs = {"lm_head.weight": weights["lm_head.weight"], f"{prefix}wte.weight": weights["embeddings.weight"],
              f"{prefix}wpe.weight": weights["position_embeddings.weight"]}
    for kind in ("weight", "bias"):
        theirs[f"{prefix}ln_f.{kind}"] = weights[f"final_layer_norm.{kind}"]
        for i in range(oracle.N_LAYERS):
            def ours(name, i=i, kind=kind):
                return weights[f"backbone.{i}.{name}.{kind}"].t()  # of a bias, the bias itself
            own = f"{prefix}h.{i}"
            theirs[f"{own}.ln_1.{kind}"], theirs[f"{own}.ln_2.{kind}"] = ours("pre_layer_norm"), ours("post_layer_norm")
            theirs[f"{own}.attn.c_attn.{kind}"] = torch.cat([ours(f"attention.W_{w}") for w in "qkv"], dim=-1)
            theirs[f"{own}.attn.c_proj.{kind}"] = ours("attention.W_o")
            theirs[f"{own}.mlp.c_fc.{kind}"], theirs[f"{own}.mlp.c_proj.{kind}"] = ours("mlp.fc1"), ours("mlp.fc2")
    for i in range(oracle.N_LAYERS):
        theirs[f"{prefix}h.{i}.attn.bias"] = torch.ones(1, 1, oracle.CONTEXT, oracle.CONTEXT).tril()
        theirs[f"{prefix}h.{i}.attn.masked_bias"] = torch.tensor(-1e4)
    return theirs


@pytest.mark.parametrize("prefix", ["transformer.", ""])
def test_converting_a_gpt2_gives_each_weight_its_name_and_orientation(prefix):
    weights = saved_weights()
    converted = state_dict_converter(their_names(weights, prefix))
    assert converted.keys() == weights.keys()
    for name, value in weights.items():
        assert torch.equal(converted[name], value), f"{name} is not what was at its place"
        assert converted[name].is_contiguous(), name
    load_into = Transformer(config())
    load_into.load_state_dict(converted, strict=True)


def test_converting_a_gpt2_without_a_head_takes_the_embeddings_for_one():
    theirs = their_names(saved_weights(), prefix="")
    del theirs["lm_head.weight"]
    converted = state_dict_converter(theirs)
    assert torch.equal(converted["lm_head.weight"], saved_weights()["embeddings.weight"])
    Transformer(config()).load_state_dict(converted, strict=True)


def test_converting_leaves_the_given_state_dict_as_it_was():
    theirs = their_names(saved_weights())
    before = {name: value.clone() for name, value in theirs.items()}
    state_dict_converter(theirs)
    assert theirs.keys() == before.keys() and all(torch.equal(theirs[name], before[name]) for name in before)


@pytest.mark.parametrize("gone", ["transformer.wte.weight", "transformer.ln_f.bias", "transformer.h.1.mlp.c_fc.bias"])
def test_converting_another_model_raises_a_key_error_that_names_what_is_missing(gone):
    theirs = their_names(saved_weights())
    del theirs[gone]
    with pytest.raises(KeyError, match=gone.removeprefix("transformer.")):
        state_dict_converter(theirs)


def test_converting_twice_raises_a_key_error():
    with pytest.raises(KeyError):
        state_dict_converter(saved_weights())


def test_from_pretrained_without_transformers_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(ImportError, match="pip install transformers"):
        Transformer.from_pretrained("gpt2")


@pytest.fixture
def transformers(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    return pytest.importorskip("transformers", reason="needs the optional package: pip install transformers")


def their_gpt2(transformers, kind="GPT2LMHeadModel", **changes):
    """A small GPT-2 of theirs with scrambled weights, no dropout, and no end of text to stop generate early."""
    sizes = dict(n_embd=32, n_head=4, n_layer=3, n_positions=24, vocab_size=50, bos_token_id=None, eos_token_id=None)
    return scramble(getattr(transformers, kind)(transformers.GPT2Config(**sizes, **changes)), seed=1).eval()


@pytest.mark.parametrize("tied", [True, False])
def test_from_pretrained_gives_the_logits_and_the_tokens_of_the_original(transformers, tmp_path, tied):
    theirs = their_gpt2(transformers, tie_word_embeddings=tied)
    theirs.save_pretrained(tmp_path)
    ours = Transformer.from_pretrained(tmp_path)
    assert isinstance(ours, Transformer) and ours.config == ModelConfig(32, 4, 3, 24, 50)
    ids = tokens(3, 24, 50)
    assert_close(ours(ids), theirs(ids).logits.detach(), "logits in float32", 1e-5)
    ours, theirs = ours.double(), theirs.double()
    assert_close(ours(ids), theirs(ids).logits.detach(), "logits in float64", 1e-12)
    prompt = ids[:, :5]
    expected = theirs.generate(prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=19, do_sample=False,
                               pad_token_id=0)
    assert expected.shape == (3, 24) and min(len(row.unique()) for row in expected[:, 5:]) > 3, "too few to tell"
    assert torch.equal(ours.generate(prompt, 19), expected)


def test_the_weights_of_a_gpt2_without_a_head_load_with_the_embeddings_as_head(transformers):
    theirs = their_gpt2(transformers, "GPT2Model").double()
    ours = Transformer(ModelConfig(32, 4, 3, 24, 50)).double()
    ours.load_state_dict(state_dict_converter(theirs.state_dict()), strict=True)
    ids = tokens(3, 24, 50)
    assert_close(ours(ids), theirs(ids).last_hidden_state.detach() @ theirs.wte.weight.detach().T, "logits", 1e-12)


@pytest.mark.parametrize("setting, value", [("activation_function", "relu"), ("layer_norm_epsilon", 1e-2),
                                            ("scale_attn_weights", False),
                                            ("scale_attn_by_inverse_layer_idx", True)])
def test_a_gpt2_that_computes_something_else_is_refused(transformers, tmp_path, setting, value):
    their_gpt2(transformers, **{setting: value}).save_pretrained(tmp_path)
    with pytest.raises(ValueError, match=f"has {setting} {value}, this transformer has"):
        Transformer.from_pretrained(tmp_path)
