"""The network of potential kind `mace`, put together from blocks of the package mace-torch.

Batatia, Kovács, Simm, Ortner, Csányi, NeurIPS 35, 11423 (2022). mace-torch is an optional
dependency: it is not imported before a network is made.
"""

import contextlib
import io
import os
import warnings
from collections.abc import Iterator
from typing import Any

import torch

from meanforce.errors import InputError
from meanforce.potentials.temperature import TemperatureForm

ANGSTROM = 10.0
"""Å per nm: radial functions and weights are made for distances of about 1 to 10."""

SMOOTHNESS = 5
"""Power of the polynomial with which messages vanish at the cutoff."""

READOUT = "16x0e"
PICKLES = "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"


def make_network(values: dict[str, Any], dtype: torch.dtype) -> torch.nn.Module:
    """A network with random weights from PyTorch's global generator.

    Args:
        values: plain values, as in `mace.Mace`.
        dtype: of its weights.

    Raises:
        InputError: mace-torch is not installed.
    """
    modules, o3 = _imported()
    degrees = range(values["max_L"] + 1)
    features = "+".join(f"{values['channels']}x{degree}{'eo'[degree % 2]}" for degree in degrees)
    outputs = TemperatureForm.of(values).outputs
    block = modules.interaction_classes["RealAgnosticResidualInteractionBlock"]
    with _default_dtype(dtype), _plain_python():
        network = modules.MACE(
            r_max=ANGSTROM * values["cutoff"],
            num_bessel=values["radial_functions"],
            num_polynomial_cutoff=SMOOTHNESS,
            max_ell=values["max_ell"],
            interaction_cls=block,
            interaction_cls_first=block,
            num_interactions=values["layers"],
            num_elements=len(values["species"]),
            hidden_irreps=o3.Irreps(features),
            MLP_irreps=o3.Irreps(READOUT),
            atomic_energies=torch.zeros(outputs, len(values["species"])).numpy(),
            avg_num_neighbors=values["mean_neighbours"],
            atomic_numbers=list(range(1, len(values["species"]) + 1)),
            correlation=values["correlation"],
            gate=torch.nn.functional.silu,
            radial_MLP=values["radial_hidden"],
            heads=[f"output {number}" for number in range(outputs)],
        )
    return network.to(dtype)


def bead_outputs(
    network: torch.nn.Module, vectors: torch.Tensor, edges: torch.Tensor, species: torch.Tensor
) -> torch.Tensor:
    """Sum of the outputs of the readouts of all layers for each bead, shape (n_nodes, outputs).

    This is `MACE.forward` without cells, and with all outputs instead of one of them.

    Args:
        network: from `make_network`.
        vectors: receiver − sender, nm, shape (n_edges, 3).
        edges: sender and receiver, shape (2, n_edges).
        species: one-hot, shape (n_nodes, n_species).
    """
    vectors = ANGSTROM * vectors
    lengths = vectors.norm(dim=1, keepdim=True)
    # TorchScript's first call takes another path than later ones, which changes last bits; a job
    # that continues from its bundle would then end with other bits.
    with torch.jit.optimized_execution(False):
        angular = network.spherical_harmonics(vectors)
    radial, cutoff = network.radial_embedding(lengths, species, edges, network.atomic_numbers)
    features = network.node_embedding(species)
    total = 0.0
    blocks = zip(network.interactions, network.products, network.readouts, strict=True)
    for number, (interaction, product, readout) in enumerate(blocks):
        features, skipped = interaction(
            node_attrs=species,
            node_feats=features,
            edge_attrs=angular,
            edge_feats=radial,
            edge_index=edges,
            cutoff=cutoff,
            first_layer=number == 0,
        )
        features = product(node_feats=features, sc=skipped, node_attrs=species)
        total = total + readout(features)
    return total


def _imported() -> tuple[Any, Any]:
    """Modules `mace.modules` and `e3nn.o3`."""
    before = os.environ.get(PICKLES)
    try:
        # Importing e3nn reads its constants, which are tensors and slices: no code is run.
        # Warnings of both about missing accelerators do not concern a CPU job.
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(io.StringIO()),
            torch.serialization.safe_globals([slice]),
        ):
            warnings.simplefilter("ignore")
            from e3nn import o3
            from mace import modules
    except ImportError as error:
        raise InputError(
            "potential: kind 'mace' needs the package mace-torch, which is not installed "
            f"({error}); run: pip install -r envs/requirements-mace.txt"
        ) from error
    finally:
        # Importing mace lets every later torch.load of this process run code; this is reverted.
        os.environ.pop(PICKLES, None)
        if before is not None:
            os.environ[PICKLES] = before
    return modules, o3


@contextlib.contextmanager
def _default_dtype(dtype: torch.dtype) -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


@contextlib.contextmanager
def _plain_python() -> Iterator[None]:
    """Without TorchScript, for the reason above; on a CPU it is not faster."""
    import e3nn

    before = e3nn.get_optimization_defaults()
    e3nn.set_optimization_defaults(jit_script_fx=False)
    try:
        yield
    finally:
        e3nn.set_optimization_defaults(**before)
