"""Training: a PPO that one can read from top to bottom, and what a run needs around it.

`ppo` is the algorithm; `config` its options; `rollout` its storage; `evaluate` plays the result. Import what you need
from these modules: this package itself imports nothing, so options and advantages come without PyTorch.
"""
