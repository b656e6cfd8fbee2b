"""What is special about Meta-World: goals from the seed, spaces that hold, success, and its own experts to prove it."""

from __future__ import annotations

import gymnasium
import numpy as np
import pytest

pytest.importorskip("metaworld")

import pufferlib.environments.metaworld as adapter
from pufferlib.environments.metaworld.environment import CAMERAS, import_metaworld
from pufferlib.exceptions import ConfigError, UnknownEnvironment

pytestmark = pytest.mark.timeout(120)


def play(env: gymnasium.Env, seed: int, num_steps: int = 15) -> np.ndarray:
    """Plays at random and returns all observations."""
    seen = [env.reset(seed=seed)[0]]
    env.action_space.seed(seed)
    return np.stack([*seen, *(env.step(env.action_space.sample())[0] for _ in range(num_steps))])


def test_names__are_the_fifty_tasks():
    """All tasks of MT50."""
    assert adapter.names() == sorted(import_metaworld().MT1.ENV_NAMES)
    assert len(adapter.names()) == 50


def test_make__unknown_options_and_names_are_answered_with_near_ones():
    """A slip names what is there."""
    with pytest.raises(UnknownEnvironment, match="reach-v3"):
        adapter.make("reach-v2")
    with pytest.raises(ConfigError, match="num_goal.*Did you mean num_goals"):
        adapter.make("reach-v3", num_goal=3)
    with pytest.raises(ConfigError, match="max_episode_steps: it can't be 501"):
        adapter.make("reach-v3", max_episode_steps=501)
    with pytest.raises(ConfigError, match="camera_name: it can't be 'corner9'"):
        adapter.make("reach-v3", camera_name="corner9")


def test_make__cameras_are_those_of_the_models():
    """Every camera that can be asked for exists; MuJoCo would take the free camera for one that doesn't."""
    import mujoco

    with adapter.make("drawer-open-v3") as env:
        model = env.env.unwrapped.task.model
        found = {mujoco.mj_id2name(model, mujoco.mjtObj.mjOBJ_CAMERA, i) for i in range(model.ncam)}

    assert found == set(CAMERAS)


def test_reset__metaworlds_own_ignores_the_seed():
    """The reason for the adapter's reset: two resets with one seed put the goal in two places."""
    task = import_metaworld().ALL_V3_ENVIRONMENTS_GOAL_OBSERVABLE["reach-v3-goal-observable"](seed=None)
    task._freeze_rand_vec = False
    (first, _), (second, _) = (task.reset(seed=1) for _ in range(2))
    task.close()

    assert (first[-3:] != second[-3:]).any()
    assert not task.observation_space.contains(first)


@pytest.mark.parametrize("name", ["reach-v3", "window-open-v3", "box-close-v3", "drawer-open-v3", "plate-slide-v3"])
def test_reset__a_used_task_plays_the_same_episode_again(name):
    """The seed decides everything, and furniture that another goal has moved is put back."""
    with adapter.make(name) as env, adapter.make(name) as other:
        first = play(env, seed=5)
        assert (play(env, seed=6) != first).any()
        np.testing.assert_array_equal(play(env, seed=5), first)
        np.testing.assert_array_equal(play(other, seed=5), first)


def test_reset__leaves_numpys_global_generator_alone():
    """Goals come from a generator of the task's own."""
    before = np.random.get_state()[1].tolist()
    with adapter.make("push-v3") as env:
        play(env, seed=1)
        env.reset()

    assert np.random.get_state()[1].tolist() == before


def test_goals__are_a_fixed_set():
    """With three goals, episodes see at most three, the same in every instance; without a number, always new ones."""

    def goals(**options):
        with adapter.make("reach-v3", **options) as env:
            return [tuple(env.reset(seed=seed)[0][-3:]) for seed in range(12)]

    three = set(goals(num_goals=3))
    assert len(three) <= 3
    assert set(goals(num_goals=3)) == three
    assert not set(goals(num_goals=3, goal_seed=1)) & three
    assert len(set(goals(num_goals=None))) == 12


def test_observations__lie_in_their_space_from_the_first_on():
    """A visible goal is the task's target; a hidden one is zero."""
    for is_observable in (True, False):
        with adapter.make("push-v3", goal_observable=is_observable) as env:
            seen = play(env, seed=3)
            assert all(env.observation_space.contains(observation) for observation in seen)
            goal = env.env.unwrapped.task._target_pos if is_observable else np.zeros(3)
            np.testing.assert_allclose(seen[:, -3:], np.broadcast_to(goal, (len(seen), 3)))


@pytest.mark.filterwarnings("ignore:Constant.s. may be too high")  # the experts' own words
@pytest.mark.parametrize("name", ["reach-v3", "drawer-open-v3", "window-close-v3"])
def test_task__metaworlds_own_experts_solve_it(name):
    """The scripted policies that come with the package succeed: goals and objects are where they should be."""
    from metaworld.policies import ENV_POLICY_MAP

    expert = ENV_POLICY_MAP[name]()
    with adapter.make(name, terminate_on_success=True) as env:
        for seed in range(2):
            observation, _ = env.reset(seed=seed)
            terminal = truncation = False
            while not terminal and not truncation:
                action = expert.get_action(observation).clip(-1, 1).astype(np.float32)
                observation, _, terminal, truncation, info = env.step(action)
            assert (terminal, truncation, info["success"]) == (True, False, 1.0)


def test_stats__success_of_any_step_counts():
    """An episode that was a success at first and isn't any more at its end is a success."""
    with adapter.make("reach-v3", max_episode_steps=3) as env:
        env.reset(seed=0)
        task, infos = env.env.unwrapped.task, []
        for success in (0.0, 1.0, 0.0):
            task.evaluate_state = lambda *_, success=success: (success, {"success": success})
            infos.append(env.step(np.zeros(4, np.float32))[4])

    assert [info["success"] for info in infos] == [0.0, 1.0, 1.0]
    assert infos[-1]["episode"] == {"r": 1.0, "l": 3}


def test_step__five_hundred_steps_are_an_episode():
    """The limit is a truncation, also where the task could go on."""
    with adapter.make("reach-v3") as env:
        env.reset(seed=0)
        steps = [env.step(np.zeros(4, np.float32))[2:4] for _ in range(500)]

    assert steps == [(False, False)] * 499 + [(False, True)]
