"""Pictures of MicroRTS, and the policy that never chooses what is illegal."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("gym_microrts")
pytest.importorskip("jpype")

import pufferlib.environments.microrts as adapter
from pufferlib.environments.microrts._game import CHOICES
from pufferlib.environments.microrts._picture import draw


def test_picture__shows_owner_type_and_walls():
    """Units are framed in their owner's color, walls are dark, and a busy unit has a dot."""
    features = np.zeros((5, 2, 3), int)
    features[:, 0, 1] = (10, 0, 1, 2, 0)
    features[:, 1, 2] = (1, 1, 2, 4, 1)
    walls = np.array([[True, False, False], [False, False, False]])

    picture = draw(features, walls)
    size = picture.shape[0] // 2
    assert picture.shape == (2 * size, 3 * size, 3)
    cells = picture.reshape(2, size, 3, size, 3).transpose(0, 2, 1, 3, 4)
    edge, center = size // 8, size // 2
    assert cells[0, 1, edge, center].tolist() != cells[1, 2, edge, center].tolist()
    assert cells[0, 0, center, center].sum() < cells[0, 2, center, center].sum()
    assert (cells[1, 2] == 16).all(-1).any()
    assert (cells[0, 2, 1:, 1:] == cells[0, 2, 1, 1]).all()


@pytest.mark.parametrize("name", ["basesWorkers8x8", "base4x5", "basesWorkers16x16A"])
def test_policy__only_samples_what_is_legal(name):
    """Sampled choices are in the mask; cells without a choice take the first and add nothing to the log-probability."""
    torch = pytest.importorskip("torch")
    from pufferlib.pytorch import sample_actions

    with adapter.make(name) as env:
        policy = adapter.Policy(env, hidden_size=32)
        row, _ = env.reset(seed=0)
        for _ in range(30):
            output, _ = policy(torch.as_tensor(row)[None])
            actions, log_prob, entropy = sample_actions(output)
            mask = env.emulated.observation.unpack(row)["action_mask"]
            heads = [part.reshape(-1, part.shape[-1]) for part in np.split(mask, np.cumsum(CHOICES)[:-1], -1)]
            chosen = actions.numpy().reshape(-1, len(CHOICES))
            for column, head in zip(chosen.T, heads, strict=True):
                has_choice = head.any(-1)
                assert head[has_choice, column[has_choice]].all()
                assert not column[~has_choice].any()
            free = sum(np.log(head.sum(-1).clip(1)).sum() for head in heads)
            assert entropy.item() == pytest.approx(free, rel=0.02, abs=0.02)
            assert -log_prob.item() == pytest.approx(free, rel=0.05, abs=0.1)
            row, *_ = env.step(actions[0].numpy())


def test_policy__mask_is_split_as_actions_are():
    """Head k of cell c is entry 7c + k of the action, as wide as its number of choices."""
    torch = pytest.importorskip("torch")
    from pufferlib.environments.microrts.policy import mask_logits

    logits = torch.arange(2 * 3 * 78.0).reshape(1, 2, 3, 78)
    mask = torch.zeros(1, 2, 3, 78)
    mask[0, 1, 2, 6 + 2] = 1  # cell 5 may only move down
    heads = mask_logits(logits, mask)

    assert [head.shape[1] for head in heads] == list(CHOICES) * 6
    assert heads[5 * 7 + 1].isfinite().tolist() == [[False, False, True, False]]
    assert heads[5 * 7 + 1][0, 2] == logits[0, 1, 2, 8]
    assert all(head.isfinite().tolist()[0] == [True] + [False] * (head.shape[1] - 1) for head in heads[: 5 * 7])
