"""Forces by compiled code, where that pays and where it can be had."""

import shutil
import sys
import time
from collections.abc import Callable

import torch

from meanforce.dynamics.langevin import Forces
from meanforce.settings.simulations import Simulation

WORTH = 5e8
"""Steps times chains times beads from which compiling pays: minutes of run time, on any machine.

A count and no timing, so that the same settings always compute the same bits.
"""

TOLERANCE = {torch.float32: 1e-4, torch.float64: 1e-10}
"""Largest difference of compiled forces, over the largest force."""


def pays(settings: Simulation, beads: int, steps: int) -> bool:
    """Whether a run is to be compiled."""
    return settings.compile == "auto" and settings.chains * beads * steps >= WORTH


def compiled(forces: Forces, positions: torch.Tensor, report: Callable[[str], None]) -> Forces:
    """The same forces by compiled code; those given, where it cannot be made or is wrong.

    Args:
        forces: function to compile.
        positions: on which it is tried, of the shape that it will be called with.
        report: takes a line that says what was done.
    """
    if not available():
        report("no C++ compiler (g++ or clang++): forces are not compiled")
        return forces
    started = time.perf_counter()
    wanted = forces(positions)
    try:
        # One process that compiles: a job has the memory and the cores that its rule asks for.
        faster = torch.compile(forces, dynamic=False, options={"compile_threads": 1})
        found = faster(positions)
    # Compilers fail in many ways, none of which should stop a run that can do without.
    except Exception as error:
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        report(f"forces cannot be compiled ({first[:200]}): going on without")
        return forces
    difference = (found - wanted).abs().max() / wanted.abs().max().clamp_min(1e-30)
    if not difference <= TOLERANCE[positions.dtype]:
        report(f"compiled forces are wrong by {float(difference):.1e}: going on without")
        return forces
    report(f"forces compiled in {time.perf_counter() - started:.0f} s")
    return faster


def available() -> bool:
    """Whether there is a compiler that PyTorch can call."""
    return sys.platform != "win32" and any(map(shutil.which, ("g++", "clang++", "c++")))
