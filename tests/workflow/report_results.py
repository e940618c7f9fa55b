"""Small results as a run leaves them, made from formulas: enough to fill the report's page.

Model and reference are known functions, so that the right content of figures is known: the model's
free energies differ from the reference's by `SHIFT`·sin(x).
"""

import json
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import yaml

from meanforce.analysis.kinds import Group, Measure, Source, metric_name
from meanforce.analysis.metrics_table import metrics_table
from meanforce.jobs.stages import report_job
from meanforce.settings.load import load_config

SHIFT = 0.3
"""Largest difference of the model's free energies from the reference's, kcal/mol."""

D, E, V = Measure.DISTANCE, Measure.SIGNED_ERROR, Measure.VALUE
REFERENCE, BASELINED = Source.REFERENCE, Source.BASELINE

ALANINE = [
    ("js_phi_psi", D, Group.SURFACE, (0.012, 0.001, 0.002, "")),
    ("fes_rmse", D, Group.SURFACE, (0.25, 0.01, 0.1, "kcal/mol")),
    ("delta_f_alphaR_beta", V, Group.BASINS, (0.26, 0.13, np.nan, "kcal/mol")),
    ("delta_f_alphaR_beta", V, Group.BASINS, (0.2, 0.02, np.nan, "kcal/mol"), REFERENCE),
    ("delta_f_alphaR_beta", E, Group.BASINS, (0.06, 0.13, 0.1, "kcal/mol")),
    ("wasserstein_bond", D, Group.STRUCTURE, (2e-5, 3e-6, 2.3e-5, "nm")),
    ("wasserstein_radius_of_gyration", D, Group.DIMENSIONS, (1e-3, 2e-4, 4e-4, "nm")),
    ("force_rmse", Measure.LOSS, Group.FORCES, (4.569, 0.006, 4.558, "kcal/mol/Å")),
    ("force_irreducible", V, Group.FORCES, (4.558, 0.009, np.nan, "kcal/mol/Å")),
    ("speed_up_phi", V, Group.DYNAMICS, (3.1, 0.4, np.nan, "")),
    ("stability_exploded", Measure.FRACTION, Group.CONVERGENCE, (1.0, 0.0, 1.0, "")),
    ("rhat_phi", Measure.CONVERGENCE, Group.CONVERGENCE, (np.inf, np.nan, 1.0, "")),
]
BASELINE = [
    ("js_phi_psi", D, Group.SURFACE, (0.02, 0.001, 0.004, ""), BASELINED),
    ("fes_rmse", D, Group.SURFACE, (0.26, 0.02, 0.1, "kcal/mol"), BASELINED),
    ("delta_f_alphaR_beta", V, Group.BASINS, (0.18, 0.05, np.nan, "kcal/mol"), BASELINED),
    ("delta_f_alphaR_beta", E, Group.BASINS, (-0.02, 0.05, 0.04, "kcal/mol"), BASELINED),
    ("wasserstein_bond", D, Group.STRUCTURE, (1e-6, 2e-7, 1e-6, "nm"), BASELINED),
]
"""Of capped alanine, where it was trained at: JS worse than the model's, bonds better."""

MULLER_BROWN = [
    ("pmf_rmse", D, Group.EXACT_PMF, (0.05, 0.02, 0.0, "kT")),
    ("barrier", V, Group.EXACT_PMF, (5.2, 0.1, np.nan, "kT")),
    ("barrier", V, Group.EXACT_PMF, (5.299, 0.0, np.nan, "kT"), REFERENCE),
    ("barrier", E, Group.EXACT_PMF, (-0.4, 0.1, 0.08, "kT")),
    ("force_irreducible", V, Group.FORCES, (0.1, 0.01, np.nan, "kcal/mol/Å")),
]


def write_results(root: Path, folder: Path) -> list[str]:
    """Files of all experiments of config/quick.yaml, and one learning curve.

    Args:
        root: of the repository.
        folder: where to write them.

    Returns:
        arguments of `report.py`, except the page's template.
    """
    config = load_config(yaml.safe_load((root / "config" / "quick.yaml").read_text()))
    made: dict[str, list[Path]] = {
        name: []
        for name in ("metrics", "curves", "profiles", "surfaces", "segments", "speeds", "checks")
    }
    for name, chosen in config.experiments.items():
        here = folder / "experiments" / name
        here.mkdir(parents=True)
        for member in range(chosen.ensemble):
            made["curves"].append(here / f"curve-{member}.csv")
            _curve(chosen.potential, member).to_csv(made["curves"][-1], index=False)
        for state in (*chosen.train, *chosen.held_out):
            (here / state).mkdir()
            made["metrics"].append(here / state / "metrics.csv")
            _metrics(name, chosen, state).to_csv(made["metrics"][-1], index=False)
            names = config.validation[chosen.system].surface
            units = [config.variables_of(chosen.system)[one].unit for one in names]
            made["profiles"].append(here / state / "profiles.csv")
            profiles(dict(zip(names, units, strict=True))).to_csv(made["profiles"][-1], index=False)
            made["surfaces"].append(here / state / "surface.csv")
            surface(names).to_csv(made["surfaces"][-1], index=False)
            made["speeds"].append(here / state / "speed.csv")
            made["speeds"][-1].write_text(
                "from_step,to_step,wall_s,replicas,device,replica_steps_per_s\n"
                "0,1000,2.0,100,cpu,50000\n"
            )
    for job in (1, 2):
        path = folder / "capped_alanine" / "T300" / "reference" / str(job) / "segments.csv"
        path.parent.mkdir(parents=True)
        path.write_text(
            "from_ps,to_ps,wall_s,ns_per_day,temperature_k,platform\n"
            f"0,100,100,{86.4 * job},300,Reference\n"
        )
        made["segments"].append(path)
        made["checks"].append(path.parent / "heavy.checks.json")
        made["checks"][-1].write_text(json.dumps(_checks(failed=job == 2)))
    (folder / "settings.json").write_text(report_job(config).canonical())
    arguments = [part for name, paths in made.items() for part in (f"--{name}", *map(str, paths))]
    return [
        *arguments, "--learning-curves", str(_learning_curve(folder)),
        "--settings", str(folder / "settings.json"), "--summary", str(folder / "summary.csv"),
        "--page", str(folder / "report.html"), "--run", str(folder / "run.yaml"),
    ]  # fmt: skip


def _checks(failed: bool) -> dict:
    """Checks of a dataset; where they failed, its forces are in another unit."""
    virial = {
        "form": "molecules", "bias": "none", "degrees": 27.0, "ratio": 1.02, "stderr": 0.03,
        "deviation": 0.67, "effective_frames": 4800.0, "verdict": "passed",
    }  # fmt: skip
    if failed:
        virial |= {
            "ratio": 0.0243, "stderr": 0.0007, "deviation": -1394.0, "verdict": "failed",
            "refuted": True, "mend": "multiplying by 41.84 would mend it (forces in kcal/mol/Å)",
        }  # fmt: skip
    zero = {"verdict": "passed", "value": [0.0] * 3, "stderr": [0.0] * 3, "deviation": 0.0}
    return {
        "frames": 5000,
        "conformations": {"autocorrelation_time": 9.3, "stderr": 1.2, "effective_frames": 27.0},
        "irreducible_variance": {"variance": 35490.0, "error": 243.0, "total": 743998.0},
        "identities": {
            "virial": virial, "mean_force": zero, "mean_torque": zero | {"deviation": 1.3},
            "torsions": {"verdict": "not_applied", "reason": "no part can turn"},
        },
    }  # fmt: skip


def profiles(variables: dict[str, str]) -> pd.DataFrame:
    """Profiles of variables and their units, then one of each other kind, with empty bins."""
    kinds = [(name, "collective_variable", unit) for name, unit in variables.items()]
    kinds += [("radius_of_gyration", "radius_of_gyration", "nm"), ("msd", "msd", "ps")]
    parts = []
    for name, kind, unit in kinds:
        x = np.linspace(-3.09, 3.09, 60)
        reference = 2.0 + 2.0 * np.cos(x)
        reference[-3:] = np.nan
        parts.append(pd.DataFrame({
            "quantity": name, "kind": kind, "unit": unit, "x": x, "reference": reference,
            "reference_stderr": 0.05, "model": reference + SHIFT * np.sin(x), "model_stderr": 0.1,
        }))  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def surface(names: list[str]) -> pd.DataFrame:
    """Surface over some variables on a grid of 30 bins each; some bins are empty."""
    centres = np.linspace(-3.04, 3.04, 30)
    grids = [grid.ravel() for grid in np.meshgrid(*[centres] * len(names), indexing="ij")]
    reference = sum(2.0 + 2.0 * np.cos(grid) for grid in grids)
    reference[:7] = np.nan
    difference = SHIFT * np.sin(grids[0])
    columns = {"reference": reference, "model": reference + difference, "difference": difference}
    return pd.DataFrame(dict(zip(names, grids, strict=True)) | columns)


def _metrics(name: str, chosen, state: str) -> pd.DataFrame:
    facts = {
        "experiment": name, "system": chosen.system, "mapping": chosen.mapping,
        "force_map": "aggregate", "campaign": "+".join(chosen.campaigns),
        "potential": chosen.potential, "state_point": state,
        "role": "train" if state in chosen.train else "held-out",
    }  # fmt: skip
    listed = list(MULLER_BROWN if chosen.system == "muller_brown" else ALANINE)
    if chosen.system != "muller_brown" and state in chosen.train:
        listed += BASELINE
    if chosen.potential == "spline":
        # The other potential is the better one.
        listed[3] = ("barrier", E, Group.EXACT_PMF, (-1.2, 0.1, 0.08, "kT"))
    return metrics_table(facts, [_row(*one) for one in listed])


def _row(
    quantity: str, measure: Measure, group: Group, numbers: tuple, source: Source = Source.MODEL
) -> dict:
    """A row whose resolution is two standard errors, with all of the error from noise."""
    value, stderr, floor, unit = numbers
    above = 0.0 if measure == Measure.SIGNED_ERROR else floor
    return {
        "metric": metric_name(quantity, measure, source), "quantity": quantity,
        "measure": measure.value, "source": source.value, "group": group.value,
        "value": value, "stderr": stderr, "noise_floor": floor, "unit": unit,
        "stderr_noise": stderr, "dof": np.inf, "noise_floor_reference": 0.8 * floor,
        "resolution": above + 2 * stderr if np.isfinite(floor) else np.nan, "data_limit": np.nan,
    }  # fmt: skip


def _curve(potential: str, member: int) -> pd.DataFrame:
    if potential in ("spline", "rbf"):
        smoothness = np.repeat(np.logspace(-6, 1, 8), 2)
        return pd.DataFrame({"smoothness": smoothness, "validation": 20 + member + smoothness})
    epoch = np.arange(1, 41)
    loss = 36000.0 + 1000 * member + 4e5 * np.exp(-epoch)
    return pd.DataFrame({"epoch": epoch, "training": loss, "validation": 1.02 * loss})


def _learning_curve(folder: Path) -> Path:
    path = folder / "learning_curves" / "alanine.png"
    path.parent.mkdir()
    figure, panel = plt.subplots(figsize=(3, 2))
    panel.plot([0.1, 1, 5], [1, 0.5, 0.2])
    figure.savefig(path)
    plt.close(figure)
    facts = {"state_point": "T300", "metric": "fes_rmse"}
    table = pd.DataFrame({"atomistic_time": [0.1, 1.0, 5.0], "error": [1, 0.5, 0.2]})
    table.assign(experiment="biased", source="model", **facts).to_csv(
        path.with_suffix(".csv"), index=False
    )
    factors = {"factor": [9.0, 12.4], "low": [0.0, 7.1], "high": [np.inf, 20.9], "certain": np.nan}
    savings = pd.DataFrame({"atomistic_time": [1.0, np.nan], "bound": ["at least", ""]} | factors)
    facts |= {"against": "unbiased", "against_source": "model", "unit": "kcal/mol", "error": 0.5}
    savings.assign(experiment="biased", **facts).to_csv(
        path.with_suffix(".savings.csv"), index=False
    )
    return path
