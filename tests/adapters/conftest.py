"""What the tests of all adapters share: which adapters there are, and a few environments of each.

`folder` is every adapter (every chosen one, if the run chooses), whether its package is installed or not. `adapter` and
`sample` are those of the chosen adapters (tests/chosen_adapters.py), whose packages must be there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import pufferlib.environments
from chosen_adapters import chosen, folders


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Runs a test once for every folder, every chosen adapter, or every sample of every chosen adapter."""
    if "folder" in metafunc.fixturenames:
        metafunc.parametrize("folder", folders())
    if "adapter" in metafunc.fixturenames:
        metafunc.parametrize("adapter", chosen())
    if "sample" in metafunc.fixturenames:
        samples = [
            pytest.param((adapter, name, options), id="-".join([adapter, name, *map(str, options.values())]))
            for adapter in chosen()
            for name, options in pufferlib.environments.load(adapter).SAMPLES
        ]
        metafunc.parametrize("sample", samples)


@pytest.fixture
def module(request: pytest.FixtureRequest) -> Any:
    """The adapter's module."""
    for name in ("adapter", "folder", "sample"):
        if name in request.fixturenames:
            value = request.getfixturevalue(name)
            return pufferlib.environments.load(value[0] if name == "sample" else value)
    raise LookupError("the test has neither of the fixtures adapter, folder and sample")


@pytest.fixture
def deviations(module: Any) -> dict[str, str]:
    """What the suite may not assert about the adapter: {key: reason}."""
    return dict(getattr(module, "DEVIATIONS", {}))


@pytest.fixture
def creator(module: Any, sample: tuple[str, str, dict[str, Any]]) -> Callable[..., Any]:
    """A callable that makes the sample."""
    return pufferlib.environments.make_creator("/".join(sample[:2]), **sample[2])
