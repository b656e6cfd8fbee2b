"""The environments of the sanity suite again, slowly, in plain Python."""

from __future__ import annotations

from typing import Any

import numpy as np

from ocean.lockstep import Turn
from ocean.random_numbers import RandomNumbers


def hot(size: int, *places: int) -> np.ndarray[Any, Any]:
    """One row of zeros with ones in places."""
    row = np.zeros((1, size), np.float32)
    row[0, list(places)] = 1
    return row


def turn(seen: Any, reward: float, score: float | None = None, cut: bool = False) -> Turn:
    """A step of an environment of one agent; with a score it was the last one."""
    over = score is not None
    flag, no = np.array([over]), np.array([False])
    numbers = {0: {"score": float(score)}} if score is not None else {}
    ends = (no, flag) if cut else (flag, no)
    return Turn(np.asarray(seen), np.array([float(reward)]), *ends, np.array([not over]), numbers, over)


class Slow:
    """Keeps the options and the random numbers."""

    def __init__(self, seed: int, **options: Any) -> None:
        self.random = RandomNumbers(seed)
        self.__dict__.update(options)


class BanditModel(Slow):
    """The symbol's arm pays."""

    arms = 4

    def reset(self) -> Any:
        """Draws a symbol."""
        self.symbol = self.random.below(self.arms)
        return hot(self.arms, self.symbol)

    def step(self, actions: Any) -> Turn:
        """Pulls."""
        right = actions[0] == self.symbol
        return turn(hot(self.arms), right, right)


class SeedsModel(Slow):
    """The world is the number of the stream."""

    worlds = 4

    def reset(self) -> Any:
        """Shows it."""
        self.world = (self.random.increment >> 33) % self.worlds
        return hot(self.worlds, self.world)

    def step(self, actions: Any) -> Turn:
        """Compares the answer."""
        right = actions[0] == self.world
        return turn(hot(self.worlds, self.world), right, right)


class MemoryModel(Slow):
    """The first symbol is asked for, all the time."""

    symbols, min_steps, max_steps = 3, 3, 8

    def reset(self) -> Any:
        """Draws the length, then the symbol."""
        self.length = self.min_steps + self.random.below(self.max_steps - self.min_steps + 1)
        self.first = self.random.below(self.symbols)
        self.answers: list[bool] = []
        return hot(self.symbols, self.first)

    def step(self, actions: Any) -> Turn:
        """Counts right answers but for the first."""
        self.answers.append(actions[0] == self.first)
        over = len(self.answers) == self.length
        score = sum(self.answers[1:]) / (self.length - 1) if over else None
        return turn(hot(self.symbols, self.random.below(self.symbols)), self.answers[-1], score)


class MultiagentModel(Slow):
    """A permutation of symbols at each step."""

    agents, steps = 4, 4

    def reset(self) -> Any:
        """Begins."""
        self.played, self.right = 0, np.zeros(self.agents)
        return self.show()

    def show(self) -> Any:
        """Shuffles (Fisher and Yates), from the back."""
        self.symbols = list(range(self.agents))
        for i in range(self.agents - 1, 0, -1):
            j = self.random.below(i + 1)
            self.symbols[i], self.symbols[j] = self.symbols[j], self.symbols[i]
        return np.eye(self.agents, dtype=np.float32)[self.symbols]

    def step(self, actions: Any) -> Turn:
        """Compares each agent's answer with its own symbol."""
        right = np.array(actions) == self.symbols
        self.right += right
        self.played += 1
        over = self.played == self.steps
        ends = np.full(self.agents, over)
        numbers = {i: {"score": self.right[i] / self.steps} for i in range(self.agents)} if over else {}
        return Turn(self.show(), right.astype(float), ends, np.zeros(self.agents, bool), ~ends, numbers, over)


class PasswordModel(Slow):
    """The secret is 0xB2D9, lowest bit first."""

    length = 10

    def reset(self) -> Any:
        """Asks for the first bit."""
        self.typed: list[bool] = []
        return hot(self.length, 0)

    def step(self, actions: Any) -> Turn:
        """Pays at the end, for all or nothing."""
        self.typed.append(actions[0] == 1)
        count = len(self.typed)
        if count < self.length:
            return turn(hot(self.length, count), 0)
        right = self.typed == [digit == "1" for digit in reversed(f"{0xB2D9:016b}")][: self.length]
        return turn(hot(self.length), right, right)


class ShareModel(Slow):
    """Counts how often 0 was played; the two environments pay differently."""

    steps, share = 64, 0.75

    def reset(self) -> Any:
        """Forgets."""
        self.played: list[bool] = []
        return hot(1)

    def step(self, actions: Any) -> Turn:
        """Scores at the end."""
        reward = self.pay(actions[0] == 0)
        self.played.append(actions[0] == 0)
        if len(self.played) < self.steps:
            return turn(hot(1), reward)
        off = (sum(self.played) / self.steps - self.share) / min(self.share, 1 - self.share)
        return turn(hot(1), reward, max(0.0, 1 - off * off))

    def pay(self, zero: bool) -> float:
        """Pays for the action that there were too few of."""
        return zero == (sum(self.played) < self.share * (len(self.played) + 1))


class EntropyModel(ShareModel):
    """Pays for 0."""

    premium = 0.2197

    def pay(self, zero: bool) -> float:
        """Pays for 0."""
        return self.premium if zero else 0


class DiscountModel(Slow):
    """A little now or more later."""

    wait, little, much = 3, 1.5, 2.5

    def reset(self) -> Any:
        """Draws what is offered."""
        self.kind, self.waited, self.waits = self.random.below(2), 0, False
        return self.show()

    def show(self) -> Any:
        """What it is, and how long one has waited."""
        return hot(3 + self.wait, self.kind, 2 + self.waited)

    def step(self, actions: Any) -> Turn:
        """Only the first action counts."""
        if self.waited == 0:
            self.waits = actions[0] == 1
        if self.waits and self.waited < self.wait:
            self.waited += 1
            return turn(self.show(), 0)
        late = self.much if self.kind else self.little
        return turn(self.show(), late if self.waits else 1, self.waits == (self.kind == 1))


class TruncationModel(Slow):
    """A job, cut short."""

    limit, pay_off = 2, 3.0

    def reset(self) -> Any:
        """At the door."""
        self.played = 0
        return hot(2, 0)

    def step(self, actions: Any) -> Turn:
        """Leaves, begins or works."""
        self.played += 1
        if self.played == 1 and actions[0] == 1:
            return turn(hot(2, 1), self.pay_off, 0)
        is_cut = self.played == self.limit
        return turn(hot(2, 1), self.played > 1, 1 if is_cut else None, cut=is_cut)


class TerminalModel(Slow):
    """Now or a step later."""

    prize = 1.5

    def reset(self) -> Any:
        """At the start."""
        self.later = False
        return hot(2, 0)

    def step(self, actions: Any) -> Turn:
        """Takes or waits."""
        if not self.later and actions[0] == 1:
            self.later = True
            return turn(hot(2, 1), 0)
        return turn(hot(2, 0), self.prize if self.later else 1, self.later)


class AfterlifeModel(Slow):
    """The next episode pays."""

    price, debt = 2.0, False

    def reset(self) -> Any:
        """Shows nothing."""
        return hot(1)

    def step(self, actions: Any) -> Turn:
        """Takes, and pays for the last time."""
        takes, owed = actions[0] == 1, self.price if self.debt else 0
        self.debt = takes
        return turn(hot(1), takes - owed, takes)


class AbsentModel(Slow):
    """Agents that come, choose and go; the first one queues until the others have gone."""

    agents, steps, prize = 8, 24, 2.0

    def reset(self) -> Any:
        """Draws who comes when."""
        self.played = 0
        self.arrival = [self.random.below(self.steps) for _ in range(self.agents)]
        self.place = ["gate" if at == 0 else "away" for at in self.arrival]
        self.place[0] = "gate" if self.agents == 1 else "queue"
        return self.show()

    def show(self) -> Any:
        """The gate and the queue look like something."""
        return np.array([[place == "gate", place == "queue"] for place in self.place], np.float32)

    @property
    def present(self) -> Any:
        """Who is there."""
        return np.array([place not in ("away", "gone") for place in self.place])

    def step(self, actions: Any) -> Turn:
        """Moves everyone who is there, and lets others in."""
        self.played += 1
        rewards, ends = np.zeros(self.agents), np.zeros(self.agents, bool)
        numbers: dict[int, dict[str, float]] = {}
        for i, place in enumerate(list(self.place)):
            if place == "gate" and actions[i] == 1:
                self.place[i] = "field"
            elif place in ("gate", "field"):
                rewards[i], ends[i] = (self.prize if place == "field" else 1), True
                numbers[i] = {"score": float(place == "field")}
                self.place[i] = "gone"
            elif place == "away" and self.arrival[i] == self.played:
                self.place[i] = "gate"
        if self.place[0] == "queue" and self.place.count("gone") == self.agents - 1:
            self.place[0] = "gate"
        over = self.place.count("gone") == self.agents
        return Turn(self.show(), rewards, ends, np.zeros(self.agents, bool), self.present, numbers, over)


class SettingModel(Slow):
    """Numbers to be set within bounds: errors in half ranges."""

    tolerance = 1.0

    def payment(self, given: Any, low: float, high: float, target: float) -> float:
        """1 for the target, 0 for what is `tolerance` or more away."""
        value = float(np.clip(given, low, high))
        place = (value - (low + high) / 2) / ((high - low) / 2) if value == value else 0.0
        error = (place - target) / self.tolerance
        return min(error * error, 1.0)


class ContinuousModel(SettingModel):
    """Four of them."""

    bounds = ((-1, 1), (0, 10), (-30, -10), (100, 500))

    def reset(self) -> Any:
        """Draws the targets."""
        self.targets = [self.random.between(-1, 1) for _ in self.bounds]
        return np.array([self.targets], np.float32)

    def step(self, actions: Any) -> Turn:
        """Pays for being near."""
        given = np.asarray(actions[0]).ravel()
        off = 0.0
        for value, bounds, target in zip(given, self.bounds, self.targets, strict=True):
            off += self.payment(value, *bounds, target) / 4
        return turn(hot(4), 1 - off, 1 - off)


class MixedModel(SettingModel):
    """Two of them, and two choices."""

    bounds = ((0, 10), (-20, -10))

    def reset(self) -> Any:
        """Draws the choices, then the targets."""
        self.tool, self.mode = self.random.below(3), self.random.below(2)
        self.targets = [self.random.between(-1, 1) for _ in self.bounds]
        return np.concatenate([np.array([self.targets], np.float32), hot(2, self.mode), hot(3, self.tool)], 1)

    def step(self, actions: Any) -> Turn:
        """Pays for each part; a flat action is mode, tool, amounts."""
        mode, tool, *amounts = actions[0]
        right = 0.0
        for value, bounds, target in zip(amounts, self.bounds, self.targets, strict=True):
            right += 1 - self.payment(value, *bounds, target)
        right += float(tool == self.tool) + float(mode == self.mode)
        return turn(hot(7), right / 4, right / 4)


class SpacesModel(Slow):
    """Four leaves, packed by hand into 32 bytes."""

    steps = 1

    def reset(self) -> Any:
        """Begins."""
        self.played = self.right = 0
        return self.show()

    def show(self) -> Any:
        """Draws the answers, the height and the votes."""
        self.answers = [self.random.below(n) for n in (2, 3, 4, 5)]
        size = self.random.between(0.1, 1)
        votes = [self.random.below(128) + 128 * (i == self.answers[1]) for i in range(3)]
        row = np.zeros(32, np.uint8)
        row[:4] = np.array([size if self.answers[0] else -size], np.float32).view(np.uint8)
        row[8:10] = self.answers[2] & 1, self.answers[2] >> 1
        row[16] = self.answers[3]
        row[24:27] = votes
        return row[None]

    def step(self, actions: Any) -> Turn:
        """Compares the parts."""
        right = sum(int(a) == b for a, b in zip(actions[0], self.answers, strict=True))
        self.right += right
        self.played += 1
        score = self.right / (4 * self.played) if self.played == self.steps else None
        return turn(self.show(), right / 4, score)


MODELS: dict[str, Any] = {
    "absent": AbsentModel,
    "afterlife": AfterlifeModel,
    "bandit": BanditModel,
    "continuous": ContinuousModel,
    "discount": DiscountModel,
    "entropy": EntropyModel,
    "memory": MemoryModel,
    "mixed": MixedModel,
    "multiagent": MultiagentModel,
    "password": PasswordModel,
    "seeds": SeedsModel,
    "spaces": SpacesModel,
    "stochastic": ShareModel,
    "terminal": TerminalModel,
    "truncation": TruncationModel,
}
