"""Grades the bank in the background, since it takes minutes and other tests use one core; its own tests come last."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent


class RunningBank:
    """proof.py in a process of its own."""

    def __init__(self, jobs: int):
        self.folder = tempfile.TemporaryDirectory()
        self.temporary = Path(self.folder.name, "tmp")  # where everything goes that judges and sandboxes write
        self.temporary.mkdir()
        os.chmod(self.folder.name, 0o755)  # so that an unprivileged user gets there
        self.harm, self.graded = None, None
        command = [sys.executable, str(HERE / "proof.py"), "--jobs", str(jobs), "--out", self.folder.name]
        self.log = open(Path(self.folder.name, "log"), "w+")
        environment = {**os.environ, "TMPDIR": str(self.temporary)}
        self.process = subprocess.Popen(
            command, env=environment, stdout=self.log, stderr=subprocess.STDOUT, start_new_session=True
        )

    def results(self):
        """{name of an entry: its results}, when they are there."""
        if self.graded is None:
            self.process.wait()
            self.log.seek(0)
            found = Path(self.folder.name, "graded.json")
            assert found.exists(), self.log.read()
            self.graded, self.harm = (json.loads(found.read_text(encoding="utf-8"))[key] for key in ("graded", "harm"))
        return self.graded

    def left_behind(self):
        """(files, processes) of judges and sandboxes that there still are."""
        processes = set()
        for entry in Path("/proc").iterdir() if os.path.isdir("/proc") else ():
            try:
                if entry.name.isdigit() and str(self.temporary).encode() in (entry / "environ").read_bytes():
                    processes.add(entry.name)
            except OSError:
                pass
        names = ("graded-", "judge-", "autograder-bank-")  # torch keeps a cache of its own there
        return {path.name for path in self.temporary.iterdir() if path.name.startswith(names)}, processes

    def close(self):
        if self.process.poll() is None:  # the tests have ended early
            os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait()
        self.log.close()
        self.folder.cleanup()


def is_of_the_bank(item) -> bool:
    return item.path == HERE / "test_bank.py"


def pytest_collection_modifyitems(items):
    items.sort(key=is_of_the_bank)  # stable: the others keep their order


def pytest_collection_finish(session):
    theirs = [item for item in session.items if is_of_the_bank(item)]
    if theirs and not session.config.option.collectonly:
        cores = os.cpu_count() or 1
        session.config.bank = RunningBank(
            jobs=min(8, cores if len(theirs) == len(session.items) else max(1, cores - 1))
        )


def pytest_unconfigure(config):
    if hasattr(config, "bank"):
        config.bank.close()
