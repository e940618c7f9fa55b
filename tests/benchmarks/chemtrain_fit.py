"""Relative entropy minimisation by chemtrain 0.2.0; a process that `chemtrain_entropy.py` starts.

    python chemtrain_fit.py FOLDER

FOLDER has `start.npz` (a `cgnet` model with its harmonic prior, target frames, starts of chains)
and `settings.json`. It first checks that energies and forces are those of our model, and then
writes `fitted.npz` (weights of the network) and `fit.json` (times, numbers of updates and CG runs).
Updates follow chemtrain's example of alanine: Adam(0.1, 0.4) with a rate that falls to a hundredth,
and a line search in each update. One thread. Times are those of the updates: without compilation,
and without two CG runs before the first update, whose end chemtrain's own clock does not wait for.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"

import jax
import jax.numpy as jnp
import numpy as np
import optax
from chemtrain import trainers
from chemtrain.ensemble import sampling
from jax_md import partition, simulate, space

TOLERANCE = 1e-4
"""Largest difference of energies and forces from ours, relative to their spread."""

INITIAL_RUNS = 2
"""CG runs before the first update."""

Arrays = dict[str, np.ndarray]
Template = Callable[[Arrays], Callable[..., jax.Array]]


def energy_template(start: Arrays) -> Template:
    """Our `cgnet` with a harmonic prior: a function that turns weights into an energy function.

    Differences of beads are products with constant matrices, as gathers and their gradients are
    slow on a CPU.

    Args:
        start: arrays of `start.npz`; bead indices of distances, angles and dihedrals, shape
            (n, 2 | 3 | 4), and of the prior's bonds (numbers of distances) and angles.
    """
    beads = start["positions"].shape[1]

    def differences(ends: np.ndarray) -> jax.Array:
        matrix = np.zeros((len(ends), beads), dtype=np.float32)
        rows = np.arange(len(ends))
        matrix[rows, ends[:, 1]] += 1
        matrix[rows, ends[:, 0]] -= 1
        return jnp.asarray(matrix)

    pairs, angles, dihedrals = (start[name] for name in ("distances", "angles", "dihedrals"))
    along = differences(pairs)
    arms = [differences(angles[:, [1, end]]) for end in (0, 2)]
    chain = [differences(dihedrals[:, [k, k + 1]]) for k in range(3)]
    # Constants of the model; the trainer's parameters are weights and biases only.
    fixed = {
        name: jnp.asarray(start[name], jnp.float32)
        for name in ("mean", "scale", "bond_center", "bond_stiffness", "angle_center",
                     "angle_stiffness")
    }  # fmt: skip
    prior_bonds, prior_angles = start["prior_bonds"], start["prior_angles"]
    unit, layers = float(start["energy_scale"]), int(start["layers"])

    def template(weights: Arrays) -> Callable[..., jax.Array]:
        def energy(position: jax.Array, **_: Any) -> jax.Array:
            lengths = _norm(along @ position)
            one, other = (arm @ position for arm in arms)
            cosines = _dot(one, other) / (_norm(one) * _norm(other))
            bends = jnp.arccos(jnp.clip(cosines, -1 + 1e-7, 1 - 1e-7))
            b1, b2, b3 = (part @ position for part in chain)
            m, n = jnp.cross(b1, b2), jnp.cross(b2, b3)
            norms = _norm(m) * _norm(n)
            sines, cosines = _norm(b2) * _dot(b1, n) / norms, _dot(m, n) / norms
            hidden = jnp.concatenate([lengths, bends, sines, cosines])
            hidden = (hidden - fixed["mean"]) / fixed["scale"]
            for layer in range(layers):
                hidden = jax.nn.silu(hidden @ weights[f"weight_{layer}"] + weights[f"bias_{layer}"])
            network = (hidden @ weights[f"weight_{layers}"] + weights[f"bias_{layers}"])[0]
            bonds = lengths[prior_bonds] - fixed["bond_center"]
            turns = bends[prior_angles] - fixed["angle_center"]
            prior = (fixed["bond_stiffness"] * bonds**2).sum()
            prior += (fixed["angle_stiffness"] * turns**2).sum()
            return unit * network + 0.5 * prior

        return energy

    return template


def _dot(a: jax.Array, b: jax.Array) -> jax.Array:
    return (a * b).sum(-1)


def _norm(a: jax.Array) -> jax.Array:
    return jnp.sqrt(_dot(a, a))


def check(template: Template, weights: Arrays, start: Arrays) -> float:
    """Largest difference of energies and forces from ours, relative to their spread.

    Raises:
        AssertionError: they differ.
    """
    energy = template(weights)
    found = jax.jit(jax.vmap(jax.value_and_grad(energy)))(jnp.asarray(start["check_positions"]))
    worst = 0.0
    for own, ours in zip(found, (start["check_energies"], -start["check_forces"]), strict=True):
        worst = max(worst, float(abs(np.asarray(own) - ours).max() / ours.std()))
    assert worst < TOLERANCE, f"energies or forces differ by {worst:.2g} of their spread"
    return worst


def no_neighbours(position: np.ndarray) -> Any:
    """A neighbour list that is never made anew: a molecule of a few beads needs none."""
    displacement, _ = space.free()
    functions = partition.neighbor_list(
        displacement, 100.0, 10.0, disable_cell_list=True, format=partition.Sparse
    )
    made = functions.allocate(jnp.asarray(position))
    return functions, made.set(update_fn=lambda position, neighbours, **_: neighbours)


def trainer_of(
    template: Template, weights: Arrays, start: Arrays, chosen: dict[str, Any], folder: Path
) -> trainers.RelativeEntropy:
    """The trainer, after its first two CG runs."""
    kt, dt = chosen["kt"], chosen["time_step"]
    functions, neighbours = no_neighbours(start["starts"][0])
    _, shift = space.free()
    make_state, simulator = sampling.initialize_simulator_template(
        simulate.nvt_langevin, shift_fn=shift, nbrs=neighbours, init_with_PRNGKey=True,
        extra_simulator_kwargs={"kT": kt, "gamma": chosen["friction"], "dt": dt},
    )  # fmt: skip
    state = make_state(
        jax.random.PRNGKey(chosen["seed"]), jnp.asarray(start["starts"]),
        energy_or_force_fn=template(weights),
        init_sim_kwargs={"mass": jnp.asarray(start["masses"]), "neighbor": neighbours},
    )  # fmt: skip
    timings = sampling.process_printouts(
        time_step=dt, total_time=chosen["equilibration"] + chosen["length"],
        t_equilib=chosen["equilibration"], print_every=chosen["stride"],
    )  # fmt: skip
    schedule = optax.exponential_decay(chosen["rate"], chosen["updates"], 0.01)
    optimiser = optax.chain(
        optax.scale_by_adam(0.1, 0.4),
        optax.scale_by_schedule(schedule),
        optax.scale_by_learning_rate(1.0),
    )
    trainer = trainers.RelativeEntropy(
        weights, optimiser, reweight_ratio=chosen["reweight_ratio"],
        energy_fn_template=template, checkpoint_path=folder / "checkpoints",
    )  # fmt: skip
    trainer.add_statepoint(
        start["positions"], template, simulator, functions, timings, {"kT": kt}, state,
        reference_batch_size=len(start["positions"]), vmap_batch=len(start["starts"]),
        resample_simstates=True,
    )  # fmt: skip
    # In 0.2.0 `RelativeEntropy._update` fails without this line search (UnboundLocalError), and
    # with the argument `allowed_reduction` of `add_statepoint` (AttributeError).
    trainer.init_step_size_adaption(chosen["allowed_reduction"])
    return trainer


def main() -> None:
    folder = Path(sys.argv[1])
    with np.load(folder / "start.npz") as file:
        start = dict(file)
    chosen = json.loads((folder / "settings.json").read_text())
    weights = {
        name: jnp.asarray(array)
        for name, array in start.items()
        if name.startswith(("weight_", "bias_"))
    }
    template = energy_template(start)
    about = {"differs": check(template, weights, start)}
    begin = time.perf_counter()
    trainer = trainer_of(template, weights, start, chosen, folder)
    # The first update compiles; it is undone.
    before = trainer.state, dict(trainer.trajectory_states), dict(trainer.data_states)
    trainer.train(1)
    about["set_up"] = time.perf_counter() - begin
    trainer.state, trainer.trajectory_states, trainer.data_states = before

    runs = []

    def count(trainer: trainers.RelativeEntropy, *_: Any) -> None:
        # Updates that take the trajectory of the one before leave it as it is.
        place = float(trainer.trajectory_states[0].trajectory.position[0, 0, 0])
        if not runs or runs[-1] != place:
            runs.append(place)

    count(trainer)
    trainer.add_task("post_batch", count)
    begin = time.perf_counter(), time.process_time()
    trainer.train(chosen["updates"])
    jax.block_until_ready(trainer.params)
    about["wall"] = time.perf_counter() - begin[0]
    about["cpu"] = time.process_time() - begin[1]
    about["updates"] = len(trainer.gradient_norm_history) - 1
    assert about["updates"] == chosen["updates"], "the fit ended early; see the output above"
    about["runs"] = INITIAL_RUNS + len(runs) - 1
    about["step_sizes"] = [float(size) for size in trainer.step_size_history[1:]]
    np.savez(folder / "fitted.npz", **{n: np.asarray(a) for n, a in trainer.params.items()})
    (folder / "fit.json").write_text(json.dumps(about))


if __name__ == "__main__":
    main()
