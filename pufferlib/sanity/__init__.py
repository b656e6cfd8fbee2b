"""The ten-second test of a trainer: tiny environments, each of which a correct one solves and a class of bugs doesn't.

Any trainer can take it. A `Solver` is a function that trains on a `SanityTask` and gives back how to act:

    import pufferlib.sanity

    def solve(task, seed):
        with task.make_pool() as envs:     # or gymnasium.make(task.gymnasium_id)
            ...                            # train for about task.config.ppo.total_steps agent steps
        return act                         # act(observations, starts) -> actions, for N rows at once

    for result in pufferlib.sanity.run(solve):
        print(result)

The suite plays with what comes back by itself, in environments that weren't trained in, so a bug can't hide in the
numbers that the trainer reports. `pufferlib.sanity.ppo.solve` is the library's own PPO, what `puffer sanity` runs.
"""

from pufferlib.sanity._evaluate import Act, evaluate, random_act
from pufferlib.sanity._run import Result, Solver, run
from pufferlib.sanity._tasks import SanityTask, names, task, tasks

__all__ = ["Act", "Result", "SanityTask", "Solver", "evaluate", "names", "random_act", "run", "task", "tasks"]
