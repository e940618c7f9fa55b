"""Noise of mapped forces in water: force maps with and without water, frames at any distance.

    python tests/benchmarks/force_noise.py [--length "40 ps"] [--flexible]

Run it from the folder in which `snakemake --configfile config/capped_alanine_water.yaml` has ended.
It makes a config of its own from that one: unbiased dynamics with a whole frame every 4 fs, mapped
by several force maps, which shares the results folder. With `--flexible` no bond of the solute is
rigid, as `slice` requires; the box is then of its own, and hardly equilibrated. Ten minutes and
1 GB. The noise is the mapped force minus that of the trained model, so that the model's own error
is in it, as well. Prints rows of the table in docs/results.md: root mean square of the noise,
kJ/mol/nm per component; its integrated autocorrelation time with a standard error from blocks; and
for frames at several distances in time the variance of their mean over a long time, divided by that
of a mean over all frames.
"""

import argparse
import subprocess
import sys
from pathlib import Path

import numpy as np
import torch
import yaml

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "workflow" / "scripts"))

from meanforce.core.configuration import Configuration  # noqa: E402
from meanforce.data.h5md import H5mdReader  # noqa: E402
from meanforce.potentials.files import load_ensemble  # noqa: E402

SYSTEM, STATE, CAMPAIGN = "capped_alanine_water", "T300", "dense"
EXPERIMENT = f"{SYSTEM}_metadynamics_heavy_cgnet"
RESULTS = Path("results") / SYSTEM
OPTIMAL = {"template": "heavy", "force_map": "optimal", "control_variates": "none"}
MAPS = {
    "aggregate": {"template": "heavy", "force_map": "aggregate"},
    "optimal": OPTIMAL | {"solvent_groups": "none"},
    "optimal_water": OPTIMAL | {"solvent_groups": "whole"},
}
SLICE = {"slice": {"template": "heavy", "force_map": "slice"}}
FLEXIBLE = {
    "constraints": "none", "hydrogen_mass": None,
    "equilibration": {
        "nvt": "5 ps", "npt": None, "nvt_final": "5 ps", "time_step": "1 fs", "friction": "1 / ps"
    },
}  # fmt: skip
STEP = 4
"""fs between frames."""

STRIDES = (12, 24, 48, 100, 200)
"""fs between the frames that are compared."""

LONGEST = 2000
"""fs; correlations at longer times are smaller than their own errors in 40 ps."""

BLOCKS = 8
"""Behind the standard error of the autocorrelation time."""


def config_of(length: str, flexible: bool) -> dict:
    """The config of the laptop run with a campaign and experiments of its own."""
    config = yaml.safe_load((ROOT / "config" / f"{SYSTEM}.yaml").read_text())
    maps = maps_of(flexible)
    config["output"] = str(results_of(flexible))
    config["systems"][SYSTEM] |= FLEXIBLE if flexible else {}
    config["mappings"][SYSTEM] |= {f"dense_{name}": settings for name, settings in maps.items()}
    config["campaigns"][SYSTEM] = {
        CAMPAIGN: {
            "kind": "unbiased", "length": length, "stride": f"{STEP} fs",
            "time_step": "1 fs" if flexible else "4 fs", "friction": "1 / ps",
            "equilibration": "10 ps", "replicas": 1,
        }
    }  # fmt: skip
    model = config["experiments"][EXPERIMENT]
    config["experiments"] = {
        f"{SYSTEM}_{CAMPAIGN}_{name}": {
            **model, "mapping": f"dense_{name}", "campaigns": [CAMPAIGN]
        }
        for name in maps
    }  # fmt: skip
    return config


def maps_of(flexible: bool) -> dict[str, dict]:
    """Mappings by their names."""
    return SLICE | MAPS if flexible else MAPS


def results_of(flexible: bool) -> Path:
    """Folder of the results."""
    return RESULTS.with_name(f"{SYSTEM}_flexible") if flexible else RESULTS


def noise_of(dataset: Path, models: list[Path]) -> np.ndarray:
    """Forces of a dataset minus those of the model, shape (n_frames, 3 n_beads)."""
    potential = load_ensemble(models)
    with H5mdReader(dataset) as reader:
        positions, forces = reader.positions(), reader.forces()
        temperature = float(reader.parameters["temperature"])
    rows = []
    for start in range(0, len(positions), 5000):
        some = torch.as_tensor(positions[start : start + 5000])
        _, mean = potential.energy_and_forces(Configuration(some, temperature))
        rows.append(forces[start : start + 5000] - mean.detach().numpy())
    return np.concatenate(rows).reshape(len(positions), -1)


def autocovariance(noise: np.ndarray, lags: int) -> np.ndarray:
    """Mean product of the noise of frames so far apart, of each column, shape (lags, n_columns)."""
    n = len(noise)
    spectrum = np.abs(np.fft.rfft(noise, 2 * n, axis=0)) ** 2
    return np.fft.irfft(spectrum, axis=0)[:lags] / (n - np.arange(lags))[:, None]


def variance_of_mean(covariance: np.ndarray, stride: int) -> float:
    """What the variance of the mean of a long time is proportional to, with frames so far apart.

    Args:
        covariance: of frames one step apart, as many as count.
        stride: time between the frames that are used, in fs.

    Returns:
        stride (C(0) + 2 Σ C(k stride)), in (kJ/mol/nm)² fs.
    """
    every = stride // STEP
    return stride * (covariance[0] + 2 * covariance[every::every].sum())


def autocorrelation_time(noise: np.ndarray) -> float:
    """Integrated autocorrelation time in fs."""
    covariance = autocovariance(noise, LONGEST // STEP).mean(axis=1)
    return variance_of_mean(covariance, STEP) / covariance[0] / 2


def main() -> None:
    """Makes the data where they are missing, and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--length", default="40 ps")
    parser.add_argument("--flexible", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    results = results_of(arguments.flexible)
    datasets = {
        name: results / SYSTEM / STATE / CAMPAIGN / "1" / f"dense_{name}.h5"
        for name in maps_of(arguments.flexible)
    }
    config = results / "force_noise.yaml"
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text(
        yaml.safe_dump(config_of(arguments.length, arguments.flexible), sort_keys=False)
    )
    subprocess.run(
        [sys.executable, "-m", "snakemake", "--cores", "2", "--configfile", str(config),
         "--rerun-triggers", "mtime", "--", *map(str, datasets.values())],
        check=True,
    )  # fmt: skip
    models = sorted((RESULTS / "experiments" / EXPERIMENT).glob("model-*.safetensors"))
    print("| map | rms | time (fs) |", *(f"{stride} fs |" for stride in STRIDES))
    for name, dataset in datasets.items():
        noise = noise_of(dataset, models)
        covariance = autocovariance(noise, LONGEST // STEP).mean(axis=1)
        blocks = [autocorrelation_time(block) for block in np.array_split(noise, BLOCKS)]
        error = np.std(blocks, ddof=1) / np.sqrt(BLOCKS)
        every = variance_of_mean(covariance, STEP)
        print(
            f"| {name} | {np.sqrt(covariance[0]):.0f} |"
            f" {autocorrelation_time(noise):.1f} ± {error:.1f} |",
            *(f"{variance_of_mean(covariance, stride) / every:.2f} |" for stride in STRIDES),
        )


if __name__ == "__main__":
    main()
