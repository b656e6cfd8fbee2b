"""Workers that are killed, stopped or flooded from outside, closing in every state, and small /dev/shm."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import pufferlib.vector
from fault_envs import Faulty
from processes import PATIENCE, is_running, list_children, wait_until
from pufferlib.exceptions import InvalidVectorOption, VectorError, VectorStateError, WorkerDied, WorkerStuck

pytestmark = pytest.mark.usefixtures("repeat")


def make(**kwargs):
    """Makes 4 environments in 2 workers."""
    options = {"num_envs": 4, "num_workers": 2, "timeout_s": 60, **kwargs}
    return pufferlib.vector.make(Faulty, backend="multiprocessing", **options)


def pids_of(envs):
    """Lists the process ids of the workers."""
    return [process.process.pid for process in envs._crew.processes]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("moment", ["idle", "under way"])
def test_worker__killed_from_outside_is_noticed_within_a_second(moment, number):
    """A signal of the system is a WorkerDied, soon, whatever the worker was doing."""
    kwargs = {"fault": "hangs", "phase": "step", "at": 2} if moment == "under way" else {}
    with make(env_kwargs=kwargs) as envs:
        envs.reset(seed=0)
        envs.step(np.ones(4, int))
        if moment == "under way":
            envs.send(np.ones(4, int))
            time.sleep(0.1)
        os.kill(pids_of(envs)[1], number)
        if moment == "idle":
            wait_until(lambda: not is_running(pids_of(envs)[1]), 10)
        start = time.monotonic()
        with pytest.raises(VectorError, match=r"[Ww]orker 1") as caught:
            envs.step(np.ones(4, int)) if moment == "idle" else envs.recv()

        assert time.monotonic() - start < 1 * PATIENCE
        if number != signal.SIGINT:
            assert (type(caught.value), caught.value.exitcode) == (WorkerDied, -number)


def test_worker__that_dies_behind_fast_ones_is_noticed():
    """When batches of the other worker keep coming, the dead one is still an error."""
    with make(batch_size=2) as envs:
        envs.async_reset()
        envs.recv()
        os.kill(pids_of(envs)[1], signal.SIGKILL)
        start = time.monotonic()
        with pytest.raises(WorkerDied, match="Worker 1"):
            while True:
                envs.send(np.ones(2, int))
                envs.recv()

        assert time.monotonic() - start < 5 * PATIENCE


def test_worker__that_is_stuck_behind_fast_ones_is_noticed():
    """So is the one that takes longer than `timeout_s`, while the others are ready all the time."""
    with make(batch_size=2, timeout_s=2 * PATIENCE) as envs:
        envs.async_reset()
        envs.recv()
        os.kill(pids_of(envs)[1], signal.SIGSTOP)
        with pytest.raises(WorkerStuck, match="Worker 1"):
            for _ in range(10**7):
                envs.send(np.ones(2, int))
                envs.recv()


def test_reset__whose_message_a_stopped_worker_does_not_read_is_an_error():
    """A message larger than the socket's buffer doesn't block for ever."""
    options = {"level": np.ones(4_000_000, np.uint8)}
    with make(timeout_s=2 * PATIENCE) as envs:
        envs.reset()
        os.kill(pids_of(envs)[1], signal.SIGSTOP)
        with pytest.raises(WorkerStuck, match="Worker 1"):
            envs.reset(options=options)
        with pytest.raises(VectorStateError, match="failed before"):
            envs.reset()


def test_reset__with_options_that_cannot_travel_changes_nothing():
    """What can't be pickled is an error of the option; the pool goes on."""
    with make() as envs:
        envs.reset(seed=0)
        with pytest.raises(InvalidVectorOption, match="can't be sent to a worker process"):
            envs.reset(options={"lock": threading.Lock()})

        assert envs.step(np.ones(4, int))[0][:, 1].tolist() == [1] * 4
        envs.reset(options={"function": lambda: 3})


@pytest.mark.parametrize("state", ["new", "ready", "pending", "resetting", "dead", "failed", "stopped"])
def test_close__works_in_every_state_and_twice(state):
    """Close takes seconds at most and leaves no process."""
    envs = make(timeout_s=2 * PATIENCE)
    pids = pids_of(envs)
    if state != "new":
        envs.async_reset()
    if state not in ("new", "resetting"):
        envs.recv()
    if state == "pending":
        envs.send(np.ones(4, int))
    if state in ("dead", "failed"):
        os.kill(pids[0], signal.SIGKILL)
    if state == "failed":
        with pytest.raises(WorkerDied):
            envs.step(np.ones(4, int))
    if state == "stopped":
        os.kill(pids[0], signal.SIGSTOP)
    start = time.monotonic()
    envs.close()
    envs.close()

    assert time.monotonic() - start < 10 * PATIENCE
    assert not any(is_running(pid) for pid in pids)
    assert not set(pids) & set(list_children())


def test_pool__that_is_forgotten_ends_its_workers():
    """Without `close`, workers end with the pool object."""
    envs = make()
    pids = pids_of(envs)
    envs.reset()
    del envs

    assert not any(is_running(pid) for pid in pids)


def test_environment__helpers_end_with_a_worker_that_is_killed(tmp_path):
    """Processes that an environment started don't outlive a worker that has to be killed."""
    note = tmp_path / "pid"

    class Helped(Faulty):
        def __init__(self):
            super().__init__("SIGSTOP", "step", 1)
            process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"])
            note.write_text(str(process.pid))

    with pufferlib.vector.make(Helped, backend="multiprocessing", timeout_s=2 * PATIENCE) as envs:
        envs.reset()
        with pytest.raises(WorkerStuck):
            envs.step([0])

    wait_until(lambda: not is_running(int(note.read_text())), 5)


def test_worker__that_dies_is_noticed_although_its_child_holds_the_connection(tmp_path):
    """A child that an environment forked keeps the worker's sockets open; death is noticed all the same."""
    note = tmp_path / "pid"

    class Forking(Faulty):
        def reset(self, **kwargs):
            pid = os.fork()
            if not pid:
                time.sleep(1000)
            note.write_text(str(pid))
            os._exit(5)

    with pufferlib.vector.make(Forking, backend="multiprocessing", timeout_s=60) as envs:
        start = time.monotonic()
        with pytest.raises(WorkerDied, match="exit code 5"):
            envs.reset()
        took = time.monotonic() - start
    os.kill(int(note.read_text()), signal.SIGKILL)

    assert took < 2 * PATIENCE


def test_memory__needs_no_dev_shm(tmp_path):
    """The arena lives in unnamed memory: observations larger than /dev/shm work, and nothing has a name there."""

    class Large(Faulty):
        def __init__(self):
            super().__init__()
            self.observation_space = pufferlib_box(1_000_000)

        def _observe(self):
            return np.full(1_000_000, self.count, np.float32)

    def pufferlib_box(size):
        import gymnasium

        return gymnasium.spaces.Box(-1000, 1000, (size,), np.float32)

    with pufferlib.vector.make(Large, backend="multiprocessing", num_envs=2) as envs:
        envs.reset()
        assert envs.step([0, 0])[0].sum() == 2_000_000
        assert "/dev/shm" not in Path("/proc/self/maps").read_text()


POOL_IN_SMALL_SHM = """
import os, sys
sys.path.insert(0, "tests")
import numpy as np, pufferlib.vector
from fault_envs import Faulty

assert os.statvfs("/dev/shm").f_blocks * os.statvfs("/dev/shm").f_frsize <= 65536
if sys.argv[1] == "full":
    with open("/dev/shm/rubbish", "wb", buffering=0) as file:
        try:
            file.write(b"x" * 1_000_000)
        except OSError:
            pass
    assert os.statvfs("/dev/shm").f_bavail == 0
with pufferlib.vector.make(Faulty, backend="multiprocessing", num_envs=4, num_workers=2) as envs:
    envs.reset(seed=3)
    print(envs.step(np.ones(4, int))[0].tolist())
"""


@pytest.mark.parametrize("state", ["tiny", "full"])
def test_memory__works_with_a_dev_shm_that_is(state):
    """Containers have 64 KB or nothing left there: a pool doesn't care."""
    unshare = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]
    mount = "mount -t tmpfs -o size=64k tmpfs /dev/shm"
    if shutil.which("unshare") is None or subprocess.run([*unshare, "sh", "-c", mount], capture_output=True).returncode:
        pytest.skip("this machine gives no mount namespaces")
    line = f'{mount} && exec "$0" -c "$1" {state}'
    done = subprocess.run(
        [*unshare, "sh", "-c", line, sys.executable, POOL_IN_SMALL_SHM], capture_output=True, text=True, timeout=90
    )

    assert done.stdout == "[[3.0, 1.0, 1.0], [4.0, 1.0, 1.0], [5.0, 1.0, 1.0], [6.0, 1.0, 1.0]]\n", done.stderr


def test_memory__without_memfd_is_an_unlinked_file(monkeypatch, tmp_path):
    """Other systems get a temporary file without a name."""
    monkeypatch.delattr(os, "memfd_create")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with make() as envs:
        envs.reset(seed=3)

        assert envs.step(np.ones(4, int))[0].tolist() == [[3, 1, 1], [4, 1, 1], [5, 1, 1], [6, 1, 1]]
        assert os.listdir(tmp_path) == []


def test_python__that_cannot_be_run_is_named():
    """A wrong path is an error of the option."""
    with pytest.raises(InvalidVectorOption, match=r"python='/no/such/python' can't be run"):
        make(python="/no/such/python")
