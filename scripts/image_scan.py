"""Looks through every layer of an image and what describes it for what must not be there: image_scan.py TAG.

Of this machine: its name, the addresses and folders in pip's settings, proxies, and certificates that a network added
to the public ones. In general: private keys, tokens, package caches, repositories. Each finding is named by file; any
fails.
"""

from __future__ import annotations

import io
import json
import os
import platform
import re
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

PATHS = re.compile(
    r"(^|/)(\.git/|\.netrc$|\.pypirc$|id_(rsa|ed25519)$|\.docker/config\.json$|\.aws/|\.ssh/(?!known))"
    r"|^root/\.cache/.*[^/]$|/\.cache/pip/|^var/cache/apt/archives/.*\.deb$|^var/lib/apt/lists/.*_Packages|^run/secrets/.*[^/]$"
    r"|^etc/hostname$|^(tmp|wheels|built)/.*[^/]$"
)
TOKENS = re.compile(
    rb"pypi-AgEIcHlwaS[\w-]{50}|ghp_\w{36}|github_pat_\w{40}|(?<![0-9A-Za-z])AKIA[0-9A-Z]{16}[^0-9A-Za-z]"
    rb"|-----BEGIN OPENSSH PRIVATE KEY-----\n\w{30}"
)
PUBLIC = re.compile(r"https?://(pypi\.org|files\.pythonhosted\.org|download\.pytorch\.org)\b")
SETTINGS = ("index-url", "extra-index-url", "find-links", "proxy", "trusted-host")
CHUNK = 2**24
OVERLAP = 256
SMALL = 2**20


def words_of_this_machine() -> dict[bytes, str]:
    """Collects what would tell of this machine: {bytes: what they are}."""
    words: dict[str, str] = {}
    name = platform.node()
    if len(name) > 5 and name not in ("localhost", "debian"):
        words[name] = "this machine's name"
    for line in run(sys.executable, "-m", "pip", "config", "list").splitlines():
        key, _, value = line.partition("=")
        if key.rpartition(".")[2] in SETTINGS:
            for word in value.strip("'\"").replace("\\n", " ").split():
                if not PUBLIC.match(word) and len(word) > 5:
                    words[word] = f"pip's {key}"
    for key in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        if os.environ.get(key):
            words[os.environ[key]] = key
    return {word.encode(): what for word, what in words.items()} | own_certificates()


def own_certificates() -> dict[bytes, str]:
    """Finds the certificates in the bundle of this machine that Debian's package doesn't bring, by a line of each."""
    bundle = Path(os.environ.get("SSL_CERT_FILE", "/etc/ssl/certs/ca-certificates.crt"))
    public = {body(path.read_text(errors="replace")) for path in Path("/usr/share/ca-certificates").rglob("*.crt")}
    text = bundle.read_text(errors="replace") if bundle.is_file() and public else ""
    bodies = {body(part) for part in text.split("-----BEGIN CERTIFICATE-----")[1:]} - public
    return {part[64:128].encode(): f"a certificate that only {bundle} has" for part in bodies}


def body(certificate: str) -> str:
    """Takes the letters of a certificate out of its frame, in one line."""
    inner = certificate.partition("-----BEGIN CERTIFICATE-----")[2] or certificate
    return "".join(inner.partition("-----END")[0].split())


def run(*command: str) -> str:
    """Runs a command and gives its output."""
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


class Scanner:
    """Looks for words in files, and counts what it has looked at."""

    def __init__(self, words: dict[bytes, str]) -> None:
        """Takes the words to look for."""
        self.words = words
        parts = [re.escape(word) for word in words]
        # In certificates a line ends after 64 letters; what is looked for is the second line of each.
        self.pattern = re.compile(b"|".join([*parts, TOKENS.pattern]))
        self.findings: list[str] = []
        self.num_files = self.num_bytes = 0

    def look_at(self, name: str, file: IO[bytes]) -> None:
        """Looks at one file."""
        self.num_files += 1
        tail = b""
        while chunk := file.read(CHUNK):
            self.num_bytes += len(chunk)
            if match := self.pattern.search(tail + chunk):
                what = self.words.get(match[0], "something like a token or a private key")
                self.findings.append(f"{name}: {what}: {match[0][:60].decode(errors='replace')}")
                return
            tail = chunk[-OVERLAP:]

    def look_through(self, stream: IO[bytes]) -> None:
        """Looks through what `docker save` writes: layers, and the JSON that describes them."""
        with tarfile.open(fileobj=stream, mode="r|") as archive:
            for number, (member, file) in enumerate(files_of(archive)):
                content = io.BytesIO(file.read()) if member.size < SMALL else file
                try:
                    with tarfile.open(fileobj=content, mode="r|*") as layer:
                        self.look_into(f"layer {number}", layer)
                except tarfile.ReadError:  # the JSON of a manifest or of its provenance
                    if not isinstance(content, io.BytesIO):
                        raise
                    content.seek(0)
                    self.look_at(member.name, content)

    def look_into(self, name: str, layer: tarfile.TarFile) -> None:
        """Looks at the files of a layer."""
        for member, file in files_of(layer):
            path = member.name.removeprefix("./")
            if PATHS.search(path):
                self.findings.append(f"{name}: {path}")
            self.look_at(f"{name}: {path}", file)

    def look_at_metadata(self, tag: str) -> None:
        """Looks at the image's configuration and history."""
        for command in (("image", "inspect", tag), ("history", "--no-trunc", "--format", "{{json .}}", tag)):
            self.look_at(f"docker {command[0]}", io.BytesIO(run("docker", *command).encode()))


def files_of(archive: tarfile.TarFile) -> Iterator[tuple[tarfile.TarInfo, IO[bytes]]]:
    """Gives the files of an archive that is read as a stream."""
    for member in archive:
        file: Any = archive.extractfile(member) if member.isfile() else None
        if file is not None:
            yield member, file


def main(tag: str) -> int:
    """Scans an image; gives the exit code."""
    words = words_of_this_machine()
    scanner = Scanner(words)
    scanner.look_at_metadata(tag)
    with subprocess.Popen(["docker", "save", tag], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        scanner.look_through(process.stdout)
    if process.returncode:
        raise SystemExit(f"docker save {tag} failed, see above.")
    if not scanner.num_bytes:
        raise SystemExit(f"docker save {tag} gave no layer that could be read.")
    kinds = json.dumps(sorted({what.split(":")[0] for what in words.values()}))
    print("\n".join(scanner.findings))
    size = f"{scanner.num_files} files, {scanner.num_bytes / 2**20:.0f} MiB"
    print(f"{size}: {len(scanner.findings)} findings. Looked for {kinds}")
    return 1 if scanner.findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
