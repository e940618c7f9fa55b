"""What several tests share: the repository's configs and analytic systems."""

import copy
from pathlib import Path

import pytest
import torch
import yaml

# Two cores are what the tests may use; one thread is fastest for systems this small.
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
    return yaml.safe_load((ROOT / "config" / "config.yaml").read_text())


@pytest.fixture
def config(_default: dict, monkeypatch: pytest.MonkeyPatch) -> dict:
    """The default config as plain values, free to be changed; its paths are valid."""
    monkeypatch.chdir(ROOT)
    return copy.deepcopy(_default)
