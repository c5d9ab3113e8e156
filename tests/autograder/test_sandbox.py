"""The sandbox: data that travels, limits that hold, and answers of any form that harm nobody."""

import json
import os
import re
import time
from pathlib import Path

import numpy as np
import pytest

import isolation
import system_calls
from grading import Lost, readable, shown_as_lost
from sandbox import Failed, Sandbox, pack, unpack


def test_what_is_packed_comes_out_again():
    value = {
        "array": np.arange(6.0, dtype=np.float32).reshape(2, 3), "none": None, "text": "é\ud800",
        "list": [1, 2.5, True],
        "bytes": b"\0\xff", "empty": np.zeros((0, 3), dtype=np.int64), "scalar": np.array(2.0), "number": np.int64(3),
    }  # fmt: skip
    result = unpack(pack(value))
    for name in ("array", "empty", "scalar"):
        np.testing.assert_array_equal(result[name], value[name])
        assert (result[name].dtype, result[name].shape) == (value[name].dtype, value[name].shape)
    assert {name: result[name] for name in ("none", "text", "list", "bytes", "number")} == {
        "none": None, "text": "é\ud800", "list": [1, 2.5, True], "bytes": b"\0\xff", "number": 3}  # fmt: skip


@pytest.mark.parametrize("data", [
    b"", b"{", b"\xff\xfe", b"[" * 100_000, b'{"bytes": 3}', b'{"bytes": "?"}',
    b'{"array": "AAAA", "dtype": "float32", "shape": [-1]}', b'{"array": "AAAA", "dtype": "float32", "shape": [99]}',
    b'{"array": "AAAAAAAA", "dtype": "float32", "shape": "x"}', b'{"array": "AAA=", "dtype": "int64", "shape": [1]}',
    b'{"array": [], "dtype": "int64", "shape": [0]}', b'{"array": "", "dtype": "int64", "shape": [1.5]}', b"1" * 5000,
], ids=range(13))  # fmt: skip
def test_data_of_another_form_is_a_value_error(data):
    with pytest.raises(ValueError):
        unpack(data)


def test_an_object_dtype_is_no_array():
    assert unpack(b'{"array": "AAAA", "dtype": "object", "shape": [1]}') == {
        "array": "AAAA",
        "dtype": "object",
        "shape": [1],
    }


@pytest.fixture(scope="module")
def ask(tmp_path_factory):
    """Runs a text as module `model_solution` in a sandbox and returns what `probes.mlp` fails with."""
    sandbox = Sandbox(seconds=6, memory=2**30, total=10_000)

    def ask(text, function="mlp", **inputs):
        src = tmp_path_factory.mktemp("src")
        (src / "model_solution.py").write_text(text, encoding="utf-8")
        inputs = inputs or dict(sizes={}, weights={}, x=[], points=[])
        with pytest.raises(Failed) as failure:
            sandbox.ask(src, function, **inputs)
        return str(failure.value)

    yield ask
    sandbox.close()


@pytest.mark.parametrize("text, says", [
    ("raise ValueError('no')", r"ValueError: no\nsrc/model_solution.py, line 1"),
    ("x = (", "SyntaxError"),
    ("import nothing_of_that_name", "ModuleNotFoundError"),
    ("import sys; sys.exit(3)", "ends the program"),
    ("import os; os._exit(0)", "before there was an answer"),
    ("import os; os.abort()", "before there was an answer"),
    ("import ctypes; ctypes.string_at(0)", "before there was an answer"),
    ("while True: pass", "stopped after 6 s"),
    ("import time; time.sleep(100)", "stopped after 6 s"),
    ("import signal, time\nfor s in range(1, 32):\n    try: signal.signal(s, signal.SIG_IGN)\n"
     "    except OSError: pass\ntime.sleep(99)", "stopped after 6 s"),
    ("x = bytearray(3 * 2**30)", "MemoryError"),
    ("open('big', 'wb').write(bytes(300 * 2**20))", "OSError|before there was an answer"),
    ("import os; os.write(3, b'nonsense'); os._exit(0)", "no answer"),
    ("import os; os.write(3, b'{}'); os._exit(0)", "no answer"),
    ("import os; os.write(3, b'[' + b'1,' * 300000 + b'1]'); os._exit(0)", "no answer"),
    ("import os\nwhile True: os.write(3, b'x' * 2**20)", "longer than"),
    ("class E(Exception):\n    def __str__(self): raise self\nraise E", "before there was an answer"),
    ("import os\nos.close(3)\nimport time\ntime.sleep(99)", "before there was an answer"),
], ids=range(18))  # fmt: skip
def test_code_that_gives_no_answer_is_told_why(ask, text, says):
    started = time.monotonic()
    message = ask(text)
    assert re.search(says, message), message
    assert time.monotonic() - started < 20


def test_what_code_prints_is_shown_with_its_failure_but_not_all_of_it(ask):
    message = ask("import os; print('first'); print('x' * 5_000_000); print('last', flush=True); os._exit(1)")
    assert "first" in message and "last" in message and "bytes ...]" in message and len(message) < 20_000


@pytest.mark.skipif(not isolation.landlock_version(), reason="needs Linux with Landlock")
def test_code_reads_and_writes_nothing_outside_its_folder(ask, tmp_path):
    (tmp_path / "secret").write_text("gold")
    attempts = [
        f"open({str(tmp_path / 'secret')!r}).read()", f"open({str(tmp_path / 'new')!r}, 'w')",
        f"os.listdir({str(tmp_path)!r})", f"os.symlink({str(tmp_path / 'secret')!r}, 'link') or open('link').read()",
        f"os.link({str(tmp_path / 'secret')!r}, 'link') or open('link').read()",
        f"os.rename({str(tmp_path / 'secret')!r}, 'mine')", f"os.remove({str(tmp_path / 'secret')!r})",
        "open(f'/proc/{os.getppid()}/environ', 'rb').read()", f"open({str(Path(__file__))!r}).read()",
        "__import__('subprocess').check_output(['cat', '/proc/1/environ'])",
    ]  # fmt: skip
    for attempt in attempts:
        message = ask(f"import os\nx = {attempt}\nraise SystemExit(repr(x))")
        assert "PermissionError" in message or "CalledProcessError" in message or "OSError" in message, (
            attempt,
            message,
        )
    assert (tmp_path / "secret").read_text() == "gold" and not (tmp_path / "new").exists()
    assert "ends the program (exit status fine)" in ask("open('mine', 'w').write('x'); raise SystemExit('fine')")


@pytest.mark.skipif(not system_calls.available(), reason="needs Linux on x86-64 or ARM64")
def test_code_gets_no_sockets_no_shared_memory_and_no_hold_on_other_processes(ask):
    for attempt in (
        "__import__('socket').socket()", "__import__('os').memfd_create('x')",
        "__import__('resource').prlimit(__import__('os').getppid(), 0, (1, 1))",
        "__import__('os').kill(__import__('os').getppid(), 0)",
        "__import__('os').setpriority(0, __import__('os').getppid(), 19)",
    ):  # fmt: skip
        message = ask(f"{attempt}\nraise SystemExit('reached')")
        assert "PermissionError" in message, (attempt, message)
    harmless = (
        "import resource, shutil, os\nresource.setrlimit(resource.RLIMIT_CORE, (0, 0))\n"
        "open('a', 'w').close()\nshutil.copy('a', 'b')\nos.kill(os.getpid(), 0)\nraise SystemExit('fine')"
    )
    assert "exit status fine" in ask(harmless)


@pytest.mark.skipif(not os.path.isdir("/proc"), reason="needs /proc")
def test_processes_that_hide_are_ended_with_the_question(ask):
    marker = f"sleep 98{os.getpid()}"
    ask(
        "import os\nfor _ in range(5):\n    if os.fork() == 0:\n        os.setsid()\n"
        "        if os.fork(): os._exit(0)\n"
        f"        os.execvp('sleep', {marker.split()!r})\nraise SystemExit"
    )
    running = [
        path for path in Path("/proc").glob("[0-9]*/cmdline") if marker.encode() in _read(path).replace(b"\0", b" ")
    ]
    assert not running


def _read(path):
    try:
        return path.read_bytes()
    except OSError:
        return b""


def test_a_submission_has_so_many_minutes_and_no_more(tmp_path):
    (tmp_path / "model_solution.py").write_text("while True: pass")
    with Sandbox(seconds=3, total=4) as sandbox:
        said = []
        for _ in range(3):
            with pytest.raises(Failed) as failure:
                sandbox.ask(tmp_path, "mlp", sizes={}, weights={}, x=[], points=[])
            said.append(str(failure.value))
    assert "stopped after 3 s" in said[0] and "has used up" in said[2]


def test_a_server_that_was_killed_is_replaced(tmp_path):
    (tmp_path / "model_solution.py").write_text("raise ValueError('asked')")
    with Sandbox(seconds=30) as sandbox:
        for _ in range(2):
            with pytest.raises(Failed, match="asked"):
                sandbox.ask(tmp_path, "mlp", sizes={}, weights={}, x=[], points=[])
            sandbox.server.process.kill()
            sandbox.server.process.wait()


def test_messages_are_fit_for_a_terminal_and_a_file():
    shown = readable("a\ud800\x1b[2J\r\0\nb" + "x" * 10_000)
    assert shown.startswith("a?") and "\x1b" not in shown and "\n" in shown and len(shown) < 3100
    json.dumps(shown, ensure_ascii=False).encode()


@pytest.mark.parametrize("answer", [3, None, [], {}, {"y": None}, {"float32": 3}, "text"])
def test_answers_of_any_form_lose_points_and_no_more(answer):
    with pytest.raises(Lost), shown_as_lost():
        answer["float32"]["y"].shape[0] + 1
