"""Collects points: which test is about which part, what was lost and why; prints the table at the end.

grade.py brings another submission than this repository's own, as `config.submission`.
"""

import os
import sys
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path[:0] = [str(Path(__file__).parent)] if str(Path(__file__).parent) not in sys.path else []

import pytest  # noqa: E402
from grading import Failed, Lost, local_submission, readable, shown_as_lost  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent.parent


def pytest_configure(config):
    config.graded = []  # (part, title, points, of, outcome, message)


@pytest.fixture(scope="session")
def student(request):
    """The submission that is graded."""
    if hasattr(request.config, "submission"):
        yield request.config.submission
        return
    submission = local_submission(ROOT)
    yield submission
    submission.sandbox.close()


@pytest.hookimpl(hookwrapper=True)
def pytest_pyfunc_call(pyfuncitem):
    outcome = yield
    if pyfuncitem.get_closest_marker("points") and outcome.excinfo is not None:
        try:
            with shown_as_lost():
                raise outcome.excinfo[1]
        except BaseException as error:
            outcome.force_exception(error)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    mark = item.get_closest_marker("points")
    if mark is None or (call.when != "call" and report.passed):
        return
    part, number, title = mark.kwargs["part"], mark.kwargs["number"], mark.kwargs["title"]
    message = ""
    if call.excinfo is not None:
        message = readable(str(call.excinfo.value))
        if isinstance(call.excinfo.value, (Lost, Failed)):
            report.longrepr = f"{part} {title}, {number} point{'s' * (number != 1)}\n\n{message}"
    item.config.graded.append((part, title, number if report.passed else 0, number, report.outcome, message))


def pytest_terminal_summary(terminalreporter, config):
    graded = config.graded
    if not graded:
        return
    terminalreporter.section("points")
    for part in dict.fromkeys(part for part, *_ in graded):
        for _, title, got, of, outcome, message in (row for row in graded if row[0] == part):
            mark = {"passed": "", "skipped": "   not decided here: " + message}.get(outcome, "   lost, see above")
            terminalreporter.write_line(f"{part:5} {title:62} {got:2} of {of:2}{mark}")
    decided = [row for row in graded if row[4] != "skipped"]
    total, of = sum(row[2] for row in decided), sum(row[3] for row in decided)
    open_points = sum(row[3] for row in graded) - of
    more = f", {open_points} not decided here" if open_points else ""
    terminalreporter.write_line(f"{'':5} {'all of these':62} {total:2} of {of:2}{more}")
