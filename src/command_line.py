"""What the programs here have in common at their edges: errors in one line, exit statuses, types of flags.

Bad input ends with one line on stderr that says what to do and exit status 2, Ctrl-C with exit status 130.
"""

import argparse
import contextlib
import os
import sys
from pathlib import Path
from typing import Callable

from files import BadInput


class OneLineParser(argparse.ArgumentParser):
    """Says what is wrong with the command line in one line."""

    def error(self, message: str):
        raise BadInput(f"{message} (see --help)")


def run_command(main: Callable[[], None]) -> None:
    """Runs a program's `main`; BadInput becomes one line on stderr and exit status 2, Ctrl-C exit status 130.

    So does what else the system refuses, such as output that is sent to a full disk.
    """
    for name in ("stdout", "stderr"):  # they may be closed, or unable to show every character
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))
        if hasattr(getattr(sys, name), "reconfigure"):
            getattr(sys, name).reconfigure(errors="backslashreplace", line_buffering=True)
    try:
        main()
        sys.stdout.flush()
    except BadInput as error:
        leave(2, str(error))
    except KeyboardInterrupt:
        leave(130, "interrupted")
    except BrokenPipeError:  # whoever read our output has gone, as `| head` does
        leave(141)
    except OSError as error:  # files are named by BadInput, so this is most likely stdout
        leave(2, f"the system refuses to go on ({error.strerror or error}); is the disk that the output goes to full?")


def leave(status: int, message: str = "") -> None:
    """Ends the program, with one line on stderr if there is a message and nothing unprintable in it."""
    shown = "".join(char if char.isprintable() else repr(char)[1:-1] for char in message)
    with contextlib.suppress(OSError):  # stderr may be dead as well
        if message:
            print(f"{Path(sys.argv[0]).name}: {shown}", file=sys.stderr)
    try:
        sys.stdout.flush()
    except OSError:  # what is left in it can go nowhere
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(status)


def at_least(low: int) -> Callable[[str], int]:
    """A type for argparse: an integer from `low` to 2**63 - 1."""

    def integer(text: str) -> int:
        value = int(text)
        if not low <= value < 2**63:
            raise argparse.ArgumentTypeError(f"must be at least {low}, got {text}")
        return value

    return integer


def rate(text: str) -> float:
    """A learning rate, for argparse: a number above 0."""
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"must be a number above 0, got {text}")
    return value
