"""The two sides of the comparison as child processes that work only when they are told to."""

import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any


class SideFailed(Exception):
    """A child ended, or answered something else than a line of JSON."""


class Side:
    """A child that reads commands on standard input and answers each with a line of JSON."""

    def __init__(self, name: str, command: list[str], environment: dict[str, str] | None = None) -> None:
        self.name = name
        self.started = time.perf_counter()
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **(environment or {})},
        )
        self.about = self._answer()
        self.ready = self.seconds_since_start()

    def ask(self, command: str) -> dict[str, Any]:
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(command + "\n")
            self.process.stdin.flush()
        except BrokenPipeError as error:
            raise SideFailed(f'{self.name}: ended before "{command}"; its own message is above') from error
        return self._answer()

    def step(self, number: int) -> dict[str, Any]:
        return self.ask(f"step {number}")

    def probe(self) -> float:
        return float(self.ask("probe")["gflops"])

    def seconds_since_start(self) -> float:
        return time.perf_counter() - self.started

    def peak_memory(self) -> int:
        """Largest resident size so far, in bytes: what the kernel calls VmHWM, mapped files included."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
        raise SideFailed(f"{self.name}: the kernel does not tell VmHWM")

    def close(self) -> None:
        if self.process.poll() is None:
            try:
                self.process.communicate("quit\n", timeout=30)
            except (BrokenPipeError, subprocess.TimeoutExpired):
                self.process.kill()
        self.process.wait()

    def __enter__(self) -> "Side":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise SideFailed(f"{self.name}: ended with status {self.process.wait()}; its own message is above")
        try:
            return json.loads(line)
        except json.JSONDecodeError as error:
            raise SideFailed(f"{self.name}: answered {line[:200]!r} instead of JSON") from error
