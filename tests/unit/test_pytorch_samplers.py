"""Action samplers agree with torch.distributions in float64, in value, gradient and frequency."""

from __future__ import annotations

import pytest
import torch
from torch import distributions

from pufferlib.pytorch import Mixed, Normal, choose_actions, sample_actions

B = 7


def logits_of(*sizes: int, rows: int = B, dtype: torch.dtype = torch.float64) -> list[torch.Tensor]:
    """Random logits, one head for each size."""
    return [torch.randn(rows, n, dtype=dtype) * 2 for n in sizes]


def normal_of(*shape: int, dtype: torch.dtype = torch.float64) -> Normal:
    """A random normal output of the given mean shape."""
    return Normal(torch.randn(*shape, dtype=dtype), torch.randn(*shape, dtype=dtype) * 0.5)


@pytest.mark.parametrize("n", [1, 2, 18])
def test_sample_actions__discrete_equals_categorical(n):
    """Log-probability and entropy of a sampled action are those of Categorical."""
    (logits,) = logits_of(n)
    actions, log_prob, entropy = sample_actions(logits)

    expected = distributions.Categorical(logits=logits)
    assert actions.shape == (B,) and actions.dtype == torch.int64
    torch.testing.assert_close(log_prob, expected.log_prob(actions))
    torch.testing.assert_close(entropy, expected.entropy())


@pytest.mark.parametrize("sizes", [(3,), (4, 4, 4), (3, 2, 4), (2, 50, 3), (1, 1), (50, 2, 3, 3) * 4], ids=str)
def test_sample_actions__multidiscrete_equals_categoricals(sizes):
    """Equal heads, padded heads, heads too uneven to pad and many of few sizes sum what Categorical says of each."""
    logits = logits_of(*sizes)
    actions, log_prob, entropy = sample_actions(logits)

    heads = [distributions.Categorical(logits=head) for head in logits]
    assert actions.shape == (B, len(sizes)) and actions.dtype == torch.int64
    assert all((actions[:, d] < n).all() for d, n in enumerate(sizes))
    torch.testing.assert_close(log_prob, sum(head.log_prob(actions[:, d]) for d, head in enumerate(heads)))
    torch.testing.assert_close(entropy, sum(head.entropy() for head in heads))


def test_sample_actions__heads_of_one_size_keep_their_places():
    """Many heads of a few sizes are sampled size by size, and still each fills and reads its own column."""
    sizes = (50, 2, 3, 2) * 5
    logits = logits_of(*sizes)

    best, _, _ = sample_actions(logits, deterministic=True)
    actions, log_prob, entropy = sample_actions(logits)
    rated = sample_actions(logits, actions)

    assert torch.equal(best, torch.stack([head.argmax(1) for head in logits], 1))
    for value, expected in zip(rated, (actions, log_prob, entropy), strict=True):
        assert torch.equal(value, expected)


@pytest.mark.parametrize("shape", [(), (1,), (3,), (2, 3)], ids=str)
def test_sample_actions__continuous_equals_normal(shape):
    """Log-density and entropy are those of Normal, summed over every entry of an action."""
    output = normal_of(B, *shape)
    actions, log_prob, entropy = sample_actions(output)

    expected = distributions.Normal(output.mean, output.log_std.exp())
    assert actions.shape == (B, *shape)
    torch.testing.assert_close(log_prob, expected.log_prob(actions).reshape(B, -1).sum(1))
    torch.testing.assert_close(entropy, expected.entropy().reshape(B, -1).sum(1))


def test_sample_actions__accepts_a_torch_normal():
    """A policy that returns torch.distributions.Normal is rated like one that returns Normal parameters."""
    output = normal_of(B, 3)
    actions = torch.randn(B, 3, dtype=torch.float64)

    theirs = sample_actions(distributions.Normal(output.mean, output.log_std.exp()), actions)
    ours = sample_actions(output, actions)

    for their, our in zip(theirs, ours, strict=True):
        torch.testing.assert_close(their, our)


def test_sample_actions__log_std_broadcasts():
    """One log_std for all rows, the usual parameter of a policy, equals its copies."""
    output = normal_of(B, 3)
    shared = output.log_std[0]
    actions = torch.randn(B, 3, dtype=torch.float64)

    broadcast = sample_actions(Normal(output.mean, shared), actions)
    copied = sample_actions(Normal(output.mean, shared.repeat(B, 1)), actions)

    for one, other in zip(broadcast, copied, strict=True):
        assert torch.equal(one, other)


def test_sample_actions__mixed_is_the_sum_of_its_parts():
    """A mixed action has its discrete entries first, and rates as the product of both distributions."""
    output = Mixed(logits_of(3, 2), normal_of(B, 4))
    actions, log_prob, entropy = sample_actions(output)

    discrete = sample_actions(output.logits, actions[:, :2])
    continuous = sample_actions(output.normal, actions[:, 2:])
    assert actions.shape == (B, 6) and actions.dtype == torch.float64
    assert torch.equal(actions[:, :2], actions[:, :2].round())
    torch.testing.assert_close(log_prob, discrete[1] + continuous[1])
    torch.testing.assert_close(entropy, discrete[2] + continuous[2])


@pytest.mark.parametrize("rows", [1, 2])
@pytest.mark.parametrize("kind", ["discrete", "multidiscrete", "continuous", "mixed"])
def test_sample_actions__a_batch_of_one_keeps_its_batch_dimension(kind, rows):
    """Every result has the batch in front, also where it holds a single row or a single entry."""
    logits, normal = logits_of(3, rows=rows), normal_of(rows, 1)
    outputs = {"discrete": logits[0], "multidiscrete": logits, "continuous": normal, "mixed": Mixed(logits, normal)}
    shapes = {"discrete": (rows,), "multidiscrete": (rows, 1), "continuous": (rows, 1), "mixed": (rows, 2)}
    actions, log_prob, entropy = sample_actions(outputs[kind])

    assert actions.shape == shapes[kind]
    assert log_prob.shape == entropy.shape == (rows,)


@pytest.mark.parametrize("kind", ["discrete", "multidiscrete", "continuous", "mixed"])
def test_sample_actions__rating_a_sample_repeats_its_log_prob(kind):
    """The second call of PPO, with actions given, returns what the first one did."""
    logits, normal = logits_of(3, 5, dtype=torch.float32), normal_of(B, 2, dtype=torch.float32)
    outputs = {"discrete": logits[0], "multidiscrete": logits, "continuous": normal, "mixed": Mixed(logits, normal)}
    sampled = sample_actions(outputs[kind])
    rated = sample_actions(outputs[kind], sampled[0])

    for one, other in zip(sampled, rated, strict=True):
        assert torch.equal(one, other) and one.dtype == other.dtype


def test_sample_actions__deterministic_takes_the_mode():
    """The most likely choice and the mean, without touching the random state."""
    output = Mixed(logits_of(3, 5), normal_of(B, 2))
    before = torch.get_rng_state()
    actions, _, _ = sample_actions(output, deterministic=True)

    expected = [head.argmax(1).double()[:, None] for head in output.logits]
    assert torch.equal(actions, torch.cat([*expected, output.normal.mean], 1))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("sizes", [(4,), (2, 3)], ids=str)
def test_sample_actions__frequencies_match_the_probabilities(sizes):
    """Over 40,000 samples each choice appears as often as its probability says (within five sigma)."""
    torch.manual_seed(0)
    rows = 40_000
    logits = [head.expand(rows, -1) for head in logits_of(*sizes, rows=1)]
    actions, _, _ = sample_actions(logits)

    for d, head in enumerate(logits):
        probs = head[0].softmax(0)
        seen = torch.bincount(actions[:, d], minlength=len(probs)) / rows
        assert ((seen - probs).abs() < 5 * (probs * (1 - probs) / rows).sqrt() + 1e-9).all()


def test_sample_actions__normal_samples_have_the_right_moments():
    """Mean and standard deviation of 40,000 samples are those asked for."""
    torch.manual_seed(0)
    output = Normal(torch.full((40_000, 2), 3.0), torch.tensor([0.0, 1.0]))
    actions, _, _ = sample_actions(output)

    torch.testing.assert_close(actions.mean(0), torch.tensor([3.0, 3.0]), atol=0.07, rtol=0)
    torch.testing.assert_close(actions.std(0), torch.tensor([1.0, torch.e]), atol=0.07, rtol=0)


def test_sample_actions__illegal_choices_are_never_taken_and_cost_no_nan():
    """Logits of -inf have no probability, no share in the entropy, and a finite gradient."""
    logits = torch.zeros(1000, 5)
    logits[:, [0, 2]] = -torch.inf
    logits.requires_grad_()
    actions, log_prob, entropy = sample_actions(logits)
    (log_prob.sum() + entropy.sum()).backward()

    assert not torch.isin(actions, torch.tensor([0, 2])).any()
    torch.testing.assert_close(log_prob, torch.full((1000,), -torch.tensor(3.0).log().item()))
    torch.testing.assert_close(entropy, torch.full((1000,), torch.tensor(3.0).log().item()))
    assert logits.grad is not None and logits.grad.isfinite().all()


@pytest.mark.parametrize("kind", ["discrete", "multidiscrete", "continuous"])
def test_sample_actions__gradients_equal_those_of_torch_distributions(kind):
    """Log-probability and entropy push a policy's parameters exactly as torch.distributions would."""
    leaves = [*logits_of(3, 2), *normal_of(B, 2)]
    ours = [leaf.clone().requires_grad_() for leaf in leaves]
    theirs = [leaf.clone().requires_grad_() for leaf in leaves]
    weight = torch.randn(B, dtype=torch.float64)
    output = {"discrete": ours[0], "multidiscrete": ours[:2], "continuous": Normal(*ours[2:])}[kind]
    actions, log_prob, entropy = sample_actions(output)
    (log_prob * weight + 0.3 * entropy).sum().backward()

    categoricals = [distributions.Categorical(logits=head) for head in theirs[:2]]
    if kind == "continuous":
        normal = distributions.Independent(distributions.Normal(theirs[2], theirs[3].exp()), 1)
        log_prob, entropy = normal.log_prob(actions), normal.entropy()
    elif kind == "discrete":
        log_prob, entropy = categoricals[0].log_prob(actions), categoricals[0].entropy()
    else:
        log_prob = sum(head.log_prob(actions[:, d]) for d, head in enumerate(categoricals))
        entropy = sum(head.entropy() for head in categoricals)
    (log_prob * weight + 0.3 * entropy).sum().backward()
    for our, their in zip(ours, theirs, strict=True):
        torch.testing.assert_close(our.grad, their.grad)


def test_sample_actions__samples_carry_no_gradient():
    """Actions can go to NumPy at once, as the documented samples do, whatever the policy's parameters."""
    logits, normal = logits_of(3, 2), normal_of(B, 2)
    output = Mixed([head.requires_grad_() for head in logits], Normal(*(leaf.requires_grad_() for leaf in normal)))
    for kind in (output, output.logits, output.logits[0], output.normal):
        for deterministic in (False, True):
            actions, log_prob, _ = sample_actions(kind, deterministic=deterministic)
            actions.numpy()

            assert not actions.requires_grad and log_prob.requires_grad


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_sample_actions__half_precision_is_rated_in_float32(dtype):
    """Autocast policies get float32 log-probabilities and noise with all its bits."""
    logits, normal = logits_of(3, 2, dtype=dtype), normal_of(B, 2, dtype=dtype)
    actions, log_prob, entropy = sample_actions(Mixed(logits, normal))

    assert actions.dtype == log_prob.dtype == entropy.dtype == torch.float32
    expected = sample_actions(
        Mixed([head.float() for head in logits], Normal(*(leaf.float() for leaf in normal))), actions
    )
    assert torch.equal(log_prob, expected[1]) and torch.equal(entropy, expected[2])


def test_sample_actions__takes_actions_as_environments_store_them():
    """int32 actions with a trailing dimension of one, as a rollout buffer may keep them, are rated alike."""
    (logits,) = logits_of(3)
    actions = torch.randint(3, (B, 1), dtype=torch.int32)

    taken, log_prob, _ = sample_actions(logits, actions)

    assert taken.shape == (B,)
    torch.testing.assert_close(log_prob, logits.log_softmax(1).gather(1, actions.long()).squeeze(1))


@pytest.mark.parametrize("sizes", [(1, 1), (8, 2), (64, 18), (3, 500), (64, 64), (65, 64)], ids=str)
def test_choose_actions__takes_the_samples_of_sample_actions(sizes):
    """The same random numbers give the same actions."""
    for seed in range(20):
        logits = torch.randn(sizes, generator=torch.Generator().manual_seed(seed)) * 3
        logits[:, 1:][torch.rand(sizes[0], sizes[1] - 1) < 0.3] = -torch.inf
        results = []
        for function in (choose_actions, sample_actions):
            torch.manual_seed(seed)
            results.append(function(logits)[:2])
        (actions, log_probs), (expected_actions, expected_log_probs) = results

        assert torch.equal(actions, expected_actions) and actions.dtype == torch.int64
        torch.testing.assert_close(log_probs, expected_log_probs, rtol=1e-5, atol=1e-6)


def test_choose_actions__frequencies_match_the_probabilities():
    """A hundred thousand draws have the probabilities of the softmax, impossible choices never."""
    logits = torch.tensor([0.0, 1.0, -torch.inf, -2.0]).expand(1000, 4)
    counts = torch.zeros(4)
    for seed in range(100):
        torch.manual_seed(seed)
        counts += torch.bincount(choose_actions(logits)[0], minlength=4)

    torch.testing.assert_close(counts / counts.sum(), logits[0].softmax(0), rtol=0, atol=0.006)
    assert counts[2] == 0


@pytest.mark.parametrize("scale", [1e-3, 30.0, 1e30])
def test_choose_actions__far_logits_stay_finite(scale):
    """Logits as large as 32 bits hold give a choice and its log-probability."""
    logits = torch.randn(16, 5) * scale
    actions, log_probs = choose_actions(logits)

    assert ((actions >= 0) & (actions < 5)).all()
    torch.testing.assert_close(log_probs, logits.double().log_softmax(1).gather(1, actions[:, None])[:, 0].float())
