"""The report: one self-contained HTML page, filled in from a template."""

import collections
import dataclasses
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
import yaml

from meanforce.analysis.kinds import Source
from meanforce.figures import (
    baseline_table,
    data_checks,
    floors,
    iterations,
    learning,
    metric_table,
    overview,
    profiles,
    speed,
    surface,
    training,
    transfer,
)
from meanforce.figures.figure import Figure
from meanforce.figures.metrics import ERRORS, VERDICTS, errors_of
from meanforce.jobs.report import ReportJob
from meanforce.settings.collective_variables import CollectiveVariableSettings
from meanforce.settings.job import validated
from meanforce.units import KCAL

Place = tuple[str, str]
"""Experiment and state point."""


@dataclasses.dataclass(frozen=True)
class Results:
    """The results of a run, and what it was made with.

    Attributes:
        summary: all metrics; the column `verdict` is shown where it exists.
        curves: experiment: training curves of its members.
        profiles: one-dimensional profiles; see `profiles.figures`.
        surfaces: free-energy surfaces; see `surface.figures`.
        segments: atomistic runs; see `speed.atomistic`.
        speeds: CG runs; see `speed.coarse_grained`.
        checks: of datasets; see `data_checks.lines`.
        transfer: where each metric stands between training temperatures; see `transfer.figures`.
        learning_curves: figures, with their tables beside them; see `learning.section`.
        job: of the stage `report`.
        about: provenance.
    """

    summary: pd.DataFrame
    curves: dict[str, list[pd.DataFrame]]
    profiles: dict[Place, pd.DataFrame]
    surfaces: dict[Place, pd.DataFrame]
    segments: list[Path]
    speeds: list[Path]
    checks: list[Path]
    transfer: pd.DataFrame
    learning_curves: list[Path]
    job: ReportJob
    about: dict[str, Any]

    def states_of(self, experiment: str) -> list[str]:
        """State points of an experiment by temperature."""
        return self.job.experiments[experiment].states

    @property
    def config(self) -> dict[str, Any]:
        """The resolved config."""
        return self.job.config


def render(template: Path, results: Results) -> str:
    """The page's text.

    Args:
        template: Jinja template; what it includes lies beside it.
        results: what to show.
    """
    config, table = results.config, results.summary
    imported = {
        (system, name)
        for system, campaigns in config.get("campaigns", {}).items()
        for name, campaign in campaigns.items()
        if campaign["kind"] == "external"
    }
    datasets = data_checks.lines(results.checks, imported)
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(template.parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    steps = {
        name: config["simulations"][chosen["simulation"]]["time_step"]
        for name, chosen in config["experiments"].items()
    }
    return environment.get_template(template.name).render(
        systems=[_system(results, name) for name in dict.fromkeys(table["system"])],
        groups=[
            {"name": group, "experiments": [_experiment(results, name) for name in names]}
            for group, names in _groups(results).items()
        ],
        count=len(results.job.experiments),
        unfinished=results.job.unfinished,
        learning_curves=[learning.section(path) for path in results.learning_curves],
        verdicts=VERDICTS if "verdict" in table else {},
        limits=overview.LIMITS,
        datasets=datasets,
        failed_datasets=sum(bool(line.sentences) for line in datasets),
        datasets_by_chance=data_checks.by_chance(datasets),
        atomistic=speed.atomistic(results.segments),
        coarse_grained=speed.coarse_grained(results.speeds, steps),
        held_out=int(table.loc[table["role"] == "held-out", "state_point"].nunique()),
        states=int(table["state_point"].nunique()),
        about=results.about,
        seed=config["seed"],
        config=_yaml(config),
    )


def _groups(results: Results) -> dict[str, list[str]]:
    """Experiments without a learning curve (under an empty name), then the runs of each curve."""
    groups: dict[str, list[str]] = {"": []}
    for name, facts in results.job.experiments.items():
        groups.setdefault(facts.learning_curve or "", []).append(name)
    return {name: names for name, names in groups.items() if names}


def _system(results: Results, name: str) -> dict[str, Any]:
    table = results.summary[results.summary["system"] == name]
    matrices = []
    for group, names in _groups(results).items():
        part = table[table["experiment"].isin(names)]
        if len(part):
            metrics, lines = overview.lines(part, results.states_of)
            matrices.append({"name": group, "metrics": metrics, "lines": lines})
    known = results.transfer
    # Runs of a learning curve have a figure of their own.
    alone = set(_groups(results).get("", ())) & set(table["experiment"])
    part = known[known["experiment"].isin(alone)]
    figures = transfer.figures(part, name)
    headlines = set(errors_of(part, headlines=True))
    return {
        "name": name,
        "matrices": matrices,
        "baseline": _baseline(table[table["experiment"].isin(alone)], results),
        "transfer": [figure for metric, figure in figures.items() if metric in headlines],
        "transfer_more": [figure for metric, figure in figures.items() if metric not in headlines],
        "transfer_keys": transfer.keys(part),
    }


def _baseline(table: pd.DataFrame, results: Results) -> dict[str, Any] | None:
    """Models against direct reweighting; None where nothing was reweighted."""
    columns, lines = baseline_table.lines(table, results.states_of)
    if not lines:
        return None
    return {
        "columns": columns,
        "lines": lines,
        "counts": baseline_table.counts(lines),
        "held_out": any(line.role == "held-out" for line in lines),
    }


def _experiment(results: Results, name: str) -> dict[str, Any]:
    facts = results.job.experiments[name]
    part = results.summary[results.summary["experiment"] == name]
    chosen = results.config["experiments"][name]
    models = part[part["source"] == Source.MODEL]
    marks = collections.Counter(models["verdict"].dropna()) if "verdict" in part else {}
    return {
        "name": name,
        "facts": facts,
        "open": name == next(iter(results.job.experiments)),
        "chosen": chosen,
        "mapping": part["mapping"].iloc[0],
        "force_map": part["force_map"].iloc[0],
        "judged": _judged_against(
            chosen["reference"], results.config["references"].get(facts.system, {}), models
        ),
        "marks": [(VERDICTS[v], v, marks[v]) for v in VERDICTS if marks.get(v)],
        "states": [_state(results, part, name, state) for state in facts.states],
        "groups": metric_table.groups(part, facts.states),
        "floors": floors.figure(part, facts.states, name),
        **_training(results.curves[name], part, name),
        "config": _yaml(
            {
                "experiment": chosen,
                "potential": results.config["potentials"][chosen["potential"]],
                "simulation": results.config["simulations"][chosen["simulation"]],
            }
        ),
    }


def _training(curves: list[pd.DataFrame], part: pd.DataFrame, name: str) -> dict[str, Any]:
    """How the fit went: a figure and what it shows."""
    if iterations.is_of(curves):
        picture, caption = iterations.figure(curves, name), iterations.CAPTION
    else:
        picture, caption = (
            training.figure(curves, _irreducible(part), name),
            training.caption(curves),
        )
    return {"training": picture, "training_caption": caption}


def _judged_against(reference: str | None, tables: dict[str, Any], rows: pd.DataFrame) -> str:
    """What a model's errors are measured from, if it has any.

    Args:
        reference: name of a campaign or a table, or None.
        tables: those of the system, by name.
        rows: of the model.
    """
    if reference in tables:
        source = tables[reference]["source"]
        return f"table {reference}" + (f" ({source})" if source else "")
    if reference is not None:
        return f"campaign {reference}"
    return "the exact result" if rows["measure"].isin(ERRORS).any() else ""


def _state(results: Results, part: pd.DataFrame, name: str, state: str) -> dict[str, Any]:
    config, where = results.config, f"{name} at {state}"
    system = results.job.experiments[name].system
    surfaces: list[Figure] = []
    if (name, state) in results.surfaces:
        table = results.surfaces[name, state]
        known = config["collective_variables"].get(system, {})
        names = surface.variables_of(table)
        if len(names) == 2:
            units = [validated(CollectiveVariableSettings, known[v], v).unit for v in names]
            cutoff = config["validation"][system]["cutoff"] / KCAL
            surfaces = surface.figures(table, units, cutoff, where)
    found = results.profiles.get((name, state))
    return {
        "name": state,
        "temperature": config["state_points"][state]["temperature"],
        "role": part.loc[part["state_point"] == state, "role"].iloc[0],
        "surfaces": surfaces,
        "profiles": [] if found is None else profiles.figures(found, where),
    }


def _irreducible(part: pd.DataFrame) -> dict[str, float]:
    """Irreducible squared force error of each trained state point, (kcal/mol/Å)²."""
    some = part[(part["metric"] == "force_irreducible") & (part["role"] == "train")]
    return {row["state_point"]: row["value"] ** 2 for _, row in some.iterrows()}


def _yaml(values: dict[str, Any]) -> str:
    return yaml.safe_dump(values, sort_keys=False, allow_unicode=True, width=100)
