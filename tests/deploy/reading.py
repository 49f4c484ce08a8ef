"""What the files of deploy/ say: commands, variables, stages."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
UNITS = sorted(DEPLOY.glob("*.service"))


@dataclass(frozen=True)
class Command:
    """One command, split as a shell would, and where it stands."""

    place: str
    words: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.place}: {shlex.join(self.words)}"


@dataclass(frozen=True)
class Stage:
    """One FROM of the Dockerfile and the instructions below it."""

    name: str
    base: str
    instructions: tuple[tuple[str, str], ...]


def stages() -> dict[str, Stage]:
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    text = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ")
    found: dict[str, Stage] = {}
    for part in re.split(r"^FROM ", text, flags=re.MULTILINE)[1:]:
        first, *lines = part.splitlines()
        base, _, name = first.partition(" AS ")
        instructions = tuple(
            (keyword, value)
            for keyword, _, value in (line.partition(" ") for line in lines if line)
        )
        found[name] = Stage(name, base, instructions)
    return found


def compose() -> dict[str, dict[str, dict]]:
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))


def unit(path: Path) -> dict[str, list[str]]:
    """Return the keys of a unit with all their values, in order."""
    values: dict[str, list[str]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.startswith(("#", "[")) and line:
            key, _, value = line.partition("=")
            values.setdefault(key, []).append(value)
    return values


def simple_commands(place: str, words: list[str]) -> Iterator[Command]:
    """Yield a command, or those that `sh -c` runs."""
    if words[:2] == ["sh", "-c"]:
        for part in words[2].split("&&"):
            yield Command(place, tuple(shlex.split(part)))
    else:
        yield Command(place, tuple(words))


def commands() -> list[Command]:
    """Return every command of the site's own images, services and units."""
    found: list[Command] = []
    for stage in stages().values():
        for keyword, value in stage.instructions:
            if keyword in {"CMD", "HEALTHCHECK"}:
                words = yaml.safe_load(value[value.index("[") :])
                found += simple_commands(f"Dockerfile {stage.name}", words)
    for name, service in compose()["services"].items():
        if "build" in service and "command" in service:
            found += simple_commands(f"compose.yaml {name}", service["command"])
    for path in UNITS:
        for key, values in unit(path).items():
            if key.startswith("Exec"):
                for value in values:
                    found += simple_commands(path.name, shlex.split(value))
    return found


def documented_variables() -> set[str]:
    text = (DEPLOY / "env.example").read_text(encoding="utf-8")
    return set(re.findall(r"^#?([A-Z][A-Z0-9_]*)=", text, flags=re.MULTILINE))
