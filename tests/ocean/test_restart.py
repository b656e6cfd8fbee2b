"""Native environments in worker processes that die: made anew, reported as truncated, in every autoreset mode."""

from __future__ import annotations

import os
import signal

import numpy as np
import pytest

import pufferlib.ocean
import pufferlib.vector

BACKEND = "multi" + "processing"
pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(os.environ.get("PUFFERLIB_TEST_BACKENDS") == "serial", reason="this run leaves out processes"),
]


@pytest.mark.parametrize("mode", ["same_step", "next_step", "disabled"])
def test_restart__truncates_what_was_lost_and_goes_on(mode):
    """Rows of a killed worker end, their infos say why, the others play on, and new episodes begin as the mode says."""
    creator = pufferlib.ocean.env_creator("squared")
    options = {"num_workers": 2, "on_failure": "restart", "autoreset": mode, "zero_copy": False}
    with pufferlib.vector.make(creator, num_envs=4, backend=BACKEND, **options) as pool:
        stay = np.zeros(4, np.int64)
        pool.reset(seed=1)
        pool.step(stay)
        os.kill(pool._crew.processes[1].process.pid, signal.SIGKILL)
        observations, _, terminals, truncations, infos = pool.step(stay)

        assert truncations.tolist() == [False, False, True, True]
        assert not terminals.any()
        assert ["restarted" in info for info in infos] == [False, False, True, True]
        assert "killed by signal 9" in infos[2]["restarted"]
        assert pool.num_restarts == 1
        last = pool.final_observations[2:]
        if mode == "disabled":
            pool.reset(options={"reset_mask": truncations})
        else:
            assert (observations[2:] == last).all() == (mode == "next_step")
        for step in range(60):
            if mode == "disabled" and (terminals | truncations).any():
                pool.reset(options={"reset_mask": terminals | truncations})
            _, _, terminals, truncations, infos = pool.step(stay)
            lengths = [info["episode"]["l"] for info in infos if info]
            assert lengths == [40] * len(lengths)
            if mode == "disabled" and step == 0:
                assert not (terminals | truncations).any()


@pytest.mark.parametrize("mode", ["same_step", "next_step"])
def test_restart__counts_new_episodes_from_their_beginning(mode):
    """What a lost copy's episode had earned isn't added to the next one."""
    creator = pufferlib.ocean.env_creator("cartpole")
    options = {"num_workers": 2, "on_failure": "restart", "autoreset": mode}
    with pufferlib.vector.make(creator, num_envs=2, env_kwargs={"max_steps": 9}, backend=BACKEND, **options) as pool:
        pool.reset(seed=1)
        for step in range(5):
            pool.step(np.array([step % 2] * 2))
        os.kill(pool._crew.processes[0].process.pid, signal.SIGKILL)
        found = []
        for step in range(40):
            *_, infos = pool.step(np.array([step % 2] * 2))
            found += [info["episode"] for info in infos if "episode" in info]
        assert found
        assert all(episode == {"r": episode["l"], "l": episode["l"]} and episode["l"] <= 9 for episode in found)
