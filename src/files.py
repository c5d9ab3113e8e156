"""Everything that is read from or written to the disk, and the errors that a user can mend.

Whatever is wrong with a file or a flag becomes BadInput: one line that names it and says what to do.
Files are written beside their target and renamed over it, so that a target is whole at every moment.
"""

import contextlib
import io
import os
import pickle
import re
import warnings
import zipfile
from pathlib import Path
from typing import Any, BinaryIO, Dict, Iterable, Iterator

import torch
from torch import Tensor

try:
    import fcntl
except ImportError:  # Windows, where runs have to keep out of each other's way themselves
    fcntl = None

DATA_DIR = Path(__file__).resolve().parent.parent / "data"


class BadInput(Exception):
    """Something the user gave cannot be used; the message is one line that says what it is and what to do."""


@contextlib.contextmanager
def naming(path: str) -> Iterator[None]:
    """Turns a ValueError about the content of a file into BadInput that names the file."""
    try:
        yield
    except ValueError as error:
        raise BadInput(f"{path}: {error}") from None


def find_file(name: str) -> Path:
    """The file called `name`: as given, or, for a bare name that is not in the working directory, in data/.

    Raises BadInput when there is no such file.
    """
    path = Path(name)
    candidates = [path] if path.name != name else [path, DATA_DIR / name]
    for candidate in candidates:
        if os.path.isfile(candidate):
            return candidate
    if os.path.isdir(path):
        raise BadInput(f"{name}: is a folder; give the path of a file")
    looked = " or in ".join(str(candidate.parent.resolve()) for candidate in candidates)
    raise BadInput(f"{name}: no such file in {looked}; check the path")


def read_text(path: Path) -> str:
    """The UTF-8 text of a file, line ends as \\n, without a byte-order mark. Raises BadInput when it is none."""
    try:
        with open(path, encoding="utf-8-sig") as file:
            return file.read()
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise BadInput(f"{path}: not UTF-8 (near line {line}); convert the file to UTF-8") from None
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror})") from None


def beside(target: Path) -> Path:
    """Where the new content of `target` stands until it is whole: in the same folder, so that it can be renamed."""
    return target.with_name(f".{target.name}.{os.getpid()}.tmp")


@contextlib.contextmanager
def replacing(path: str) -> Iterator[BinaryIO]:
    """Opens a new file for writing that takes the place of `path` once the block has ended without an error.

    Until then, and after an error, `path` is what it was; a link is followed. Raises BadInput where that fails.
    """
    target = Path(os.path.realpath(path))
    unfinished = beside(target)
    try:
        with open(unfinished, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, target)
    except OSError as error:
        raise BadInput(f"{path}: cannot be written ({error.strerror or error})") from None
    finally:
        with contextlib.suppress(OSError):
            unfinished.unlink()


def check_writable(path: str, inputs: Iterable[str] = ()) -> None:
    """Raises BadInput unless `path` can be written and is none of `inputs`: better now than after hours of work."""
    target = Path(os.path.realpath(path))
    if os.path.isdir(target):
        raise BadInput(f"{path}: is a folder; give the path of a file to write")
    if os.path.exists(target) and not os.path.isfile(target):
        raise BadInput(f"{path}: is no regular file; give the path of a file to write")
    if not os.path.isdir(target.parent):
        raise BadInput(f"{path}: the folder {Path(path).parent} does not exist; make it first")
    if os.path.exists(target) and any(os.path.exists(name) and os.path.samefile(name, target) for name in inputs):
        raise BadInput(f"{path}: this command reads that file; give another path to write")
    probe = beside(target)
    try:
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise BadInput(f"{path}: cannot be written ({error.strerror})") from None


@contextlib.contextmanager
def locked(path: str) -> Iterator[None]:
    """Keeps every other run from writing `path` while the block runs. Raises BadInput where one is at it already.

    The lock is the system's, on a file beside `path`, and goes with the process, however that ends.
    """
    if fcntl is None:
        yield
        return
    target = Path(os.path.realpath(path))
    lock = target.with_name(f".{target.name}.lock")
    try:
        file = open(lock, "ab")
    except OSError as error:
        raise BadInput(f"{path}: cannot be written ({error.strerror})") from None
    with file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            alone = os.path.samestat(os.fstat(file.fileno()), os.stat(lock))  # not the lock of a run just ending
        except (BlockingIOError, PermissionError, FileNotFoundError):
            alone = False
        except OSError:  # a file system without locks
            alone = True
        if not alone:
            raise BadInput(f"{path}: another run is writing it; wait for its end, or give another path")
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                lock.unlink()


def remove_unfinished(path: str) -> None:
    """Removes what runs that were killed while writing `path` left beside it. For who holds the lock of `path`."""
    target = Path(os.path.realpath(path))
    for file in os.scandir(target.parent):
        if re.fullmatch(rf"\.{re.escape(target.name)}\.\d+\.tmp", file.name):
            with contextlib.suppress(OSError):
                os.unlink(file)


def write_lines(path: str, lines: Iterable[str]) -> None:
    """Writes UTF-8 text, one item of `lines` a line, all or nothing."""
    with replacing(path) as file:
        file.write("".join(line + "\n" for line in lines).encode("utf-8"))


def save_tensors(path: str, content: Any) -> None:
    """Writes what load_tensors reads, all or nothing."""
    whole = io.BytesIO()
    torch.save(content, whole)  # in memory first: on a full disk torch fails in its own ways
    with replacing(path) as file:
        file.write(whole.getbuffer())


def load_tensors(path: str) -> Any:
    """What save_tensors wrote to `path`, without running anything in it. Raises BadInput where that is impossible.

    The file is a zip with a checksum of every part. torch looks at none of them, so that is done here.
    """
    try:
        with zipfile.ZipFile(path) as parts:
            claimed = sum(part.file_size for part in parts.infolist())
            if claimed > os.path.getsize(path) or parts.testzip() is not None:
                raise ValueError("damaged, or compressed")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch wonders aloud about pickles; what it refuses is said below
            return torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise BadInput(f"{path}: no such file; the command that writes it has to run first") from None
    except pickle.UnpicklingError:
        raise BadInput(f"{path}: refused, it is no plain file of tensors (damaged, or holding objects)") from None
    except Exception:  # a damaged file can break the reading anywhere
        raise BadInput(f"{path}: cannot be read; it is damaged, cut short or no file of tensors") from None


def load_params(path: str) -> Dict[str, Tensor]:
    """A params file: a plain state dict, name to tensor of finite floats. Raises BadInput for everything else."""
    state = load_tensors(path)
    if not isinstance(state, dict) or not state or not all(isinstance(value, Tensor) for value in state.values()):
        raise BadInput(f"{path}: not a params file (a dictionary from parameter names to tensors)")
    for name, tensor in state.items():
        if not isinstance(name, str) or not is_plain(tensor):
            raise BadInput(f"{path}: {name!r} is no plain tensor of floats")
        if not tensor.float().isfinite().all():  # as the model will hold it
            raise BadInput(f"{path}: {name!r} holds values that are no numbers; train again with a lower learning rate")
    return state


def is_plain(tensor: Tensor) -> bool:
    """Whether a tensor holds floats, each stored once: not sparse, nested, without data, one value posing as many."""
    if tensor.is_meta or tensor.is_nested or tensor.layout != torch.strided:
        return False
    if tensor.dtype not in (torch.float16, torch.bfloat16, torch.float32, torch.float64):
        return False
    return tensor.untyped_storage().nbytes() >= tensor.numel() * tensor.element_size()


def save_params(path: str, state: Dict[str, Tensor]) -> None:
    """Writes a state dict as a params file, all or nothing. Raises BadInput for values that are no finite numbers."""
    for name, tensor in state.items():
        if not tensor.isfinite().all():
            raise BadInput(f"{path}: not written, {name} is no number any more; train again with a lower learning rate")
    save_tensors(path, {name: tensor.detach().cpu() for name, tensor in state.items()})
