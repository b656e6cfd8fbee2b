"""What a run leaves behind and shows: log lines, dashboard, curves, videos."""

from __future__ import annotations

import io
import json
import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rich.console import Console
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from pufferlib.exceptions import ConfigError
from pufferlib.training.dashboard import (
    PanelDashboard,
    PlainDashboard,
    format_number,
    format_seconds,
    open_dashboard,
    plot,
    sparkline,
)
from pufferlib.training.logger import JsonlLogger, TensorBoardLogger, read_jsonl
from pufferlib.training.video import write_video

METRICS = {
    "seconds": 65.0,
    "steps_per_second": 1234.5,
    "episode_return": 3.25,
    "entropy": 0.5,
    "kl": math.nan,
    "share_policy": 0.25,
}


def test_jsonl_logger__writes_a_line_per_update(tmp_path: Path):
    """Each line is a JSON object, there at once; what JSON can't write is null."""
    logger = JsonlLogger(tmp_path / "metrics.jsonl")
    logger.log({"loss": 0.5, "kl": math.nan, "entropy": math.inf}, 128)

    line = (tmp_path / "metrics.jsonl").read_text()
    assert json.loads(line) == {"step": 128, "loss": 0.5, "kl": None, "entropy": None}
    logger.close()


def test_jsonl_logger__drops_what_comes_after_the_checkpoint(tmp_path: Path):
    """A resumed run repeats the steps after its checkpoint, so their old lines go, a half-written one too."""
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step": 1}\n{"step": 2}\n{"step": 3}\n{"ste')
    logger = JsonlLogger(path, step=2)
    logger.log({}, 3)
    logger.close()

    assert [row["step"] for row in read_jsonl(path)] == [1, 2, 3]


def test_tensorboard_logger__is_read_by_tensorboard(tmp_path: Path):
    """A run that goes on from step 2 hides the old event of step 3; what isn't a finite number is left out."""
    for start, value in ((0, 1.5), (2, 2.5)):
        logger = TensorBoardLogger(tmp_path, start)
        for step in range(start + 1, 4):
            logger.log({"loss": value, "kl": math.nan}, step)
        logger.close()
    events = EventAccumulator(str(tmp_path)).Reload()

    assert events.Tags()["scalars"] == ["loss"]
    assert [(event.step, event.value) for event in events.Scalars("loss")] == [(1, 1.5), (2, 1.5), (3, 2.5)]


def test_plain_dashboard__prints_lines():
    """Without a terminal there are plain lines: the heading, the first update and the last one."""
    file = io.StringIO()
    dashboard = open_dashboard("A title", 200, file)
    for step in (50, 100, 200):
        dashboard.show(METRICS, step)
    dashboard.close()

    assert isinstance(dashboard, PlainDashboard)
    lines = file.getvalue().splitlines()
    assert lines[0] == "A title"
    assert [line.split()[0] for line in lines[1:]] == ["50", "200"]
    assert "\x1b" not in file.getvalue()
    assert "return 3.25" in lines[1]
    assert "KL -" in lines[1]


def test_panel_dashboard__draws_in_a_terminal():
    """In a terminal the panel shows progress, rate, times, metrics and the curve."""
    console = Console(file=io.StringIO(), force_terminal=True, width=80, color_system=None)
    dashboard = PanelDashboard("A title", 200, console)
    dashboard.show(METRICS, 100)
    dashboard.show(METRICS | {"episode_return": 5.0, "info/games_won": 0.75}, 200)
    dashboard.close()

    text = console.file.getvalue()
    for part in ("A title", "200 of 200 steps", "1,234 steps/s", "1:05 elapsed", "entropy", "policy 25%", "▁█ return"):
        assert part in text
    assert "games won" in text


def test_sparkline__draws_low_to_high():
    """The lowest value is the lowest bar and the highest the highest; NaN is a gap; too many are averaged."""
    assert sparkline([0, 7, math.nan, 3.5], 10) == "▁█ ▅"
    assert sparkline([0, 0, 7, 7], 2) == "▁█"
    assert sparkline([2, 2], 9) == "▁▁"
    assert sparkline([], 9) == sparkline([math.nan], 9).strip() == ""


def test_plot__draws_a_curve_with_its_bounds():
    """The first line starts with the highest value, the last with the lowest; columns line up."""
    lines = plot([10, 20, 30, 40], width=4, height=2).splitlines()

    assert lines == ["40 │  ▃█", "10 │▁▆██"]
    assert plot([math.nan]) == "(no episode ended)"


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (475.0, "475"), (-0.01234, "-0.0123"), (12345.6, "12,346"), (math.inf, "-"), (1e-9, "1e-09")],
)
def test_format_number__is_short(value: float, text: str):
    """Metrics of any size take few characters."""
    assert format_number(value) == text


@pytest.mark.parametrize(("seconds", "text"), [(7.4, "0:07"), (754, "12:34"), (3723, "1:02:03"), (math.nan, "-")])
def test_format_seconds__is_a_clock(seconds: float, text: str):
    """Times read like a clock."""
    assert format_seconds(seconds) == text


def frames(count: int, size: int = 12) -> list[np.ndarray]:
    """A red square that turns blue."""
    pictures = np.zeros((count, size, size, 3), np.uint8)
    pictures[: count // 2, ..., 0] = 255
    pictures[count // 2 :, ..., 2] = 255
    return list(pictures)


def test_write_video__makes_a_gif(tmp_path: Path):
    """The GIF shows the frames' colours, runs as long as the episode, and repeats for ever."""
    path = tmp_path / "video.gif"
    write_video(path, frames(10), rate_hz=10)

    with Image.open(path) as image:
        durations = []
        for i in range(image.n_frames):
            image.seek(i)
            durations.append(image.info["duration"])
        last = image.convert("RGB").getpixel((5, 5))
        image.seek(0)
        assert image.convert("RGB").getpixel((5, 5)) == (255, 0, 0)
        assert last == (0, 0, 255)
        assert sum(durations) == 1000
        assert image.info["loop"] == 0


def test_write_video__thins_and_shrinks_gifs(tmp_path: Path):
    """A fast and large episode becomes a GIF of 25 frames a second, 400 pixels wide."""
    path = tmp_path / "video.gif"
    pictures = [np.full((100, 800, 3), 20 * i, np.uint8) for i in range(10)]
    write_video(path, pictures, rate_hz=50)

    with Image.open(path) as image:
        assert (image.size, image.n_frames, image.info["duration"]) == ((400, 50), 5, 40)


def test_write_video__makes_an_mp4(tmp_path: Path):
    """An MP4 holds every frame, also of odd sizes."""
    ffmpeg = pytest.importorskip("imageio_ffmpeg")
    path = tmp_path / "video.mp4"
    write_video(path, frames(10, size=65), rate_hz=10)
    count, seconds = ffmpeg.count_frames_and_secs(str(path))

    assert (count, seconds) == (10, pytest.approx(1.0, abs=0.1))


@pytest.mark.parametrize(
    ("name", "count", "message"), [("a.avi", 2, "End it in .gif or .mp4"), ("a.gif", 0, "no frames")]
)
def test_write_video__explains_what_it_cant_write(tmp_path: Path, name: str, count: int, message: str):
    """Another ending, or no frames, is an error that says what to do."""
    with pytest.raises(ConfigError, match=message):
        write_video(tmp_path / name, frames(count), 10)
