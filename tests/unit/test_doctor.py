"""`puffer doctor`: it tells what works from what is absent and what is broken, and names a remedy."""

import io
import os

import pytest

from pufferlib import _doctor
from pufferlib.cli import main
from pufferlib.environments._recipes import AptPackage, Recipe, Requirement


def recipe(*names, adapter="classic_control", **fields):
    """A recipe that wants packages."""
    return Recipe(adapter, tuple(Requirement(name, name.partition(">")[0]) for name in names), **fields)


def test_doctor__says_that_an_environment_runs(capsys):
    """The command makes and steps one and ends well."""
    assert main(["doctor", "toy_text"]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Environments"
    assert lines[1].split()[:2] == ["ok", "toy_text"]
    assert lines[1].endswith("runs")
    assert lines[2] == "1 ok, 0 to note, 0 not installed, 0 broken"


def test_doctor__looks_at_the_machine_first():
    """Without names, Python, the C core, cores and PyTorch come before the adapters."""
    file = io.StringIO()
    _doctor.examine(runs=False, file=file)

    titles = [line for line in file.getvalue().splitlines() if not line.startswith(" ")]
    assert titles[:3] == ["Machine", "PyTorch", "Environments"]
    assert "C core core.abi3" in file.getvalue()


def test_doctor__unknown_adapters_get_the_nearest_names(capsys):
    """A spelling mistake is explained."""
    assert main(["doctor", "toy_txt"]) == 1
    assert "toy_text" in capsys.readouterr().err


def test_environment__without_its_packages_is_absent_and_says_how_to_get_them():
    """What isn't installed isn't broken."""
    (finding,) = _doctor.environment(recipe("gymnasium", "no-such-package"), runs=True)

    assert finding.state == "absent"
    assert "no-such-package not installed" in finding.text
    assert finding.remedy == "puffer install classic_control"


def test_environment__that_has_no_files_for_this_python_says_so():
    """The recipe's bounds come first: installing would fail."""
    (finding,) = _doctor.environment(recipe("gymnasium", python="==3.2.*"), runs=True)

    assert (finding.state, finding.remedy) == ("absent", "Use Python ==3.2.*")


def test_environment__that_does_not_run_is_broken(monkeypatch):
    """The last line of the traceback is shown, and the command that installs it again."""
    monkeypatch.setattr(_doctor, "ENVIRONMENT_PROBE", "raise RuntimeError('no such luck')")
    (finding,) = _doctor.environment(recipe("gymnasium"), runs=True)

    assert finding.state == "broken"
    assert "RuntimeError: no such luck" in finding.text
    assert finding.remedy.startswith("puffer install classic_control")


def test_environment__names_the_debian_packages_that_it_lacks(monkeypatch):
    """With what apt lacks, the remedy is apt's."""
    monkeypatch.setattr(_doctor, "ENVIRONMENT_PROBE", "import os; os.abort()")
    monkeypatch.setattr(_doctor, "find_missing", list)
    monkeypatch.setattr(_doctor.shutil, "which", lambda name: name)
    package = AptPackage(("libno", "libnot"), "run", "it is linked to it")
    (finding,) = _doctor.environment(recipe("gymnasium", apt=(package,)), runs=True)

    assert finding.state == "broken"
    assert "signal 6" in finding.text
    assert finding.remedy == "apt-get install --no-install-recommends libno"


def test_environment__that_runs_needs_no_packages_to_build_it(monkeypatch):
    """Debian's packages for building, which the slim image leaves out, are no loss to what is installed."""
    answer = {"count": 1, "name": "one", "found": {}, "missing": {}}
    monkeypatch.setattr(_doctor, "probe", lambda *arguments: (answer, ""))
    monkeypatch.setattr(_doctor, "find_missing", list)
    monkeypatch.setattr(_doctor.shutil, "which", lambda name: name)
    packages = [AptPackage((f"to-{kind}",), kind, f"it is for {kind}") for kind in ("build", "render")]
    _, note = _doctor.environment(recipe("gymnasium", apt=tuple(packages)), runs=True)

    assert note.text == "for more frames: it is for render"
    assert note.remedy == "apt-get install --no-install-recommends to-render"


def test_environment__says_which_files_of_the_users_are_missing_and_where_they_go(monkeypatch):
    """What is there is said as well; in Docker a file must be mounted."""
    answer = {
        "count": 3,
        "name": "one",
        "found": {"two": "a level"},
        "missing": {"three": ["a ROM: none here", "Put it at X."]},
    }
    monkeypatch.setattr(_doctor, "probe", lambda *arguments: (answer, ""))
    monkeypatch.setattr(_doctor, "_in_docker", lambda: True)
    findings = _doctor.environment(recipe("gymnasium"), runs=True)

    assert [finding.state for finding in findings] == ["ok", "ok", "note"]
    assert findings[1].text == "two found a level"
    assert findings[2].text == "three needs a ROM: none here"
    assert findings[2].remedy == "Put it at X. In Docker, mount it: docker run -v FILE:THERE:ro ..."


def test_environment__tells_once_what_many_lack(monkeypatch):
    """Sixty environments without the same file are one line."""
    missing = {f"digits/{i}": ["a file: none here", "Put it at X."] for i in range(60)}
    answer = {"count": 60, "name": "one", "found": {}, "missing": missing}
    monkeypatch.setattr(_doctor, "probe", lambda *arguments: (answer, ""))
    findings = _doctor.environment(recipe("gymnasium"), runs=True)

    assert [finding.text for finding in findings[1:]] == ["digits/0, like 59 others, needs a file: none here"]


def test_roms__that_a_package_brings_are_counted(monkeypatch):
    """A package whose games are gone is broken, and pip brings them back."""
    monkeypatch.setattr(_doctor, "ROMS", {"gymnasium": ("gymnasium/envs/classic_control/*.py", "games")})
    (finding,) = _doctor.roms(recipe("gymnasium"))
    monkeypatch.setattr(_doctor, "ROMS", {"gymnasium": ("gymnasium/*.rom", "games")})
    (gone,) = _doctor.roms(recipe("gymnasium"))

    assert finding.state == "ok" and finding.text.endswith(" games come with gymnasium")
    assert int(finding.text.split()[0]) >= 5
    assert (gone.state, gone.text) == ("broken", "0 games come with gymnasium")
    assert gone.remedy == "pip install --force-reinstall --no-deps gymnasium"


@pytest.mark.parametrize(
    ("affinity", "quota", "text"),
    [
        (8, None, "8 usable"),
        (3, None, "3 usable of 8: affinity leaves 3"),
        (8, 1.5, "2 usable of 8: the cgroup's quota is 1.5"),
        (3, 2.0, "2 usable of 8: affinity leaves 3, the cgroup's quota is 2"),
    ],
)
def test_cores__say_what_takes_the_others_away(monkeypatch, affinity, quota, text):
    """Affinity and the quota of a control group are told apart: they are lifted in different places."""
    monkeypatch.setattr(_doctor.os, "cpu_count", lambda: 8)
    monkeypatch.setattr(_doctor.os, "sched_getaffinity", lambda pid: set(range(affinity)), raising=False)
    monkeypatch.setattr(_doctor, "read_quota", lambda: quota)
    monkeypatch.setattr("pufferlib.vector._cores.read_quota", lambda root: quota)

    assert _doctor.cores().text == text


def test_machine__names_a_limit_on_memory_and_the_container(monkeypatch):
    """`docker run --memory` doesn't change what the kernel says there is."""
    monkeypatch.setattr(_doctor, "find_memory_limit", lambda: 1 << 20)
    monkeypatch.setenv("PUFFERTANK", "cuda")
    texts = {finding.name: finding.text for finding in _doctor.machine()}

    assert texts["memory"].endswith("; the cgroup takes 1 MiB at most")
    assert texts["container"] == "PufferTank, the variant for cuda"


def test_probe__that_takes_too_long_is_ended(monkeypatch):
    """A hanging import doesn't hang the doctor."""
    monkeypatch.setattr(_doctor, "PROBE_LIMIT_S", 0.2)

    assert _doctor.probe("import time; time.sleep(100)") == (None, "no answer within 0 s")


def test_probe__reads_the_last_line_only():
    """Packages may print."""
    assert _doctor.probe("print('Hello from a game'); print('{\"a\": 1}')") == ({"a": 1}, "")


DRIVER = {"cuda": "12.4", "text": "takes CUDA 12.4: a GPU"}


@pytest.mark.parametrize(
    ("driver", "torch", "state", "words"),
    [
        ({}, {"cuda": None, "gpus": []}, "note", "on the CPU"),
        (DRIVER, {"cuda": "12.4", "gpus": ["a GPU"]}, "ok", "a GPU; torch wants CUDA 12.4, the driver takes CUDA 12.4"),
        (DRIVER, {"cuda": None, "gpus": []}, "broken", "built for the CPU only"),
        (DRIVER, {"cuda": "13.0", "gpus": []}, "broken", "torch wants CUDA 13.0, the driver takes CUDA 12.4"),
    ],
)
def test_torch__must_fit_the_driver(monkeypatch, driver, torch, state, words):
    """A GPU that torch can't use is broken; none at all is fine."""
    monkeypatch.setattr(_doctor, "read_driver", lambda: driver)
    monkeypatch.setattr(_doctor, "probe", lambda code: ({"version": "2.13.0", **torch}, ""))
    monkeypatch.setattr(_doctor.importlib.util, "find_spec", lambda name: name)
    finding = list(_doctor.torch())[-1]

    assert (finding.name, finding.state) == ("gpu", state)
    assert words in finding.text


def test_driver__is_asked_through_nvidia_smi(monkeypatch, tmp_path):
    """The newest CUDA that the driver takes stands in the header of the plain call."""
    script = tmp_path / "nvidia-smi"
    script.write_text(
        "#!/bin/sh\n"
        'if [ $# = 0 ]; then echo "| NVIDIA-SMI 580.1  Driver Version: 580.1  CUDA Version: 13.0  |"\n'
        'else echo "Some GPU, 81559 MiB, 580.1"; fi\n'
    )
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)

    assert _doctor.read_driver() == {"cuda": "13.0", "text": "takes CUDA 13.0: Some GPU, 81559 MiB, 580.1"}


def test_shared_memory__of_dockers_default_size_is_noted(monkeypatch, tmp_path):
    """64 MiB are little for PyTorch's data loaders; the remedy is an option of docker run."""

    class Status:
        f_frsize, f_blocks, f_bavail = 4096, 16384, 16384

    monkeypatch.setattr(_doctor.os, "statvfs", lambda path: Status)
    finding = list(_doctor.shared_memory(str(tmp_path)))[-1]

    assert finding.state == "note"
    assert "64 MiB" in finding.text
    assert "--shm-size" in finding.remedy


def test_line__colors_only_terminals():
    """Escape sequences don't land in files."""
    finding = _doctor.Finding("gpu", "broken", "there is one", "mend it")

    assert _doctor.line_of(finding, colored=False).splitlines() == [
        "  BAD  gpu              there is one",
        "       " + " " * 16 + " -> mend it",
    ]
    assert "\033[31mBAD" in _doctor.line_of(finding, colored=True)
