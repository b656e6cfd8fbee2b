"""First-party environments in C: many copies stepped in one call, the same everywhere bit for bit.

Each is a C file and a Python file of this folder; `docs/new_environment.md` shows how to add one. Importing this
package registers them with Gymnasium as "puffer/NAME-v0"; before
`gymnasium.make("pufferlib.ocean:puffer/squared-v0")` nothing needs to be imported.
"""

from pufferlib.ocean._environment import NativeConfig, NativeEnv, NativeSpec
from pufferlib.ocean._registry import env_creator, load, make, names, parallel_env
from pufferlib.ocean._registry import register as _register

__all__ = ["NativeConfig", "NativeEnv", "NativeSpec", "env_creator", "load", "make", "names", "parallel_env"]

_register()
