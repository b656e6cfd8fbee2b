"""What all tests share: no window, no sound, one thread; and, if they are to run on Ray, its cluster."""

import os

import pytest

# Before anything imports SDL or torch: tests run side by side, on machines without a screen.
os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
os.environ.setdefault("SDL_AUDIODRIVER", "dummy")
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session", autouse=True)
def ray_cluster():
    """Starts the cluster in which pools live where PUFFERLIB_TEST_BACKENDS says `ray`: one each would take seconds."""
    if "ray" not in os.environ.get("PUFFERLIB_TEST_BACKENDS", ""):
        yield
        return
    import ray

    ray.init(num_cpus=4, include_dashboard=False, logging_level="ERROR", log_to_driver=False)
    yield
    ray.shutdown()
