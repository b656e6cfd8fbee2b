"""What the tests of all adapters share: which adapters there are, and a few environments of each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import pufferlib.environments
from pufferlib.exceptions import MissingDependency

FOLDER = Path(pufferlib.environments.__file__).parent
ADAPTERS = sorted(path.parent.name for path in FOLDER.glob("*/environment.py"))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Runs a test once for every adapter (`adapter`), or once for every sample of every adapter (`sample`)."""
    if "adapter" in metafunc.fixturenames:
        metafunc.parametrize("adapter", ADAPTERS)
    if "sample" in metafunc.fixturenames:
        samples = [
            pytest.param((adapter, name, options), id="-".join([adapter, name, *map(str, options.values())]))
            for adapter in ADAPTERS
            for name, options in pufferlib.environments.load(adapter).SAMPLES
        ]
        metafunc.parametrize("sample", samples)


@pytest.fixture
def module(request: pytest.FixtureRequest) -> Any:
    """The adapter's module; skips the test where the package that it adapts isn't installed."""
    names = request.fixturenames
    adapter = request.getfixturevalue("adapter") if "adapter" in names else request.getfixturevalue("sample")[0]
    module = pufferlib.environments.load(adapter)
    try:
        module.names()
    except MissingDependency as error:
        pytest.skip(str(error))
    return module


@pytest.fixture
def creator(module: Any, sample: tuple[str, str, dict[str, Any]]) -> Callable[..., Any]:
    """A callable that makes the sample."""
    return pufferlib.environments.make_creator("/".join(sample[:2]), **sample[2])
