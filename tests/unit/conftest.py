"""What several unit tests share and what takes seconds to make."""

from pathlib import Path

import pytest
from water_boxes import described

from meanforce.systems.prepared import Prepared
from meanforce.systems.registry import build


@pytest.fixture(scope="session")
def water_box(root, tmp_path_factory) -> tuple[Prepared, Path]:
    """Capped alanine in a small box of water, and the folder that it was written to."""
    folder = tmp_path_factory.mktemp("prepared")
    built = build(described(structure=str(root / "resources" / "capped_alanine.pdb")), seed=5)
    built.write(folder)
    return built, folder
