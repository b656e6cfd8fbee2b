"""Prints what each step of a build took and what each layer of the image weighs: image_report.py TAG [LOG].

LOG is what `docker buildx` printed with --progress=plain. Sizes are what the layers unpack to, times are wall clock;
steps of different stages run side by side.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

MIB = 2**20
_STEP = re.compile(r"#(\d+) (\[[^\]]+ \d+/\d+\]) (RUN|COPY|FROM|WORKDIR) (.*)")
_EXPORT = re.compile(r"#(\d+) exporting to image")
_END = re.compile(r"#(\d+) (?:DONE (\d+\.\d)s|(CACHED))")
_OPTION = re.compile(r"--mount=\S+\s+")
_UNITS = {"B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9}


def read_steps(log: str) -> list[tuple[str, str]]:
    """Reads (step, time) out of a log; the time of a step that was there already is "cached"."""
    titles: dict[str, str] = {}
    times: dict[str, str] = {}
    for line in log.splitlines():
        if match := _STEP.fullmatch(line.strip()):
            titles.setdefault(match[1], f"{match[2]} {match[3]} {shorten(match[4])}")
        elif match := _EXPORT.fullmatch(line.strip()):
            titles.setdefault(match[1], "packing the layers and writing the image")
        elif match := _END.match(line):
            times[match[1]] = "cached" if match[3] else f"{float(match[2]):.1f} s"
    # A step can be there twice: asked for under another number, it waits for the first and takes no time.
    steps: dict[str, str] = {}
    for number, title in titles.items():
        if steps.get(title, "cached") in ("cached", "0.0 s"):
            steps[title] = times.get(number, "?")
    return list(steps.items())


def read_layers(history: str) -> list[tuple[str, float]]:
    """Reads (command, bytes) of the layers that aren't empty out of `docker history`, the lowest first."""
    rows = [json.loads(line) for line in history.splitlines()]
    layers = [(shorten(row["CreatedBy"]), size_of(row["Size"])) for row in reversed(rows)]
    return [(command, size) for command, size in layers if size > 0]


def size_of(text: str) -> float:
    """Reads docker's "12.3MB"."""
    match = re.fullmatch(r"([\d.]+)([kMG]?B)", text)
    return float(match[1]) * _UNITS[match[2]] if match else 0.0


def shorten(command: str) -> str:
    """Takes a command's mounts and shell away, and its end."""
    command = _OPTION.sub("", command.replace("/bin/sh -c ", "").removesuffix(" # buildkit"))
    command = " ".join(re.sub(r"^RUN (\|\d+ (\S+=\S+ )+)?", "RUN ", command).split())
    return command if len(command) <= 90 else f"{command[:89]}…"


def main(words: list[str]) -> None:
    """Prints both tables."""
    tag, *log = words
    for path in log:
        print("\n    time  step")
        for title, took in read_steps(Path(path).read_text(encoding="utf-8", errors="replace")):
            print(f"{took:>8}  {title}")
    command = ["docker", "history", "--no-trunc", "--format", "{{json .}}", tag]
    layers = read_layers(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    print("\n    size  layer")
    for command_line, size in layers:
        print(f"{size / MIB:>4.0f} MiB  {command_line}")
    print(f"{sum(size for _, size in layers) / MIB:>4.0f} MiB  {tag}")


if __name__ == "__main__":
    main(sys.argv[1:])
