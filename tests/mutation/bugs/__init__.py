"""Bugs of a trainer, put into the library's own PPO one at a time: what the sanity suite has to notice.

A bug in the data that a trainer gets from its pool (rows, flags, seeds mixed up) is put between the two; evaluation
uses a pool of its own, so it stays honest.
"""

from mutation.bugs import ends, learning, memory, rows, structure
from mutation.bugs._bug import Bug

__all__ = ["BUGS", "Bug"]

BUGS = [
    value
    for module in (rows, structure, ends, memory, learning)
    for value in vars(module).values()
    if isinstance(value, Bug)
]
"""All of them, in the order in which docs/sanity.md lists them."""
