"""The peers of the vectorization benchmark: a pinned virtual environment and a process for each.

While one peer is measured the processes of all others are stopped (SIGSTOP): some wait by spinning.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import selectors
import shutil
import signal
import subprocess
import sys
import venv
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

SCRIPTS = Path(__file__).with_name("peers")
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")
ANSWER_S = 180.0  # the longest that a peer may take for one request

TORCH = "torch==2.13.0"
GYMNASIUM = ("gymnasium==1.4.0", "numpy==2.4.6", "minigrid==3.2.0")
ATARI = ("ale-py==0.12.1", "opencv-python-headless==5.0.0.93")
NETHACK = ("--no-deps", "nle==1.3.0")  # its metadata pins gymnasium==1.2.0; it runs with every gymnasium from 1.0 on
INSTALLS: dict[str, tuple[tuple[str, ...], ...]] = {
    # What `pip install` gets, call by call. Ours and the raw loop run in the interpreter of this process.
    "gymnasium_vector": ((*GYMNASIUM, *ATARI), NETHACK),
    "sb3": ((TORCH, "stable-baselines3==2.9.2", *GYMNASIUM, *ATARI), NETHACK),
    "tianshou_vector": ((TORCH, "tianshou==2.0.1", *GYMNASIUM, *ATARI), NETHACK),
    "torchrl_vector": ((TORCH, "torchrl==0.14.1", *GYMNASIUM, *ATARI), NETHACK),
    "envpool_vector": (("envpool==1.2.5", "gymnasium==1.4.0", "numpy==2.4.6"),),
    "original": (
        ("setuptools<82", "wheel", "cython==3.3.1", "numpy==1.26.4", "gymnasium==0.29.1", "pettingzoo==1.24.1"),
        ("gym==0.26.2", "shimmy==1.3.0", "psutil==7.2.2", "cloudpickle", "minigrid==2.3.1"),
        ("filelock==3.20.0", "opencv-python-headless==4.11.0.86", "pynvml==12.0.0", "numpy==1.26.4"),
        # Its own pins can't be met: numpy 1.23 isn't built for Python 3.11 everywhere, gym 0.23 doesn't build.
        ("--no-build-isolation", "--no-deps", "pufferlib==1.0.1"),
        # The games of the other peers; both run with its Gymnasium, whatever their metadata say.
        ("--no-deps", "ale-py==0.12.1", "nle==1.3.0"),
    ),
}


# Peers that run in another one's environment.
SAME_VENV = {"raw_of_original": "original", "ppo_sb3": "sb3", "ppo_cleanrl": "sb3"}


class PeerError(Exception):
    """A peer that can't be installed, or can't do what a case wants."""


def cache_folder() -> Path:
    """Where the virtual environments are kept from one run to the next."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "pufferlib-bench"


def interpreter(peer: str) -> str:
    """The Python of a peer, whose virtual environment is made first if it is missing or its pins have changed.

    Raises:
        PeerError: pip failed.
    """
    peer = SAME_VENV.get(peer, peer)
    if peer not in INSTALLS:
        return sys.executable
    folder = cache_folder() / peer
    stamp = folder / "installed"
    wanted = hashlib.sha256(repr((sys.version_info[:2], INSTALLS[peer])).encode()).hexdigest()
    cache_folder().mkdir(parents=True, exist_ok=True)
    with open(cache_folder() / f"{peer}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another checkout may be installing it
        if not stamp.exists() or stamp.read_text() != wanted:
            print(f"installing {peer} into {folder}", flush=True)
            install(folder, INSTALLS[peer])
            stamp.write_text(wanted)
    return str(folder / "bin" / "python")


def install(folder: Path, calls: tuple[tuple[str, ...], ...]) -> None:
    """Makes a virtual environment and installs what is listed into it."""
    shutil.rmtree(folder, ignore_errors=True)
    venv.create(folder, with_pip=True)
    for packages in calls:
        command = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", *packages]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            told = [line for line in done.stderr.splitlines() if not line.startswith("WARNING")]
            why = " ".join(told)[-300:] or f"pip ended with {done.returncode}"
            raise PeerError(f"pip install {' '.join(packages)} failed: {why}")


@dataclass(frozen=True)
class Turn:
    """What a peer did in one turn."""

    steps: int  # of environments
    batches: int
    seconds: float
    cpu_seconds: float  # of all its processes
    notes: dict[str, Any] = field(default_factory=dict)  # what it tells beyond that


class Peer:
    """A running peer with one pool; stopped whenever it hasn't its turn."""

    def __init__(self, script: str, case: dict[str, Any]) -> None:
        """Starts it and has it make its pool.

        Raises:
            PeerError: it can't be installed, or can't make the pool.
        """
        command = [interpreter(script), str(SCRIPTS / f"{script}.py")]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        self._process = subprocess.Popen(command, text=True, start_new_session=True, **pipes)
        try:
            # A session may be a scheduling group of its own, out of which priorities don't reach.
            Path(f"/proc/{self._process.pid}/autogroup").write_text(str(os.getpriority(os.PRIO_PROCESS, 0)))
        except OSError:
            pass  # no such groups, or no right to: then all peers have the usual priority
        try:
            self.versions: dict[str, str] = self._ask({"make": case})["versions"]
            self._signal(signal.SIGSTOP)
        except BaseException:
            self._kill()
            raise

    def run(self, warm_s: float, turn_s: float) -> Turn:
        """Wakes it, lets it warm up, measures a turn and stops it again."""
        self._signal(signal.SIGCONT)
        self._ask({"warm": warm_s})
        before = self._cpu_seconds()
        answer = self._ask({"run": turn_s})
        cpu_seconds = self._cpu_seconds() - before
        notes = self._ask({"describe": True})["notes"]
        self._signal(signal.SIGSTOP)
        return Turn(answer["steps"], answer["batches"], answer["seconds"], cpu_seconds, notes)

    def close(self) -> None:
        """Has it close its pool, and ends what is left of it."""
        self._signal(signal.SIGCONT)
        try:
            self._ask({"close": True}, timeout_s=10.0)
        except PeerError:
            pass  # a pool that can't close is no result of ours
        finally:
            self._kill()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.close()

    def _ask(self, request: dict[str, Any], timeout_s: float = ANSWER_S) -> dict[str, Any]:
        """Sends a request and waits for its answer."""
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            print(json.dumps(request), file=self._process.stdin, flush=True)
        except BrokenPipeError:
            raise PeerError("it ended") from None
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            if not selector.select(timeout_s):
                raise PeerError(f"no answer within {timeout_s:g} s")
        line = self._process.stdout.readline()
        if not line:
            raise PeerError("it ended")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise PeerError(answer["error"])
        return answer

    def _members(self) -> dict[int, float]:
        """CPU seconds by process, of all in this peer's session."""
        found = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    fields = (entry / "stat").read_text().rpartition(")")[2].split()
                except OSError:
                    continue  # it has just ended
                if int(fields[3]) == self._process.pid:
                    found[int(entry.name)] = (int(fields[11]) + int(fields[12])) / CLOCK_TICKS
        return found

    def _cpu_seconds(self) -> float:
        return sum(self._members().values())

    def _signal(self, number: int) -> None:
        for pid in self._members():
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass

    def _kill(self) -> None:
        self._signal(signal.SIGKILL)
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            try:
                pipe.close()
            except BrokenPipeError:
                pass
        self._process.wait()
