"""Adapters of third-party environments, one folder each, and the registry that finds them by name.

A folder here is an adapter. Other packages add theirs with the entry-point group `pufferlib.environments`,
whose values name modules that look like the folders' modules:

    names() -> list[str]                              every environment that can be made
    DEFAULT: str                                      the one that is made when no name is given
    SAMPLES: ((name, options), ...)                   a few small ones that stand for all kinds of spaces in it
    env_creator(name=DEFAULT) -> callable(**options)  picklable, for `pufferlib.vector.make`
    make(name=DEFAULT, render_mode=None, **options)   an emulated environment that reports its episodes
    Policy                                            a torch module that takes the emulated environment
    DEVIATIONS: {key: reason}                         optional: what can't be promised about its environments
    NEEDS_FILES: {name: what}                         optional: environments that need files of the user's own

The keys of DEVIATIONS, each of which the adapter's own tests show to be so (`test_deviation__KEY...`):

    seed             the same seed gives the same trajectory in one process
    reuse_seed       an environment that was used before, reseeded, gives what a fresh one gives
    multiprocessing  worker processes give what the same process gives
    render           frames have pixels of more than one color
    space            observations lie inside the observation space
    checkers         Gymnasium's, Stable-Baselines3's and PettingZoo's checkers find nothing
"""

from pufferlib.environments._registry import ENTRY_POINT_GROUP, full_name, load, make_creator, names, resolve

__all__ = ["ENTRY_POINT_GROUP", "full_name", "load", "make_creator", "names", "resolve"]
