"""Runs functions of probes.py beside code that nobody trusts, and lets through nothing but their answers as data.

    judge  <- data ->  server (this file, has imported torch, knows no answers)  - fork ->  one process a question

`Sandbox.ask` copies the code into a fresh folder, has the server fork a process that gives up its rights (isolation.py),
imports the code and answers, and then kills whatever that process has started. What comes back is JSON: numbers, text
and arrays, never objects, and whether they are right is decided on this side.
"""

import base64
import contextlib
import importlib
import io
import json
import os
import selectors
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import Any, BinaryIO, Dict, List, Optional, Set

import numpy as np

import isolation

RESULT_LIMIT = 64 * 2**20  # bytes of an answer
SHOWN = 4000  # characters kept of what the code prints, from the beginning and from the end each
PROCESSES = 64  # at once
DISK = 2 * 2**30  # bytes that may disappear from the disk during one question
DTYPES = ("bool", "uint8", "int32", "int64", "float32", "float64")
PRELOADED = ("numpy", "torch", "einops", "jaxtyping", "tqdm", "matplotlib.pyplot", "torch.utils.tensorboard")


class Failed(Exception):
    """The code gave no answer; the message says why, in a line or with the end of its traceback."""


# ----------------------------------------------------------------------------------------------------------------------
# Data between processes


def pack(value: Any) -> bytes:
    """Numbers, text, bytes, arrays, and lists and dictionaries of them, as JSON."""
    return json.dumps(value, default=_describe).encode()


def _describe(value: Any):
    if isinstance(value, bytes):
        return {"bytes": base64.b64encode(value).decode()}
    if hasattr(value, "detach"):
        value = value.detach().cpu().numpy()
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray) and value.dtype.name in DTYPES:
        data = base64.b64encode(np.ascontiguousarray(value).tobytes()).decode()
        return {"array": data, "dtype": value.dtype.name, "shape": value.shape}
    raise TypeError(f"{type(value).__name__} cannot be an answer")


def unpack(data: bytes) -> Any:
    """What `pack` was given. Raises ValueError for everything that is not of its form."""
    try:
        return json.loads(data, object_hook=_restore)
    except (RecursionError, MemoryError, TypeError, KeyError, OverflowError):
        raise ValueError("not an answer") from None


def _restore(found: Dict[str, Any]) -> Any:
    if found.keys() == {"bytes"}:
        return base64.b64decode(found["bytes"])
    if found.keys() == {"array", "dtype", "shape"} and found["dtype"] in DTYPES:
        if not all(type(size) is int and size >= 0 for size in found["shape"]):
            raise ValueError("not a shape")
        return np.frombuffer(base64.b64decode(found["array"]), found["dtype"]).reshape(found["shape"])
    return found


def _send(stream: BinaryIO, data: bytes) -> None:
    stream.write(struct.pack(">Q", len(data)) + data)
    stream.flush()


def _receive(stream: BinaryIO) -> bytes:
    header = stream.read(8)
    if len(header) < 8:
        raise EOFError
    return stream.read(struct.unpack(">Q", header)[0])


# ----------------------------------------------------------------------------------------------------------------------
# The judge's side


class Sandbox:
    """Asks questions of code; one server for all of them, started when it is needed. Close it at the end.

    `seconds` is the time that one question may take, `memory` the bytes that its processes may use together. Sandboxes
    that run at the same time need different `slot`s.
    """

    def __init__(self, seconds: float = 120, memory: int = 4 * 2**30, slot: int = 0):
        self.seconds, self.memory, self.slot = seconds, memory, slot
        self.server: Optional[subprocess.Popen] = None

    def ask(self, src: Path, function: str, files: Optional[Dict[str, Path]] = None, **inputs: Any) -> Any:
        """What `probes.FUNCTION(importlib.import_module, **inputs)` returns with a copy of `src` to import from.

        `files` are copied into the working directory under these names. Raises Failed where no answer comes.
        """
        request = {
            "src": str(src),
            "function": function,
            "inputs": inputs,
            "files": {name: str(path) for name, path in (files or {}).items()},
            "seconds": self.seconds,
            "memory": self.memory,
            "slot": self.slot,
        }
        for attempt in (1, 2):
            if self.server is None:
                self._start()
            try:
                _send(self.server.stdin, pack(request))
                reply = unpack(_receive(self.server.stdout))
                break
            except (EOFError, OSError):  # the server itself is gone: the code's doing, or the machine's
                self.close()
                if attempt == 2:
                    raise Failed("the process that watches over this code was killed, twice") from None
        if reply["failure"]:
            raise Failed(reply["failure"] + (f"\nIt printed:\n{reply['printed']}" if reply["printed"].strip() else ""))
        return self._answer(reply)

    @staticmethod
    def _answer(reply: Dict[str, Any]) -> Any:
        try:
            answer = unpack(reply["answer"])
        except ValueError:
            raise Failed("what came back is no answer; does the code write to files that it did not open?") from None
        if not isinstance(answer, dict) or "value" not in answer:
            raise Failed(str(answer.get("error", "no answer") if isinstance(answer, dict) else "no answer")[:SHOWN])
        return answer["value"]

    def _start(self) -> None:
        environment = {
            **{name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "LC_ALL")},
            "OMP_NUM_THREADS": "1",
            "CUDA_VISIBLE_DEVICES": "",
            "MPLBACKEND": "Agg",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        self.server = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, cwd="/",
            start_new_session=True,
        )  # fmt: skip

    def close(self) -> None:
        """Ends the server."""
        if self.server is not None:
            for stream in (self.server.stdin, self.server.stdout):
                with contextlib.suppress(OSError):
                    stream.close()
            try:
                self.server.wait(timeout=5)
            except subprocess.TimeoutExpired:
                self.server.kill()
                self.server.wait()
            self.server = None

    def __enter__(self) -> "Sandbox":
        return self

    def __exit__(self, *_) -> None:
        self.close()


# ----------------------------------------------------------------------------------------------------------------------
# The server's side


def serve() -> None:
    """Answers requests on stdin until it is closed."""
    requests, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_RDWR), 0)
    os.dup2(2, 1)  # what an import prints must not become a reply
    isolation.hide_from_same_user()
    isolation.adopt_orphans()
    for name in (*PRELOADED, "probes"):  # a fork has them at once
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    torch = importlib.import_module("torch")
    torch.set_num_threads(1)
    with torch.device("meta"):  # the first tensor without data costs a second of imports
        torch.empty(1).normal_()
    while True:
        try:
            request = unpack(_receive(requests))
        except EOFError:
            os._exit(0)  # an orderly end takes torch half a second
        _send(replies, pack(_run(request)))


def _run(request: Dict[str, Any]) -> Dict[str, Any]:
    """One question in a process of its own: {"answer": bytes, "printed": text, "failure": text or ""}."""
    folder = Path(tempfile.mkdtemp(prefix="graded-"))
    try:
        user = isolation.user_for(request["slot"])
        _lay_out(folder, request, user)
        answer_r, answer_w = os.pipe()
        printed_r, printed_w = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                _be_the_process(request, folder, user, answer_w, printed_w)
            finally:
                os._exit(1)
        os.close(answer_w)
        os.close(printed_w)
        answer, printed = _Kept(answer_r, RESULT_LIMIT, 0), _Kept(printed_r, SHOWN, SHOWN)
        try:
            failure = _watch(pid, answer, printed, request)
        finally:
            _kill_descendants(pid)
            os.close(answer_r)
            os.close(printed_r)
        if not failure and answer.total == 0:
            failure = "the code ended the process before there was an answer; does it call os._exit or crash?"
        if not failure and answer.total > RESULT_LIMIT:
            failure = f"the answer is longer than {RESULT_LIMIT >> 20} MiB"
        return {"answer": bytes(answer.first), "printed": printed.text(), "failure": failure}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _lay_out(folder: Path, request: Dict[str, Any], user: Optional[int]) -> None:
    shutil.copytree(request["src"], folder / "src", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "tmp").mkdir()
    for name, source in request["files"].items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, folder / name)
    if user is not None:
        for parent, folders, names in os.walk(folder):
            for name in [".", *folders, *names]:
                os.chown(os.path.join(parent, name), user, user, follow_symlinks=False)


def _be_the_process(request: Dict[str, Any], folder: Path, user: Optional[int], answer_w: int, printed_w: int) -> None:
    """What the forked process does: give up its rights, answer, end. Never returns."""
    os.setsid()
    os.dup2(printed_w, 1)
    os.dup2(printed_w, 2)
    answer_w = os.dup2(answer_w, 3)
    os.closerange(4, 4096)  # the server's own conversations above all
    os.chdir(folder)
    os.environ.update(HOME=str(folder), TMPDIR=f"{folder}/tmp", USER="student", LOGNAME="student")
    tempfile.tempdir = None
    sys.stdout, sys.stderr = (io.TextIOWrapper(open(fd, "wb", 0), write_through=True) for fd in (1, 2))
    sys.path[:] = [str(folder / "src"), *(path for path in sys.path if path != str(Path(__file__).parent))]
    sys.argv = ["graded"]
    try:
        isolation.confine(str(folder), user, request["memory"], request["seconds"])
        value = getattr(sys.modules["probes"], request["function"])(importlib.import_module, **request["inputs"])
        answer = pack({"value": value})
    except BaseException as error:  # SystemExit and KeyboardInterrupt too
        answer = pack({"error": explain(error, folder)})
    with contextlib.suppress(OSError), os.fdopen(answer_w, "wb") as stream:
        stream.write(answer)
    os._exit(0)


def explain(error: BaseException, folder: Path) -> str:
    """What went wrong and where in the code of `folder`, as short as a student can use it."""
    lines = []
    for frame in traceback.extract_tb(error.__traceback__):
        path = Path(frame.filename)
        if folder in path.parents:
            lines = [f"{path.relative_to(folder)}, line {frame.lineno}, in {frame.name}: {frame.line}"]
    if isinstance(error, SyntaxError) and error.filename and folder in Path(error.filename).parents:
        lines = [f"{Path(error.filename).relative_to(folder)}, line {error.lineno}: {(error.text or '').strip()}"]
    what = str(error).replace(str(folder) + "/", "")
    if isinstance(error, SystemExit):
        what = f"the code ends the program (exit status {error.code})"
    return "\n".join([f"{type(error).__name__}: {what}", *lines])


class _Kept:
    """What comes through a pipe: all of it is read, the first and the last bytes are kept."""

    def __init__(self, fd: int, first: int, last: int):
        os.set_blocking(fd, False)
        self.fd, self.limits = fd, (first, last)
        self.first, self.last, self.total = bytearray(), bytearray(), 0

    def read(self) -> bool:
        """Takes what is there; False at the end."""
        try:
            data = os.read(self.fd, 2**20)
        except BlockingIOError:
            return True
        self.total += len(data)
        room = self.limits[0] - len(self.first)
        self.first += data[:room]
        self.last = (self.last + data[room:])[-self.limits[1] :] if self.limits[1] else self.last
        return bool(data)

    def text(self) -> str:
        omitted = self.total - len(self.first) - len(self.last)
        between = f"\n[... {omitted:,} bytes ...]\n" if omitted else ""
        return (self.first.decode(errors="replace") + between + self.last.decode(errors="replace")).replace("\0", "")


def _watch(pid: int, answer: _Kept, printed: _Kept, request: Dict[str, Any]) -> str:
    """Reads until the process has answered or ended; why it had to be stopped, or ""."""
    deadline = time.monotonic() + request["seconds"]
    free = shutil.disk_usage(tempfile.gettempdir()).free
    with selectors.DefaultSelector() as selector:
        for kept in (answer, printed):
            selector.register(kept.fd, selectors.EVENT_READ, kept)
        next_look, ended = 0.0, False
        while True:
            for key, _ in selector.select(timeout=0.05):
                if not key.data.read():
                    selector.unregister(key.fd)
                    if key.data is answer:
                        while printed.read() and _readable(printed.fd):
                            pass
                        return ""
            now = time.monotonic()
            if now > deadline:
                return f"stopped after {request['seconds']:g} s: is there an endless loop?"
            if now > next_look:
                started = time.monotonic()
                family = _descendants(pid)
                if sum(map(_resident, family)) > request["memory"]:
                    return f"stopped: it uses more than {request['memory'] / 2**30:.1f} GiB of memory"
                if len(family) > PROCESSES:
                    return f"stopped: it started more than {PROCESSES} processes"
                if free - shutil.disk_usage(tempfile.gettempdir()).free > DISK:
                    return f"stopped: it wrote more than {DISK / 2**30:.0f} GiB"
                next_look = now + max(0.1, 10 * (time.monotonic() - started))
            ended = ended or os.waitpid(pid, os.WNOHANG)[0] == pid
            if ended and not _readable(answer.fd):
                return ""  # a child of its may still hold the pipe


def _readable(fd: int) -> bool:
    with selectors.DefaultSelector() as selector:
        selector.register(fd, selectors.EVENT_READ)
        return bool(selector.select(timeout=0))


def _descendants(pid: int) -> Set[int]:
    """The processes that descend from this server: `pid`, its children, and theirs. (Without /proc: `pid` alone.)"""
    parents: Dict[int, int] = {}
    try:
        entries = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    except OSError:
        return {pid}
    for entry in entries:
        with contextlib.suppress(OSError, ValueError, IndexError):
            parents[entry] = int(Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()[1])
    family: Set[int] = set()
    grown = {os.getpid()}
    while grown:
        grown = {child for child, parent in parents.items() if parent in grown} - family
        family |= grown
    return family


def _resident(pid: int) -> int:
    """The bytes of memory that this process has to itself, or shares with those it forked."""
    try:
        resident, shared = map(int, Path(f"/proc/{pid}/statm").read_text().split()[1:3])
        return max(0, resident - shared) * os.sysconf("SC_PAGESIZE")
    except (OSError, ValueError):
        return 0


def _kill_descendants(pid: int) -> None:
    """Ends everything that the process started, also what has moved to another session, and reaps it."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        for process in _descendants(pid):
            for kill in (os.killpg, os.kill):  # a group dies at once, so that a fork bomb cannot outrun this
                with contextlib.suppress(OSError):
                    kill(process, signal.SIGKILL)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        time.sleep(0.01)


if __name__ == "__main__":
    serve()
