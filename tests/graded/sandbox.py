"""Runs functions of probes.py beside code that nobody trusts, and lets through nothing but their answers as data.

    judge  <- data ->  server (this file, has imported torch, knows no answers)  - fork ->  one process a question

`Sandbox.ask` copies the code into a fresh folder, has the server fork a process that gives up its rights
(isolation.py), imports the code and answers, and then kills whatever that process has started. What comes back is JSON:
numbers, text and arrays, never objects, and whether they are right is decided on this side.
"""

import base64
import contextlib
import importlib
import io
import json
import os
import re
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
from typing import Any, BinaryIO, Dict, Optional, Set, Tuple

import numpy as np

import isolation

RESULT_LIMIT = 16 * 2**20  # bytes of an answer,
ITEMS = 200_000  # and numbers, texts and lists in it; an array counts as one
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
        return base64.b64decode(found["bytes"], validate=True)
    if found.keys() == {"array", "dtype", "shape"} and found["dtype"] in DTYPES:
        if not all(type(size) is int and size >= 0 for size in found["shape"]):
            raise ValueError("not a shape")
        return np.frombuffer(base64.b64decode(found["array"], validate=True), found["dtype"]).reshape(found["shape"])
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

    `seconds` is the time that one question may take, `total` that of all questions together, and `memory` the bytes
    that the processes of one may use together. Sandboxes that run at the same time need different `slot`s. `lent` are
    the pipes of a server that somebody else has started (`Server.pipes`): the next sandbox can use it again, if this
    one has come to an orderly end.
    """

    def __init__(
        self,
        seconds: float = 120,
        memory: int = 4 * 2**30,
        slot: int = 0,
        lent: Optional[Tuple[int, int]] = None,
        total: float = 900,
    ):
        self.seconds, self.memory, self.slot, self.total = seconds, memory, slot, total
        self.used = 0.0  # seconds, so far
        self.server: Optional[Server] = None if lent is None else Server(lent)

    def ask(self, src: Path, function: str, files: Optional[Dict[str, Path]] = None, **inputs: Any) -> Any:
        """What `probes.FUNCTION(importlib.import_module, **inputs)` returns with a copy of `src` to import from.

        `files` are copied into the working directory under these names. Raises Failed where no answer comes.
        """
        request = {
            "src": str(src),
            "function": function,
            "inputs": inputs,
            "files": {name: str(path) for name, path in (files or {}).items()},
            "seconds": min(self.seconds, self.total - self.used),
            "memory": self.memory,
            "slot": self.slot,
        }
        if self.used >= self.total:
            raise Failed(f"not tried: this submission has used up its {self.total / 60:.0f} minutes")
        reply = None
        for _ in range(2):
            started = time.monotonic()
            self.server = self.server or Server()
            try:
                reply = self.server.converse(pack(request), timeout=self.seconds + 90)
                break
            except (EOFError, OSError):  # the server itself is gone: the code's doing, or the machine's
                self.close()
            finally:
                self.used += time.monotonic() - started
        if reply is None:
            raise Failed("the process that watches over this code was killed, twice")
        if reply["failure"]:
            raise Failed(reply["failure"] + (f"\nIt printed:\n{reply['printed']}" if reply["printed"].strip() else ""))
        return self._answer(reply)

    @staticmethod
    def _answer(reply: Dict[str, Any]) -> Any:
        try:
            data = reply["answer"]
            if data.count(b",") + data.count(b"[") + data.count(b"{") > ITEMS:
                raise ValueError("too many items")
            answer = unpack(data)
        except ValueError:
            raise Failed("what came back is no answer; does the code write to files that it did not open?") from None
        if not isinstance(answer, dict) or "value" not in answer:
            raise Failed(str(answer.get("error", "no answer") if isinstance(answer, dict) else "no answer")[:SHOWN])
        return answer["value"]

    def close(self) -> None:
        """Ends the server, unless it is lent."""
        if self.server is not None:
            self.server.close()
            self.server = None

    def __enter__(self) -> "Sandbox":
        return self

    def __exit__(self, *_) -> None:
        self.close()


class Server:
    """The process that forks one for every question, or, with `lent`, the pipes to one that somebody else started."""

    def __init__(self, lent: Optional[Tuple[int, int]] = None):
        self.process: Optional[subprocess.Popen] = None
        if lent is not None:
            self.requests, self.replies = os.fdopen(os.dup(lent[0]), "wb"), os.fdopen(os.dup(lent[1]), "rb")
            return
        kept = ("PATH", "HOME", "TMPDIR", "LANG", "LC_ALL")
        environment = {
            **{name: value for name, value in os.environ.items() if name in kept},
            "OMP_NUM_THREADS": "1",
            "CUDA_VISIBLE_DEVICES": "",
            "MPLBACKEND": "Agg",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        self.process = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, cwd="/",
            start_new_session=True,
        )  # fmt: skip
        self.requests, self.replies = self.process.stdin, self.process.stdout

    def pipes(self) -> Tuple[int, int]:
        """What another process needs to use this server: the ends that it writes to and reads from."""
        return self.requests.fileno(), self.replies.fileno()

    def converse(self, request: bytes, timeout: float) -> Dict[str, Any]:
        """The reply to a request. Raises EOFError or OSError where none comes in time."""
        _send(self.requests, request)
        with selectors.DefaultSelector() as selector:
            selector.register(self.replies, selectors.EVENT_READ)
            if not selector.select(timeout):
                raise EOFError
        return unpack(_receive(self.replies))

    def alive(self) -> bool:
        """Whether the process, started by this one, is still running."""
        return self.process is not None and self.process.poll() is None

    def close(self) -> None:
        """Ends the conversation, and the process where this object has started it."""
        for stream in (self.requests, self.replies):
            with contextlib.suppress(OSError):
                stream.close()
        if self.process is not None:
            try:
                self.process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


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
    user = isolation.user_for(request["slot"])
    try:
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
            _kill_descendants(pid, user)
            os.close(answer_r)
            os.close(printed_r)
        if not failure and answer.total == 0:
            failure = "the code ended the process before there was an answer; does it call os._exit or crash?"
        return {"answer": bytes(answer.first), "printed": printed.text(), "failure": failure}
    finally:
        _remove(folder, user)


def _remove(folder: Path, user: Optional[int]) -> None:
    """Removes a folder, whatever has been made of it, and what its user has left where everybody may write."""
    if os.geteuid() != 0:
        subprocess.run(["chmod", "-R", "u+rwx", "--", folder], stderr=subprocess.DEVNULL)
    subprocess.run(["rm", "-rf", "--", folder], stderr=subprocess.DEVNULL)  # not confused by a tree of any depth
    if user is not None and not isolation.landlock_version():
        for shared in ("/tmp", "/var/tmp", "/dev/shm"):
            find = ["find", shared, "-user", str(user), "-delete"]
            subprocess.run(find, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


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
                    if key.data is answer and answer.total <= RESULT_LIMIT:
                        while _readable(printed.fd) and printed.read() and time.monotonic() < deadline:
                            pass
                        return ""
            if answer.total > RESULT_LIMIT:
                return f"the answer is longer than {RESULT_LIMIT >> 20} MiB"
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
    """The processes that descend from this server, which adopts orphans. Without /proc: `pid`, its child."""
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
    """The bytes of memory that this process uses, other than files."""
    with contextlib.suppress(OSError, ValueError):
        status = Path(f"/proc/{pid}/status").read_text()
        return 1024 * sum(int(kib) for kib in re.findall(r"^Rss(?:Anon|Shmem):\s+(\d+) kB", status, re.M))
    return 0


def _kill_descendants(pid: int, user: Optional[int]) -> None:
    """Ends everything that descends from this server, also what has moved to another session, and reaps it."""
    until = time.monotonic() + 20
    if user is not None and os.fork() == 0:  # all processes of this user at once, none can get away
        with contextlib.suppress(OSError):
            os.setresuid(user, user, user)
            os.kill(-1, signal.SIGKILL)
        os._exit(0)
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
