"""Runs of the real workflow in copies of the repository."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from dry_runs import dry_run
from killing import command

LEFT_OUT = shutil.ignore_patterns(
    ".git",
    ".venv",
    "results",
    "example_data",
    ".snakemake",
    "__pycache__",
    "tests",
    ".pytest_cache",
    ".ruff_cache",
)


class Checkout:
    """A copy of the repository in which Snakemake is run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def snakemake(self, *arguments: str, timeout: int = 900) -> subprocess.CompletedProcess:
        """Run Snakemake as a user would, or in a process that has imported it for a dry run."""
        arguments = ("--cores", "2", *arguments)
        if "-n" in arguments:
            return dry_run(self.folder, *arguments, timeout=timeout)
        return subprocess.run(
            [sys.executable, "-m", "snakemake", *arguments],
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def dirty_rules(self, *arguments: str) -> set[str]:
        """Rules that a dry-run would execute, without `all`."""
        result = self.snakemake("-n", *arguments)
        assert result.returncode == 0, result.stdout + result.stderr
        if "Nothing to be done" in result.stdout + result.stderr:
            return set()
        table = result.stdout.split("Job stats:")[-1].split("total")[0].splitlines()
        return {line.split()[0] for line in table[3:] if line.strip()} - {"all"}


@pytest.fixture(scope="session")
def make_checkout(root, tmp_path_factory):
    """Function that makes a fresh copy of the repository."""

    def make() -> Checkout:
        folder = tmp_path_factory.mktemp("checkout") / "meanforce"
        shutil.copytree(root, folder, ignore=LEFT_OUT)
        return Checkout(folder)

    return make


@pytest.fixture(scope="session")
def quick_run(make_checkout):
    """A finished run of config/quick.yaml; tests must leave it as it is."""
    checkout = make_checkout()
    result = checkout.snakemake("--configfile", "config/quick.yaml")
    assert result.returncode == 0, result.stdout + result.stderr
    return checkout


@pytest.fixture(scope="session")
def prepared(root, tmp_path_factory):
    """Capped alanine in vacuum, ready to sample; tests must leave it as it is."""
    folder = tmp_path_factory.mktemp("prepared")
    system = {
        "kind": "peptide", "structure": str(root / "resources/capped_alanine.pdb"),
        "force_field": ["amber99sbildn.xml"],
    }  # fmt: skip
    settings = json.dumps({"system": system, "seed": 1})
    subprocess.run(command(root, "prepare", "--settings", settings, "--output", folder), check=True)
    return folder


@pytest.fixture(scope="session")
def heavy_beads(root, prepared, tmp_path_factory):
    """File of the heavy atoms of capped alanine as beads."""
    path = tmp_path_factory.mktemp("beads") / "beads.json"
    settings = json.dumps({"name": "heavy", "mapping": {"template": "heavy"}})
    arguments = ("--prepared", prepared, "--settings", settings, "--output", path)
    subprocess.run(command(root, "beads", *arguments), check=True)
    return path
