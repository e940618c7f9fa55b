"""Sampled campaigns of a run, exchanged for their own frames in files of other programs."""

import json
import subprocess
from pathlib import Path

from killing import command


def exported(root: Path, replica: Path, folder: Path) -> tuple[Path, Path]:
    """TRR and COLVAR file of a replica that is biased along φ and ψ."""
    names = ("-".join(replica.parts[-4:]) + ending for ending in (".trr", "-COLVAR"))
    trr, colvar = (folder / name for name in names)
    subprocess.run(
        command(
            root, "export_trajectory", "--trajectory", replica / "trajectory.h5",
            "--forces", replica / "forces.h5", "--output", trr, "--colvar", colvar,
            "--variables", "phi", "psi",
        ),
        check=True,
    )  # fmt: skip
    return trr, colvar


def exchanged(config: dict, experiment: str, root: Path, results: Path, folder: Path) -> dict:
    """A config with one experiment, all of whose campaigns read files.

    Names of everything are as before, and so random numbers are the same, too.

    Args:
        config: of a finished run.
        experiment: one of its experiments, of metadynamics with one replica each.
        root: the repository.
        results: folder of the run's results.
        folder: to write files to.
    """
    config = json.loads(json.dumps(config))  # without YAML's anchors
    chosen = config["experiments"][experiment]
    system = chosen["system"]
    trained, held_out = chosen["train"], chosen.get("held_out", [])
    states = dict.fromkeys(chosen["campaigns"], trained)
    states[chosen["reference"]] = [*trained, *held_out]
    campaigns = {}
    for name, at in states.items():
        trajectories = []
        for state in at:
            trr, colvar = exported(root, results / system / state / name / "1", folder)
            bias = {"file": str(colvar), "column": "rbias"}
            trajectories.append({"files": [str(trr)], "state_point": state, "bias": bias})
        campaigns[name] = {
            "kind": "external", "forces": "file", "collective_variables": ["phi", "psi"],
            "trajectories": trajectories,
        }  # fmt: skip
    for section in ("systems", "mappings", "collective_variables", "validation"):
        config[section] = {system: config[section][system]}
    return config | {
        "campaigns": {system: campaigns},
        "experiments": {experiment: chosen},
        "potentials": {chosen["potential"]: config["potentials"][chosen["potential"]]},
        "simulations": {chosen["simulation"]: config["simulations"][chosen["simulation"]]},
    }
