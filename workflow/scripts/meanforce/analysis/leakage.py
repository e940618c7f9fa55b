"""Was a model trained on the data that it is judged by?

A config in which a held-out state point is trained at is refused when it is read. Here the contents
of the files are compared, not their names: a model's file has the length and the checksum of its
training data.
"""

from pathlib import Path
from typing import Any

from meanforce.data.h5md import contents
from meanforce.errors import InputError


def trained_on(about: dict[str, Any], reference: list[Path]) -> list[Path] | None:
    """Files of the reference that a model was trained on.

    Args:
        about: contents of the model's JSON file; `datasets` has contents by number and path, or, in
            older models, paths alone.
        reference: datasets.

    Returns:
        None where the model's file does not list its training data.
    """
    known = about.get("datasets")
    if known is None:
        return None
    if isinstance(known, dict):
        found = dict(zip(reference, contents(reference).values(), strict=True))
        return [path for path in reference if found[path] in known.values()]
    return [path for path in reference if str(path) in known]


def refuse_leaks(trained: list[Path] | None, state_point: str) -> None:
    """Refuse to judge a model at a held-out state point by data that it was trained on.

    Raises:
        InputError: names the data.
    """
    if trained:
        raise InputError(
            f"{trained[0]}: the model was trained on this dataset, but is judged by it as if "
            f"'{state_point}' were held out; train without it, or list '{state_point}' in 'train'"
        )
