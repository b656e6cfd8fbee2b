"""Every bug that is put into our PPO is caught by the task that is named for it; without bugs all are solved."""

from __future__ import annotations

import pytest

import pufferlib.sanity
from mutation.bugs import BUGS, Bug
from pufferlib.sanity import ppo


@pytest.mark.timeout(600)
@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_bug__is_caught_by_its_task(bug: Bug):
    """A trainer with this bug doesn't solve the task that claims to catch it."""
    with bug.inject():
        (result,) = pufferlib.sanity.run(ppo.solve, [bug.task])

    assert result.supported and not result.solved, str(result)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", pufferlib.sanity.names())
def test_task__is_solved_by_our_trainer(name: str):
    """Without a bug the task is solved: 0.9 of the way from random play to the optimum."""
    (result,) = pufferlib.sanity.run(ppo.solve, [name])

    assert result.solved, str(result)


def test_bugs__cover_what_the_tasks_claim():
    """Each task's claim is backed by a bug of that kind, and each bug by a claim of its task."""
    claims = {(task.name, kind) for task in pufferlib.sanity.tasks() for kind in task.catches}

    assert {(bug.task, bug.kind) for bug in BUGS} == claims
    assert len({bug.name for bug in BUGS}) == len(BUGS)
