"""What pyproject.toml can't say: packages from two folders, one extra per environment, and how the C is compiled."""

from __future__ import annotations

import os
import shlex
import sys
import tomllib
from pathlib import Path

from setuptools import Extension, find_packages, setup
from setuptools.command.build_ext import build_ext

ROOT = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT / "scripts"))

from c_compiler import FLAGS, find_compiler, find_include_dirs  # noqa: E402 (lives beside the build backend)
from recipes import read_recipes  # noqa: E402


class BuildNative(build_ext):
    """Compiles with our own flags, whatever compiler the interpreter itself was built with."""

    def build_extensions(self) -> None:
        """Points setuptools at the compiler and header that were found, then builds."""
        if self.compiler.compiler_type == "unix":
            command = [*find_compiler(), *shlex.split(os.environ.get("CFLAGS", ""))]
            link = ["-bundle", "-undefined", "dynamic_lookup"] if sys.platform == "darwin" else ["-shared"]
            command_so, linker = [*command, "-fPIC"], [*command, *link]
            self.compiler.set_executables(compiler=command, compiler_so=command_so, linker_so=linker)
            self.compiler.library_dirs = []
            self.compiler.runtime_library_dirs = []
            self.compiler.include_dirs = []
        for extension in self.extensions:
            extension.include_dirs = [*find_include_dirs(), *extension.include_dirs]
        super().build_extensions()

    def get_libraries(self, ext: Extension) -> list[str]:
        """Links nothing: the stable ABI's symbols come from the interpreter."""
        return []


def read_extras() -> dict[str, list[str]]:
    """Collects the extras: the fixed ones of pyproject.toml and one per adapter."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    extras: dict[str, list[str]] = project["tool"]["pufferlib"]["extras"]
    return extras | {name: recipe.extra for name, recipe in read_recipes(ROOT / "environments").items()}


def find_files(*patterns: str) -> list[str]:
    """Lists the files of the checkout that match, sorted, relative to its root."""
    return sorted(str(path.relative_to(ROOT)) for pattern in patterns for path in ROOT.glob(pattern))


def list_environments() -> tuple[str, str]:
    """The macro that tells `_native/environments.c` which environments there are: each file of `pufferlib/ocean`."""
    return "PUFFER_ENVIRONMENTS", " ".join(f"X({Path(file).stem})" for file in find_files("pufferlib/ocean/*.c"))


setup(
    packages=[
        *find_packages(include=["pufferlib", "pufferlib.*"]),
        "pufferlib.environments",
        *(f"pufferlib.environments.{name}" for name in find_packages("environments")),
    ],
    package_dir={"pufferlib": "pufferlib", "pufferlib.environments": "environments"},
    package_data={"": ["py.typed", "*.pyi", "*.toml", "*.md", "requirements.txt", "apt.txt", "constraints.txt"]},
    include_package_data=False,
    extras_require=read_extras(),
    ext_modules=[
        Extension(
            "pufferlib._native.core",
            sources=find_files("pufferlib/_native/*.c", "pufferlib/ocean/*.c"),
            depends=find_files("pufferlib/_native/**/*.h", "pufferlib/ocean/*.h"),
            define_macros=[("Py_LIMITED_API", "0x030B0000"), list_environments()],
            extra_compile_args=FLAGS,
            py_limited_api=True,
        )
    ],
    cmdclass={"build_ext": BuildNative},
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
