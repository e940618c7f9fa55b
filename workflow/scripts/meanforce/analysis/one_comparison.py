"""The stage `validate`: a CG run and its reference at one state point, from files to metrics."""

import contextlib
import dataclasses
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from meanforce.analysis import baseline
from meanforce.analysis.comparison import (
    Comparison,
    ExactReference,
    ReferenceForces,
    TrainedModel,
    axes_of,
)
from meanforce.analysis.leakage import refuse_leaks, trained_on
from meanforce.analysis.members import Scheme
from meanforce.analysis.metrics.exact_pmf import exact_pmf_of
from meanforce.analysis.metrics.registry import all_rows
from meanforce.analysis.metrics_table import metrics_table
from meanforce.analysis.off_surface import fitting_surface
from meanforce.analysis.protocol import Protocol
from meanforce.analysis.rows import Row, without_errors
from meanforce.analysis.samples import Sample, model_sample, reference_sample
from meanforce.analysis.streams import stream
from meanforce.analysis.table_reference import table_reference
from meanforce.analysis.variables import judged_variables
from meanforce.data.dataset import Dataset
from meanforce.data.h5md import H5mdReader
from meanforce.jobs.validate import ValidateJob
from meanforce.potentials.files import load
from meanforce.potentials.interface import EnsembleMean
from meanforce.settings.collective_variables import CollectiveVariableSettings


@dataclasses.dataclass(frozen=True)
class ValidateInputs:
    """What is compared.

    Attributes:
        trajectory: of the CG run.
        models: members of the ensemble.
        reference: datasets of the reference campaign; none where there is no reference.
        training: datasets of this state point that the models were trained on, campaign after
            campaign: the baseline.
        tables: of free energies in the place of a reference; several are repeats.
    """

    trajectory: Path
    models: list[Path]
    reference: list[Path] = dataclasses.field(default_factory=list)
    training: list[Path] = dataclasses.field(default_factory=list)
    tables: list[Path] = dataclasses.field(default_factory=list)


def comparison_of(
    job: ValidateJob, inputs: ValidateInputs, report: Callable[[str], None]
) -> Comparison:
    """Model and reference, with all that metrics need.

    Args:
        job: what to do.
        inputs: what is compared.
        report: called with lines for the log.

    Raises:
        InputError: a file cannot be read, or a model was trained on the data that it is judged by
            at a held-out state point.
    """
    validation = job.validation
    members = [load(path) for path in inputs.models]
    trained = trained_on(members[0][1], inputs.reference)
    if job.labels.role == "held-out":
        refuse_leaks(trained, job.labels.state_point)
    variables = judged(job, inputs.trajectory)
    reference, forces, exact = None, None, None
    if inputs.reference:
        reference = reference_of(job, inputs.reference, variables, report)
        axes = axes_of(validation, variables)
        validation, off = fitting_surface(validation, axes, reference)
        if off is not None:
            report(f"warning: {off}")
        forces = ReferenceForces(
            Dataset.of(inputs.reference).at_state_points(),
            weighted=job.weights == "bias",
        )
    surface = [variables[name] for name in validation.surface]
    exact_pmf = exact_pmf_of(job.system_kind, surface, len(_bead_names(inputs.trajectory)))
    if exact_pmf is not None:
        edges = axes_of(validation, variables).edges[0]
        exact = ExactReference(exact_pmf.populations(edges, job.temperature), exact_pmf)
    table = None
    if job.table is not None:
        axes = axes_of(validation, variables)
        rng = stream(job.seed, "table")
        table = table_reference(job.table, inputs.tables, axes, job.temperature, rng)
        report("the reference is a table: there are no metrics that need its frames")
        if not table.has_errors:
            report("the table has no errors: there are no noise floors and no verdicts")
    return Comparison(
        validation=validation,
        variables=variables,
        temperature=job.temperature,
        model=model_sample(inputs.trajectory, list(variables.values()), 2 * validation.blocks),
        trained=TrainedModel(
            EnsembleMean([potential for potential, _ in members]),
            Scheme.of([about for _, about in members]),
            members[0][1].get("effective_sample_size"),
            held_out=trained == [],
        ),
        reference=reference,
        seed=job.seed,
        forces=forces,
        exact=exact,
        table=table,
    )


def metrics_of(
    job: ValidateJob,
    inputs: ValidateInputs,
    comparison: Comparison,
    report: Callable[[str], None],
    step: Callable[[str], contextlib.AbstractContextManager] = contextlib.nullcontext,
) -> pd.DataFrame:
    """The table `metrics.csv`: rows of the model, then those of the baseline.

    Args:
        job: what to do.
        inputs: what is compared.
        comparison: made from them by `comparison_of`.
        report: called with lines for the log.
        step: gives the context in which a metric, or the baseline, is computed, from its name.
    """
    rows = all_rows(comparison, step)
    with step("baseline"):
        if job.training:
            rows += _baseline(job, inputs, comparison, report)
    if comparison.exact is None and comparison.table and not comparison.table.has_errors:
        rows = [without_errors(row) for row in rows]
    return metrics_table(dict(job.labels), [row.columns() for row in rows])


def judged(job: ValidateJob, frames: Path) -> dict[str, CollectiveVariableSettings]:
    """Collective variables that are evaluated on frames of beads in a file."""
    beads = _bead_names(frames)
    return judged_variables(job.validation, job.collective_variables, beads, job.labels.mapping)


def reference_of(
    job: ValidateJob,
    paths: list[Path],
    variables: dict[str, CollectiveVariableSettings],
    report: Callable[[str], None],
) -> Sample:
    """Frames of the reference campaign.

    Args:
        job: what to do.
        paths: its datasets.
        variables: that are evaluated.
        report: called with lines for the log.
    """
    protocol = Protocol.of(job.reference, job.temperature, _bead_names(paths[0]), report)
    return reference_sample(paths, list(variables.values()), job.validation.blocks, protocol)


def _baseline(
    job: ValidateJob,
    inputs: ValidateInputs,
    comparison: Comparison,
    report: Callable[[str], None],
) -> list[Row]:
    """Rows of the training data without a model."""
    apart = baseline.independent(inputs.training, inputs.reference)
    reference = comparison.reference if apart else None
    if not apart:
        report("training data and reference share datasets: no baseline is judged by these")
    sample = baseline.training_sample(
        inputs.training,
        job.training,
        list(comparison.variables.values()),
        job.validation.blocks,
        job.temperature,
        report,
    )
    return baseline.rows(comparison, sample, reference)


def _bead_names(path: Path) -> list[str]:
    with H5mdReader(path) as reader:
        return reader.parameters["bead_names"]
