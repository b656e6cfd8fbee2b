"""What only the Ray backend has: a cluster, actors that die or hang, their options. The contract's tests run on it too.

CI's stage `ray` runs this file; Ray isn't among the packages of `make install`.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import pufferlib.ocean
import pufferlib.vector
from pufferlib.exceptions import EnvironmentFailed, InvalidVectorOption, MissingDependency, WorkerDied, WorkerStuck
from vector_envs import BACKENDS, Counter

needs_ray = pytest.mark.skipif("ray" not in BACKENDS, reason="Ray isn't installed by make install: .ci/ray")


class Hostile(Counter):
    """Kills its process when told 7, and sleeps through 8."""

    def step(self, action):
        """Does what the action says."""
        if action == 7:
            os.kill(os.getpid(), signal.SIGKILL)
        if action == 8:
            time.sleep(60)
        return super().step(action)


def test_ray__says_how_to_install_it(monkeypatch):
    """Without the package, asking for the backend names the command that brings it."""
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingDependency, match=r"pip install pufferlib\[ray\]"):
        pufferlib.vector.make(Counter, backend="ray")


@needs_ray
def test_ray__a_dead_actor_is_an_error():
    """An actor that dies fails the pool at once, with its environments and what Ray knows as the cause."""
    envs = pufferlib.vector.make(Hostile, num_envs=4, num_workers=2, backend=pufferlib.vector.Ray)
    envs.reset()
    with pytest.raises(WorkerDied, match=r"Worker 1 \(environments 2-3\) died in step: Ray lost its actor") as caught:
        envs.step([0, 0, 7, 0])
    envs.close()

    assert "ray.exceptions" in str(type(caught.value.__cause__))


@needs_ray
@pytest.mark.parametrize("zero_copy", [True, False])
def test_ray__a_late_actor_is_an_error(zero_copy: bool):
    """One that takes too long fails the pool, though others are ready; closing doesn't wait for it for ever."""
    options = dict(num_envs=3, num_workers=3, batch_size=1, zero_copy=zero_copy, timeout_s=5.0)
    envs = pufferlib.vector.make(Hostile, backend="ray", **options)
    envs.async_reset()
    started = time.monotonic()
    with pytest.raises(WorkerStuck, match=r"Worker 1 .* didn't finish its step within 5 s"):
        while time.monotonic() < started + 60:
            batch = envs.recv()
            envs.send([8 if batch.env_id == [1] else 0])
    envs.close()

    assert time.monotonic() - started < 55


@needs_ray
def test_ray__one_that_fails_is_not_waited_for_by_others():
    """An exception is raised while another environment still steps."""
    envs = pufferlib.vector.make(Hostile, num_envs=2, num_workers=2, backend="ray")
    envs.reset(seed=3)
    started = time.monotonic()
    with pytest.raises(
        EnvironmentFailed, match=r"Environment 1 \(worker 1, seed 4\) failed in step: ZeroDivisionError"
    ):
        envs.step([8, 9])

    assert time.monotonic() - started < 55  # environment 0 sleeps for 60
    envs.close()


@needs_ray
def test_ray__native_environments_keep_their_infos():
    """Ocean's copies step together in an actor, and their episodes arrive as in this process."""
    runs = []
    for backend in ("ray", "serial"):
        creator = pufferlib.ocean.env_creator("cartpole")
        with pufferlib.vector.make(creator, num_envs=6, num_workers=3, backend=backend) as envs:
            observations, _ = envs.reset(seed=1)
            steps = [envs.step(np.arange(6) % 2) for _ in range(80)]
            runs.append([(o.tolist(), list(i)) for o, *_, i in steps])

    assert runs[0] == runs[1]
    assert any(info for _, infos in runs[0] for info in infos)


@needs_ray
def test_ray__takes_options_of_actors():
    """What Ray knows is handed on; what it doesn't know, and what no machine can give, is said."""
    with pufferlib.vector.make(Counter, backend="ray", actor_options={"num_cpus": 0.5}) as envs:
        envs.reset()
    with pytest.raises(InvalidVectorOption, match="actor_options=.*num_dogs"):
        pufferlib.vector.make(Counter, backend="ray", actor_options={"num_dogs": 2})
    with pytest.raises(WorkerStuck, match="constructor within 1 s. Raise start_timeout_s="):
        pufferlib.vector.make(Counter, backend="ray", actor_options={"num_cpus": 99}, start_timeout_s=1.0)


OWN_CLUSTER = """
import ray
import pufferlib.vector
from vector_envs import Counter

first = pufferlib.vector.make(Counter, backend="ray")
second = pufferlib.vector.make(Counter, backend="ray")
first.close()
second.reset()
assert ray.is_initialized()
second.close()
assert not ray.is_initialized()

ray.init(num_cpus=1, include_dashboard=False)
with pufferlib.vector.make(Counter, backend="ray") as envs:
    envs.reset()
assert ray.is_initialized()
with pufferlib.vector.make(Counter, backend="ray") as envs:
    ray.shutdown()
print("done")
"""


@needs_ray
def test_ray__ends_the_cluster_that_it_started():
    """A cluster of the pools' own ends with the last of them, the caller's stays; pools may outlive the latter."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([*sys.path, str(Path(__file__).parents[1])])}
    command = [sys.executable, "-c", OWN_CLUSTER]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=100, check=False)

    assert done.stdout.splitlines()[-1:] == ["done"], done.stderr
