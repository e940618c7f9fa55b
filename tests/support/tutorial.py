"""A page with commands: files that it asks to save, and commands, in its order."""

import dataclasses
import re
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
