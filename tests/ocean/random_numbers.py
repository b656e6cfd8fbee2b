"""The random numbers of `puffer_env.h` in plain Python: what a model of an environment draws from."""

from __future__ import annotations

_MASK64, _MASK32 = 2**64 - 1, 2**32 - 1


class RandomNumbers:
    """PCG32 (O'Neill 2014), seeded by SplitMix64 (Steele et al. 2014)."""

    def __init__(self, seed: int) -> None:
        self._seed = seed & _MASK64
        self.state = self._mix()
        self.increment = self._mix() | 1
        self.bits()

    def _mix(self) -> int:
        self._seed = (self._seed + 0x9E3779B97F4A7C15) & _MASK64
        z = self._seed
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK64
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK64
        return z ^ (z >> 31)

    def bits(self) -> int:
        """32 random bits."""
        old = self.state
        self.state = (old * 6364136223846793005 + self.increment) & _MASK64
        mixed, turn = (((old >> 18) ^ old) >> 27) & _MASK32, old >> 59
        return (mixed >> turn | mixed << (32 - turn)) & _MASK32

    def below(self, count: int) -> int:
        """A whole number in [0, count) (Lemire 2019)."""
        while True:
            product = self.bits() * count
            if product & _MASK32 >= 2**32 % count:
                return product >> 32

    def uniform(self) -> float:
        """A number in [0, 1) with 32 random bits."""
        return self.bits() * 2.0**-32

    def between(self, low: float, high: float) -> float:
        """A number in [low, high)."""
        return low + (high - low) * self.uniform()
