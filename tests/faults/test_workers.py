"""Workers are made by exec: from any thread, with any start method, from scripts, for any interpreter."""

import json
import os
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import pufferlib.vector
from chosen_device import DEVICE
from fault_envs import REPEATS, Faulty
from processes import PATIENCE
from pufferlib.exceptions import EnvironmentFailed, InvalidVectorOption
from vector_envs import Counter

CHECKOUT = Path(__file__).parents[2]


def play(creator, **kwargs):
    """Steps two environments of a Counter's kind in two workers, and gives the observations."""
    with pufferlib.vector.make(creator, num_envs=2, num_workers=2, backend="multiprocessing", **kwargs) as envs:
        envs.reset(seed=3)
        return envs.step([5, 6])[0].tolist()


EXPECTED = [[3, 0, 1, 5], [4, 0, 1, 6]]


def test_creators__may_be_lambdas_and_closures():
    """Creators travel by value, with what they close over."""
    length = 7

    class Local(Counter):
        def __init__(self):
            super().__init__(length)

    assert play(lambda: Counter(length)) == EXPECTED
    assert play(Local) == EXPECTED


def test_creators__that_cannot_travel_are_named():
    """A creator that holds a lock gets an error that says what to do."""
    lock = threading.Lock()
    with pytest.raises(InvalidVectorOption, match=r"can't be sent to a worker process.*backend='serial'"):
        play(lambda: Counter(3 if lock else 4))


def test_creators__that_cannot_be_imported_are_named():
    """A creator that the worker can't import is an error of its constructor, with the reason."""

    class Elsewhere(Counter):
        pass

    Elsewhere.__module__ = "no_such_module"
    sys.modules["no_such_module"] = type(sys)("no_such_module")
    sys.modules["no_such_module"].Elsewhere = Elsewhere
    Elsewhere.__qualname__ = "Elsewhere"
    try:
        with pytest.raises(EnvironmentFailed, match="No module named 'no_such_module'"):
            play(Elsewhere)
    finally:
        del sys.modules["no_such_module"]


def run(script, *arguments, python=sys.executable, cwd=None):
    """Runs a script as a program with the tests' path; gives what it prints as JSON."""
    path = os.pathsep.join([str(CHECKOUT / "tests"), *filter(None, sys.path)])
    result = subprocess.run(
        [python, *arguments, str(script)],
        capture_output=True,
        text=True,
        timeout=100,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert (result.returncode, result.stderr) == (0, "")
    return json.loads(result.stdout)


MAIN = """
import json, sys
import numpy as np
import pufferlib.vector
from vector_envs import Counter

LENGTH = 4

class Mine(Counter):
    def __init__(self, length):
        super().__init__(length)

def create():
    return Mine(LENGTH)
{setup}
for creator in (create, lambda: Mine(LENGTH)):
    with pufferlib.vector.make(creator, num_envs=2, num_workers=2, backend="multiprocessing") as envs:
        envs.reset(seed=3)
        rows = envs.step([5, 6])[0].tolist()
print(json.dumps(rows))
"""


USES_CUDA = "import torch; assert torch.ones(2, device='cuda').sum().item() == 2"
NEEDS_CUDA = pytest.mark.skipif(DEVICE.type != "cuda", reason="PUFFERLIB_TEST_DEVICE isn't cuda.")


@pytest.mark.parametrize("cuda", ["", pytest.param(USES_CUDA, marks=NEEDS_CUDA)], ids=["", "after CUDA"])
@pytest.mark.parametrize("setup", ["", "fork", "spawn", "forkserver"])
def test_creators__of_main_work_with_any_start_method(setup, cuda, tmp_path):
    """A script without an `if __name__` guard may use its own classes, and a GPU before; its start method stays."""
    text = f"import multiprocessing; multiprocessing.set_start_method({setup!r})\n" if setup else ""
    text += cuda
    script = tmp_path / "script.py"
    script.write_text(MAIN.format(setup=text))

    assert run(script) == EXPECTED


def test_workers__do_not_import_from_the_working_directory(tmp_path):
    """A file of the working directory with the name of a module isn't taken for it."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "gymnasium.py").write_text("raise SystemError('not me')")
    script = tmp_path / "script.py"
    script.write_text(MAIN.format(setup=""))

    assert run(script, cwd=tmp_path / "folder") == EXPECTED


def test_workers__import_what_lies_beside_the_script(tmp_path):
    """Modules that the driver finds are found by workers too."""
    (tmp_path / "beside.py").write_text("from vector_envs import Counter as Beside\n")
    script = tmp_path / "script.py"
    script.write_text(MAIN.format(setup="from beside import Beside as create"))

    assert run(script) == EXPECTED


def test_workers__may_be_made_in_any_thread():
    """Pools are made and used in threads at the same time, beside threads that hold locks."""
    results, held, done = {}, threading.Lock(), threading.Event()

    def hold():
        with held:
            done.wait(60)

    holder = threading.Thread(target=hold)
    holder.start()
    threads = [threading.Thread(target=lambda i=i: results.update({i: play(Counter)})) for i in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    done.set()
    holder.join(10)

    assert results == dict.fromkeys(range(3), EXPECTED)


def test_workers__make_their_environments_at_the_same_time():
    """Every worker's constructors run while the others' do: each waits for all."""
    num_workers = 3

    class Meeting(Counter):
        def __init__(self, folder, index):
            super().__init__()
            (Path(folder) / str(index)).touch()
            start = time.monotonic()
            while len(os.listdir(folder)) < num_workers:
                assert time.monotonic() - start < 30 * PATIENCE, "the others didn't come"
                time.sleep(0.01)

    with tempfile.TemporaryDirectory() as folder:
        kwargs = [{"folder": folder, "index": index} for index in range(num_workers)]
        envs = pufferlib.vector.make(
            Meeting, env_kwargs=kwargs, num_envs=num_workers, num_workers=num_workers, backend="multiprocessing"
        )
        envs.close()


def test_python__of_this_environment_may_be_named():
    """`python=` with a path to this very interpreter is the default."""
    assert play(Counter, python=sys.executable) == EXPECTED


def make_venv(folder, python, *requirements):
    """Makes a virtual environment of an interpreter, with this project's wheel and other versions of its needs."""
    subprocess.run([python, "-m", "venv", str(folder)], check=True)
    interpreter = folder / "bin" / "python"
    pip = [str(interpreter), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, *requirements, str(CHECKOUT)], check=True)
    return str(interpreter)


def find_pythons():
    """Finds this interpreter and newer ones, to make virtual environments of."""
    found = {f"{sys.version_info.major}.{sys.version_info.minor}": sys.executable}
    folders = [*os.environ.get("PATH", "").split(os.pathsep)]
    folders += [str(path) for path in Path.home().glob(".pyenv/versions/*/bin")]
    for version in ("3.11", "3.12", "3.13", "3.14"):
        for folder in folders:
            path = Path(folder) / f"python{version}"
            probe = [str(path), "-c", "import ensurepip"]
            if path.exists() and version not in found and not subprocess.run(probe, capture_output=True).returncode:
                found[version] = str(path)
    return found


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.enable_socket
@pytest.mark.skipif(REPEATS == 1, reason="builds virtual environments; set PUFFERLIB_FAULT_REPEATS=50")
@pytest.mark.parametrize("version", find_pythons())
def test_python__may_be_of_another_virtual_environment(version, tmp_path, monkeypatch):
    """Environments run under another interpreter, numpy and gymnasium than the driver; the rows are the same."""
    old = "numpy==1.26.4" if version in ("3.11", "3.12") else "numpy==2.1.3"
    python = make_venv(tmp_path / "venv", find_pythons()[version], old, "gymnasium==1.0.0")
    (tmp_path / "second_envs.py").write_text(
        textwrap.dedent(
            """
            import sys
            import gymnasium
            import numpy
            from gymnasium.spaces import Box, Dict, Discrete, MultiBinary, Text

            class Second(gymnasium.Env):
                def __init__(self):
                    self.observation_space = Dict({"a": Box(-9, 9, (3,)), "b": Discrete(4), "c": Text(5),
                                                   "d": MultiBinary(3)}, seed=3)
                    self.action_space = Dict({"x": Discrete(3), "y": Discrete(2)}, seed=4)
                    self.observation_space.sample()
                def reset(self, *, seed=None, options=None):
                    super().reset(seed=seed)
                    self.count = 0
                    assert options is None or options["level"].sum() == 10
                    return self.observation_space.sample(), {}
                def step(self, action):
                    self.count += 1
                    assert set(action) == {"x", "y"}
                    info = {"numpy": numpy.float32(self.count), "array": numpy.arange(3)}
                    return self.observation_space.sample(), 1.5, self.count == 5, False, info
                def versions(self):
                    return [sys.executable, list(sys.version_info[:2]), numpy.__version__, gymnasium.__version__]

            def create():
                return Second()
            """
        )
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.syspath_prepend(str(tmp_path))
    import second_envs

    options = {"num_envs": 4, "num_workers": 2, "backend": "multiprocessing", "infos": "all", "python": python}
    with pufferlib.vector.make(second_envs.create, **options) as envs:
        envs.reset(seed=3, options={"level": np.arange(5)})
        for count in range(1, 60):
            _, rewards, terminals, _, infos = envs.step(np.tile([2, 1], (4, 1)))
            assert rewards.tolist() == [1.5] * 4
            assert terminals.all() == (count % 5 == 0)
            assert infos[3]["array"].tolist() == [0, 1, 2]
        versions = envs._call("versions", (), {})
    assert versions == ([python, [int(part) for part in version.split(".")], old.split("==")[1], "1.0.0"],) * 4

    if version != f"{sys.version_info.major}.{sys.version_info.minor}":
        with pytest.raises(InvalidVectorOption, match=f"is Python {version}, but the creator is code of Python"):
            pufferlib.vector.make(lambda: second_envs.create(), **options)


def test_driver_env__is_made_when_asked_for():
    """The driver makes no environment of its own until somebody reads one."""
    with pufferlib.vector.make(lambda: Faulty(), backend="multiprocessing", num_envs=2) as envs:
        assert envs._driver_env is None
        assert envs.driver_env is envs.driver_env
