"""The process's one Java virtual machine, and the parts of MicroRTS in it.

A machine that was shut down can't be started again in the same process, so it runs from the first environment until the
process ends, whoever closes what.
"""

from __future__ import annotations

import functools
import locale
import threading
from pathlib import Path
from typing import Any, NamedTuple

from pufferlib.environments._packages import import_package
from pufferlib.exceptions import EmulationError, MissingDependency

# No display; no handlers for SIGINT and SIGTERM, which are Python's; no file in /tmp/hsperfdata; no extra threads; the
# main thread keeps its whole stack, of which Java would leave it 1 MiB: Procgen, in the same process, draws with more.
_OPTIONS = ("-Djava.awt.headless=true", "-Xrs", "-XX:-UsePerfData", "-XX:+UseSerialGC", "-Xshare:auto", "-Xss8m")
_APT = "sudo apt-get install --no-install-recommends openjdk-17-jre-headless"
_LOCK = threading.Lock()


class Bot(NamedTuple):
    """A bot that comes with the package."""

    java_class: str
    takes_units: bool = True  # its constructor wants the table of unit types
    uses_clock: bool = False  # it searches for 100 ms, or as long as it wants: a game can't be repeated


BOTS = {
    "POHeavyRush": Bot("ai.abstraction.partialobservability.POHeavyRush"),
    "POLightRush": Bot("ai.abstraction.partialobservability.POLightRush"),
    "PORangedRush": Bot("ai.abstraction.partialobservability.PORangedRush"),
    "POWorkerRush": Bot("ai.abstraction.partialobservability.POWorkerRush"),
    "coacAI": Bot("ai.coac.CoacAI"),
    "droplet": Bot("GNS.Droplet", uses_clock=True),
    "guidedRojoA3N": Bot("ai.competition.GRojoA3N.GuidedRojoA3N", uses_clock=True),
    "izanagi": Bot("ai.competition.IzanagiBot.Izanagi", uses_clock=True),
    "lightRushAI": Bot("ai.abstraction.LightRush"),
    "mayari": Bot("mayariBot.mayari"),
    "mixedBot": Bot("ai.JZ.MixedBot", uses_clock=True),
    "naiveMCTSAI": Bot("ai.mcts.naivemcts.NaiveMCTS", uses_clock=True),
    "passiveAI": Bot("ai.PassiveAI", takes_units=False),
    "randomAI": Bot("ai.RandomBiasedSingleUnitAI", takes_units=False),
    "randomBiasedAI": Bot("ai.RandomBiasedAI", takes_units=False),
    "rojo": Bot("ai.competition.rojobot.Rojo", uses_clock=True),
    "tiamat": Bot("ai.competition.tiamat.Tiamat", uses_clock=True),
    "workerRushAI": Bot("ai.abstraction.WorkerRush"),
}
# What the six parts of the reward are called in Java and in infos, in the order of their weights.
REWARDS = {
    "WinLoss": "win_loss",
    "ResourceGather": "resources",
    "ProduceWorker": "workers",
    "ProduceBuilding": "buildings",
    "Attack": "attacks",
    "ProduceCombatUnit": "combat_units",
}


def package_folder() -> Path:
    """Finds the jars and maps of gym-microrts; only its empty top module is imported."""
    return Path(import_package("gym_microrts", "microrts").__path__[0]) / "microrts"


@functools.cache
def start() -> Any:
    """Starts the machine unless it runs, and returns the module `jpype`.

    Raises:
        MissingDependency: there is no JPype, or no Java.
        EmulationError: Java doesn't start, for example after somebody has shut it down in this process.
    """
    jpype = import_package("jpype", "microrts")
    folder = package_folder()
    jars = [folder / "microrts.jar", *sorted((folder / "lib" / "bots").glob("*.jar"))]
    with _LOCK:
        if jpype.isJVMStarted():  # somebody else's: it learns about the jars, the rest is theirs
            for jar in jars:
                jpype.addClassPath(jar)
            return jpype
        before = locale.setlocale(locale.LC_ALL)
        try:
            jpype.startJVM(*_OPTIONS, classpath=[str(jar) for jar in jars], convertStrings=False, interrupt=False)
        except jpype.JVMNotFoundException as error:
            raise MissingDependency("microrts", "Java 11 or newer", _APT) from error
        except OSError as error:
            problem = f"Java doesn't start: {error}."
            raise EmulationError("MicroRTS", problem, "Where it was shut down before, use a new process.") from error
        finally:
            locale.setlocale(locale.LC_ALL, before)  # Java sets the user's, and JPype restores only a part of it
        # Bots talk a lot, and the game reports every action that is against its rules.
        silence = jpype.JClass("java.io.PrintStream")(jpype.JClass("java.io.OutputStream").nullOutputStream())
        system = jpype.JClass("java.lang.System")
        system.setOut(silence)
        system.setErr(silence)
    return jpype


def make_bot(jpype: Any, name: str, units: Any) -> Any:
    """Makes a bot for a table of unit types."""
    bot = BOTS[name]
    java_class = jpype.JClass(bot.java_class)
    return java_class(units) if bot.takes_units else java_class()


def make_client(jpype: Any, map_path: Path, bot: Any, units: Any, partial_obs: bool) -> Any:
    """Makes one game between whoever calls it, as player 0, and a bot."""
    parts = [jpype.JClass(f"ai.rewardfunction.{name}RewardFunction")() for name in REWARDS]
    rewards = jpype.JArray(jpype.JClass("ai.rewardfunction.RewardFunctionInterface"))(parts)
    return jpype.JClass("tests.JNIGridnetClient")(rewards, "", str(map_path), bot, units, partial_obs)
