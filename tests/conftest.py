"""Settings of every test: one thread, here and in the programs that tests start.

The models of the tests are so small that two threads would spend their time waiting for each other.
"""

import os
import sys
from pathlib import Path

import torch

HERE = Path(__file__).parent
sys.path += [str(HERE / folder) for folder in ("graded", "autograder")]  # what they share with the tests here

os.environ.setdefault("OMP_NUM_THREADS", "1")
torch.set_num_threads(1)


def pytest_ignore_collect(collection_path, config):
    """The graded tests are about a submission's trained models too: they are run where somebody asks for them."""
    graded = HERE / "graded"
    asked = any(Path(str(argument).split("::")[0]).resolve().is_relative_to(graded) for argument in config.args)
    return True if collection_path == graded and not asked else None
