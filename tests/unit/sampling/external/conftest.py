"""Capped alanine and a run of it, which take seconds to make."""

from pathlib import Path

import pytest
from existing_runs import Run, dynamics, prepared_alanine


@pytest.fixture(scope="session")
def alanine(root, tmp_path_factory) -> Path:
    """Folder of the prepared system."""
    folder = tmp_path_factory.mktemp("alanine")
    prepared_alanine(root, folder)
    return folder


@pytest.fixture(scope="session")
def run(root, tmp_path_factory) -> Run:
    """60 frames of it."""
    return dynamics(prepared_alanine(root, tmp_path_factory.mktemp("run")), 60)
