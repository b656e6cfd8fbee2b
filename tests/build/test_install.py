"""`scripts/install_venv.py`: installs once, then returns at once until an input changes."""

import pytest

import install_venv


@pytest.fixture
def checkout(monkeypatch, tmp_path):
    """A small checkout with a finished .venv; gives the folder and the list that collects calls of pip."""
    (tmp_path / "pyproject.toml").write_text(
        '[tool.pufferlib]\neveryday = ["old_maze"]\n[tool.pufferlib.extras]\ntrain = []\ndev = ["pytest"]\n'
    )
    (tmp_path / "constraints.txt").write_text("maze==1.0\n")
    for name in ("old_maze", "stale"):
        (tmp_path / "environments" / name).mkdir(parents=True)
        (tmp_path / "environments" / name / "requirements.txt").write_text("maze\n")
    (tmp_path / "environments" / "stale" / "recipe.toml").write_text("[maze]\nno_deps = true\n")
    (tmp_path / "pufferlib" / "_native").mkdir(parents=True)
    (tmp_path / "pufferlib" / "_native" / "pack.c").write_text("int pack;\n")
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "python").touch()
    monkeypatch.setattr(install_venv, "ROOT", tmp_path)
    monkeypatch.delenv("PUFFERLIB_VENV", raising=False)
    calls = []
    monkeypatch.setattr(install_venv, "pip", lambda folder, *arguments: calls.append(arguments[-1]))
    monkeypatch.setattr(install_venv, "puffer_install", lambda folder, names, apt: calls.append((*names, apt)))
    return tmp_path, calls


def test_install__runs_pip_once(checkout):
    """The second call with the same inputs does nothing."""
    _, calls = checkout

    install_venv.main(["dev"])
    install_venv.main(["dev"])

    assert calls == [".[dev]"]


def test_install__keeps_what_earlier_calls_installed(checkout):
    """`make train` after `make test` adds to the environment; going back to fewer extras removes nothing."""
    _, calls = checkout

    install_venv.main(["dev"])
    install_venv.main(["train", "old_maze"])
    install_venv.main(["dev"])

    assert calls == [".[dev]", ".[dev,old-maze,train]"]


def test_install__rebuilds_only_the_extension_when_only_c_changed(checkout):
    """A changed C file costs a build, not a look at all packages."""
    folder, calls = checkout
    install_venv.main(["dev"])

    (folder / "pufferlib" / "_native" / "pack.c").write_text("int pack = 1;\n")
    install_venv.main(["dev"])

    assert calls == [".[dev]", "."]


@pytest.mark.parametrize(
    "name",
    ["pyproject.toml", "constraints.txt", "environments/old_maze/requirements.txt", "environments/stale/recipe.toml"],
)
def test_install__runs_again_when_an_input_changes(checkout, name):
    """Every file that decides what is installed counts."""
    folder, calls = checkout
    install_venv.main(["dev"])

    with (folder / name).open("a") as file:
        file.write("# changed\n")
    install_venv.main(["dev"])

    assert calls == [".[dev]", ".[dev]"]


def test_install__repeats_after_a_failure(checkout, monkeypatch):
    """A failed pip leaves no stamp: the next call tries again."""
    folder, calls = checkout

    def fail(*arguments):
        raise SystemExit("pip failed")

    with monkeypatch.context() as patch:
        patch.setattr(install_venv, "pip", fail)
        with pytest.raises(SystemExit, match="pip failed"):
            install_venv.main(["dev"])
    install_venv.main(["dev"])

    assert calls == [".[dev]"]


def test_install__everyday_and_all_are_the_adapters(checkout):
    """`everyday` is pyproject.toml's list; where an extra isn't a whole recipe, `puffer install` does all of them."""
    _, calls = checkout

    install_venv.main(["dev", "everyday"])
    assert calls == [".[dev,old-maze]"]
    install_venv.main(["all", "--apt"])
    assert calls[1:] == [".[dev]", ("old_maze", "stale", True)]


def test_install__keeps_environments_apart(checkout):
    """Another folder is another environment, with a stamp of its own."""
    folder, calls = checkout
    install_venv.main(["dev"])
    (folder / ".venv-envs" / "bin").mkdir(parents=True)
    (folder / ".venv-envs" / "bin" / "python").touch()

    install_venv.main(["--venv", ".venv-envs", "train"])
    install_venv.main(["dev"])

    assert calls == [".[dev]", ".[train]"]


def test_install__adopts_an_environment_that_has_the_packages(checkout, monkeypatch):
    """In the image only the checkout is installed, without network; `make test` and `make train` find nothing to do."""
    folder, _ = checkout
    (folder / "elsewhere" / "bin").mkdir(parents=True)
    (folder / "elsewhere" / "bin" / "python").touch()
    monkeypatch.setenv("PUFFERLIB_VENV", str(folder / "elsewhere"))
    calls = []
    monkeypatch.setattr(install_venv, "pip", lambda folder, *arguments: calls.append((folder.name, *arguments)))

    install_venv.main(["--adopt", "dev", "train", "all"])
    install_venv.main(["dev", "everyday"])
    install_venv.main(["train", "stale"])
    (folder / "pufferlib" / "_native" / "pack.c").write_text("int pack = 1;\n")
    install_venv.main(["train"])

    assert calls == [("elsewhere", "--no-deps", "--no-index", "--no-build-isolation", "--editable", ".")] * 2


def test_install__names_what_exists(checkout):
    """An unknown name is an error that lists the right ones, before anything is installed."""
    _, calls = checkout

    with pytest.raises(SystemExit, match=r"nor an adapter 'trian'. These exist: dev, old_maze, stale, train\."):
        install_venv.main(["trian"])

    assert calls == []
