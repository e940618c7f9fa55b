"""The text of a first config, checked as a run would check it."""

from pathlib import Path

import jinja2
import yaml

from meanforce.errors import InputError
from meanforce.planning.first_config import FirstConfig
from meanforce.planning.lengths import time
from meanforce.sampling.check import check_structures
from meanforce.settings.load import load_config

TEMPLATE = Path(__file__).with_name("first_config.yaml.j2")


def config_text(made: FirstConfig, file: Path) -> str:
    """A complete, commented config.

    Args:
        made: what it holds.
        file: that it will be written to, for its comments.

    Raises:
        InputError: a run would refuse it.
    """
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True)  # noqa: S701  # YAML, not HTML
    environment.filters["time"] = time
    template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    text = template.render(made.values, file=file, stem=file.stem)
    check_structures(load_config(yaml.safe_load(text)))
    return text


def write_new(text: str, file: Path) -> None:
    """Write a file that does not exist.

    Raises:
        InputError: it exists, or its folder does not.
    """
    try:
        with file.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError:
        raise InputError(
            f"--output: '{file}' exists and is not overwritten; give another --output or --name"
        ) from None
    except OSError as error:
        raise InputError(f"--output: '{file}' cannot be written: {error.strerror}") from None
