"""Boltzmann inversion of one fluid by us and by VOTCA with LAMMPS, in one sitting.

    python tests/benchmarks/inversion.py [--iterations 6] [--engine torch]

Both have the same g(r), range and length of runs; needs `csg_inverse`, `csg_stat` and `lmp`. Prints
wall time, iterations, and the largest difference from the exact potential where g is above 0.8.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "workflow" / "scripts"), str(ROOT / "tests" / "support")]

import numpy as np  # noqa: E402
import torch  # noqa: E402
from fluid_table import RUN, distribution, inversion, start  # noqa: E402
from inversions import CUTOFF, TEMPERATURE, fluid, form  # noqa: E402
from votca_inversion import Inversion, iterates, missing  # noqa: E402

from meanforce.fitting.boltzmann_inversion import fit  # noqa: E402
from meanforce.units import kt  # noqa: E402

CHAINS = 16
"""Of our runs, by `inversions.RUN`."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--iterations", type=int, default=6, help="of VOTCA")
    parser.add_argument("--engine", default="torch", choices=["torch", "openmm", "lammps"])
    arguments = parser.parse_args()
    if missing():
        sys.exit(f"error: {missing()}")
    torch.set_num_threads(1)
    frames = fluid()
    places, g = distribution(frames)
    seen = (g > 0.8) & (places < CUTOFF)

    def off(energy: np.ndarray) -> float:
        return float(abs(energy - form(places))[seen].max() / kt(TEMPERATURE))

    print("| | wall, s | iterations | largest error, kT, by iteration |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ours = start(folder / "table", places, g)
        steps = round(CHAINS * RUN["length"] / RUN["time_step"])
        theirs = Inversion(
            TEMPERATURE, float(frames.cells[0, 0, 0]), ours.positions[0].double().numpy(),
            places, g, time_step=RUN["time_step"], equilibration=500, steps=steps, stride=20,
            friction=RUN["friction"],
        )  # fmt: skip
        begin = time.perf_counter()
        theirs.run(folder, arguments.iterations)
        spent = time.perf_counter() - begin
        errors = ", ".join(f"{off(table[1]):.3f}" for table in iterates(folder, "pot.new"))
        print(f"| VOTCA, LAMMPS | {spent:.1f} | {arguments.iterations} | {errors} |", flush=True)
        begin = time.perf_counter()
        chosen = inversion(at_most=12)
        run = chosen.fitting.simulation.model_copy(update={"engine": arguments.engine})
        chosen = chosen.model_copy(
            update={"fitting": chosen.fitting.model_copy(update={"simulation": run})}
        )
        made = fit(chosen, ours, {}, 0, 1, lambda line: None)
        spent = time.perf_counter() - begin
        found = made.potential.curve(torch.from_numpy(places).float(), TEMPERATURE)[0].numpy()
        iterations = made.about["iterations"]
        print(f"| ours, {arguments.engine} | {spent:.1f} | {iterations} | {off(found):.3f} |")


if __name__ == "__main__":
    main()
