"""A driver that is interrupted, ends or dies: its workers end too, soon, and without a word."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from processes import PATIENCE, is_running, list_children, list_descendants, wait_until

pytestmark = pytest.mark.usefixtures("repeat")

HEAD = """
import os, signal, sys, time
import numpy as np
import pufferlib.vector
from fault_envs import Faulty
from processes import list_children, read_state, wait_until

signal.signal(signal.SIGINT, signal.default_int_handler)  # shells ignore it in what they run in the background

def make(**kwargs):
    return pufferlib.vector.make(Faulty, num_envs=4, num_workers=2, backend="multiprocessing", env_kwargs=kwargs)

def say(text):
    print(text, flush=True)
"""
PLAY = """
envs = make()
envs.reset()
say("ready")
while True:
    envs.step(np.ones(4, int))
"""
WAIT = """
envs = make(fault="hangs", phase="step", at=1)
envs.reset()
envs.send(np.ones(4, int))
say("ready")
envs.recv()
"""
IDLE = """
envs = make()
envs.reset()
say("ready")
time.sleep(1000)
"""
STUCK = """
envs = make(fault="SIGSTOP", phase="step", at=1)
envs.reset()
envs.send(np.ones(4, int))
wait_until(lambda: all(read_state(pid) == "T" for pid in list_children()), 10)
say("ready")
envs.recv()
"""
MAKING = """
say("ready")
envs = make(fault="hangs", phase="constructor")
"""
BLOCK = """
with make() as envs:
    envs.reset()
    say("ready")
    while True:
        envs.step(np.ones(4, int))
"""
STATES = {"steps": PLAY, "waits": WAIT, "idles": IDLE, "makes": MAKING, "is in a block": BLOCK}


class Driver:
    """A Python process that runs a script, and what it started."""

    def __init__(self, script):
        """Runs the script and waits until it says that it is ready."""
        path = os.pathsep.join([str(Path(__file__).parents[1]), *filter(None, sys.path)])
        self.process = subprocess.Popen(
            [sys.executable, "-c", HEAD + textwrap.dedent(script)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": path},
        )
        assert self.process.stdout.readline() == "ready\n"
        if "constructor" in script:
            wait_until(lambda: len(list_children(self.process.pid)) == 2, 10)
        self.workers = list_children(self.process.pid)

    def end(self, timeout_s=10):
        """Waits for the end; gives the exit status and what was written to stderr."""
        try:
            _, errors = self.process.communicate(timeout=PATIENCE * timeout_s)
        finally:
            self.process.kill()
            for pid in self.workers:
                wait_until(lambda pid=pid: not is_running(pid), 3)
        return self.process.returncode, errors


@pytest.mark.parametrize("state", STATES)
def test_interrupt__ends_the_driver_and_its_workers(state):
    """Ctrl-C is a KeyboardInterrupt in the driver alone; it exits, and no worker writes a traceback of its own."""
    driver = Driver(STATES[state])
    driver.process.send_signal(signal.SIGINT)
    status, errors = driver.end()

    assert status == -signal.SIGINT
    assert errors.count("Traceback") == 1
    assert errors.rstrip().endswith("KeyboardInterrupt")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("state", [*STATES, "is stuck"])
def test_signal__that_ends_the_driver_ends_the_workers(state, number):
    """Nobody tells the workers, but they notice within two seconds.

    Only stopped ones can't before they go on, and new ones before their Python has started.
    """
    driver = Driver(STATES.get(state, STUCK))
    driver.process.send_signal(number)
    driver.process.wait(10)
    if state == "is stuck":
        for pid in driver.workers:
            os.kill(pid, signal.SIGCONT)
    for pid in driver.workers:
        wait_until(lambda pid=pid: not is_running(pid), 10 if state == "makes" else 2.5)
    status, errors = driver.end()

    assert status == -number
    assert errors == ""
    assert len(driver.workers) == 2


@pytest.mark.parametrize("number", [signal.SIGKILL])
def test_signal__ends_workers_although_a_forked_child_of_the_driver_lives(number):
    """A forked child holds the driver's end of every connection; the workers look at their parent too."""
    driver = Driver("""
        envs = make()
        envs.reset()
        child = os.fork()
        if not child:
            os.setsid()
            os.closerange(0, 3)
            time.sleep(8)
            os._exit(0)
        envs.step(np.ones(4, int))
        say("ready")
        time.sleep(1000)
    """)
    driver.process.send_signal(number)
    workers = [pid for pid in driver.workers if "vector.worker import" in Path(f"/proc/{pid}/cmdline").read_text()]
    for pid in workers:
        wait_until(lambda pid=pid: not is_running(pid), 3)
    for pid in set(driver.workers) - set(workers):
        os.kill(pid, signal.SIGKILL)
    driver.end()

    assert len(workers) == 2


def test_signal__lets_environments_close(tmp_path):
    """Environments close when the driver is killed, so that what they started ends too."""
    log = tmp_path / "log"
    driver = Driver(f"""
        from vector_envs import Counter
        envs = pufferlib.vector.make(Counter, num_envs=4, num_workers=2, backend="multiprocessing",
                                     env_kwargs=dict(log={str(log)!r}))
        envs.reset()
        say("ready")
        time.sleep(1000)
    """)
    driver.process.kill()
    driver.end()

    assert sorted(log.read_text()) == list("ccccmmmm")


FORKS = {
    "os.fork": """
        if not os.fork():
            sys.exit(0)
        os.wait()
    """,
    "multiprocessing": """
        import multiprocessing
        process = multiprocessing.get_context("fork").Process(target=int)
        process.start()
        process.join()
        assert process.exitcode == 0
    """,
    "a block": """
        with make() as envs:
            envs.reset()
            if not os.fork():
                sys.exit(0)
            os.wait()
            assert envs.step(np.ones(4, int))[0][:, 1].tolist() == [1] * 4
        envs = make()
        envs.reset(seed=0)
    """,
}


@pytest.mark.parametrize("how", FORKS)
def test_fork__of_the_driver_does_not_end_the_workers(how):
    """A forked child may exit in any way, or close its copy of the pool: the driver's goes on."""
    driver = Driver(
        "import warnings; warnings.simplefilter('ignore')\n"  # newer Pythons warn of every fork beside threads
        "envs = make()\n"
        f"envs.reset(seed=0)\n{textwrap.dedent(FORKS[how])}\n"
        "for _ in range(3): rows = envs.step(np.ones(4, int))[0]\n"
        "assert rows[:, 1].tolist() == [3] * 4, rows\n"
        "envs.close()\n"
        "say('ready')"
    )

    assert driver.end() == (0, "")


@pytest.mark.parametrize("state", ["new", "ready", "pending", "hanging"])
def test_exit__without_close_ends_the_workers(state):
    """The interpreter may end with an open pool in any state."""
    driver = Driver(f"""
        envs = make(**(dict(fault="hangs", phase="step", at=1) if {state!r} == "hanging" else dict()))
        if {state!r} != "new":
            envs.reset()
        if {state!r} in ("pending", "hanging"):
            envs.send(np.ones(4, int))
        say("ready")
    """)

    assert driver.end() == (0, "")


def test_exit__of_the_test_itself_leaves_nobody():
    """After all drivers above, this process has no descendants."""
    assert list_descendants(os.getpid()) == []
