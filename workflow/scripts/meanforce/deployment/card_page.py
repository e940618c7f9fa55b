"""The page MODEL_CARD.md of a deployed model."""

from pathlib import Path

import pandas as pd

from meanforce.core.domain import LEVELS
from meanforce.errors import InputError
from meanforce.potentials.card import EXTRAPOLATES, ModelCard

COLUMNS = ("state_point", "metric", "value", "stderr", "noise_floor", "unit", "verdict")
"""Columns of the table of validation, as in summary.csv."""

MOST_ROWS = 60
"""Most coordinates that are listed; the .json beside the model has all of them."""


def card_page(cards: list[ModelCard], temperature: float, metrics: list[Path]) -> str:
    """The page, as Markdown.

    Args:
        cards: of the members.
        temperature: at which the folder runs the model, K.
        metrics: tables that the stage `validate` wrote for this model.

    Raises:
        InputError: a table is missing or not one of metrics.
    """
    first = cards[0]
    lines = ["# Model card", "", f"Kind `{first.kind}`, {len(cards)} members.", ""]
    lines += ["## Training data", "", *_training(first), ""]
    lines += ["## Temperature", "", *_temperature(first, temperature), ""]
    lines += ["## Validation", "", *_validation(metrics), ""]
    lines += ["## Domain", "", *_domain(first)]
    return "\n".join(lines) + "\n"


def _training(card: ModelCard) -> list[str]:
    origin = card.origin
    if not origin:
        return ["Not stored with this model."]
    points = ", ".join(f"{name} ({value:g} K)" for name, value in origin["state_points"].items())
    lines = [
        f"- system `{origin['system']}`, beads of mapping `{origin['mapping']}`",
        f"- campaigns: {', '.join(origin['campaigns'])}; state points: {points}",
    ]
    if "sampled_time" in card.about:
        time = card.about["sampled_time"] / 1000.0
        lines.append(f"- {time:.4g} ns of atomistic dynamics, without equilibration and burn-in")
    if "frames" in card.about:
        effective = card.about.get("effective_sample_size", card.about["frames"])
        lines.append(f"- {card.about['frames']} frames, worth {effective:.0f} of equal weight")
    return lines


def _temperature(card: ModelCard, temperature: float) -> list[str]:
    known = ", ".join(f"{one:g}" for one in card.temperatures) or "not stored"
    holds = card.form in EXTRAPOLATES and len(card.temperatures) > 1
    beyond = "also beyond these" if holds else "between these only"
    lines = [
        f"- this folder: U(R; T) at {temperature:g} K",
        f"- trained at (K): {known}",
        f"- form `{card.form}`, meant to be used {beyond}",
    ]
    warning = card.temperature_warning(temperature)
    return lines if warning is None else [*lines, f"- **Warning:** {warning}."]


def _validation(metrics: list[Path]) -> list[str]:
    if not metrics:
        return ["No table of metrics was given (`--metrics`)."]
    tables = []
    for path in metrics:
        try:
            tables.append(pd.read_csv(path))
        except (OSError, ValueError) as error:
            raise InputError(f"{path}: is not a table of metrics ({error})") from error
        if "metric" not in tables[-1] or "value" not in tables[-1]:
            raise InputError(f"{path}: is not a table of metrics (has no column metric or value)")
    table = pd.concat(tables)
    if "verdict" in table:
        table = table[table["verdict"].notna()]
    columns = [name for name in COLUMNS if name in table]
    lines = ["| " + " | ".join(columns) + " |", "|---" * len(columns) + "|"]
    for _, row in table[columns].iterrows():
        cells = [f"{v:.3g}" if isinstance(v, float) else str(v) for v in row]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def _domain(card: ModelCard) -> list[str]:
    if card.domain is None:
        return ["No domain is stored with this model, so that leaving it cannot be noticed."]
    domain = card.domain
    lines = [
        f"Ranges over {domain.frames} training frames (nm, rad). Where more than 1 % of the frames "
        "of a run exceed one of them by more than a tenth of its width, the run warns.",
        "",
        f"| coordinate | least | {LEVELS[0]:g} | median | {LEVELS[-1]:g} | largest |",
        "|---|---|---|---|---|---|",
    ]
    for n, name in enumerate(domain.names[:MOST_ROWS]):
        column = domain.quantiles[:, n]
        middle = column[len(LEVELS) // 2]
        numbers = (domain.low[n], column[0], middle, column[-1], domain.high[n])
        lines.append(f"| {name} | " + " | ".join(f"{value:.4g}" for value in numbers) + " |")
    more = len(domain.names) - MOST_ROWS
    return [*lines, "", f"… and {more} more in the .json"] if more > 0 else lines
