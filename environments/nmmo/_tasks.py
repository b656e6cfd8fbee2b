"""Simple tasks for Neural MMO, one an agent. Imports nmmo, so only `make` imports this file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nmmo.lib.event_code import EventCode
from nmmo.lib.event_log import EventAttr
from nmmo.task import base_predicates
from nmmo.task.task_api import Task, make_same_task

EVENTS = {name.lower(): code for name, code in vars(EventCode).items() if isinstance(code, int)}

TASKS = ("survive", "explore", *EVENTS)


def make_task_maker(task: str, goal: int, config: Any) -> Callable[[], list[Task]]:
    """Returns a callable that makes fresh tasks for all agents of a config.

    Args:
        task: "survive", "explore" or one of EVENTS: one of TASKS.
        goal: number of events that complete it.
        config: the environment's.
    """
    agents = config.POSSIBLE_AGENTS
    if task == "survive":
        return lambda: make_same_task(base_predicates.TickGE, agents)
    if task == "explore":
        return lambda: make_same_task(base_predicates.ProgressTowardCenter, agents)
    return lambda: [Task(share_of_events(agent, EVENTS[task], goal), agent) for agent in agents]


def share_of_events(agent: int, code: int, goal: int) -> Callable[[Any], float]:
    """Returns a function of the game's state: the share of the goal that an agent has reached.

    The package's own `CountEvent` calls `numpy.in1d`, which NumPy 2.4 no longer has.
    """

    def share(state: Any) -> float:
        events = state.where_in_id("event", (agent,))
        return min(float((events[:, EventAttr["event"]] == code).sum()) / goal, 1.0)

    return share
