"""Where the networks of the tests live: on the CPU, or where PUFFERLIB_TEST_DEVICE says (`cuda`)."""

from __future__ import annotations

import os

import torch

DEVICE = torch.device(os.environ.get("PUFFERLIB_TEST_DEVICE", "cpu"))
