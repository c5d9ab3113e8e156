"""Files that nobody would write on purpose: either a program works on them or it says in one line why not.

Hypothesis makes the files; the programs run in this process, on a tiny model, and must leave nothing half written.
"""

import io
import os
import pickle
import re
import subprocess
import sys
import textwrap
import warnings
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import london_baseline
import report
import run as run_module
from command_line import run_command
from dataset import CharCorruptionDataset
from files import read_text

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # some odd tensors are announced as such

SRC = Path(run_module.__file__).resolve().parent
CORPUS = "Ada Hale was born in Turin.\nBo Lund was born in Oslo.\nWhere? Élodie!\n"
INPUTS = {"corpora": 500, "questions to learn": 500, "questions to answer": 500, "params": 600, "states": 300}
tried = {name: 0 for name in INPUTS}


def inputs(name, **strategies):
    """The test gets as many generated inputs as INPUTS says, the same ones in every run."""
    quiet = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example]
    limits = settings(
        max_examples=INPUTS[name], derandomize=True, deadline=None, database=None, suppress_health_check=quiet
    )
    return lambda test: limits(given(**strategies)(test))


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A working directory with a corpus, questions and params; laptop is a tiny model that trains for one epoch."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("world"))
        preset = run_module.PRESETS["laptop"]
        recipes = {name: replace(getattr(preset, name), max_epochs=1, batch_size=64) for name in vars(preset)
                   if isinstance(getattr(preset, name), type(preset.pretrain))}  # fmt: skip
        patch.setitem(run_module.PRESETS, "laptop", replace(preset, n_layer=2, n_embd=8, **recipes))
        patch.setattr(run_module.tracking, "summary_writer", lambda folder: None)
        patch.setattr(os, "fsync", lambda number: None)
        Path("wiki.txt").write_text(CORPUS, encoding="utf-8")
        status, errors = outcome(run_module.main, *pretrain("wiki.txt", "good"))
        assert status == 0, errors
        yield


def outcome(main, *arguments):
    """Runs a program -> its exit status and what it wrote to stderr; anything but one line at status 2 fails."""
    output, errors = io.TextIOWrapper(io.BytesIO(), encoding="utf-8"), io.StringIO()
    before, status = set(os.listdir()), 0
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("error")  # a warning would be a second line
        patch.setattr(sys, "argv", ["program", *arguments])
        patch.setattr(sys, "stdout", output)
        patch.setattr(sys, "stderr", errors)
        try:
            run_command(main)
        except SystemExit as exit_:
            status = exit_.code
    if status:
        assert status == 2 and len(errors.getvalue().splitlines()) == 1, errors.getvalue()
        assert set(os.listdir()) <= before, "a refused command writes nothing"
    return status, errors.getvalue()


def pretrain(corpus, params):
    return "pretrain", "vanilla", corpus, "--writing_params_path", params, "--preset", "laptop", "--device", "cpu"


def evaluate(params, questions):
    return (
        "evaluate", "vanilla", "wiki.txt", "--reading_params_path", params, "--eval_corpus_path", questions,
        "--outputs_path", "out", "--preset", "laptop", "--device", "cpu",
    )  # fmt: skip


def text_of(content):
    """What a file says, by a rule of its own: UTF-8, maybe a byte-order mark, three kinds of line ends; else None."""
    try:
        text = content.removeprefix(b"\xef\xbb\xbf").decode("utf-8")
    except UnicodeDecodeError:
        return None
    return re.sub("\r\n?", "\n", text)


# --- text

TRAPS = "\u2028\u2029\x85\x0b\x0c\x1c\x1d\x1e\x1f\x00\x1b\x7f\ufeff\u200b\u0301\u00a0\U0001f600\t \u3000"
KNOWN = "".join(sorted(set(CORPUS) - set("\n")))
LINE_ENDS = st.sampled_from(["\n"] * 6 + ["\r\n", "\r", "\n\n", "\n\r", ""])
BROKEN = st.sampled_from([b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xf8\x88\x80\x80\x80", b"\xc0\x80", b"\xe2\x80"])
LINES = st.one_of(
    st.text(KNOWN, max_size=40),
    st.text(TRAPS + KNOWN, max_size=30),
    st.text(max_size=20),
    st.builds(lambda char, count: char * count, st.sampled_from("a é⁇□"), st.integers(1, 5000)),
)
QUESTIONS = st.one_of(
    st.builds("Where was {} born?".format, st.text(KNOWN, min_size=1, max_size=30)),
    st.text(KNOWN, min_size=1, max_size=130),
    st.text(KNOWN + "\x1c\x85\t", max_size=20),
)
ROWS = st.one_of(
    st.builds("{}\t{}".format, QUESTIONS, st.text(KNOWN, min_size=1, max_size=20)),
    st.builds("{}\t{}".format, QUESTIONS, st.text(KNOWN, min_size=1, max_size=20)),
    QUESTIONS,
    LINES,
)


@st.composite
def contents(draw, lines):
    """Bytes of a text file: lines, rarely with a byte-order mark, something that is no UTF-8, or another encoding."""
    count = draw(st.integers(0, 6))
    text = "".join(draw(lines) + draw(LINE_ENDS) for _ in range(count))
    content = text.encode("utf-8")
    kind = draw(st.integers(0, 19))
    if kind == 0:
        place = draw(st.integers(0, len(content)))
        content = content[:place] + draw(BROKEN) + content[place:]
    elif kind == 1:
        content = text.encode(draw(st.sampled_from(["utf-16", "utf-32", "utf-8-sig", "utf-7"])))
    elif kind == 2:
        content = draw(st.binary(max_size=50))
    elif kind == 3:
        content = b"\xef\xbb\xbf" + content
    return content


@inputs("corpora", content=contents(LINES))
def test_any_corpus_is_learned_line_by_line_or_refused_in_one_line(world, content):
    tried["corpora"] += 1
    Path("corpus").write_bytes(content)
    status, message = outcome(run_module.main, *pretrain("corpus", "p"))
    text = text_of(content)
    usable = text is not None and not set(text) & set("□⁇") and any(line.strip() for line in text.split("\n"))
    assert (status == 0) == usable, message
    if usable:
        documents = [line for line in text.split("\n") if line.strip()]
        assert CharCorruptionDataset(read_text(Path("corpus")), 128).data == documents
        assert len(torch.load("p", weights_only=True)["tok_emb.weight"]) == 2 + len(set(text))
        os.remove("p")


@inputs("questions to learn", content=contents(ROWS))
def test_any_questions_are_learned_or_refused_in_one_line(world, content):
    tried["questions to learn"] += 1
    Path("questions").write_bytes(content)
    status, message = outcome(
        run_module.main, "finetune", "vanilla", "wiki.txt", "--finetune_corpus_path", "questions", "--preset",
        "laptop", "--writing_params_path", "p", "--reading_params_path", "good", "--device", "cpu",
    )  # fmt: skip
    text = text_of(content)
    rows = (text or "").rstrip("\n").split("\n")
    fields = [[field.strip() for field in row.split("\t")] for row in rows]
    usable = all(len(row) == 2 and all(row) and len("".join(row)) <= 126 for row in fields)
    usable = usable and {char for row in fields for field in row for char in field} <= set(KNOWN)
    usable = usable and not set(text) & set("□⁇")
    assert (status == 0) == usable, message
    if usable:
        os.remove("p")


@inputs("questions to answer", content=contents(ROWS))
def test_any_questions_are_answered_with_a_line_each_or_refused_in_one_line(world, content):
    tried["questions to answer"] += 1
    Path("questions").write_bytes(content)
    Path("out").write_text("earlier")
    status, message = outcome(run_module.main, *evaluate("good", "questions"))
    if status:
        assert Path("out").read_text() == "earlier"
    else:
        rows = text_of(content).rstrip("\n").split("\n")
        assert Path("out").read_bytes().count(b"\n") == len(rows)
        if all("\t" in row for row in rows):
            assert 0 <= report.accuracy("out", "questions") <= 1
    os.remove("out")
    outcome(london_baseline.main, "--eval_corpus_path", "questions")


# --- params and training states

ODD_TENSORS = {
    "not a number": lambda t: torch.full_like(t, float("nan")),
    "infinite": lambda t: torch.full_like(t, float("-inf")),
    "empty": lambda t: torch.empty(0),
    "of no dimension": lambda t: torch.tensor(1.0),
    "longer": lambda t: torch.cat((t, t)),
    "with a dimension more": lambda t: t[None],
    "transposed": lambda t: t.mT if t.dim() > 1 else t,
    "expanded": lambda t: torch.zeros(1).expand(t.shape),
    "expanded a lot": lambda t: torch.zeros(1).expand(2**40),
    "without data": lambda t: t.to("meta"),
    "sparse": lambda t: t.to_sparse(),
    "integers": lambda t: t.int(),
    "booleans": lambda t: t > 0,
    "complex": lambda t: t.to(torch.complex64),
    "of 8 bits": lambda t: t.to(torch.float8_e4m3fn),
    "of 16 bits": lambda t: t.to(torch.bfloat16),
    "of 64 bits": lambda t: t.double(),
    "quantized": lambda t: torch.quantize_per_tensor(t, 0.1, 0, torch.qint8),
    "a parameter": lambda t: torch.nn.Parameter(t),
    "nested": lambda t: torch.nested.nested_tensor([t, t]),
    "no tensor": lambda t: t.tolist(),
    "nothing": lambda t: None,
}
OBJECTS = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.binary(max_size=5),
              st.just(torch.zeros(2)), st.just(torch.float32)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3),
                            st.tuples(inner, inner)),
    max_leaves=6,
)  # fmt: skip
STATE_KEYS = ("identity", "model", "optimizers", "progress", "epoch_order", "dropout")


def saved(value):
    whole = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.save(value, whole)
    return whole.getvalue()


def with_damage(content, cut, flips):
    content = bytearray(content[: int(cut * len(content))])
    for place, bit in flips:
        if content:
            content[int(place * (len(content) - 1))] ^= 1 << bit
    return bytes(content)


def with_pickle(content, change):
    """The zip with its pickle changed, and right checksums."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(made, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            new.writestr(name, change(data) if name.endswith("data.pkl") else data)
    return made.getvalue()


def swapped(data, place, value):
    """The bytes with one of them, or one number written with two or four bytes, replaced."""
    at = int(place * (len(data) - 1))
    return data[:at] + value + data[at + len(value) :]


SHARES = st.floats(0, 1)
FLIPS = st.lists(st.tuples(SHARES, st.integers(0, 7)), max_size=4)


@st.composite
def tensor_files(draw, good):
    """Files in torch's format, or nearly: (what it is, bytes). `good` gives the content of a good one."""
    kinds = ["bytes", "objects", "pickle", "zip", "damage", "claims", "odd", "odd", "odd", "names"]
    kind = draw(st.sampled_from(kinds))
    value = good()
    if kind == "bytes":
        return kind, draw(st.binary(max_size=200))
    if kind == "objects":
        return kind, saved(draw(OBJECTS))
    if kind == "pickle":
        return kind, pickle.dumps(draw(OBJECTS.filter(lambda o: "tensor" not in repr(o))), draw(st.integers(0, 5)))
    if kind == "zip":
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w", draw(st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]))) as new:
            for name in draw(st.lists(st.sampled_from(["a/data.pkl", "a/version", "a/data/0", "x"]), unique=True)):
                new.writestr(name, draw(st.one_of(st.binary(max_size=30), st.just(bytes(5000)))))
        return kind, made.getvalue()
    if kind == "damage":
        return kind, with_damage(saved(value), draw(st.one_of(st.just(1.0), SHARES)), draw(FLIPS))
    if kind == "claims":
        number = draw(st.sampled_from([b"\xff", b"\x00", b"\xff\xff", b"\xff\xff\xff\x7f", b"\x00\x00\x00\x01"]))
        place = draw(SHARES)
        return kind, with_pickle(saved(value), lambda data: swapped(data, place, number))
    holder = value
    while True:  # somewhere inside
        keys = sorted(holder, key=str) if isinstance(holder, dict) else range(len(holder))
        key = draw(st.sampled_from(list(keys)))
        inner = holder[key]
        if not (isinstance(inner, (dict, list)) and len(inner)) or draw(st.integers(0, 3)) == 0:
            break
        holder = inner
    if kind == "odd" and isinstance(holder[key], torch.Tensor) and holder[key].is_floating_point():
        name = draw(st.sampled_from(sorted(ODD_TENSORS)))
        kind, holder[key] = f"{kind}: {key} {name}", ODD_TENSORS[name](holder[key])
    elif kind == "odd" or isinstance(holder, list):
        holder[key] = draw(OBJECTS)
    else:
        moved = holder.pop(key)
        if draw(st.booleans()):
            holder[draw(st.one_of(st.text(max_size=20), st.integers(), st.just("blocks.x.weight")))] = moved
    try:
        return kind, saved(value)
    except (RuntimeError, TypeError, NotImplementedError, AttributeError):  # torch cannot save some of them
        assume(False)


def good_params():
    return dict(torch.load("good", weights_only=True))


def good_state():
    """The state of a run on wiki.txt that was interrupted after its only step."""
    if not os.path.exists("state"):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("trainer.Trainer.save_checkpoint", lambda trainer: None)
            assert outcome(run_module.main, *pretrain("wiki.txt", "state_of"))[0] == 0
        os.rename("state_of.ckpt", "state")
    return torch.load("state", weights_only=True)


@inputs("params", file=tensor_files(good_params))
def test_any_params_file_is_used_or_refused_in_one_line(world, file):
    tried["params"] += 1
    Path("bad").write_bytes(file[1])
    Path("questions").write_text("Where was Bo born?\n")
    status, message = outcome(run_module.main, *evaluate("bad", "questions"))
    assert status == 0 or message.startswith("program: bad: ")
    if status == 0:
        os.remove("out")
    assert status == 2 or file[0] in ("damage", "claims", "names") or file[0].split(" ", 2)[2] in (
        "of 16 bits", "of 64 bits", "a parameter", "transposed"
    ), file[0]  # fmt: skip


@inputs("states", file=tensor_files(good_state))
def test_any_training_state_is_gone_on_from_or_refused_in_one_line(world, file):
    tried["states"] += 1
    Path("p.ckpt").write_bytes(file[1])
    status, message = outcome(run_module.main, *pretrain("wiki.txt", "p"), "--resume")
    if status:
        assert message.startswith("program: p.ckpt: ")
        assert Path("p.ckpt").read_bytes() == file[1]
        os.remove("p.ckpt")
    else:
        os.remove("p")


def test_two_thousand_inputs_were_tried():
    if not all(tried.values()):
        pytest.skip("the tests that try them were left out")
    assert all(tried[name] >= INPUTS[name] for name in INPUTS) and sum(tried.values()) >= 2000, tried


# --- size


def test_a_million_lines_are_read_in_bounded_time_and_memory(tmp_path):
    program = textwrap.dedent(
        """
        import resource, sys, time
        sys.path.insert(0, sys.argv[1])
        import torch
        from dataset import CharCorruptionDataset, NameDataset
        from files import read_text
        began = time.process_time()
        empty = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        corpus = CharCorruptionDataset(read_text("wiki.txt"), 128, "word", 3)
        questions = NameDataset(corpus, read_text("names.tsv"))
        for dataset in (corpus, questions):
            assert len(dataset) == 1_000_000
            x, y = dataset.batch(range(999_000, 1_000_000))
            assert x.shape == y.shape == (1000, 128) and (y != 0).any(dim=1).all()
        print(time.process_time() - began, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - empty) / 1024)
        """
    )
    (tmp_path / "wiki.txt").write_text("".join(f"{i} is from Oslo.\n" for i in range(1_000_000)))
    (tmp_path / "names.tsv").write_text("".join(f"is {i}\tOslo\n" for i in range(1_000_000)))
    done = subprocess.run(
        [sys.executable, "-c", program, str(SRC)], cwd=tmp_path, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    seconds, megabytes = map(float, done.stdout.split())
    assert seconds < 60 and megabytes < 2000, done.stdout


def test_a_line_of_ten_million_characters_is_learned_from_a_corpus_and_refused_as_a_question(world):
    Path("corpus").write_text("a" * 10**7 + "\nb\n")
    assert outcome(run_module.main, *pretrain("corpus", "p"))[0] == 0
    os.remove("p")
    Path("questions").write_text("a" * 10**7 + "\n")
    assert "line 1 needs 10000001 characters" in outcome(run_module.main, *evaluate("good", "questions"))[1]
