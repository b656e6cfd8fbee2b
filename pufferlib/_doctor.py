"""`puffer doctor`: what this machine has, what works in it, and the command that mends what doesn't.

Everything that may crash, hang or print (drivers, torch, environments) is tried in a process of its own.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
import platform
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TextIO

import pufferlib
from pufferlib._install import APT, find, find_missing
from pufferlib.environments._recipes import Recipe
from pufferlib.vector._cores import count_usable_cores, find_memory_limit, read_quota

State = Literal["ok", "note", "absent", "broken"]

MARKS: dict[State, tuple[str, str]] = {  # sign and ANSI color
    "ok": ("ok", "32"),
    "note": ("note", "33"),
    "absent": ("-", "2"),
    "broken": ("BAD", "31"),
}
PROBE_LIMIT_S = 600.0  # JAX compiles Craftax for half a minute, and for minutes where others use the cores
NUM_STEPS = 20
LITTLE_SHM_BYTES = 1 << 26  # Docker's default for /dev/shm: 64 MiB
# Packages that bring games of their own: where the files are, and what they are called.
ROMS = {"ale-py": ("ale_py/roms/*.bin", "Atari ROMs")}
# Tries something in another process and ends with one line of JSON; what packages print stands before it.
TORCH_PROBE = """
import json, torch
names = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
if names:
    torch.ones(8, device="cuda").sum().item()
print(json.dumps({"version": torch.__version__, "cuda": torch.version.cuda, "gpus": names}))
"""
ENVIRONMENT_PROBE = """
import json, sys, time, warnings
warnings.simplefilter("ignore")
import pufferlib.environments, pufferlib.vector
from pufferlib.exceptions import PufferError
adapter, num_steps = sys.argv[1], int(sys.argv[2])
module = pufferlib.environments.load(adapter)
missing, found = {}, {}
for name, what in getattr(module, "NEEDS_FILES", {}).items():
    try:
        module.make(name).close()
        found[name] = what
    except PufferError as error:
        missing[name] = f"{what}: {getattr(error, 'problem', error)}", getattr(error, "remedy", "")
name, options = module.SAMPLES[0]
with pufferlib.vector.make(module.env_creator(name), env_kwargs=options) as envs:
    envs.reset(seed=0)
    for _ in range(num_steps):
        envs.step(envs.action_space.sample())
print(json.dumps({"count": len(module.names()), "name": name, "missing": missing, "found": found}))
"""


@dataclass(frozen=True)
class Finding:
    """One line of the report."""

    name: str
    state: State
    text: str
    remedy: str = ""  # a command, or what to do


def examine(names: Sequence[str] = (), runs: bool = True, file: TextIO | None = None) -> int:
    """Prints what was found, line by line as it is found.

    Args:
        names: adapters to look at; none: all.
        runs: also makes and steps an environment of each installed adapter.
        file: where it is printed; standard output, if left out.

    Returns:
        How many things are broken. What merely isn't installed isn't broken.

    Raises:
        UnknownEnvironment: there is no such adapter.
    """
    file = file or sys.stdout
    recipes = find(names or ["all"])
    counts: dict[State, int] = dict.fromkeys(MARKS, 0)
    sections: list[tuple[str, Iterable[Finding]]] = [("Environments", environments(recipes, runs))]
    if not names:
        sections[:0] = [("Machine", machine()), ("PyTorch", torch())]
    for title, findings in sections:
        print(title, file=file, flush=True)
        for finding in findings:
            counts[finding.state] += 1
            print(line_of(finding, file.isatty()), file=file, flush=True)
    total = f"{counts['ok']} ok, {counts['note']} to note, {counts['absent']} not installed, {counts['broken']} broken"
    print(total, file=file)
    return counts["broken"]


def line_of(finding: Finding, colored: bool) -> str:
    """Writes a finding, and below it what to do about it."""
    sign, color = MARKS[finding.state]
    mark = f"\033[{color}m{sign:<4}\033[0m" if colored else f"{sign:<4}"
    line = f"  {mark} {finding.name:<16} {finding.text}"
    return f"{line}\n       {'':<16} -> {finding.remedy}" if finding.remedy else line


def machine() -> Iterator[Finding]:
    """Looks at Python, the C core, cores and memory."""
    yield Finding("python", "ok", f"{platform.python_version()} at {sys.executable}")
    where = Path(pufferlib.__file__).parent
    try:
        from pufferlib._native import core

        yield Finding("pufferlib", "ok", f"{pufferlib.__version__} at {where}, C core {Path(core.__file__).name}")
    except ImportError as error:
        yield Finding(
            "pufferlib", "broken", f"{pufferlib.__version__} at {where}, without its C core: {error}", _REBUILD
        )
    if variant := os.environ.get("PUFFERTANK"):
        yield Finding("container", "ok", f"PufferTank, the variant for {variant}")
    yield cores()
    pages = {name: os.sysconf(name) for name in ("SC_PHYS_PAGES", "SC_AVPHYS_PAGES") if name in os.sysconf_names}
    if len(pages) == 2:
        total, free = (count * os.sysconf("SC_PAGE_SIZE") for count in pages.values())
        limit = find_memory_limit()
        limited = f"; the cgroup takes {_size(limit)} at most" if limit is not None and limit < total else ""
        yield Finding("memory", "ok", f"{_size(free)} free of {_size(total)}{limited}")
    yield from shared_memory()


def cores() -> Finding:
    """Counts the cores that this process may use, and says what takes the others away."""
    usable, present = count_usable_cores(), os.cpu_count() or 1
    if usable == present:
        return Finding("cores", "ok", f"{usable} usable")
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else present
    quota = read_quota()
    causes = [f"affinity leaves {affinity}"] if affinity < present else []
    causes += [f"the cgroup's quota is {quota:g}"] if quota is not None and quota < present else []
    return Finding("cores", "ok", f"{usable} usable of {present}: {', '.join(causes)}")


def shared_memory(path: str = "/dev/shm") -> Iterator[Finding]:
    """Looks at shared memory. Pools don't use /dev/shm, but PyTorch's data loaders and some environments do."""
    if not hasattr(os, "memfd_create"):
        yield Finding("shared memory", "note", "no memfd_create here: pools use unlinked temporary files")
    if not os.path.isdir(path):
        return
    status = os.statvfs(path)
    total, free = status.f_blocks * status.f_frsize, status.f_bavail * status.f_frsize
    text = f"{_size(free)} free of {_size(total)}; pools of pufferlib need none of it"
    if total <= LITTLE_SHM_BYTES or free < total // 10:
        yield Finding(path, "note", f"{text}, PyTorch's data loaders may", "In Docker: docker run --shm-size=1g ...")
    else:
        yield Finding(path, "ok", text)


def torch() -> Iterator[Finding]:
    """Looks at PyTorch, the GPU and its driver, and whether they fit together."""
    driver = read_driver()
    if driver:
        yield Finding("driver", "ok", driver["text"])
    else:
        text = "no NVIDIA driver answers (nvidia-smi)"
        yield Finding(
            "driver", "note", text, "If the host has a GPU: docker run --gpus all ..." if _in_docker() else ""
        )
    if importlib.util.find_spec("torch") is None:
        yield Finding("torch", "absent", "not installed: training needs it", "pip install 'pufferlib[train]'")
        return
    result, problem = probe(TORCH_PROBE)
    if result is None:
        yield Finding("torch", "broken", problem, "pip install --force-reinstall torch")
        return
    built_for = f"CUDA {result['cuda']}" if result["cuda"] else "CPU only"
    yield Finding("torch", "ok", f"{result['version']}, built for {built_for}")
    if result["gpus"]:
        fit = f"; torch wants CUDA {result['cuda']}, the driver takes CUDA {driver['cuda']}" if driver else ""
        yield Finding("gpu", "ok", ", ".join(result["gpus"]) + fit)
    elif driver and not result["cuda"]:
        remedy = "pip install --force-reinstall torch, from an index with CUDA builds"
        yield Finding("gpu", "broken", "there is one, but this torch is built for the CPU only", remedy)
    elif driver:
        text = f"torch wants CUDA {result['cuda']}, the driver takes CUDA {driver['cuda']} at most"
        yield Finding("gpu", "broken", text, "Update the driver, or install a torch that is built for an older CUDA")
    else:
        yield Finding("gpu", "note", "none seen: training runs on the CPU")


def read_driver() -> dict[str, str]:
    """Asks the NVIDIA driver for its version, the newest CUDA that it takes, and the GPUs; {} where there is none."""
    if shutil.which("nvidia-smi") is None:
        return {}
    query = ["nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
    try:
        listed = subprocess.run(query, capture_output=True, text=True, timeout=30, check=False)
        header = subprocess.run(["nvidia-smi"], capture_output=True, text=True, timeout=30, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return {}
    if listed.returncode or not listed.stdout.strip():
        return {}
    cuda = header.partition("CUDA Version:")[2].split("|")[0].strip() or "?"
    gpus = "; ".join(listed.stdout.strip().splitlines())
    return {"cuda": cuda, "text": f"takes CUDA {cuda}: {gpus}"}


def environments(recipes: Sequence[Recipe], runs: bool) -> Iterator[Finding]:
    """Looks at adapters, as many at a time as there are cores, in their order."""
    with ThreadPoolExecutor(count_usable_cores()) as pool:
        for findings in pool.map(lambda recipe: environment(recipe, runs), recipes):
            yield from findings


def environment(recipe: Recipe, runs: bool) -> list[Finding]:
    """Looks at one adapter: whether its packages are there, and whether an environment can be made and stepped."""
    name, install = recipe.adapter, f"puffer install {recipe.adapter}"
    python = sys.version_info[:2]
    if not recipe.fits(python):
        text = f"its packages have no files for Python {python[0]}.{python[1]}"
        return [Finding(name, "absent", text, f"Use Python {recipe.python}")]
    versions = {item.name: _version(item.name) for item in recipe.requirements if _applies(item.line)}
    absent = [package for package, version in versions.items() if version is None]
    if absent:
        return [Finding(name, "absent", f"{', '.join(absent)} not installed", install)]
    main = recipe.requirements[0].name
    text = f"{main} {versions.get(main)}"
    if not runs:
        return [Finding(name, "ok", f"{text}, installed")]
    result, problem = probe(ENVIRONMENT_PROBE, name, str(NUM_STEPS))
    debian = find_missing(recipe.apt) if recipe.apt and shutil.which("dpkg-query") else []
    if result is not None:
        debian = [package for package in debian if package.kind != "build"]  # it is built already
    apt = shlex.join([*APT, *(package.names[0] for package in debian)]) if debian else ""
    if result is None:
        return [Finding(name, "broken", f"{text}: {problem}", apt or f"{install}, or see {problem_log(name)}")]
    findings = [Finding(name, "ok", f"{text}, {result['count']} environments; {result['name']} runs")]
    findings += roms(recipe)
    for what, others in group(result["found"]).items():
        findings.append(Finding("", "ok", f"{others} found {what}"))
    for (what, remedy), others in group({key: tuple(value) for key, value in result["missing"].items()}).items():
        mount = " In Docker, mount it: docker run -v FILE:THERE:ro ..." if remedy and _in_docker() else ""
        findings.append(Finding("", "note", f"{others} needs {what}", remedy + mount))
    if debian:
        findings.append(Finding("", "note", "for more frames: " + "; ".join(package.why for package in debian), apt))
    return findings


def group(causes: Mapping[str, Any]) -> dict[Any, str]:
    """Turns {name: cause} into {cause: names}, where many names are the first and a count."""
    names: dict[Any, list[str]] = {}
    for name, cause in causes.items():
        names.setdefault(cause, []).append(name)
    return {
        cause: found[0] if len(found) == 1 else f"{found[0]}, like {len(found) - 1} others,"
        for cause, found in names.items()
    }


def roms(recipe: Recipe) -> Iterator[Finding]:
    """Counts the games that the packages of an adapter bring."""
    for name in (requirement.name for requirement in recipe.requirements if requirement.name in ROMS):
        pattern, what = ROMS[name]
        there = [file for file in importlib.metadata.files(name) or () if file.match(pattern)]
        count = sum(os.path.isfile(file.locate()) for file in there)
        text = f"{count} {what} come with {name}"
        if count:
            yield Finding("", "ok", text)
        else:
            yield Finding("", "broken", text, f"pip install --force-reinstall --no-deps {name}")


def problem_log(name: str) -> str:
    """Gives the command that shows the whole traceback of an adapter."""
    return f'python -c "import pufferlib.environments as e; e.load({name!r}).make().reset()"'


def probe(code: str, *arguments: str) -> tuple[dict[str, Any] | None, str]:
    """Runs Python code in a process of its own.

    Returns:
        What its last line says, and nothing; or None, and what went wrong in one line.
    """
    line = [sys.executable, "-c", code, *arguments]
    quiet = os.environ | {"PYTHONWARNINGS": "ignore", "OMP_NUM_THREADS": "1"}
    try:
        done = subprocess.run(
            line, capture_output=True, text=True, errors="replace", timeout=PROBE_LIMIT_S, check=False, env=quiet
        )
    except subprocess.TimeoutExpired:
        return None, f"no answer within {PROBE_LIMIT_S:.0f} s"
    if done.returncode < 0:
        return None, f"it ended with signal {-done.returncode}"
    lines = [line for line in (done.stderr if done.returncode else done.stdout).splitlines() if line.strip()]
    last = lines[-1] if lines else f"exit code {done.returncode}"
    if done.returncode:
        return None, last[:300]
    result: dict[str, Any] = json.loads(last)
    return result, ""


def _applies(requirement: str) -> bool:
    """Whether a requirement is meant for this Python; markers other than on its version count as meant."""
    marker = requirement.partition(";")[2].replace(" ", "").replace('"', "").replace("'", "")
    if marker.startswith("python_version<"):
        bound = tuple(int(part) for part in marker.removeprefix("python_version<").split("."))
        return sys.version_info[:2] < bound
    return True


def _version(package: str) -> str | None:
    """Gives a package's installed version, if it is there."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _in_docker() -> bool:
    """Whether this is the inside of one of Docker's containers."""
    return os.path.exists("/.dockerenv")


def _size(count: int) -> str:
    """Writes a number of bytes for people."""
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{count / 2**20:.0f} MiB"


_REBUILD = "pip install --force-reinstall --no-deps pufferlib (in a checkout: make install)"
