"""Grades a submission, or a folder of them, without trusting it; writes what Gradescope reads.

    python tests/autograder/grade.py assignment5.zip [--answers FILE] [--results results.json]
    python tests/autograder/grade.py submissions/ --jobs 8 [--answers FILE] [--csv grades.csv]

The graded tests of tests/graded run here, in the judge's process, with numbers drawn anew; the submission's code runs
in processes that know no answers and have no rights (tests/graded/sandbox.py), and only what they say is compared.
Params are tried with this repository's model. FILE has the form of birth_dev.tsv: test questions with their places.
"""

import argparse
import contextlib
import csv
import hashlib
import io
import json
import os
import queue
import secrets
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Dict, List, Optional

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
GRADED = HERE.parent / "graded"
sys.path[:0] = [str(GRADED), str(HERE)]
os.environ.update(OMP_NUM_THREADS="1", PYTEST_DISABLE_PLUGIN_AUTOLOAD="1", PYTEST_ADDOPTS="", PYTEST_PLUGINS="")

import isolation  # noqa: E402
import numpy as np  # noqa: E402
import pytest  # noqa: E402
from grading import Submission, readable  # noqa: E402
from make_starter import STAFF_SOURCES  # noqa: E402
from sandbox import Sandbox, Server  # noqa: E402
from submission import PARAMS, Refused, unpack, zip_folder  # noqa: E402

OF_ASSIGNMENT_3 = {"model_solution.py", "train.py"}
TOTAL = 900  # seconds that the questions to one submission may take together


class Unusable(Exception):
    """Something that staff gave cannot be used; one line that says what to do."""


class Brought:
    """The pytest plugin that brings the submission to the graded tests, and their outcome back."""

    def __init__(self, submission: Submission):
        self.submission = submission
        self.graded: List[tuple] = []

    def pytest_configure(self, config):
        config.submission = self.submission

    def pytest_sessionfinish(self, session):
        self.graded = sorted(session.config.graded, key=lambda row: row[0])  # by part of the handout


# ----------------------------------------------------------------------------------------------------------------------
# One submission


def grade(path: Path, options: argparse.Namespace) -> Dict[str, Any]:
    """The results of one zip, or of a folder that holds an unpacked one, as Gradescope's results.json has them."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="judge-") as folder:
        files = Path(folder, "files")
        (files / "src").mkdir(parents=True)
        try:
            if path.is_dir():
                if not any(each.is_file() for each in path.rglob("*")):
                    raise Refused("nothing was handed in")
                zip_folder(path, Path(folder, "made.zip"))
            unpacked = unpack(Path(folder, "made.zip") if path.is_dir() else path, files, options.assignment)
        except Refused as refusal:
            return _refused(str(refusal), time.monotonic() - started, options.assignment)
        lent = None if options.server is None else tuple(map(int, options.server.split(",")))
        given = {path.name for path in (ROOT / "src").glob("*.py")} - STAFF_SOURCES
        expected = OF_ASSIGNMENT_3 & given if unpacked.assignment == 3 else given - OF_ASSIGNMENT_3
        missing = sorted(expected - {path.name for path in files.rglob("*.py")})
        if missing:
            unpacked.remarks.append(f"missing in the code: {', '.join(missing)}")
        sandbox = Sandbox(options.seconds, int(options.memory * 2**30), options.slot, lent, TOTAL)
        with sandbox:
            submission = Submission(
                src=files / "src",
                files=files,
                reference=ROOT / "src",
                data=Path(options.data),
                answers=read_answers(options),
                cases=read_cases(options),
                sandbox=sandbox,
            )
            brought, output = Brought(submission), io.StringIO()
            arguments = [f"{GRADED}/test_assignment{unpacked.assignment}.py", "-q", "-c", str(ROOT / "pyproject.toml")]
            with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
                arguments += [f"--rootdir={ROOT}", f"--confcutdir={GRADED}", "-p", "no:cacheprovider", "--capture=no"]
                status = pytest.main(arguments, plugins=[brought])
        if status not in (0, 1) or not brought.graded:
            raise RuntimeError(f"the graded tests did not run:\n{output.getvalue()}")
        digests = {name: _digest(files / name) for name in PARAMS if (files / name).is_file()}
    results = _results(brought, unpacked.remarks, time.monotonic() - started)
    results["extra_data"].update(assignment=unpacked.assignment, params=digests)
    return results


def _results(brought: Brought, remarks: List[str], seconds: float) -> Dict[str, Any]:
    tests: List[Dict[str, Any]] = []
    for number, (part, title, got, of, outcome, message) in enumerate(brought.graded, start=1):
        test = {"name": f"{part} {title}", "number": str(number), "output": message, "visibility": "visible"}
        if outcome == "skipped":
            test["output"] = f"not decided: {message}"
        else:
            test.update(score=got, max_score=of, status="passed" if got == of else "failed")
        tests.append(test)
    flags = brought.submission.flags
    if flags:
        tests.append({"name": "For staff: odd", "output": "\n".join(flags), "visibility": "hidden"})
    parts: Dict[str, List[int]] = {}
    for part, _, got, of, outcome, _ in brought.graded:
        if outcome != "skipped":
            earned = parts.setdefault(part, [0, 0])
            earned[0], earned[1] = earned[0] + got, earned[1] + of
    return {
        "score": sum(got for got, _ in parts.values()),
        "execution_time": round(seconds, 1),
        "output": "\n".join(remarks),
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "tests": tests,
        "extra_data": {"parts": parts, "flags": flags, "refused": ""},
    }


def _refused(reason: str, seconds: float, assignment: Optional[int] = None) -> Dict[str, Any]:
    reason = readable(reason)
    return {
        "score": 0,
        "execution_time": round(seconds, 1),
        "output": f"This submission could not be graded: {reason}.",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "tests": [],
        "extra_data": {"parts": {}, "flags": [], "refused": reason, "assignment": assignment, "params": {}},
    }


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def read_answers(options: argparse.Namespace) -> Optional[List[str]]:
    """The places of the test questions. Raises Unusable where the file does not fit the questions."""
    if options.answers is None:
        return None
    lines = [
        Path(name).read_text(encoding="utf-8").strip("\n").split("\n") for name in (options.answers, questions(options))
    ]
    rows = [line.rstrip("\r").split("\t") for line in lines[0]]
    if any(len(row) != 2 or not row[1].strip() for row in rows):
        raise Unusable(f"{options.answers}: every line needs a question, a tab and a place")
    if [row[0].strip() for row in rows] != [line.strip() for line in lines[1]]:
        raise Unusable(f"{options.answers}: its questions are not those of {questions(options)}, in that order")
    return [row[1].strip() for row in rows]


def questions(options: argparse.Namespace) -> Path:
    """The file with the test questions."""
    return Path(options.data) / "birth_test_inputs.tsv"


def read_cases(options: argparse.Namespace) -> Dict[str, np.ndarray]:
    """Numbers that no submission has seen: drawn now, or by the run over a folder that this one belongs to."""
    if options.cases is not None:
        return dict(np.load(options.cases))
    from cases import draw

    return draw(secrets.randbits(31) if options.seed is None else options.seed)


def show(results: Dict[str, Any]) -> None:
    """Prints the points, and what was lost why."""
    for line in filter(None, results["output"].split("\n")):
        print(line)
    for test in results["tests"]:
        if "score" in test:
            print(f"{test['score']:2} of {test['max_score']:2}  {test['name']}")
        else:
            print(f"          {test['name']}")
        if test["output"]:
            print("".join(f"          | {line}\n" for line in test["output"].split("\n")), end="")
    total = sum(of for _, of in results["extra_data"]["parts"].values())
    print(f"{results['score']:2} of {total:2}  in {results['execution_time']:.0f} s")


# ----------------------------------------------------------------------------------------------------------------------
# A folder of submissions


def grade_folder(paths: List[Path], options: argparse.Namespace) -> None:
    """Grades every zip in a process of its own, `options.jobs` at a time, and writes one CSV."""
    with tempfile.TemporaryDirectory(prefix="judge-") as folder:
        if options.cases is None:  # the same for all of them
            np.savez(Path(folder, "cases.npz"), **read_cases(options))
            options.cases = str(Path(folder, "cases.npz"))
        slots: "queue.Queue[Slot]" = queue.Queue()
        for number in range(options.jobs):
            slots.put(Slot(number, Path(folder, f"{number}.json")))
        done = 0

        def grade_one(path: Path) -> Dict[str, Any]:
            nonlocal done
            slot = slots.get()
            try:
                results = slot.grade(path, options)
            finally:
                slots.put(slot)
            done += 1
            what = results["extra_data"]["refused"] or "; ".join(results["extra_data"]["flags"])
            print(
                f"[{done}/{len(paths)}] {named(path)}: {results['score']}" + (f"  ({what})" if what else ""), flush=True
            )
            return results

        with ThreadPoolExecutor(options.jobs) as pool:
            graded = dict(zip(paths, pool.map(grade_one, paths)))
        while not slots.empty():
            slots.get().close()
    flag_equal_params(graded)
    if options.all_results:
        os.makedirs(options.all_results, exist_ok=True)
        for path, results in graded.items():
            write_json(Path(options.all_results, f"{named(path)}.json"), results)
    write_csv(Path(options.csv), graded)
    print(f"{options.csv}: {len(graded)} submissions")


class Slot:
    """Grades one zip after the other, each in a process of its own that may fail without harm to the others.

    What takes long to start, the server that has imported torch, serves all of them; it knows nothing of any.
    """

    def __init__(self, number: int, results: Path):
        self.number, self.results = number, results
        self.server: Optional[Server] = None

    def grade(self, path: Path, options: argparse.Namespace) -> Dict[str, Any]:
        """The results of one zip."""
        if self.server is None or not self.server.alive():
            self.close()
            self.server = Server()
        command = [sys.executable, __file__, str(path.resolve()), "--results", str(self.results)]
        command += ["--slot", str(self.number)]
        command += ["--assignment", str(options.assignment)] if options.assignment else []
        command += ["--cases", options.cases, "--data", options.data, "--seconds", str(options.seconds)]
        command += ["--memory", str(options.memory), "--server", "{},{}".format(*self.server.pipes())]
        command += ["--answers", options.answers] if options.answers else []
        self.results.unlink(missing_ok=True)
        try:
            done = subprocess.run(command, capture_output=True, timeout=2 * TOTAL, pass_fds=self.server.pipes())
            reason = (done.stderr.decode(errors="replace").strip() or f"exit status {done.returncode}").split("\n")[-1]
            return json.loads(self.results.read_text(encoding="utf-8"))
        except subprocess.TimeoutExpired:
            reason = "it took too long"
        except (OSError, ValueError):
            pass
        self.close()  # the server may still be in conversation with the process that has failed
        return _failed(reason)

    def close(self) -> None:
        """Ends the server."""
        if self.server is not None:
            self.server.close()
            self.server = None


def _failed(reason: str) -> Dict[str, Any]:
    results = _refused(f"the autograder failed ({reason})", 0.0)
    results["extra_data"]["flags"] = ["the autograder failed: grade this one by hand"]
    return results


def named(path: Path) -> str:
    """The name of a zip, fit to be printed."""
    return readable(path.name.encode("utf-8", "surrogateescape").decode("utf-8", "replace"), 100)


def flag_equal_params(graded: Dict[Path, Dict[str, Any]]) -> None:
    """Notes which submissions hold the very same params: everybody trains their own."""
    owners: Dict[str, List[Path]] = {}
    for path, results in graded.items():
        for digest in results["extra_data"]["params"].values():
            owners.setdefault(digest, []).append(path)
    for path, results in graded.items():
        for name, digest in results["extra_data"]["params"].items():
            others = sorted(named(other) for other in owners[digest] if other != path)
            if others:
                results["extra_data"]["flags"].append(f"{name} is also in {', '.join(others[:3])}")


def write_json(path: Path, results: Dict[str, Any]) -> None:
    """Writes the results of one submission, all or nothing."""
    unfinished = path.with_name(f".{path.name}.tmp")
    unfinished.write_text(json.dumps(results, indent=1), encoding="utf-8")
    os.replace(unfinished, path)


def write_csv(path: Path, graded: Dict[Path, Dict[str, Any]]) -> None:
    """A line for each submission: score, points by part, what is odd."""
    parts = list(dict.fromkeys(part for results in graded.values() for part in results["extra_data"]["parts"]))
    unfinished = path.with_name(f".{path.name}.tmp")
    with open(unfinished, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["submission", "assignment", "score", "of", *parts, "refused", "flags", "lost", "seconds"])
        for zip_path, results in graded.items():
            extra = results["extra_data"]
            lost = [t["name"] for t in results["tests"] if t.get("score", 0) < t.get("max_score", 0)]
            row = [named(zip_path), extra["assignment"], results["score"], sum(of for _, of in extra["parts"].values())]
            row += [extra["parts"].get(part, ["", ""])[0] for part in parts]
            row += [extra["refused"], "; ".join(extra["flags"]), "; ".join(lost), results["execution_time"]]
            writer.writerow([f"'{cell}" if str(cell)[:1] in tuple("=+-@\t\r") else cell for cell in row])  # no formulas
    os.replace(unfinished, path)


# ----------------------------------------------------------------------------------------------------------------------


def parse_arguments() -> argparse.Namespace:
    class Parser(argparse.ArgumentParser):
        def error(self, message):
            raise Unusable(f"{message} (see --help)")

    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    add = parser.add_argument
    add("submission", help="a zip, a folder of zips, or a folder that holds one submission unpacked")
    add("--answers", metavar="FILE", help="the test questions with their places; without it, test sets are not decided")
    add("--results", metavar="FILE", help="where the results of one submission go, for Gradescope")
    add("--csv", metavar="FILE", help="where those of a folder go (default: grades.csv)")
    add("--all_results", metavar="DIR", help="where the results of each submission of a folder go, as NAME.zip.json")
    add(
        "--jobs",
        type=int,
        default=os.cpu_count() or 1,
        metavar="N",
        help="of a folder, so many at once (default: one a core)",
    )
    add("--assignment", type=int, choices=[3, 5], help="which one it has to be (default: what it looks like)")
    add("--data", metavar="DIR", default=str(ROOT / "data"), help="the files students have (default: data/)")
    add("--seconds", type=float, default=120, metavar="S", help="for one question to the code (default: 120)")
    add("--memory", type=float, default=4, metavar="GIB", help="for one question to the code (default: 4)")
    add("--seed", type=int, metavar="N", help="draw the numbers of the tests with this seed (default: a secret one)")
    add("--cases", metavar="FILE", help="take the numbers from this file of cases.py instead")
    add("--slot", type=int, default=0, help=argparse.SUPPRESS)  # for the processes that this program starts itself
    add("--server", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.jobs < 1 or args.seconds <= 0 or args.memory <= 0:
        raise Unusable("--jobs, --seconds and --memory must be above 0")
    for name in ("submission", "answers", "cases", "data"):
        given = getattr(args, name)
        if given is not None and not Path(given).exists():
            raise Unusable(f"{given}: no such file")
    for name in ("wiki.txt", "birth_dev.tsv", "birth_test_inputs.tsv"):
        if not (Path(args.data) / name).is_file():
            raise Unusable(f"{args.data}: holds no {name}; --data is the folder with the files students have")
    return args


def check_before_work(args: argparse.Namespace, is_folder: bool) -> None:
    """Raises Unusable for what would be found wrong only after everything is graded."""
    read_answers(args)
    idle = "results" if is_folder else "csv" if args.csv else "all_results"
    if getattr(args, idle):
        instead = "--csv and --all_results" if is_folder else "--results"
        kind = "a folder of submissions" if is_folder else "one submission"
        raise Unusable(f"--{idle} is not for {kind}; use {instead}")
    args.csv = args.csv or "grades.csv"
    for given in filter(None, (args.results, args.csv if is_folder else None, args.all_results)):
        if not Path(given).resolve().parent.is_dir():
            raise Unusable(f"{given}: the folder it should go to does not exist; make it first")
        if Path(given).is_dir() != (given == args.all_results) and Path(given).exists():
            raise Unusable(f"{given}: is there already and cannot be written")


def main() -> None:
    sys.stdout.reconfigure(errors="backslashreplace", line_buffering=True)
    args = parse_arguments()
    isolation.hide_from_same_user()
    path = Path(args.submission)
    inside = sorted(each for each in path.iterdir() if each.name[0] != ".") if path.is_dir() else []
    is_folder = any(each.suffix.lower() == ".zip" for each in inside)
    check_before_work(args, is_folder)
    print(isolation.in_force(args.slot))
    if is_folder:
        grade_folder(inside, args)
        return
    results = grade(path, args)
    show(results)
    if args.results:
        write_json(Path(args.results), results)


if __name__ == "__main__":
    try:
        main()
    except Unusable as error:
        print(f"grade.py: {error}", file=sys.stderr)
        sys.exit(2)
    except BrokenPipeError:  # whoever read the output has gone, as `| head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.exit(141)
    except OSError as error:
        print(f"grade.py: {error.filename or 'a file'}: {error.strerror or error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
