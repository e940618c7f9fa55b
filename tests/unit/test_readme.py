"""The README's example of a user's own molecule is a good config."""

import re
import shutil

import yaml

from meanforce.sampling.check import check_structures
from meanforce.settings.load import load_config


def test_own_molecule_in_ten_lines(config, root, tmp_path, monkeypatch):
    text = (root / "README.md").read_text()
    block = re.search(r"```yaml\n(.*?)```", text, re.S).group(1)
    assert len(block.splitlines()) <= 10
    for section, entries in yaml.safe_load(block).items():
        config[section] |= entries
    (tmp_path / "resources").mkdir()
    shutil.copy(root / "resources" / "capped_alanine.pdb", tmp_path / "resources" / "mine.pdb")
    shutil.copy(root / "resources" / "capped_alanine.pdb", tmp_path / "resources")
    monkeypatch.chdir(tmp_path)
    check_structures(load_config(config))
