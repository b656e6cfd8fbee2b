"""`autotune` measures what it lists and gives a call that works. How fast anything is isn't tested here."""

import io
import os

import gymnasium
import pytest

import pufferlib.ocean
import pufferlib.vector
from pufferlib.exceptions import InvalidVectorOption, WorkerDied
from pufferlib.vector import Setting, Trial, Tuning, autotune
from pufferlib.vector._autotune import list_settings
from vector_envs import Counter


def make_brittle(pid):
    """Makes an environment in one process only, and ends any other."""
    if os.getpid() != pid:
        os._exit(3)
    return gymnasium.make("CartPole-v1")


def tuning(*trials: Trial) -> Tuning:
    """Some trials."""
    return Tuning(tuple(trials))


def test_list_settings__has_all_four_modes():
    """Serial comes first, then each kind of multiprocessing."""
    modes = [setting.mode for setting in list_settings(batch_size=4, max_envs=8, max_workers=4)]

    assert modes[0] == "serial"
    assert list(dict.fromkeys(modes)) == ["serial", "synchronous", "zero-copy blocks", "asynchronous"]


@pytest.mark.parametrize("batch_size", [1, 3, 8, 12, 64])
@pytest.mark.parametrize("max_workers", [1, 2, 7, 16])
def test_list_settings__keeps_to_the_limits(batch_size, max_workers):
    """Every setting has batches of the wanted size, made of whole workers, and no more of anything than is allowed."""
    for setting in list_settings(batch_size, 3 * batch_size, max_workers):
        workers = setting.num_workers or 1
        assert setting.batch_size == batch_size
        assert setting.num_envs <= 3 * batch_size
        assert setting.num_envs % workers == 0
        assert setting.num_workers is None or batch_size % (setting.num_envs // workers) == 0
        assert workers <= max_workers


def test_setting__code_makes_the_pool():
    """The printed line is Python that runs as it stands."""
    setting = Setting("asynchronous", num_envs=4, num_workers=2, batch_size=2, zero_copy=False)
    names = {"pufferlib": pufferlib, "env_creator": Counter}
    exec(setting.code(), names)

    with names["envs"] as envs:
        assert isinstance(envs, pufferlib.vector.Multiprocessing)
        assert (envs.num_envs, envs.num_workers, envs.agents_per_batch) == (4, 2, 2)
        assert not envs.options.zero_copy


def test_autotune__measures_every_setting():
    """Each trial has a speed, and `watch` saw them come one by one."""
    seen = []
    found = autotune(gymnasium.make, 2, ["CartPole-v1"], max_envs=4, max_workers=2, measure_s=0.001, watch=seen.append)

    assert [trial.setting for trial in found.trials] == list_settings(2, 4, 2)
    assert all(trial.steps_per_s > 0 and not trial.failure for trial in found.trials)
    assert [sum(trial.is_measured for trial in state.trials) for state in seen] == list(range(len(found.trials) + 1))
    assert found.best.setting.code() in str(found)


def test_autotune__says_which_settings_fail():
    """Where only Serial works, the others tell why and Serial is the best."""
    found = autotune(make_brittle, 1, [os.getpid()], max_envs=1, max_workers=1, measure_s=0.001, timeout_s=30)

    assert [trial.setting.mode for trial in found.trials] == ["serial", "synchronous"]
    assert found.best.setting.mode == "serial"
    assert found.trials[1].failure.startswith(
        "WorkerDied: Worker 0 (environments 0-0) died in constructor: exit code 3"
    )
    assert "WorkerDied" in str(found)


def test_autotune__raises_if_nothing_works(monkeypatch):
    """The first error is raised once all settings have failed."""

    def fail(*args, **kwargs):
        raise WorkerDied(0, range(1), 3, "constructor")

    monkeypatch.setattr("pufferlib.vector._autotune.make", fail)
    with pytest.raises(WorkerDied, match="exit code 3"):
        autotune(Counter, 1, max_workers=1, measure_s=0.001)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 0}, "batch_size=0 is less than one"),
        ({"batch_size": 4, "max_envs": 2}, "max_envs=2 is less than batch_size=4. The least is 4."),
        ({"batch_size": 1, "max_workers": 0}, "max_workers=0 is less than one"),
        ({"batch_size": 1, "measure_s": 0}, "measure_s=0 is no number of seconds"),
        ({"batch_size": 1, "policy_s": float("inf")}, "policy_s=inf is no number of seconds"),
        (
            {"batch_size": 1, "autorest": "disabled"},
            "autorest=... is not an option of Serial. Did you mean 'autoreset'",
        ),
    ],
)
def test_autotune__refuses_wrong_options(options, message):
    """Errors name the option and what would do."""
    with pytest.raises(InvalidVectorOption, match=message):
        autotune(Counter, **options)


def test_tuning__best_is_the_fastest_and_the_simplest():
    """Among equally fast trials the first wins; failed ones never do."""
    serial = Trial(Setting("serial", 2, None, 2), 10.0)
    same = Trial(Setting("synchronous", 2, 1, 2), 10.0)
    failed = Trial(Setting("synchronous", 2, 2, 2), failure="OSError: no memory")

    assert tuning(failed, serial, same).best is serial


def test_tuning__is_a_table():
    """Speeds are beside Serial's; what isn't measured yet is left open."""
    found = tuning(
        Trial(Setting("serial", 2, None, 2), 1000.0),
        Trial(Setting("synchronous", 2, 1, 2), 2500.0),
        Trial(Setting("asynchronous", 4, 2, 2, False)),
    )
    rows = [row.split() for row in str(found).splitlines()]

    assert rows[1] == ["serial", "2", "-", "2", "1,000", "2,000", "1.00x"]
    assert rows[2] == ["synchronous", "2", "1", "2", "2,500", "800", "2.50x"]
    assert rows[3] == ["asynchronous", "4", "2", "2", "..."]


def test_plain_table__prints_each_row_once():
    """A log gets one header and every trial when it is measured."""
    from pufferlib._tuning_table import PlainTable

    file = io.StringIO()
    table = PlainTable(file)
    open_trial = Trial(Setting("synchronous", 2, 1, 2))
    serial = Trial(Setting("serial", 2, None, 2), 1000.0)
    table.show(tuning(Trial(serial.setting), open_trial))
    table.show(tuning(serial, open_trial))
    table.show(tuning(serial, Trial(open_trial.setting, failure="OSError: no memory")))

    assert [line.split()[0] for line in file.getvalue().splitlines()] == ["mode", "serial", "synchronous"]


def test_draw__marks_the_fastest():
    """The live table has a row a trial, the fastest yet in green, failures in red."""
    pytest.importorskip("rich")
    from pufferlib._tuning_table import draw

    serial = Trial(Setting("serial", 2, None, 2), 1000.0)
    failed = Trial(Setting("synchronous", 2, 2, 2), failure="OSError: no memory")
    table = draw("title", tuning(serial, failed, Trial(Setting("synchronous", 2, 1, 2))))

    assert [row.style for row in table.rows] == ["bold green", "red", "dim"]


def test_autotune__measures_threads_where_they_can_step():
    """Workers of a native environment are threads; options of worker processes don't concern them."""
    creator = pufferlib.ocean.env_creator("squared")
    tuning = pufferlib.vector.autotune(creator, 4, max_envs=8, max_workers=2, measure_s=0.01, timeout_s=9.0)

    backends = {trial.setting.options["backend"] for trial in tuning.trials}
    assert backends == {"serial", "threads"}
    assert all(trial.steps_per_s for trial in tuning.trials)
