"""Connect four: its rules to the last bit, the search it plays against, and what the loser learns."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import pufferlib.vector
from ocean.connect4_model import Connect4Model
from ocean.lockstep import compare
from pufferlib.exceptions import ConfigError
from pufferlib.ocean import env_creator
from pufferlib.training.advantage import compute_advantages
from pufferlib.training.rollout import Rollout

columns = st.integers(0, 6)


@pytest.mark.timeout(120)
@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**31), st.integers(0, 20), st.lists(st.tuples(columns, columns), max_size=120))
def test_connect4__two_agents_play_like_the_slow_model(seed, opening, actions):
    """Openings, turns, wins, draws, full columns and views are those of a model with lists."""
    options = {"players": 2, "opening": opening}
    compare("connect4", options, Connect4Model(seed, **options), seed, actions)


@pytest.mark.timeout(240)
@pytest.mark.parametrize(("depth", "num_examples"), [(0, 60), (1, 60), (2, 40), (3, 15), (4, 3)])
def test_connect4__the_search_plays_like_the_slow_model(depth, num_examples):
    """With pruning it chooses as a search without, draws included."""

    @settings(max_examples=num_examples, deadline=None)
    @given(st.integers(0, 2**31), st.lists(columns, max_size=24))
    def play(seed, actions):
        options = {"players": 1, "depth": depth}
        compare("connect4", options, Connect4Model(seed, **options), seed, [[action] for action in actions])

    play()


def test_connect4__out_of_range_columns_lose():
    """A column that isn't there is one that is full."""
    for column in (-1, 7, 2**40, -(2**62)):
        with pufferlib.vector.make(env_creator("connect4"), num_envs=1, env_kwargs={"players": 2}) as pool:
            seen, _ = pool.reset(seed=0)
            mover = int(seen[1, -1])
            _, rewards, terminals, _, _ = pool.step(np.full(2, column))

        assert terminals.all() and rewards[mover] == -1 and rewards[1 - mover] == 1


def full_board_without_four():
    """Columns that fill the board without four in a row, from the first move on."""
    return [0, 1] * 3 + [1, 0] * 3 + [2, 3] * 3 + [3, 2] * 3 + [4, 5] * 3 + [5, 4] * 3 + [6] * 6


def test_connect4__a_full_board_is_a_draw():
    """42 pieces without four in a row end the game with 0 for both."""
    moves = full_board_without_four()
    with pufferlib.vector.make(env_creator("connect4"), num_envs=1, env_kwargs={"players": 2}) as pool:
        pool.reset(seed=0)
        for move in moves[:-1]:
            _, _, terminals, _, _ = pool.step(np.full(2, move))
            assert not terminals.any()
        _, rewards, terminals, _, infos = pool.step(np.full(2, moves[-1]))

    assert terminals.all() and not rewards.any()
    assert [infos[0][f"agent_{i}"]["drawn"] for i in range(2)] == [1, 1]


@pytest.mark.parametrize("depth", [2, 3, 5, 8])
def test_connect4__a_search_of_two_plies_never_overlooks_a_win_or_a_single_threat(depth):
    """Whoever stacks one column is blocked at its fourth piece, at any depth from 2 on."""
    with pufferlib.vector.make(env_creator("connect4"), num_envs=1, env_kwargs={"players": 1, "depth": depth}) as pool:
        pool.reset(seed=1)
        returns = []
        for _ in range(200):
            legal = pool.reset(seed=len(returns))[0][0, :7].nonzero()[0]
            column, rewards, terminals = legal[0], np.zeros(1), np.zeros(1, bool)
            while not terminals[0]:
                seen, rewards, terminals, _, _ = pool.step(np.array([column]))
                if not seen[0, column]:
                    break
            if terminals[0]:
                returns.append(rewards[0])
            else:
                returns.append(0)
            if len(returns) >= 20:
                break

    assert max(returns) < 1


def play_out(moves, seed):
    """Plays these moves and gives a rollout of both agents as the trainer would store it, with values of 0."""
    with pufferlib.vector.make(env_creator("connect4"), num_envs=1, env_kwargs={"players": 2}) as pool:
        pool.async_reset(seed=seed)
        observations, _, _, _, _, rows, mask = pool.recv()
        rollout = Rollout(
            len(moves),
            2,
            torch.zeros(1, observations.shape[1]),
            torch.zeros(1, dtype=torch.int64),
            None,
            lockstep=True,
            device=torch.device("cpu"),
        )
        first, starts = int(observations[1, -1]), np.ones(2, bool)
        for move in [*moves, None]:
            nothing = torch.zeros(2)
            action = torch.full((2,), move or 0)
            rollout.add_choices(
                rows, torch.tensor(observations, dtype=torch.float32), starts, mask, None, action, nothing, nothing
            )
            if move is None:
                break
            pool.send(np.full(2, move))
            observations, rewards, terminals, truncations, _, rows, mask = pool.recv()
            rollout.add_results(rows, rewards, terminals, truncations, mask, None)
            starts = terminals | truncations
    return rollout, first


def test_connect4__the_loser_learns_of_its_loss():
    """The last move of the loser, a step before the end, is charged with the loss; waiting and moving both count."""
    rollout, first = play_out([3, 0, 3, 0, 3, 1, 3], seed=0)  # the first player stacks four, the other lets it
    loser = 1 - first
    gamma, gae_lambda = 0.9, 0.8
    advantages = compute_advantages(
        rollout.rewards,
        rollout.values.numpy(),
        rollout.final_values,
        rollout.terminals,
        rollout.truncations,
        rollout.alive,
        gamma,
        gae_lambda,
    )

    assert rollout.alive.all()
    assert rollout.terminals[-1].all() and not rollout.terminals[:-1].any()
    assert rollout.rewards[-1].tolist() == [1 if i == first else -1 for i in range(2)]
    assert advantages[-1, first] == 1
    assert advantages[-2, loser] == pytest.approx(-gamma * gae_lambda)


def test_connect4__who_waits_has_no_choice():
    """In every step of random games one mask holds the open columns and the other (1, 0, 0, 0, 0, 0, 0)."""
    generator = np.random.default_rng(0)
    with pufferlib.vector.make(env_creator("connect4"), num_envs=8, env_kwargs={"players": 2}) as pool:
        seen, _ = pool.reset(seed=0)
        for _ in range(300):
            masks, turns = seen[:, :7].reshape(8, 2, 7), seen[:, -1].reshape(8, 2)
            assert (turns.sum(1) == 1).all()
            assert (masks[turns == 0] == [1, 0, 0, 0, 0, 0, 0]).all()
            actions = [generator.choice(np.flatnonzero(row[:7])) for row in seen]
            seen, rewards, *_ = pool.step(np.array(actions))

            assert (rewards.reshape(8, 2).sum(1) == 0).all()


def test_connect4__two_agents_pass_pettingzoos_checkers():
    """As a ParallelEnv with flat and with original spaces, where the masks say what may be done."""
    pettingzoo = pytest.importorskip("pettingzoo.test")
    for flat in (True, False):
        make = functools.partial(env_creator("connect4"), players=2, flat=flat)
        pettingzoo.parallel_api_test(make(), num_cycles=300)
        pettingzoo.parallel_seed_test(make, num_cycles=100)


@pytest.mark.parametrize(
    ("options", "match"),
    [({"players": 3}, r"players.*3"), ({"depth": 9}, r"depth.*9.*0 to 8"), ({"opening": 21}, r"opening.*21")],
)
def test_connect4__refuses_other_games(options, match):
    """Bad options raise an error that names them and what is possible."""
    with pytest.raises(ConfigError, match=match):
        env_creator("connect4")(**options)


def test_connect4__draws_the_pieces():
    """After two moves there is one piece of each colour, the last one marked."""
    env = env_creator("connect4")(players=2, render_mode="rgb_array")
    env.reset(seed=0)
    empty = {tuple(pixel) for pixel in env.draw().reshape(-1, 3)}
    for column in (2, 3):
        env.step({agent: column for agent in env.agents})
    colours = {tuple(pixel) for pixel in env.draw().reshape(-1, 3)}

    assert colours - empty == {(240, 84, 80), (255, 208, 84), (255, 255, 255)}
