"""What is special about OpenSpiel: turns, masks, chance, illegal actions, and a hundred games in one form."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

pytest.importorskip("pyspiel")

import pyspiel

import pufferlib.environments.open_spiel as adapter
from pufferlib.environments.open_spiel.environment import _is_playable
from pufferlib.exceptions import ConfigError, UnknownEnvironment

KINDS = {kind.short_name: kind for kind in pyspiel.registered_games()}
SLOW = ("bridge", "bridge_uncontested_bidding")  # the end of a deal takes up to seconds


def game_of(env: Any) -> Any:
    """The game inside an emulated environment, whose observations aren't packed."""
    return env.env.env


def legal(observations: dict[str, Any], rng: np.random.Generator) -> dict[str, int]:
    """Draws an action that each player's mask allows."""
    return {
        agent: int(rng.choice(np.flatnonzero(observation["action_mask"])))
        for agent, observation in observations.items()
    }


def play(game: Any, seed: int | None, num_steps: int = 30) -> list[Any]:
    """Plays legal actions, the same ones every time, over ends, and returns all that came out."""
    rng = np.random.default_rng(0)
    results: list[Any] = [game.reset(seed=seed)]
    for _ in range(num_steps):
        results.append(game.step(legal(results[-1][0], rng)) if game.agents else game.reset())
    return results


def test_names__leave_out_what_the_data_sheet_says():
    """Left out are games that need parameters, have a mean field, or give nothing to observe."""
    names = set(adapter.names())
    left_out = {name: kind for name, kind in KINDS.items() if name not in names}

    assert len(names) >= 100
    assert {"chess", "hanabi", "leduc_poker", "goofspiel", "2048", "matrix_pd"} <= names
    for name, kind in left_out.items():
        assert (
            not kind.default_loadable
            or kind.dynamics == pyspiel.GameType.Dynamics.MEAN_FIELD
            or not (kind.provides_observation_tensor or kind.provides_information_state_tensor)
            or name == "crossword"
        ), name


def test_names__crossword_is_broken():
    """It claims a tensor that it doesn't implement; once it does, it belongs to the list."""
    assert not _is_playable(KINDS["crossword"])
    with pytest.raises(pyspiel.SpielError, match="unimplemented"):
        pyspiel.load_game("crossword").observation_tensor_shape()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", adapter.names())
def test_game__same_seed_gives_the_same_game(name):
    """In every game, chance follows the seed, in a used and in a new environment, and observations fit their space."""
    used, new = game_of(adapter.make(name)), game_of(adapter.make(name))
    num_steps = 2 if name in SLOW else 30
    first = play(used, seed=3, num_steps=num_steps)

    assert pickle.dumps(play(used, seed=3, num_steps=num_steps)) == pickle.dumps(first)
    assert pickle.dumps(play(new, seed=3, num_steps=num_steps)) == pickle.dumps(first)
    for observations, *_ in first:
        for agent, observation in observations.items():
            assert observation in used.observation_space(agent)
            assert np.isfinite(observation["observation"]).all()
            assert observation["action_mask"].any()


@pytest.mark.parametrize("name", ["leduc_poker", "backgammon", "hanabi", "catch", "negotiation", "goofspiel", "2048"])
def test_game__other_seeds_deal_otherwise(name):
    """Ten seeds give more than one game, also where the game draws chance inside."""
    game = game_of(adapter.make(name))

    assert len({pickle.dumps(play(game, seed, num_steps=8)) for seed in range(10)}) > 1


@pytest.mark.parametrize("name", ["tic_tac_toe", "leduc_poker", "chess", "goofspiel", "bargaining"])
def test_observation__is_openspiels_tensor(name):
    """The numbers are those of OpenSpiel's own function for each player, in the game's shape."""
    for observation in ("information_state", "observation"):
        try:
            game = game_of(adapter.make(name, observation=observation))
        except ConfigError:
            assert observation == "information_state"
            continue
        rng = np.random.default_rng(1)
        observations, _ = game.reset(seed=2)
        for _ in range(6):
            for player, agent in enumerate(game.agents):
                tensor = getattr(game.state, f"{observation}_tensor")(player)
                expected = np.array(tensor, np.float32).reshape(game.observation_space(agent)["observation"].shape)
                np.testing.assert_array_equal(observations[agent]["observation"], expected, strict=True)
            if game.agents:
                observations = game.step(legal(observations, rng))[0]


def test_observation__default_is_the_information_state():
    """As in OpenSpiel's own environment: perfect memory where the game has it, else what is seen now."""
    assert game_of(adapter.make("leduc_poker")).observation_space("player_0")["observation"].shape == (30,)
    short = adapter.make("leduc_poker", observation="observation")
    assert game_of(short).observation_space("player_0")["observation"].shape == (16,)
    with pytest.raises(ConfigError, match="information_state"):
        adapter.make("chess", observation="information_state")


def test_turns__only_the_player_to_move_chooses():
    """The mask of who waits allows only 0, which is ignored; the other's holds the legal actions."""
    game = game_of(adapter.make("tic_tac_toe"))
    observations, _ = game.reset()

    assert observations["player_0"]["action_mask"].tolist() == [1] * 9
    assert observations["player_1"]["action_mask"].tolist() == [1] + [0] * 8
    observations, rewards, *_ = game.step({"player_0": 4, "player_1": 4})
    assert rewards == {"player_0": 0.0, "player_1": 0.0}
    assert observations["player_0"]["action_mask"].tolist() == [1] + [0] * 8
    assert observations["player_1"]["action_mask"].tolist() == [1, 1, 1, 1, 0, 1, 1, 1, 1]


def test_turns__a_win_ends_the_game_for_all():
    """The winner gets 1, the loser -1, and statistics come for both."""
    env = adapter.make("tic_tac_toe")
    env.reset(seed=0)
    for cross, nought in ((0, 3), (1, 4)):
        env.step({"player_0": cross, "player_1": 0})
        env.step({"player_0": 0, "player_1": nought})
    _, rewards, terminals, truncations, infos = env.step({"player_0": 2, "player_1": 0})

    assert rewards == {"player_0": 1.0, "player_1": -1.0}
    assert all(terminals.values())
    assert not any(truncations.values())
    assert env.agents == []
    assert infos["player_1"] == {"illegal_actions": 0, "episode": {"r": -1.0, "l": 5}}


def test_simultaneous__all_move_at_once():
    """In the prisoners' dilemma one step decides, and both masks hold both actions."""
    game = game_of(adapter.make("matrix_pd"))
    observations, _ = game.reset()
    assert [observation["action_mask"].tolist() for observation in observations.values()] == [[1, 1], [1, 1]]
    _, rewards, terminals, *_ = game.step({"player_0": 1, "player_1": 0})

    assert rewards == {"player_0": 10.0, "player_1": 0.0}
    assert all(terminals.values())


def test_illegal__loses_the_game():
    """The offender gets the least that the game can give, the other nothing, and the info tells."""
    env = adapter.make("tic_tac_toe")
    env.reset(seed=0)
    env.step({"player_0": 4, "player_1": 0})
    _, rewards, terminals, _, infos = env.step({"player_0": 0, "player_1": 4})

    assert rewards == {"player_0": 0.0, "player_1": -1.0}
    assert all(terminals.values())
    assert (infos["player_0"]["illegal_actions"], infos["player_1"]["illegal_actions"]) == (0, 1)


def test_illegal__is_replaced_on_request():
    """With illegal_action="replace" the game goes on with a legal action, drawn from the seed's numbers."""
    boards = []
    for _ in range(2):
        env = adapter.make("tic_tac_toe", illegal_action="replace")
        env.reset(seed=5)
        while env.agents:
            *_, infos = env.step({"player_0": 4, "player_1": 4})
        boards.append(str(game_of(env).state))
        assert sum(info["illegal_actions"] for info in infos.values()) >= 4

    assert boards[0] == boards[1]


def test_rewards__sum_to_the_returns():
    """Where a game pays on the way, what was paid adds up to OpenSpiel's returns."""
    game = game_of(adapter.make("cliff_walking"))
    observations, _ = game.reset()
    paid, rng = [], np.random.default_rng(0)
    while game.agents:
        observations, rewards, *_ = game.step(legal(observations, rng))
        paid.append(rewards["player_0"])

    assert sum(paid) == pytest.approx(game.state.returns()[0])
    assert sum(reward < 0 for reward in paid) > 1


def test_make__takes_the_games_parameters():
    """A parameter changes the game; one that it doesn't have, or another wrong option, gets the nearest."""
    assert len(adapter.make("leduc_poker", players=3).possible_agents) == 3
    assert adapter.make("go", board_size=5).single_action_space.n == 26
    with pytest.raises(ConfigError, match="Did you mean players"):
        adapter.make("leduc_poker", player=3)
    with pytest.raises(ConfigError, match="Choose lose or replace"):
        adapter.make("leduc_poker", illegal_action="ignore")
    with pytest.raises(UnknownEnvironment, match="leduc_poker"):
        adapter.make("leduk_poker")


def test_render__draws_the_text():
    """OpenSpiel's text comes as it is ("ansi"), or as a picture that never shrinks ("rgb_array")."""
    env = adapter.make("leduc_poker", render_mode="ansi")
    env.reset(seed=0)
    assert "Player" in env.render()
    env = adapter.make("leduc_poker", render_mode="rgb_array")
    env.reset(seed=0)
    before = env.render()
    game_of(env).state = "x"
    after = env.render()

    assert before.shape == after.shape
    assert (before != after).any()


def test_policy__never_chooses_an_illegal_action():
    """Played by a fresh policy, games end without an illegal action; who waits has one choice."""
    torch = pytest.importorskip("torch")
    import pufferlib.vector
    from pufferlib.environments import make_creator
    from pufferlib.pytorch import sample_actions

    torch.manual_seed(0)
    num_episodes = 0
    with pufferlib.vector.make(make_creator("open_spiel/tic_tac_toe"), num_envs=4) as envs:
        policy = adapter.Policy(envs.driver_env)
        observations, _ = envs.reset(seed=0)
        for _ in range(60):
            with torch.no_grad():
                logits, _ = policy(torch.as_tensor(observations))
            assert ((logits > -1e8).sum(1).view(4, 2).min(1).values == 1).all()
            observations, *_, infos = envs.step(sample_actions(logits)[0].numpy())
            for info in infos:
                for agent in info.values():
                    num_episodes += 1
                    assert agent["illegal_actions"] == 0

    assert num_episodes > 20
