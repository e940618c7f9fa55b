"""A page with commands: files that it asks to save, and commands, in its order."""

import dataclasses
import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

BLOCK = re.compile(r"(?:Save this as\s+`([^`]+)`:\n\n)?```(\w+)\n(.*?)```", re.S)


@dataclasses.dataclass(frozen=True)
class Step:
    """A block of a page.

    Attributes:
        kind: language of the block.
        text: its lines.
        file: that the text is to be saved as; None if the page does not ask for it.
    """

    kind: str
    text: str
    file: str | None

    @property
    def commands(self) -> bool:
        """Whether the block is to be run."""
        return self.kind == "bash"


def steps(page: Path) -> list[Step]:
    """Blocks of a page, in order."""
    return [Step(kind, text, file or None) for file, kind, text in BLOCK.findall(page.read_text())]


def follow(chosen: Sequence[Step], folder: Path, changes: Mapping[str, str]) -> None:
    """Do what a page asks for.

    Args:
        chosen: blocks of the page.
        folder: where files are saved and commands are run.
        changes: parts of commands, and what takes their place.
    """
    for step in chosen:
        text = step.text
        if step.file is not None:
            (folder / step.file).write_text(text)
        if step.commands:
            for given, used in changes.items():
                text = text.replace(given, used)
            result = subprocess.run(
                ["bash", "-e"], input=text, cwd=folder, capture_output=True, text=True, timeout=600
            )
            assert result.returncode == 0, text + result.stdout[-3000:] + result.stderr[-3000:]
