"""One file with all that a job needs to continue, replaced atomically and checked when read."""

import dataclasses
import hashlib
import io
import json
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from meanforce.errors import InputError

HEADER = b"meanforce restart bundle 1\n"
INFO = "info"


@dataclasses.dataclass(frozen=True)
class Bundle:
    """State of a job.

    Attributes:
        arrays: NumPy arrays by name.
        info: plain values.
    """

    arrays: dict[str, np.ndarray]
    info: dict[str, Any]


def write_bundle(path: Path, bundle: Bundle) -> None:
    """Replace the file in one step: after a crash either the old or the new one is there."""
    text = json.dumps(bundle.info, sort_keys=True).encode()
    payload = io.BytesIO()
    np.savez(payload, **bundle.arrays, **{INFO: np.frombuffer(text, dtype=np.uint8)})
    content = payload.getvalue()
    new = path.with_name(f"{path.name}.new")
    with new.open("wb") as file:
        file.write(HEADER + hashlib.sha256(content).digest())
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def read_bundle(path: Path) -> Bundle | None:
    """What `write_bundle` wrote; None if there is no file.

    Raises:
        InputError: the file was cut short or altered.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    start = len(HEADER) + hashlib.sha256().digest_size
    digest, payload = content[len(HEADER) : start], content[start:]
    if not content.startswith(HEADER) or hashlib.sha256(payload).digest() != digest:
        raise InputError(
            f"{path}: the restart bundle is damaged (its checksum does not hold); delete the "
            f"folder {path.parent} to start this job anew"
        )
    try:
        with np.load(io.BytesIO(payload), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except (ValueError, zipfile.BadZipFile) as error:
        raise InputError(f"{path}: the restart bundle cannot be read ({error})") from error
    info = json.loads(arrays.pop(INFO).tobytes())
    return Bundle(arrays, info)
