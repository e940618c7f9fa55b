"""What several tests share: the repository's configs and analytic systems."""

import copy
import os
from pathlib import Path

# Two processes share the tests and the cores; one thread each is fastest for systems this small.
# Libraries read this when they are loaded, and so do the programs that tests start.
os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")

import pytest
import torch
import yaml

torch.set_num_threads(1)

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return ROOT


@pytest.fixture(scope="session")
def ready_made_configs() -> list[Path]:
    """Configs of the repository; profiles lie beside them."""
    profiles = ("local.yaml", "slurm.yaml")
    return [path for path in sorted((ROOT / "config").glob("*.yaml")) if path.name not in profiles]


@pytest.fixture(scope="session")
def _default() -> dict:
    return yaml.safe_load((ROOT / "config" / "full.yaml").read_text())


@pytest.fixture
def config(_default: dict, monkeypatch: pytest.MonkeyPatch) -> dict:
    """The config with most kinds as plain values, free to be changed; its paths are valid."""
    monkeypatch.chdir(ROOT)
    return copy.deepcopy(_default)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that take longest come first, so that both processes end at about the same time."""
    files: dict[Path, int] = {}
    for item in items:
        marks = {mark.name for mark in item.iter_markers()}
        # The quick run is the longest of all.
        long = (
            2 * ("workflow" in marks) + 3 * ("quick_run" in item.fixturenames) + ("slow" in marks)
        )
        files[item.path] = max(files.get(item.path, 0), long)
    items.sort(key=lambda item: -files[item.path])
