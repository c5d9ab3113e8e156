"""Assignment 3, part 3, graded: model_solution.py against saved numbers, one test for each sub-problem; train.py.

    python -m pytest tests/graded/test_assignment3.py -k test_mlp

Work in this order: each part is made of those before it. A mistake in one costs no points in the next: where a part is
wrong as a whole, it is tried again with stand-ins for what it builds on.
"""

import numpy as np
from grading import PRECISIONS, Failed, Lost, check, check_close, check_shape, either, error, points

SIZES = dict(d_model=24, n_heads=3, n_layers=2, context_length=10, vocab_size=29)
NEW_TOKENS = 25
GELU_POINTS = np.linspace(-4, 4, 81)


def gelu(x):
    """A few right values would do; this is the handout's formula."""
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


def inputs(student, module=""):
    """(what every question of Assignment 3 needs, the inputs, the expected answers)."""
    weights = student.case("a3", f"weights.{module}" if module else "weights")
    return dict(sizes=SIZES, weights=weights), student.case("a3", "input"), student.case("a3", "expected")


@points("3(a)", 1, "MLP.forward")
def test_mlp(student):
    given, x, expected = inputs(student, "backbone.0.mlp")
    answers = student.ask("mlp", **given, x=x["mlp"], points=GELU_POINTS.tolist())
    for precision, tolerance in PRECISIONS.items():
        answer = answers[precision]
        check_close(
            answer["gelu"],
            gelu(GELU_POINTS),
            "GELU: x/2 (1 + tanh(...)), the tanh approximation; compare its constants with the handout's",
            tolerance,
        )
        check_close(
            answer["y"],
            expected["mlp"],
            "MLP, GELU alone being right: fc1 to 4 d_model units, GELU once, fc2 back",
            tolerance,
        )


@points("3(a)", 6, "CausalAttention.forward")
def test_attention(student):
    given, x, expected = inputs(student, "backbone.0.attention")
    answers = student.ask("attention", **given, x=x["attention"])
    expected = expected["attention"]
    for precision, tolerance in PRECISIONS.items():
        y, other_end = answers[precision]["y"], answers[precision]["other_end"]
        check_shape(y, expected.shape, "the output of attention")
        check_shape(other_end, expected.shape, "the output of attention")
        check(
            not np.isnan(y).any(),
            "not a number: a query that may read no key; position i reads j <= i, itself too (causal_mask is True "
            "where reading is allowed)",
        )
        check_close(
            other_end[:, :4],
            y[:, :4],
            "a position reads later ones: mask the scores with -inf where key j > query i, then take the softmax "
            "over the keys; and mix no positions where the heads are cut out and put together: transpose, then reshape",
            100 * tolerance,
        )
        wrong = np.flatnonzero((error(y, expected) > tolerance).any(axis=(0, 2))).tolist()
        check(
            0 not in wrong,
            "position 0, which can read itself only, is wrong: look at the values, at how heads are cut out of "
            "d_model and put side by side again (head h owns neighbouring features), and at W_o",
        )
        check(
            not wrong,
            f"positions {wrong} are wrong, position 0 is right: look at the scores, q_i · k_j / sqrt(d_head) of "
            "query i (row) and key j (column), at their mask and their softmax",
        )


def attention_is_right(student) -> bool:
    try:
        test_attention(student)
    except (Lost, Failed):
        return False
    return True


@points("3(a)", 2, "DecoderBlock.forward")
def test_decoder_block(student):
    given, x, expected = inputs(student, "backbone.0")

    def attempt(alone):
        answers = student.ask("decoder_block", **given, x=x["decoder_block"], alone=alone)
        for precision, tolerance in PRECISIONS.items():
            check_close(
                answers[precision]["y"],
                expected["decoder_block_alone" if alone else "decoder_block"],
                "DecoderBlock: attention first, then the MLP; each reads its own layer norm of the stream "
                "(pre_layer_norm, post_layer_norm) and is added to the stream as it was before that norm",
                tolerance,
            )

    either(lambda: attempt(False), lambda: attempt(True))


@points("3(a)", 6, "Transformer.forward")
def test_forward(student):
    given, x, expected = inputs(student)
    names = [f"backbone[{i}]" for i in range(SIZES["n_layers"])] + ["final_layer_norm"]

    def attempt(kind):
        answers = student.ask("forward", **given, ids=x["forward"], alone=kind != "")
        for precision, tolerance in PRECISIONS.items():
            logits, order, read = (answers[precision][name] for name in ("logits", "order", "read"))
            check(
                order == names,
                f"a forward pass goes through {names}, once each in this order; this one: {order}",
            )
            stream = expected[f"stream{kind}"]
            check_close(
                read[0],
                stream[0],
                "what the first block reads: the token's embedding plus that of its position, 0 for the first",
                tolerance,
            )
            for name, got, right in zip(names[1:], read[1:], stream[1:]):
                check_close(
                    got,
                    right,
                    f"what {name} reads, while all before is right: the output of the block before it",
                    tolerance,
                )
            check_close(
                logits,
                expected[f"forward{kind}"],
                "logits, while what final_layer_norm reads is right: lm_head of its output, and no softmax",
                tolerance,
            )

    either(lambda: attempt(""), lambda: attempt("_alone"))


@points("3(a)", 5, "Transformer.generate")
def test_generate(student):
    given, x, expected = inputs(student)
    prompts, context = x["generate"], SIZES["context_length"]
    length = prompts.shape[1]

    def consistent(alone):
        """Where forward is wrong, and generate does not call it: does it choose what forward would?

        `alone`: where attention is wrong by itself, and what is kept of it cannot agree with it, the same with a
        stand-in for attention.
        """
        check(not (alone and attention_is_right(student)), "attention is right")
        asked = dict(prompts=prompts, new_tokens=NEW_TOKENS, alone=alone)
        answer = student.ask("generate_and_forward", **given, **asked)
        check_shape(answer["by_forward"], expected["generate"].shape, "what forward says of the tokens so far")
        new = answer["by_forward"][:, length:].tolist()
        varied = (
            min(len(set(row)) for row in new) >= 3 and len(set(sum(new, []))) >= 6 and len(set(map(tuple, new))) > 1
        )
        check(varied, "forward says the same whatever it reads; nothing can be told of generate")
        check(
            np.array_equal(answer["by_generate"], answer["by_forward"]),
            "generate does not choose what forward says is best",
        )

    def attempt(kind):
        table = x["table"] if kind else None
        answers = student.ask("generate", **given, prompts=prompts, new_tokens=NEW_TOKENS, table=table)
        right = expected[f"generate{kind}"]
        for precision in PRECISIONS:
            tokens, dtype = answers[precision]["x"], answers[precision]["dtype"]
            check_shape(
                tokens, right.shape, f"the result, prompts of {length} tokens continued by {NEW_TOKENS} new ones,"
            )
            check(dtype == "torch.int64", f"token ids of type torch.int64 went in, {dtype} came out")
            check((tokens[:, :length] == prompts).all(), "the result starts with the prompts")
            wrong = np.flatnonzero((tokens != right).any(axis=0)).tolist()
            check(
                not wrong or wrong[0] != length,
                "the first new token is wrong: it is the most probable one after the prompt, so look at the logits "
                "of the last position, in every row",
            )
            check(
                not wrong or wrong[0] != context,
                f"token {context} is wrong, those before are right: with context_length {context}, all of the "
                f"{context} tokens before it are read",
            )
            check(
                not wrong or wrong[0] > context,
                f"token {wrong and wrong[0]} is wrong, those before are right: the new tokens become part of what is "
                "read, each at its own position; what is kept of earlier steps must agree",
            )
            check(
                not wrong,
                f"token {wrong and wrong[0]} is wrong, those before are right, context_length is {context}: a longer "
                "sequence is read as its last context_length tokens, at positions 0, 1, ..., all computed anew",
            )

    either(lambda: attempt(""), lambda: attempt("_alone"), lambda: consistent(False), lambda: consistent(True))


@points("3(b)", 7, "Transformer.get_loss_on_batch")
def test_loss_on_batch(student):
    given, x, expected = inputs(student)

    def attempt(kind):
        answers = student.ask("loss_on_batch", **given, ids=x["loss"], table=x["table"] if kind else None)
        for precision, tolerance in PRECISIONS.items():
            check_shape(answers[precision]["loss"], (), "the loss, one number (no .item()),")
            check_close(
                answers[precision]["loss"],
                expected[f"loss{kind}"],
                "loss: cross-entropy in nats of the logits at t with the token at t + 1, mean over all those tokens "
                "of all rows",
                tolerance,
            )
            check(answers[precision]["slope"] > 0, "the loss has no gradient: nothing could be learned from it")

    either(lambda: attempt(""), lambda: attempt("_alone"))


@points("3(b)", 3, "train.py learns, and draws losses_and_grad_norms.png")
def test_train(student):
    # what follows a token is one of two, the same two every time: ln 2 is what a table can get to
    random = np.random.RandomState(int(student.cases["a5.seed"]))
    vocabulary, steps = 12, 40
    following = np.array([random.permutation(vocabulary)[:2] for _ in range(vocabulary)])
    try:  # the handout's own run, in small
        sizes = dict(vocab_size=vocabulary, learning_rate=0.2, batch_size=8)
        student.ask("train", chunks=np.arange(72 * 33).reshape(72, 33) % vocabulary, max_steps=2, alone=False, **sizes)
    except Failed as failure:
        check("not written yet" not in str(failure), f"train.py trains your Transformer: {failure}")
    tokens = np.zeros((72, 33), dtype=np.int64)
    tokens[:, 0] = random.randint(vocabulary, size=72)
    for t in range(32):
        tokens[:, t + 1] = following[tokens[:, t], random.randint(2, size=72)]
    answer = student.ask("train", chunks=tokens[:64], max_steps=steps, alone=True, **sizes)
    check(
        answer["steps"] == steps,
        f"train() with max_steps={steps} asked get_loss_on_batch for {answer['steps']} losses of a batch",
    )
    check_shape(answer["table"], (vocabulary, vocabulary), "the learned table")
    table = answer["table"].astype(np.float64)
    log_p = table - np.log(np.exp(table - table.max(1, keepdims=True)).sum(1, keepdims=True)) - table.max(1)[:, None]
    unseen = tokens[64:]
    loss = -log_p[unseen[:, :-1], unseen[:, 1:]].mean()
    check(
        loss < 1.0,
        f"after {steps} steps on easy data the loss is {loss:.2f} nats instead of about 0.7: every step needs the "
        "gradient of its batch's loss, and the optimizer's step",
    )
    losses, norms = answer["losses"], answer["grad_norms"]
    check(len(losses) == len(norms) == steps, f"{len(losses)} losses and {len(norms)} gradient norms of {steps} steps")
    check(
        np.log(vocabulary) - 0.3 < losses[0] and losses[-1] < 1.3 and min(norms) > 0,
        f"the losses go from {losses[0]:.2f} to {losses[-1]:.2f}, the smallest gradient norm is {min(norms):.3g}",
    )
    picture = answer["picture"]
    check(
        picture[:8] == b"\x89PNG\r\n\x1a\n" and len(picture) > 5000,
        "losses_and_grad_norms.png is missing or no picture",
    )
