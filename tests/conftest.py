"""Settings of every test: one thread, here and in the programs that tests start.

The models of the tests are so small that two threads would spend their time waiting for each other.
"""

import os

import torch

os.environ.setdefault("OMP_NUM_THREADS", "1")
torch.set_num_threads(1)
