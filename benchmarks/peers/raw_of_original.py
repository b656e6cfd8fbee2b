"""The bare loop with the packages of the original pufferlib: how fast its environments are by themselves."""

from __future__ import annotations

from _harness import serve
from raw import make

if __name__ == "__main__":
    serve(make, "gymnasium", "numpy")
