"""Blocks and GPT, vanilla and perceiver, against two independent implementations of the same equations.

The NumPy oracle reads a state dict; the reference module exchanges state dicts in both directions. If only the whole
GPT disagrees, look at what it adds around the blocks: embeddings, dropout, ln_f, head, and who gets which block size.
"""
import math

import numpy as np
import pytest
import torch

import oracles
from model import GPT, Block, DownProjectBlock, GPTConfig, UpProjectBlock
from oracles import exact, normal

TINY = oracles.TINY
BLOCK, HEADS, WIDTH, VOCAB = TINY["block_size"], TINY["n_head"], TINY["n_embd"], TINY["vocab_size"]
BOTTLENECKS = [1, 3, 7, BLOCK]


def config(**changes):
    settings = {**TINY, **changes}
    return GPTConfig(settings.pop("vocab_size"), settings.pop("block_size"), **settings)


def perceiver(m=3, **changes):
    return config(perceiver=True, bottleneck_dim=m, **changes)


VARIANTS = {"vanilla": config, **{f"perceiver, m = {m}": lambda m=m, **changes: perceiver(m, **changes)
                                  for m in BOTTLENECKS}}
every_variant = pytest.mark.parametrize("variant", VARIANTS)


def tokens(batch, length, seed=0):
    """Random ids without 0, the padding."""
    return torch.randint(1, VOCAB, (batch, length), generator=torch.Generator().manual_seed(seed))


def assert_close(got, expected, why, tolerance=1e-10):
    got, expected = np.asarray(got.detach()), np.asarray(expected)
    assert got.shape == expected.shape, f"{why}: shape {got.shape}, expected {expected.shape}"
    worst = np.abs(got - expected).max()
    assert worst <= tolerance, f"{why}: off by up to {worst:.3g}"


# ------------------------------------------------------------------------------------------------ configuration

def test_config_defaults_are_those_of_the_handout():
    defaults = GPTConfig(65, 128)
    assert (defaults.vocab_size, defaults.block_size) == (65, 128)
    assert (defaults.embd_pdrop, defaults.resid_pdrop, defaults.attn_pdrop) == (0.1, 0.1, 0.1)
    assert defaults.perceiver is False and defaults.bottleneck_dim is None


@pytest.mark.parametrize("size", ["vocab_size", "block_size", "n_embd"])
def test_a_model_of_no_size_is_refused(size):
    with pytest.raises(ValueError, match=size):
        config(**{size: 0})


def test_config_keeps_every_keyword_and_does_not_share_it_with_other_configs():
    given = dict(n_layer=4, n_head=8, n_embd=256, embd_pdrop=0.0, resid_pdrop=0.2, attn_pdrop=0.3, perceiver=True,
                 bottleneck_dim=32)
    made = GPTConfig(65, 128, **given)
    assert {name: getattr(made, name) for name in given} == given
    assert GPTConfig(65, 128).resid_pdrop == 0.1, "one config's keyword leaked into the defaults"


# ------------------------------------------------------------------------------------------------ blocks

@pytest.mark.parametrize("n_head", [1, 4])
@pytest.mark.parametrize("length", [1, 6, BLOCK])
def test_block_is_attention_then_mlp_each_normed_before_and_added_to_its_input(n_head, length):
    block = exact(Block(config(n_head=n_head)))
    x = normal(2, length, WIDTH)
    assert_close(block(x), oracles.block(oracles.arrays(block), x.numpy(), n_head),
                 "x = x + attn(ln1(x)); x = x + mlp(ln2(x)), GELU with the exact erf")


@pytest.mark.parametrize("m", BOTTLENECKS)
@pytest.mark.parametrize("batch, length", [(1, 1), (3, 6), (2, BLOCK)])
def test_down_project_block_lets_the_rows_of_C_attend_to_the_sequence(m, batch, length):
    block = exact(DownProjectBlock(perceiver(m)))
    x_input = normal(batch, length, WIDTH)
    assert_close(block(x_input), oracles.down_project(oracles.arrays(block), x_input.numpy(), HEADS),
                 "x = C + attn(x_input, ln1(C)); x = x + mlp(ln2(x)), shape (B, m, n_embd)")


@pytest.mark.parametrize("m", BOTTLENECKS)
@pytest.mark.parametrize("batch, length", [(1, 1), (3, 6), (2, BLOCK)])
def test_up_project_block_lets_the_sequence_attend_to_the_bottleneck(m, batch, length):
    block = exact(UpProjectBlock(perceiver(m)))
    y, x_input = normal(batch, m, WIDTH), normal(batch, length, WIDTH, seed=1)
    assert_close(block(y, x_input), oracles.up_project(oracles.arrays(block), y.numpy(), x_input.numpy(), HEADS),
                 "x = x_input + attn(ln1(y), x_input); x = x + mlp(ln2(x)), shape (B, T, n_embd)")


@pytest.mark.parametrize("block_class", [Block, DownProjectBlock, UpProjectBlock])
def test_the_mlp_of_a_block_is_linear_gelu_linear_dropout(block_class):
    torch.manual_seed(0)
    block = block_class(perceiver(3, resid_pdrop=0.25, attn_pdrop=0.0))
    shapes = {name: tuple(p.shape) for name, p in block.mlp.state_dict().items()}
    assert shapes == {"0.weight": (4 * WIDTH, WIDTH), "0.bias": (4 * WIDTH,),
                      "2.weight": (WIDTH, 4 * WIDTH), "2.bias": (WIDTH,)}
    x = normal(500, WIDTH).float()
    zeros = (block.mlp.train()(x) == 0).double().mean().item()
    assert abs(zeros - 0.25) < 4 * math.sqrt(0.25 * 0.75 / x.numel()), "the mlp ends in Dropout(resid_pdrop)"
    assert (block.mlp.eval()(x) == 0).double().mean().item() < 0.001, "no dropout in eval mode"


@pytest.mark.parametrize("in_a_gpt", [False, True])
def test_C_is_drawn_xavier_uniform_and_the_gpt_does_not_draw_it_again(in_a_gpt):
    """U(-a, a), a = sqrt(6 / (fan_in + fan_out)); a (1, m, n) tensor has fan_in = m n and fan_out = n."""
    torch.manual_seed(0)
    m, width = 20, 200
    big = perceiver(m, n_embd=width, n_layer=3, block_size=32)
    C = (GPT(big).down_block if in_a_gpt else DownProjectBlock(big)).C
    assert isinstance(C, torch.nn.Parameter) and C.requires_grad and tuple(C.shape) == (1, m, width)
    drawn, bound = C.detach().double().numpy().ravel(), math.sqrt(6 / (m * width + width))
    assert np.abs(drawn).max() <= bound * (1 + 1e-6), f"beyond the bound {bound:.4f}: not nn.init.xavier_uniform_"
    assert np.abs(drawn).max() > 0.99 * bound, f"largest value {np.abs(drawn).max():.4f} of a bound {bound:.4f}"
    sigma = bound / math.sqrt(3)
    assert abs(drawn.mean()) < 4 * sigma / math.sqrt(drawn.size)
    # the variance of u² for uniform u is 4/45 a⁴
    assert abs((drawn ** 2).mean() - sigma ** 2) < 4 * math.sqrt(4 / 45 / drawn.size) * bound ** 2


# ------------------------------------------------------------------------------------------------ whole forward

@every_variant
@pytest.mark.parametrize("batch, length", [(1, 1), (2, 5), (2, BLOCK)])
def test_logits_equal_the_numpy_forward_of_the_same_state_dict(variant, batch, length):
    model = exact(GPT(VARIANTS[variant]()))
    idx = tokens(batch, length)
    logits, loss = model(idx)
    assert loss is None, "no targets, no loss"
    assert_close(logits, oracles.gpt_logits(oracles.arrays(model), idx.numpy(), HEADS), variant)


@every_variant
def test_single_precision_logits_agree_with_the_float64_oracle(variant):
    model = exact(GPT(VARIANTS[variant]())).float()
    idx = tokens(2, BLOCK)
    assert_close(model(idx)[0], oracles.gpt_logits(oracles.arrays(model), idx.numpy(), HEADS), variant, 5e-5)


@pytest.mark.parametrize("n_layer", [2, 3, 5])
def test_a_perceiver_of_n_layers_has_two_projecting_and_n_minus_2_inner_blocks(n_layer):
    model = exact(GPT(perceiver(3, n_layer=n_layer)))
    assert len(model.blocks) == n_layer - 2
    assert isinstance(model.down_block, DownProjectBlock) and isinstance(model.up_block, UpProjectBlock)
    idx = tokens(2, 6)
    assert_close(model(idx)[0], oracles.gpt_logits(oracles.arrays(model), idx.numpy(), HEADS), f"{n_layer} layers")


@every_variant
def test_state_dict_keys_and_shapes_are_those_of_the_contract(variant):
    made = VARIANTS[variant]()
    got = {name: tuple(tensor.shape) for name, tensor in GPT(made).state_dict().items()}
    expected = {"tok_emb.weight": (VOCAB, WIDTH), "pos_emb": (1, BLOCK, WIDTH), "head.weight": (VOCAB, WIDTH),
                "ln_f.weight": (WIDTH,), "ln_f.bias": (WIDTH,)}
    sizes = {f"blocks.{i}": BLOCK for i in range(made.n_layer)}
    if made.perceiver:  # the projecting blocks see the sequence, the inner ones only the m bottleneck rows
        sizes = {f"blocks.{i}": made.bottleneck_dim for i in range(made.n_layer - 2)}
        sizes.update(down_block=BLOCK, up_block=BLOCK)
        expected["down_block.C"] = (1, made.bottleneck_dim, WIDTH)
    for name, size in sizes.items():
        expected[f"{name}.attn.mask"] = (1, 1, size, size)
        for layer in ("key", "query", "value", "proj"):
            expected.update({f"{name}.attn.{layer}.weight": (WIDTH, WIDTH), f"{name}.attn.{layer}.bias": (WIDTH,)})
        for layer in ("ln1", "ln2"):
            expected.update({f"{name}.{layer}.weight": (WIDTH,), f"{name}.{layer}.bias": (WIDTH,)})
        expected.update({f"{name}.mlp.0.weight": (4 * WIDTH, WIDTH), f"{name}.mlp.0.bias": (4 * WIDTH,),
                         f"{name}.mlp.2.weight": (WIDTH, 4 * WIDTH), f"{name}.mlp.2.bias": (WIDTH,)})
    assert got == expected


@every_variant
def test_a_state_dict_of_the_reference_module_loads_strictly_and_gives_the_same_logits(variant):
    made = VARIANTS[variant]()
    reference, model = oracles.scramble(oracles.ReferenceGPT(made), seed=3), GPT(made).eval()
    model.load_state_dict(reference.state_dict(), strict=True)
    idx = tokens(3, BLOCK)
    expected = reference.double()(idx)
    assert_close(model.double()(idx)[0], expected.detach(), "params written by another implementation")


@every_variant
def test_a_state_dict_of_ours_loads_strictly_into_the_reference_module_and_gives_the_same_logits(variant):
    made = VARIANTS[variant]()
    model, reference = exact(GPT(made)), oracles.ReferenceGPT(made).double()
    reference.load_state_dict(model.state_dict(), strict=True)
    idx = tokens(3, BLOCK)
    assert_close(model(idx)[0], reference(idx).detach(), "params read by another implementation")
    assert_close(model.float()(idx)[0], reference.float()(idx).detach(), "in float32", 5e-5)


@every_variant
def test_gradients_of_every_parameter_equal_those_of_the_reference_module(variant):
    made = VARIANTS[variant]()
    model, reference = exact(GPT(made)), oracles.ReferenceGPT(made).double()
    reference.load_state_dict(model.state_dict(), strict=True)
    idx, targets = tokens(3, 8), tokens(3, 8, seed=1)
    model(idx, targets)[1].backward()
    torch.nn.functional.cross_entropy(reference(idx).flatten(0, 1), targets.flatten()).backward()
    expected = dict(reference.named_parameters())
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, f"{name} takes no part in the loss"
        assert_close(parameter.grad, expected[name].grad, f"gradient of {name}", 1e-9)


# ------------------------------------------------------------------------------------------------ sizes

@every_variant
def test_building_a_gpt_leaves_its_config_as_it_was(variant):
    made = VARIANTS[variant]()
    before = dict(vars(made))
    model = GPT(made)
    assert vars(made) == before, "a perceiver's inner blocks have their own block size; the caller's stays"
    assert model.get_block_size() == BLOCK


@every_variant
def test_a_sequence_of_block_size_is_taken_and_a_longer_one_refused(variant):
    model = exact(GPT(VARIANTS[variant]()))
    assert model(tokens(1, BLOCK))[0].shape == (1, BLOCK, VOCAB)
    with pytest.raises((ValueError, AssertionError)) as refusal:
        model(tokens(1, BLOCK + 1))
    assert str(BLOCK) in str(refusal.value) and str(BLOCK + 1) in str(refusal.value), \
        f"the message should name the length and the block size: {refusal.value}"


# ------------------------------------------------------------------------------------------------ initial values

def gpt_for_statistics(is_perceiver):
    torch.manual_seed(0)
    return GPT(config(n_embd=64, n_layer=3, vocab_size=90, perceiver=is_perceiver,
                      bottleneck_dim=5 if is_perceiver else None))


@pytest.mark.parametrize("is_perceiver", [False, True])
def test_linear_and_embedding_weights_start_normal_with_deviation_0_02(is_perceiver):
    checked = 0
    for name, module in gpt_for_statistics(is_perceiver).named_modules():
        if not isinstance(module, (torch.nn.Linear, torch.nn.Embedding)):
            continue
        weight = module.weight.detach().double().numpy().ravel()
        assert abs(weight.mean()) < 5 * 0.02 / math.sqrt(weight.size), f"mean of {name}.weight is {weight.mean():.5f}"
        assert abs(weight.std() - 0.02) < 5 * 0.02 / math.sqrt(2 * weight.size), \
            f"deviation of {name}.weight is {weight.std():.5f}"
        kurtosis = (weight ** 4).mean() / (weight ** 2).mean() ** 2  # 3 for a normal, 1.8 for a uniform
        assert abs(kurtosis - 3) < 5 * math.sqrt(24 / weight.size), f"{name}.weight is not normal: kurtosis {kurtosis}"
        checked += 1
    assert checked == 2 + 3 * 6, "tok_emb, head and six linear layers in each of three blocks"


@pytest.mark.parametrize("is_perceiver", [False, True])
def test_biases_start_at_zero_and_layer_norms_at_the_identity(is_perceiver):
    model = gpt_for_statistics(is_perceiver)
    for name, module in model.named_modules():
        if isinstance(module, torch.nn.LayerNorm):
            assert (module.weight == 1).all() and (module.bias == 0).all(), f"{name} should start as weight 1, bias 0"
        elif isinstance(module, torch.nn.Linear) and module.bias is not None:
            assert (module.bias == 0).all(), f"{name}.bias should start at 0"


def test_positions_start_at_zero_or_at_the_same_small_scale_as_the_embeddings():
    positions = gpt_for_statistics(False).pos_emb.detach().double()
    deviation, error = positions.std().item(), 0.02 / math.sqrt(2 * positions.numel())
    assert positions.abs().max() == 0 or abs(deviation - 0.02) < 5 * error


# ------------------------------------------------------------------------------------------------ loss

@every_variant
def test_loss_is_the_mean_cross_entropy_over_targets_that_are_not_0(variant):
    model = exact(GPT(VARIANTS[variant]()))
    idx, targets = tokens(3, 8), tokens(3, 8, seed=1)
    targets[0, :5] = 0
    targets[1] = 0
    targets[2, 6:] = 0
    logits, loss = model(idx, targets)
    assert loss.shape == (), "the loss is one number"
    assert_close(loss, oracles.cross_entropy(logits.detach(), targets), "mean over the targets that are not 0")
    assert_close(logits, model(idx)[0].detach(), "targets change the loss, not the logits")


def test_positions_with_target_0_get_no_gradient():
    model = exact(GPT(config()))
    idx, targets = tokens(2, 6), tokens(2, 6, seed=1)
    targets[:, 3:] = 0  # so nothing depends on positions 3 and later
    model(idx, targets)[1].backward()
    gradient = model.pos_emb.grad[0].abs().amax(-1)
    assert (gradient[:3] > 0).all() and (gradient[3:] == 0).all()


# ------------------------------------------------------------------------------------------------ causality

@every_variant
@pytest.mark.parametrize("t", [0, 2, 5])
def test_changing_tokens_after_t_changes_no_logit_up_to_t_and_every_one_after(variant, t):
    model = exact(GPT(VARIANTS[variant]()))
    idx = tokens(2, 8)
    changed = idx.clone()
    changed[:, t + 1:] = idx[:, t + 1:] % (VOCAB - 1) + 1  # another token everywhere
    moved = (model(idx)[0] - model(changed)[0]).abs().amax(-1)
    assert (moved[:, :t + 1] < 1e-12).all(), f"a logit at or before {t} saw a later token"
    assert (moved[:, t + 1:] > 1e-4).all(), f"a logit after {t} did not notice its own token change"


@every_variant
def test_a_token_is_seen_by_every_later_position_it_can_reach(variant):
    """A perceiver reads token j only through bottleneck rows i >= j, so tokens from m on reach no other position."""
    made = VARIANTS[variant]()
    model = exact(GPT(made))
    idx = tokens(1, 8)
    for j in range(8):
        changed = idx.clone()
        changed[0, j] = idx[0, j] % (VOCAB - 1) + 1
        moved = (model(idx)[0] - model(changed)[0]).abs().amax(-1)[0]
        reach = torch.arange(8) >= j if not made.perceiver or j < made.bottleneck_dim else torch.arange(8) == j
        assert torch.equal(moved > 1e-9, reach), f"token {j} moves the logits at {(moved > 1e-9).nonzero().ravel()}"


@every_variant
def test_logits_of_a_prefix_are_the_prefix_of_the_logits(variant):
    model = exact(GPT(VARIANTS[variant]()))
    idx = tokens(2, BLOCK)
    whole = model(idx)[0].detach()
    for length in range(1, BLOCK):
        assert_close(model(idx[:, :length])[0], whole[:, :length], f"first {length} of {BLOCK} tokens", 1e-11)


@every_variant
def test_padding_on_the_right_changes_nothing_before_it(variant):
    model = exact(GPT(VARIANTS[variant]()))
    idx = tokens(2, 5)
    padded = torch.cat([idx, torch.zeros(2, BLOCK - 5, dtype=torch.long)], dim=1)
    assert_close(model(padded)[0][:, :5], model(idx)[0].detach(), "five tokens and their padding", 1e-11)


@every_variant
def test_examples_of_a_batch_do_not_see_each_other(variant):
    model = exact(GPT(VARIANTS[variant]()))
    idx = tokens(3, 8)
    whole = model(idx)[0].detach()
    for b in range(3):
        assert_close(model(idx[b:b + 1])[0], whole[b:b + 1], f"example {b} alone", 1e-11)


# ------------------------------------------------------------------------------------------------ dropout

@every_variant
@pytest.mark.parametrize("rate", ["embd_pdrop", "resid_pdrop", "attn_pdrop"])
def test_each_dropout_rate_acts_in_train_mode_and_not_in_eval_mode(variant, rate):
    off = dict(embd_pdrop=0.0, resid_pdrop=0.0, attn_pdrop=0.0)
    model = exact(GPT(VARIANTS[variant](**{**off, rate: 0.5})))
    idx = tokens(2, 8)
    expected = oracles.gpt_logits(oracles.arrays(model), idx.numpy(), HEADS)
    assert_close(model(idx)[0], expected, f"eval mode with {rate}=0.5")
    torch.manual_seed(0)
    model.train()
    first, second = model(idx)[0].detach(), model(idx)[0].detach()
    assert (first - second).abs().max() > 1e-3, f"{rate}=0.5 does nothing in train mode"


def test_embedding_dropout_falls_on_the_sum_of_token_and_position():
    """Read off the input of the first block: zero at that share of places, scaled up by 1 / (1 - p) elsewhere."""
    model = exact(GPT(config(embd_pdrop=0.25))).train()
    seen = []
    model.blocks[0].register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0].detach()))
    idx = tokens(100, BLOCK)
    torch.manual_seed(0)
    model(idx)
    full = (model.tok_emb.weight[idx] + model.pos_emb[:, :BLOCK]).detach()
    zero = seen[0] == 0
    assert abs(zero.double().mean().item() - 0.25) < 4 * math.sqrt(0.25 * 0.75 / zero.numel())
    assert_close(seen[0][~zero], full[~zero] / 0.75, "drop(tok_emb + pos_emb)")
