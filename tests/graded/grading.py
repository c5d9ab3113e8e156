"""What the graded tests are written with: points, a submission to ask, and words for what is wrong with its answers.

A test loses its points by raising Lost (or Failed, where the code gives no answer), and says in it what to look at.
"""

import contextlib
import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional

import numpy as np
import pytest

try:
    from sandbox import Failed, Sandbox
except ImportError:  # Windows has none of what it is made of
    Sandbox = None

    class Failed(Exception):
        """The code gave no answer."""


PRECISIONS = {"float32": 1e-5, "float64": 1e-12}  # allowed error, relative to the largest number expected
HANDED_IN = {  # name of the predictions: the params they come from, the model
    "vanilla.nopretrain": ("vanilla.model.params", "vanilla"),
    "vanilla.pretrain": ("vanilla.finetune.params", "vanilla"),
    "perceiver.pretrain": ("perceiver.finetune.params", "perceiver"),
}
PUBLIC_CASES = Path(__file__).parent / "cases.npz"


class Lost(AssertionError):
    """The points of a test are lost; the message says what to look at."""


def points(part: str, number: int, title: str):
    """Marks a test: the part of the handout it belongs to, its points, and what it is about in a few words."""
    return pytest.mark.points(part=part, number=number, title=title)


@dataclass
class Submission:
    """What is graded, and what it is graded with.

    `src` holds the code and `files` the params and predictions; `reference` is the code that params are tried with.
    """

    src: Path
    files: Path
    reference: Path
    data: Path  # holds wiki.txt, birth_dev.tsv, ... as the students have them
    answers: Optional[List[str]] = None  # the places of data/birth_test_inputs.tsv, where they are known
    cases: Dict[str, np.ndarray] = field(default_factory=lambda: dict(np.load(PUBLIC_CASES)))
    sandbox: Any = None
    flags: List[str] = field(default_factory=list)  # what staff should look at
    predicted: Dict[str, Dict[str, Any]] = field(default_factory=dict)

    def ask(self, function: str, **inputs: Any) -> Any:
        """What a function of probes.py says of the submission's code."""
        return self.sandbox.ask(self.src, function, **inputs)

    def ask_reference(self, function: str, files: Optional[Dict[str, Path]] = None, **inputs: Any) -> Any:
        """What it says of the reference, about files of the submission."""
        return self.sandbox.ask(self.reference, function, files=files, **inputs)

    def case(self, assignment: str, prefix: str) -> Dict[str, np.ndarray]:
        """The cases below a prefix, with the prefix taken off."""
        start = f"{assignment}.{prefix}."
        return {name[len(start) :]: value for name, value in self.cases.items() if name.startswith(start)}

    def flag(self, text: str) -> None:
        """Notes something odd for staff to look at."""
        if readable(text) not in self.flags:
            self.flags.append(readable(text))


def local_submission(root: Path) -> Submission:
    """The repository's own src/ and files, graded by a student: there the params are tried with the student's code."""
    small = (root / "expt" / "preset").is_file() and (root / "expt" / "preset").read_text().strip() == "laptop"
    data = root / "data" / "laptop" if small else root / "data"
    sandbox = InThisProcess() if Sandbox is None else Sandbox()
    return Submission(src=root / "src", files=root, reference=root / "src", data=data, sandbox=sandbox)


class InThisProcess:
    """Asks without a sandbox: for Windows, and for the proofs of tests/test_model_solution.py, which give a `load`."""

    def __init__(self, load: Optional[Callable] = None):
        self.load = load

    def ask(self, src: Path, function: str, files: Optional[Dict[str, Path]] = None, **inputs: Any) -> Any:
        """As Sandbox.ask; an exception of the code becomes Failed."""
        import probes

        here = os.getcwd()
        with tempfile.TemporaryDirectory() as folder:
            for name, source in (files or {}).items():
                Path(folder, name).write_bytes(Path(source).read_bytes())
            try:
                os.chdir(folder)
                return _arrays(getattr(probes, function)(self.load or probes.in_this_process(src), **inputs))
            except Exception as error:
                raise Failed(f"{type(error).__name__}: {error}") from error
            finally:
                os.chdir(here)

    def close(self) -> None:
        """There is nothing to end."""


def _arrays(value: Any) -> Any:
    """Tensors as arrays, also inside lists and dictionaries."""
    if isinstance(value, dict):
        return {name: _arrays(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_arrays(item) for item in value]
    return value.detach().cpu().numpy() if hasattr(value, "detach") else value


# ----------------------------------------------------------------------------------------------------------------------
# Words for what is wrong


def readable(text: str, longest: int = 3000) -> str:
    """A message with parts that somebody else wrote, fit for a terminal and a file: no control characters, no end."""
    text = text.encode("utf-8", "replace").decode()
    text = "".join(char if char == "\n" or char.isprintable() else "\ufffd" for char in text[: 2 * longest])
    return text if len(text) <= longest else text[:longest] + " ..."


def check(right: bool, message: str) -> None:
    """Raises Lost with the message unless it is right."""
    if not right:
        raise Lost(message)


def either(*attempts: Callable[[], None]) -> None:
    """Passes if one of the attempts does; otherwise fails as the first one did.

    The second attempt asks a part alone, with stand-ins for what it builds on: a mistake there costs nothing here.
    """
    first: Optional[Exception] = None
    for attempt in attempts:
        try:
            return attempt()
        except (Lost, Failed) as failure:
            first = first or failure
    raise first


def error(got: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """How far each number is off, relative to the largest expected one; not a number counts as infinitely far."""
    off = np.abs(np.asarray(got, dtype=np.float64) - expected) / max(1.0, np.abs(expected).max())
    return np.where(np.isnan(off), np.inf, off)


def check_shape(got: Any, shape, what: str) -> None:
    """Raises Lost unless `got` is an array of numbers of this shape."""
    check(got is not None, f"{what} is None: is there a `return`?")
    check(isinstance(got, np.ndarray), f"{what} should be a tensor, it is of type {type(got).__name__}")
    check(got.shape == tuple(shape), f"{what} has the shape {got.shape}, expected {tuple(shape)}")


def check_close(got: Any, expected, what: str, tolerance: float) -> None:
    """Raises Lost unless the numbers agree within `tolerance` of the largest expected one."""
    expected = np.asarray(expected)
    check_shape(got, expected.shape, what.split(":")[0].split(",")[0])
    worst = error(got, expected).max(initial=0.0)
    check(worst <= tolerance, f"{what}: off by up to {worst:.3g}")


@contextlib.contextmanager
def shown_as_lost():
    """Turns any other error that answers of the wrong form cause in a test into Lost."""
    try:
        yield
    except (Lost, Failed, pytest.skip.Exception):
        raise
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, OverflowError) as problem:
        raise Lost(f"the answer has a form that cannot be graded ({type(problem).__name__}: {problem})") from None
