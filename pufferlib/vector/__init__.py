"""Many environments behind one interface: make a pool, then step it a batch at a time.

E environments, A agent slots in each, N = E*A rows, B rows in a batch. Environment e, slot a is row e*A + a.
"""

from pufferlib.vector._autotune import Setting, Trial, Tuning, autotune
from pufferlib.vector._batch import Batch
from pufferlib.vector._gymnasium import GymnasiumVectorEnv
from pufferlib.vector._make import make
from pufferlib.vector._multiprocessing import Multiprocessing
from pufferlib.vector._pool import Pool
from pufferlib.vector._ray import Ray
from pufferlib.vector._serial import Serial
from pufferlib.vector._threads import Threads

__all__ = [
    "Batch",
    "GymnasiumVectorEnv",
    "Multiprocessing",
    "Pool",
    "Ray",
    "Serial",
    "Setting",
    "Threads",
    "Trial",
    "Tuning",
    "autotune",
    "make",
]
