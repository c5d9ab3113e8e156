"""The program of Assignment 5: pretrain a model on a corpus, fine-tune it on questions, evaluate its answers.

    python src/run.py pretrain vanilla wiki.txt --writing_params_path vanilla.pretrain.params
    python src/run.py finetune vanilla wiki.txt --reading_params_path vanilla.pretrain.params \\
        --writing_params_path vanilla.finetune.params --finetune_corpus_path birth_places_train.tsv
    python src/run.py evaluate vanilla wiki.txt --reading_params_path vanilla.finetune.params \\
        --eval_corpus_path birth_dev.tsv --outputs_path vanilla.pretrain.dev.predictions

To see what a model knows of one person, and where it looks:

    python src/run.py inspect vanilla wiki.txt --reading_params_path vanilla.finetune.params --name "Vittorio Pisani"
"""

import argparse
import hashlib
import math
import os
import re
import shlex
import sys
import time
import unicodedata
from contextlib import nullcontext
from dataclasses import asdict, replace
from typing import Dict, List, Optional, Tuple, Union

import torch

import tracking
from command_line import OneLineParser, at_least, rate, run_command
from dataset import (
    MASK_CHAR,
    PAD_CHAR,
    CharCorruptionDataset,
    CorpusWithQuestions,
    NameDataset,
    check_fits,
    encode,
    parse_questions,
)
from decoding import answer_log_probs, most_probable_answers, predict_places
from figures import save
from files import (
    BadInput,
    check_writable,
    find_file,
    load_params,
    locked,
    naming,
    read_text,
    remove_unfinished,
    write_lines,
)
from inspection import attention_figure
from model import GPT, GPTConfig
from parallel import launched, local_device, process_group, rank, world_size
from recipes import PRESETS, Recipe
from trainer import Interrupted, Trainer, TrainerConfig, draw
from utils import evaluate_places, set_seed


def parse_arguments() -> argparse.Namespace:
    parser = OneLineParser(
        usage="%(prog)s {pretrain,finetune,evaluate,inspect} {vanilla,perceiver} PRETRAIN_CORPUS [flags]",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("function", choices=["pretrain", "finetune", "evaluate", "inspect"], help="what to do")
    add("variant", choices=["vanilla", "perceiver"], help="which model")
    add("pretrain_corpus_path", metavar="PRETRAIN_CORPUS", help="text, one document a line; fixes the vocabulary")
    add(
        "--bottleneck_dim",
        type=int,
        metavar="M",
        help="basis vectors of a new perceiver (default 32); else read from the params",
    )
    add(
        "--reading_params_path",
        metavar="PATH",
        help="start from the model in this file (finetune: optional; evaluate, inspect: required)",
    )
    add("--writing_params_path", metavar="PATH", help="where the trained model goes (pretrain, finetune)")
    add("--finetune_corpus_path", metavar="PATH", help="questions with places, tab-separated (finetune)")
    add("--eval_corpus_path", metavar="PATH", help="questions, with places or without (evaluate)")
    add(
        "--outputs_path",
        metavar="PATH",
        help="where the predicted places go, one a line (evaluate), or the picture (inspect; default: attention.png)",
    )
    add("--name", metavar="NAME", help='asks "Where was NAME born?" (inspect)')
    add(
        "--pretrain_lr",
        type=rate,
        metavar="RATE",
        help="learning rate of pretraining (default: the preset's; course 6e-3)",
    )
    add(
        "--finetune_lr",
        type=rate,
        metavar="RATE",
        help="learning rate of fine-tuning (default: the preset's; course 6e-4)",
    )
    add("--tb_expt_name", metavar="NAME", default="run", help="names the run's folder below expt/ (default: run)")
    add("--preset", choices=sorted(PRESETS), default="course", help="the settings in src/recipes.py (default: course)")
    add("--max_epochs", type=at_least(1), metavar="N", help="instead of the preset's")
    add("--batch_size", type=at_least(1), metavar="N", help="instead of the preset's")
    add("--num_workers", type=at_least(0), metavar="N", help="processes that prepare batches (default: 0)")
    add(
        "--seed",
        type=at_least(0),
        metavar="N",
        default=42,
        help="the same seed gives the same params on the same device (default: 42)",
    )
    add("--device", metavar="DEVICE", help="cuda, mps or cpu (default: the first that is there)")
    add("--compile", action="store_true", help="fuse the model's operations with torch.compile: slow start, fast steps")
    add("--resume", action="store_true", help="go on from WRITING_PARAMS_PATH.ckpt if an interrupted run left it")
    return parser.parse_args()


def require(args: argparse.Namespace, *flags: str) -> None:
    """Raises BadInput when one of the flags that this function needs is missing."""
    missing = [f"--{flag}" for flag in flags if getattr(args, flag) is None]
    if missing:
        raise BadInput(f"{args.function} needs {' and '.join(missing)}")


def idle_flags(args: argparse.Namespace) -> List[str]:
    """The flags that were given and do nothing for this function and variant."""
    used = {
        "pretrain": {"writing_params_path", "pretrain_lr"},
        "finetune": {"writing_params_path", "reading_params_path", "finetune_corpus_path", "finetune_lr"},
        "evaluate": {"reading_params_path", "eval_corpus_path", "outputs_path"},
        "inspect": {"reading_params_path", "name", "outputs_path"},
    }
    idle = set.union(*used.values()) - used[args.function]
    if args.variant == "vanilla":
        idle.add("bottleneck_dim")
    return sorted(flag for flag in idle if getattr(args, flag) is not None)


def choose_device(name: Optional[str]) -> str:
    """The device called `name`, or else the fastest that this machine has: CUDA, then MPS, then CPU."""
    if name is None:
        return "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        if torch.device(name).type not in ("cuda", "mps", "cpu"):
            raise RuntimeError
        torch.empty(1, device=name)
    except (RuntimeError, AssertionError, NotImplementedError):
        raise BadInput(f"--device {name}: not available on this machine; try --device cpu") from None
    return name


def open_input(name: str) -> Tuple[str, str]:
    """Finds the file `name`, prints which one it is, and reads it: (path, text)."""
    path = str(find_file(name))
    print(f"Reading {path}")
    return path, read_text(path)


def inputs_of(args: argparse.Namespace) -> List[str]:
    """The files that this command reads: none of them may be where it writes."""
    idle = idle_flags(args)
    flags = ["pretrain_corpus_path", "finetune_corpus_path", "eval_corpus_path"]
    corpora = [getattr(args, flag) for flag in flags if flag not in idle]
    return [str(find_file(name)) for name in corpora if name is not None] + [args.reading_params_path or ""]


def short_digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:12]


# ----------------------------------------------------------------------------------------------------------------------
# The model


def new_model(args: argparse.Namespace, vocab_size: int) -> GPT:
    """A model with fresh parameters: the preset's size, the variant's shape. Assignment 5, parts (c) and (g)."""
    preset = PRESETS[args.preset].of(args.variant)
    perceiver = args.variant == "perceiver"
    # [part c] Make the model. A GPT from a GPTConfig (both in model.py) of this vocabulary: block_size, n_layer,
    # n_head, n_embd and dropout, which serves embd_pdrop, resid_pdrop and attn_pdrop, are the preset's. A perceiver has
    # perceiver=True and, as bottleneck_dim, --bottleneck_dim or else 32. Return the model. Parts f and g need it too.
    # Check: pytest tests/graded -k new_model
    ### BEGIN SOLUTION
    with naming("--bottleneck_dim"):
        config = GPTConfig(
            vocab_size,
            preset.block_size,
            n_layer=preset.n_layer,
            n_head=preset.n_head,
            n_embd=preset.n_embd,
            embd_pdrop=preset.dropout,
            resid_pdrop=preset.dropout,
            attn_pdrop=preset.dropout,
            perceiver=perceiver,
            bottleneck_dim=(32 if args.bottleneck_dim is None else args.bottleneck_dim) if perceiver else None,
        )
    return GPT(config)
    ### END SOLUTION


def load_model(args: argparse.Namespace, vocab_size: int) -> GPT:
    """The model in --reading_params_path; its size is read from the file.

    Raises BadInput when the file holds something else, or a model of another variant, vocabulary or bottleneck.
    """
    path, preset = args.reading_params_path, PRESETS[args.preset].of(args.variant)
    params = load_params(path)
    with naming(path):
        dropout = preset.dropout
        config = GPTConfig.of_params(params, embd_pdrop=dropout, resid_pdrop=dropout, attn_pdrop=dropout)
        if config.perceiver != (args.variant == "perceiver"):
            found = "perceiver" if config.perceiver else "vanilla"
            raise ValueError(f"holds a {found} model; say {found} instead of {args.variant}")
        if config.vocab_size != vocab_size:
            raise ValueError(
                f"was trained on a corpus with {config.vocab_size} characters, {args.pretrain_corpus_path} has "
                f"{vocab_size}; give the corpus it was trained on"
            )
        if config.block_size != preset.block_size:
            raise ValueError(f"has block_size {config.block_size}, this program uses {preset.block_size}")
        if config.perceiver and args.bottleneck_dim not in (None, config.bottleneck_dim):
            raise ValueError(
                f"has bottleneck_dim {config.bottleneck_dim}, not {args.bottleneck_dim}; leave the flag out"
            )
        return GPT.of_params(config, params)


# ----------------------------------------------------------------------------------------------------------------------
# pretrain, finetune, evaluate, inspect


def pretrain(args: argparse.Namespace) -> None:
    """Learns the corpus by span corruption and writes the params. Assignment 5, part (f)."""
    require(args, "writing_params_path")
    if args.reading_params_path is not None:
        raise BadInput("pretrain starts from fresh parameters; leave --reading_params_path out, or finetune")
    corpus = load_corpus(args)
    # [part f] Pretrain. Make a new model and train it with train(args, model, dataset, corpus, recipe, {}) below, where
    # the corpus is the data set too, by the preset's recipe for pretraining at the rate of --pretrain_lr (PRESETS[...]
    # in recipes.py; recipe.at_rate(None) changes nothing). It writes the params too.
    # Check: pytest tests/graded -k pretrain
    ### BEGIN SOLUTION
    model = new_model(args, corpus.vocab_size)
    recipe = PRESETS[args.preset].pretrain.at_rate(args.pretrain_lr)
    train(args, model, corpus, corpus, recipe, {})
    ### END SOLUTION


def finetune(args: argparse.Namespace) -> None:
    """Learns to answer questions, from fresh or from pretrained params. Assignment 5, parts (c) and (f)."""
    require(args, "writing_params_path", "finetune_corpus_path")
    corpus = load_corpus(args)
    path, text = open_input(args.finetune_corpus_path)
    with naming(path):
        questions = NameDataset(corpus, text)
    # [part c] [part f] Fine-tune. Without --reading_params_path: a new model and the preset's recipe finetune_scratch.
    # With it: the model that load_model reads and the recipe finetune_pretrained. Either at the rate of --finetune_lr.
    # Then train(args, model, questions, corpus, recipe, identity_of(text, model)).
    # Check: pytest tests/graded -k finetune
    ### BEGIN SOLUTION
    if args.reading_params_path is None:
        model = new_model(args, corpus.vocab_size)
        recipe = PRESETS[args.preset].finetune_scratch
    else:
        model = load_model(args, corpus.vocab_size)
        recipe = PRESETS[args.preset].finetune_pretrained
    recipe = recipe.at_rate(args.finetune_lr)
    train(args, model, questions, corpus, recipe, identity_of(text, model))
    ### END SOLUTION


def identity_of(text: str, model: GPT) -> Dict[str, str]:
    """What tells apart two fine-tunings that must not be resumed as each other: questions, and where they begin."""
    start = b"".join(tensor.numpy().tobytes() for tensor in model.state_dict().values())
    return {"questions": short_digest(text.encode()), "initial params": short_digest(start)}


def evaluate(args: argparse.Namespace) -> None:
    """Writes the model's answer to every question and, where places are given, prints the accuracy. Part (c)."""
    require(args, "reading_params_path", "eval_corpus_path", "outputs_path")
    corpus = load_corpus(args)
    model = load_model(args, corpus.vocab_size).to(choose_device(args.device))
    path, text = open_input(args.eval_corpus_path)
    check_writable(args.outputs_path, inputs_of(args))
    with naming(path):
        pairs = parse_questions(text)
        for number, (question, _) in enumerate(pairs, start=1):
            check_fits(corpus, question + MASK_CHAR, number)
    evaluate_places(path, [""] * len(pairs))  # a gap among the gold places is found before the work is done
    predictions = predict_places(model, corpus, [question for question, _ in pairs])
    write_lines(args.outputs_path, (" ".join(place.split("\n")) for place in predictions))
    total, correct = evaluate_places(path, predictions)
    if total:
        rows = [(question, said, right) for said, (question, right) in zip(predictions, pairs)]
        tracking.add_evaluation(args.reading_params_path, path, correct / total, rows)
        print(f"Correct: {correct} out of {total}: {100 * correct / total:.1f}%")
    else:
        print(f"Predictions written to {args.outputs_path}; no targets provided")


def inspect(args: argparse.Namespace) -> None:
    """Prints the model's most probable answers to one question, and draws where it looks as it begins to answer."""
    require(args, "reading_params_path", "name")
    picture = args.outputs_path or "attention.png"
    if not picture.endswith(".png"):
        raise BadInput(f"--outputs_path {picture}: inspect draws a picture; give a name that ends in .png")
    corpus = load_corpus(args)
    model = load_model(args, corpus.vocab_size).to(choose_device(args.device))
    check_writable(picture, inputs_of(args))
    name = " ".join(unicodedata.normalize("NFC", args.name).split())
    question = f"Where was {name} born?"
    if not name:
        raise BadInput("--name: is empty; give the name of a person")
    try:
        ((question, _),) = parse_questions(question)
        check_fits(corpus, question + MASK_CHAR, 1)
    except ValueError as error:
        raise BadInput(f"--name {name}: {str(error).replace('line 1', 'the question')}") from None

    (greedy,) = predict_places(model, corpus, [question])  # what evaluate says; beam search may find a likelier answer
    answers = most_probable_answers(model, corpus, question)
    if greedy not in [answer for answer, _ in answers]:
        answers.append((greedy, math.exp(answer_log_probs(model, corpus, [question], [greedy])[0])))
    print(question)
    for answer, probability in answers:
        shown = answer.replace("\n", "↵") if answer.strip() == answer else f"{answer!r}"
        note = "   <- evaluate's answer: the likeliest character at every step" if answer == greedy else ""
        print(f"{100 * probability:7.2f} %  {shown or '(nothing)'}{note}")
    print(f"{100 * (1 - sum(probability for _, probability in answers)):7.2f} %  all other answers")
    told = [document for document in corpus.data if re.search(rf"(?i)(?<!\w){re.escape(name)}(?!\w)", document)]
    for document in told[:4]:
        print(f"In the corpus: {document}")
    if len(told) > 4:
        print(f"In the corpus: {len(told) - 4} documents more")
    if not told:
        print(f"No document of the corpus contains the name {name}.")
    if model.perceiver:
        vectors = read = model.down_block.C.size(1)
        if model.basis_at_words is not None:
            at, _ = model.word_ends(encode(corpus, question + MASK_CHAR)[None].to(model.pos_emb.device))
            read = int(at.max()) + 1
        if read <= len(question):
            print(
                f"Note: the perceiver's {vectors} vectors read the first {read} of these {len(question) + 1} characters"
            )
    text = question + MASK_CHAR + greedy
    with naming(f"{args.function} {args.variant}"):
        save(attention_figure(model, encode(corpus, text), len(question), text), picture)
    print(f"Where each layer and head looks when it answers {greedy!r}: drawn in {picture}")


def load_corpus(args: argparse.Namespace) -> CharCorruptionDataset:
    """The pretraining corpus, which fixes the vocabulary also where nothing is learned from it."""
    preset = PRESETS[args.preset].of(args.variant)
    path, text = open_input(args.pretrain_corpus_path)
    with naming(path):
        return CharCorruptionDataset(
            text, preset.block_size, preset.span_start, preset.length_draws, preset.length_rank
        )


def train(args, model: GPT, dataset, corpus: CharCorruptionDataset, recipe: Recipe, identity: Dict[str, str]) -> None:
    """Trains `model` on `dataset` by `recipe` and writes it to --writing_params_path.

    `identity` says, beside the settings, what has to be equal for an interrupted run to be resumed.
    """
    for path in (args.writing_params_path, f"{args.writing_params_path}.ckpt"):
        check_writable(path, inputs_of(args))
    preset = PRESETS[args.preset].of(args.variant)
    if preset.word_rows and args.reading_params_path is None:  # the preset's models know words from the beginning
        separators = [corpus.stoi[char] for char in (PAD_CHAR, MASK_CHAR, " ") if char in corpus.stoi]
        model.add_words(preset.word_rows, separators)
        if preset.basis_at_words:
            model.stand_at_words()
    sizes = {name: value for name, value in asdict(preset).items() if isinstance(value, (int, float, str))}
    if not preset.basis_at_words:
        del sizes["basis_at_words"]  # states of earlier versions do not know it
    recipe = replace(recipe, **{k: v for k, v in vars(args).items() if k in ("max_epochs", "batch_size") and v})
    device = local_device(choose_device(args.device))
    learned = CorpusWithQuestions(corpus, dataset) if recipe.with_corpus else dataset
    if recipe.schedule_epochs is None:
        schedule = recipe.max_epochs * len(learned)
    else:
        schedule = recipe.schedule_epochs * len(corpus)
    config = TrainerConfig(
        max_epochs=recipe.max_epochs,
        batch_size=recipe.batch_size,
        learning_rate=recipe.learning_rate,
        muon_lr=recipe.muon_lr,
        lr_decay=True,
        warmup_tokens=recipe.warmup_tokens,
        final_tokens=schedule * corpus.block_size,
        decay=recipe.decay,
        ckpt_path=args.writing_params_path,
        num_workers=args.num_workers or 0,
        seed=args.seed,
        identity={
            "command": f"{args.function} {args.variant}",
            "preset": args.preset,
            "seed": str(args.seed),
            **{name: str(value) for name, value in {**sizes, **asdict(recipe)}.items()},
            "bottleneck_dim": str(model.down_block.C.size(1)) if model.perceiver else "none",
            "corpus": short_digest("\n".join(["".join(corpus.stoi), *corpus.data]).encode()),
            **identity,
        },
        device=device,
        compile=args.compile,
    )
    with process_group(device), locked(args.writing_params_path) if rank() == 0 else nullcontext():
        run_training(args, Trainer(model, learned, None, config), dataset, recipe)


def run_training(args: argparse.Namespace, trainer: Trainer, dataset, recipe: Recipe) -> None:
    """Trains, resuming where that is asked for, and writes the params; only the process of rank 0 writes.

    `dataset` is what TensorBoard shows examples of: of what the trainer learns, the part that is in question.
    """
    model, config, state_path = trainer.model, trainer.config, trainer.state_path
    if os.path.exists(state_path) and not args.resume:
        raise BadInput(f"{state_path}: an interrupted run left this; go on from it with --resume, or delete it")
    steps = recipe.max_epochs * trainer.steps_per_epoch
    print(
        f"{args.function} {args.variant}, preset {args.preset}, on {config.device}: {recipe.max_epochs} epochs of "
        f"{len(trainer.train_dataset):,} examples, {steps:,} steps, "
        f"{sum(p.numel() for p in model.parameters()):,} parameters"
        + (f", in {world_size()} processes" if world_size() > 1 else "")
    )
    if args.preset == "course" and config.device == "cpu":
        warn_of_hours(model, steps * recipe.batch_size * dataset.block_size / world_size())
    if os.path.exists(state_path):
        trainer.load_state()
        print(f"Going on after step {trainer.step:,}, from {state_path}")
    elif args.resume:
        print(f"No interrupted run to go on from ({state_path}): starting at the beginning")
    if rank() == 0:
        for path in (config.ckpt_path, state_path):
            remove_unfinished(path)
        started = time.strftime("%Y%m%d-%H%M%S")
        folder = os.path.join("expt", args.function, f"{args.tb_expt_name}_{args.variant}_{started}")
        config.writer = tracking.summary_writer(folder)
        settings = settings_of(args, model, recipe)
        tracking.add_settings(config, settings)
    try:
        trainer.train()
        trainer.save_checkpoint()
    except Interrupted as interruption:
        again = shlex.join(["python", *sys.argv] + ([] if args.resume else ["--resume"]))
        if launched():
            again = "the same command, with --resume"
        if rank() == 0:
            print(f"Stopped in epoch {trainer.epoch + 1} of {recipe.max_epochs}. To go on: {again}", file=sys.stderr)
        sys.exit(128 + interruption.signum)
    except BadInput as error:
        if trainer.saved_step is None or not os.path.exists(state_path):
            raise
        raise BadInput(f"{error} ({state_path} keeps the training as it was after step {trainer.saved_step})") from None
    finally:
        draw(config, "flush")
    if rank() == 0 and config.writer is not None:
        tracking.add_answers(config, model, dataset, trainer.step)
        tracking.remember(folder, config.ckpt_path, trainer.step, settings)
        draw(config, "close")
    print(f"Parameters written to {args.writing_params_path}")


def settings_of(args: argparse.Namespace, model: GPT, recipe: Recipe) -> Dict[str, Union[str, float]]:
    """What TensorBoard's table of runs shows of a run; every run has the same columns."""
    preset = PRESETS[args.preset].of(args.variant)
    return {
        "command": args.function,
        "model": args.variant,
        "pretrained": "yes" if args.reading_params_path else "no",
        "preset": args.preset,
        "seed": args.seed,
        "parameters": sum(p.numel() for p in model.parameters()),
        "n_layer": len(model.blocks) + 2 * model.perceiver,
        "n_embd": model.tok_emb.embedding_dim,
        "bottleneck_dim": model.down_block.C.size(1) if model.perceiver else 0,
        "dropout": preset.dropout,
        "span_start": preset.span_start,
        "length_draws": preset.length_draws,
        "length_rank": preset.length_rank,
        "basis_at_words": "no" if model.basis_at_words is None else "yes",
        "word_rows": 0 if model.word_emb is None else model.word_emb.weight.size(1),
        "with_corpus": "yes" if recipe.with_corpus else "no",
        "epochs": recipe.max_epochs,
        "batch_size": recipe.batch_size,
        "learning_rate": recipe.learning_rate,
        "muon_lr": recipe.muon_lr or 0.0,
        "decay": recipe.decay,
    }


def warn_of_hours(model: GPT, tokens: int) -> None:
    """Says how long a course-size run takes on this CPU, from its arithmetic and the speed of a matrix product here."""
    a = torch.randn(1024, 1024)
    a @ a
    start = time.perf_counter()
    for _ in range(10):
        a @ a
    rate = 10 * 2 * 1024**3 / (time.perf_counter() - start)  # FLOP a second
    # A step costs 6 FLOP a parameter and token. Half the tokens are padding, and what is spared there is about what
    # dropout, softmax and the optimizer cost.
    hours = 0.5 * 6 * sum(p.numel() for p in model.parameters()) * tokens / rate / 3600
    if hours > 0.5:
        print(f"This is made for a GPU: here it takes about {hours:.0f} hours.")
        print("In minutes: bash run.sh --preset laptop, or --preset laptop on the files in data/laptop/")


def main() -> None:
    args = parse_arguments()
    if os.path.basename(args.tb_expt_name) != args.tb_expt_name:
        raise BadInput(f"--tb_expt_name {args.tb_expt_name}: names a folder in expt/; leave the slashes out")
    for flag in idle_flags(args):
        print(f"Note: --{flag} has no effect on {args.function} {args.variant}")
    set_seed(args.seed)
    if rank() != 0:
        sys.stdout = open(os.devnull, "w")  # one process speaks
    {"pretrain": pretrain, "finetune": finetune, "evaluate": evaluate, "inspect": inspect}[args.function](args)


if __name__ == "__main__":
    run_command(main)
