"""The autograder is fair: every submission of the bank gets what it deserves, and the hostile ones do no harm."""

import isolation
import pytest
import system_calls

import bank
import proof

ENTRIES = bank.MISTAKES + bank.RIGHT + bank.HOSTILE


@pytest.fixture(scope="module")
def graded(request):
    """{name: results} of every entry; waits for what conftest.py has started."""
    return request.config.bank.results()


guarded = pytest.mark.skipif(
    not (isolation.landlock_version() and system_calls.available()), reason="needs Linux with Landlock and seccomp"
)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_a_submission_gets_what_it_deserves(graded, entry):
    if entry.name.startswith("sockets") and guarded.args[0]:
        pytest.skip(guarded.kwargs["reason"])
    assert not proof.verdict(entry, graded[entry.name])


@guarded
def test_hostile_submissions_do_no_harm_and_leave_nothing(graded, request):
    assert request.config.bank.harm == ""
    assert request.config.bank.left_behind() == (set(), set())


def test_what_hostile_code_says_reaches_no_terminal(graded):
    for entry in ENTRIES:
        texts = [test["output"] for test in graded[entry.name]["tests"]] + [graded[entry.name]["output"]]
        assert all(len(text) < 20_000 and (text.replace("\n", "") + "x").isprintable() for text in texts), entry.name


@guarded
def test_the_code_that_looks_for_the_answers_finds_none(graded):
    said = str(graded["reads the answers"]["tests"])
    assert "found 0 of them" in said and "London" not in said


def test_the_bank_is_as_large_as_it_should_be_and_covers_every_part():
    assert len(bank.MISTAKES) >= 40 and len(bank.RIGHT) >= 10 and len(bank.HOSTILE) >= 10
    assert {part for entry in bank.MISTAKES for part in entry.parts} == {"2(d)", "2(e)", "2(f)", "2(g)", "3(a)", "3(b)"}
    assert len({entry.name for entry in ENTRIES}) == len(ENTRIES)
    assert not any(entry.parts or entry.lost for entry in bank.RIGHT)


def test_the_proof_can_fail(graded):
    """A right submission judged as a mistake, and the other way round, is not as deserved."""
    right, mistake = bank.RIGHT[0], bank.MISTAKES[0]
    assert proof.verdict(mistake, graded[right.name]) and proof.verdict(right, graded[mistake.name])
