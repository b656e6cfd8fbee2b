"""Runs one peer's pool by the driver's requests: a line of JSON in, a line of JSON out.

Requests: {"make": case}, {"warm": seconds}, {"run": seconds}, {"describe": true}, {"close": true}. A case has env,
options, num_actions, num_envs, mode, num_workers and batch_size; see `_vector_cases.py`. Imports nothing but the
standard library.
"""

from __future__ import annotations

import json
import os
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

CHUNK_S = 0.02  # steps between two looks at the clock


@dataclass
class Pool:
    """A peer's pool, ready to be stepped."""

    step: Callable[[], Any]  # hands in actions for one batch and waits for the next one
    close: Callable[[], Any]
    batch_size: int  # environment steps of one call
    describe: Callable[[], dict[str, Any]] = dict  # what else to tell of a turn


def serve(make: Callable[[dict[str, Any]], Pool], *packages: str) -> None:
    """Answers until the driver closes.

    Args:
        make: makes the pool of a case, already reset.
        packages: whose versions the driver is told.
    """
    warnings.simplefilter("ignore")  # old peers warn a lot
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # environments may print
    pool, count = None, 1
    for line in sys.stdin:
        request = json.loads(line)
        answer: dict[str, Any] = {}
        try:
            if "make" in request:
                pool = make(request["make"])
                answer["versions"] = {name: version(name) for name in packages}
            elif "describe" in request:
                assert pool is not None
                answer = {"notes": pool.describe()}
            elif "close" in request:
                if pool is not None:
                    pool.close()
            else:
                assert pool is not None
                calls, seconds, count = run(pool.step, request.get("warm") or request["run"], count)
                answer = {"steps": calls * pool.batch_size, "batches": calls, "seconds": seconds}
        except Exception as error:  # noqa: BLE001 - the driver reports it and goes on
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers, flush=True)
        if "close" in request:
            break
    answers.flush()
    os._exit(0)  # some peers' threads would wait for ever


def run(step: Callable[[], Any], seconds: float, count: int) -> tuple[int, float, int]:
    """Calls `step` for about so many seconds, `count` times between looks at the clock.

    Returns:
        The calls, the seconds that they took, and the count for the next run.
    """
    calls, start = 0, time.perf_counter()
    while True:
        before = time.perf_counter()
        for _ in range(count):
            step()
        now = time.perf_counter()
        calls += count
        if now - start >= seconds:
            return calls, now - start, count
        if now - before < CHUNK_S / 4:
            count *= 2
