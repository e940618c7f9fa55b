"""Commands, links and the example in the README and the pages exist."""

import re
from pathlib import Path

import pytest
import yaml

import new_config
from meanforce.sampling.check import check_structures
from meanforce.settings.load import load_config


@pytest.fixture(scope="module")
def pages(root) -> list[Path]:
    """Every page that a user reads."""
    folders = (root, root / "docs", root / "config", root / "resources")
    return [path for folder in folders for path in sorted(folder.glob("*.md"))]


def anchors(page: Path) -> set[str]:
    """Anchors that GitHub gives to the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.M)
    kept = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.replace(" ", "-") for heading in kept}


def test_readme_is_short(root):
    assert len((root / "README.md").read_text().splitlines()) <= 150


def test_links_lead_somewhere(pages):
    broken = []
    for page in pages:
        for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
            if target.startswith(("http://", "https://")):
                continue
            file, _, anchor = target.partition("#")
            path = page.parent / file if file else page
            if not path.exists() or (anchor and anchor not in anchors(path)):
                broken.append(f"{page.name}: {target}")
    assert not broken


def commands(page: Path) -> list[str]:
    """Commands, paths and names of a page, in blocks and within lines."""
    text = page.read_text()
    blocks = re.findall(r"```bash\n(.*?)```", text, re.S)
    inline = re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.S))
    return "\n".join([*blocks, *inline]).splitlines()


def test_files_in_commands_exist(pages, root):
    folders = r"(?<![\w/])(?:config|workflow|tests|envs|docs|resources)/[\w./-]*"
    named = {
        file for page in pages for line in commands(page) for file in re.findall(folders, line)
    }
    assert {"config/quick.yaml", "workflow/scripts/status.py", "envs/requirements.txt"} <= named
    missing = [file for file in named if not (root / file).exists()]
    assert not missing


def test_targets_in_commands_exist(pages, root):
    """Targets of parts of a run: systems and experiments of the default config, or a
    placeholder."""
    default = yaml.safe_load((root / "config" / "config.yaml").read_text())
    known = {f"system_{name}" for name in default["systems"]}
    known |= {f"experiment_{name}" for name in default["experiments"]}
    for page in pages:
        for command in commands(page):
            asked = set(re.findall(r"snakemake ((?:system|experiment)_\w+)", command))
            assert {name for name in asked if not name.endswith("_NAME")} <= known, page


def test_ci_runs_the_test_command_of_the_readme(root):
    block = re.search(r"```bash\n(.*pytest)\n```", (root / "README.md").read_text()).group(1)
    assert block in (root / ".ci" / "run").read_text().splitlines()


def test_own_molecule_starts_with_the_command_of_the_page(root, tmp_path, monkeypatch):
    """It writes a config that passes all checks; its molecule is that of the explained file."""
    monkeypatch.chdir(root)
    page = (root / "README.md").read_text()
    words = (
        re.search(r"^\S+python workflow/scripts/(new_config\.py .*)$", page, re.M).group(1).split()
    )
    output = tmp_path / words[words.index("--output") + 1]
    words[words.index("--output") + 1] = str(output)
    monkeypatch.setattr("sys.argv", words)
    new_config.main()
    made = load_config(yaml.safe_load(output.read_text()))
    check_structures(made)
    explained = yaml.safe_load((root / "config" / "your_molecule.yaml").read_text())
    structures = {system["structure"] for system in explained["systems"].values()}
    assert words[words.index("--structure") + 1] in structures


def test_own_molecule_is_judged_by_data_it_was_not_trained_on(root):
    config = yaml.safe_load((root / "config" / "your_molecule.yaml").read_text())
    assert len(config["systems"]) == len(config["experiments"]) == 1
    (experiment,) = config["experiments"].values()
    assert experiment["reference"] not in experiment["campaigns"]
    assert experiment["held_out"]
