"""The baseline: direct reweighting of the training data, judged as a model is.

A CG model is worth its training only where it is more accurate than the atomistic data that it was
trained on. So these frames, reweighted to the unbiased ensemble, are put in the place of a CG run
and compared with the same reference by the same metrics. `js_phi_psi` becomes
`js_phi_psi_baseline`, `delta_f_x` becomes `delta_f_x_baseline` and `delta_f_x_error`
`delta_f_x_baseline_error`; values of the reference are not repeated. There are no such rows at
held-out state points, where there are no atomistic data, nor where reference and training data
are the same.
"""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from meanforce.analysis.comparison import Comparison, TrainedModel
from meanforce.analysis.kinds import Source
from meanforce.analysis.members import Scheme
from meanforce.analysis.metrics import (
    basins,
    chain_dimensions,
    divergence,
    populations,
    profiles,
    structure,
)
from meanforce.analysis.protocol import Protocol
from meanforce.analysis.rows import Row
from meanforce.analysis.samples import Sample, box_of, reference_sample
from meanforce.data.h5md import H5mdReader, contents
from meanforce.jobs.validate import TrainingFacts
from meanforce.settings.collective_variables import CollectiveVariableSettings

METRICS = (
    divergence.rows,
    profiles.rows,
    basins.rows,
    populations.rows,
    structure.rows,
    chain_dimensions.rows,
)
"""Metrics of frames alone: others judge forces, potentials or dynamics."""


def rows(comparison: Comparison, sample: Sample, reference: Sample | None) -> list[Row]:
    """Metrics of reweighted frames; none where there is nothing to compare them with.

    Args:
        comparison: of the model.
        sample: frames that the model was trained on, at the comparison's state point.
        reference: what they are compared with where there are no exact distribution and no table.
    """
    if reference is None and comparison.exact is None and comparison.table is None:
        return []
    own = dataclasses.replace(
        comparison,
        model=sample,
        reference=reference,
        # The error of these data is their own noise.
        trained=TrainedModel(None, Scheme("exact")),
        scope=(*comparison.scope, Source.BASELINE),
    )
    return [
        dataclasses.replace(row, source=Source.BASELINE)
        for metric in METRICS
        for row in metric(own)
        if row.source == Source.MODEL
    ]


def independent(training: list[Path], reference: list[Path]) -> bool:
    """Whether no dataset, under any name, is in both; judged by itself it would be perfect."""
    return not set(contents(training).values()) & set(contents(reference).values())


def training_sample(
    paths: list[Path],
    campaigns: Sequence[TrainingFacts],
    variables: Sequence[CollectiveVariableSettings],
    blocks_per_replica: int,
    temperature: float,
    report: Callable[[str], None],
) -> Sample:
    """Training data of one state point, reweighted.

    Args:
        paths: datasets, campaign after campaign, and replica after replica.
        campaigns: the protocol of each campaign, how many datasets are its own, and their time
            windows.
        variables: collective variables that are evaluated.
        blocks_per_replica: number of time blocks.
        temperature: of the state point, K.
        report: called with lines for the log.
    """
    samples, start = [], 0
    for campaign in campaigns:
        own = paths[start : start + campaign.datasets]
        start += campaign.datasets
        with H5mdReader(own[0]) as reader:
            names = reader.parameters["bead_names"]
        protocol = Protocol.of(campaign, temperature, names, report)
        samples.append(
            reference_sample(own, variables, blocks_per_replica, protocol, campaign.time_windows)
        )
    return pooled(samples)


def pooled(samples: list[Sample]) -> Sample:
    """Samples of the same ensemble as one, each counting by its number of frames.

    Weights of different campaigns have no constant in common, so each campaign is normalised by
    itself.
    """
    if len(samples) == 1:
        return samples[0]
    total = sum(len(sample.weights) for sample in samples)
    n_units = [sample.n_units for sample in samples]
    ends = np.cumsum([0, *n_units])
    chains = np.cumsum([0, *(int(sample.chains.max()) + 1 for sample in samples)])
    response = None
    if any(sample.response is not None for sample in samples):
        response = np.zeros((total, ends[-1]), dtype=np.float32)
        frame = 0
        for sample, first, last in zip(samples, ends, ends[1:], strict=False):
            if sample.response is not None:
                response[frame : frame + len(sample.weights), first:last] = sample.response
            frame += len(sample.weights)
    return dataclasses.replace(
        samples[0],
        positions=np.concatenate([sample.positions for sample in samples]),
        variables=np.concatenate([sample.variables for sample in samples]),
        weights=np.concatenate(
            [sample.weights * len(sample.weights) / total for sample in samples]
        ),
        blocks=np.concatenate(
            [sample.units + first for sample, first in zip(samples, ends, strict=False)]
        ),
        chains=np.concatenate(
            [sample.chains + first for sample, first in zip(samples, chains, strict=False)]
        ),
        n_blocks=int(ends[-1]),
        replicas=None,
        noised=None,
        times=np.concatenate([sample.times for sample in samples]),
        box=_joined_boxes(samples),
        dynamical=False,
        held=any(sample.held for sample in samples),
        response=response,
    )


def _joined_boxes(samples: list[Sample]) -> np.ndarray | None:
    """Box of the frames of all samples; None where one has none."""
    if any(sample.box is None for sample in samples):
        return None
    return box_of(
        np.concatenate([np.broadcast_to(one.box, (len(one.weights), 3, 3)) for one in samples])
    )
