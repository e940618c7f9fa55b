"""Compiled steps, where compilation pays and is possible."""

import math
import shutil
import sys
import time
from collections.abc import Callable

import torch

from meanforce.progress import Progress
from meanforce.settings.simulations import SimulationSettings

Function = Callable[..., tuple[torch.Tensor, ...]]
"""A function of tensors."""

SPARED, WORTH = 9_000, 2e8
"""Compiling pays from so many steps on, each of which counts as its chains times beads and `SPARED`
more: for each network a compiled step is spared 0.7 ms that starting its operations takes, whatever
the number of chains, and 0.08 µs for each bead of each chain. Compiling takes half a minute, and
much less in later runs of the same potential.

These are counts, not timings, so that the same settings always compute the same bits.
"""

LONG = 500_000
"""Steps from which several are compiled as one call. That takes a minute more than one, and a call
takes a tenth of a millisecond."""

SMALL = 6_400
"""Chains times beads of one call, at most: their tables stay in the processor's cache, and several
steps in one call are faster than one in each."""

LANES = 16
"""Single-precision numbers that processors compute with at once, at most.

Compiled code gets whole multiples of as many chains. PyTorch 2.13 can write beyond the end of
arrays where a loop over chains has a rest (its issue 196681: sums over a transposed table), and a
rest takes as long as it would whole.
"""

OPTIONS = {
    # One process that compiles: a job has the memory and the cores that its rule asks for.
    "compile_threads": 1,
    # A product and a sum are one operation, with one rounding.
    "cpp.enable_floating_point_contract_flag": "fast",
}
"""Of the compiler."""

ON_CPU = {
    # Python is not called between operations. On a GPU this would need headers that few machines
    # have, and a recording of the steps has the same effect.
    "cpp_wrapper": True,
    # More gain nothing, and PyTorch can add beyond the end of arrays with them (its issue 191837).
    "cpp.threads": 1,
}
"""In addition on a processor."""

TOLERANCE = {torch.float32: 1e-4, torch.float64: 1e-10}
"""Largest difference of what compiled code computes, over the largest value."""


def pays(settings: SimulationSettings, beads: int, steps: int) -> bool:
    """Whether a run of at least so many steps is to be compiled."""
    return settings.compile == "auto" and steps * (settings.chains * beads + SPARED) >= WORTH


def chains_in_a_call(chains: int, beads: int) -> int:
    """How many chains a call of compiled code has on a processor, so that few are added.

    A GPU is fast with many, and gets all of them.
    """
    vectors, most = math.ceil(chains / LANES), max(1, SMALL // (LANES * beads))
    if vectors <= most:
        return LANES * vectors
    sizes = range(most, max(0, most // 2 - 1), -1)
    return LANES * min(sizes, key=lambda size: size * math.ceil(vectors / size))


def in_parts(function: Function, size: int) -> Function:
    """The function of some chains at a time, as one of all of them.

    Copies of the last chain are added where chains do not make whole parts.

    Args:
        function: of tensors whose third dimension from the end is that of chains, and contiguous;
            it computes each chain by itself.
        size: chains of a part.
    """

    def whole(*arguments: torch.Tensor) -> tuple[torch.Tensor, ...]:
        chains = arguments[0].shape[-3]
        split = [_parts(argument.movedim(-3, -1), size) for argument in arguments]
        results = [
            function(*(one.movedim(-1, -3) for one in part)) for part in zip(*split, strict=True)
        ]
        together = [
            torch.cat([one.movedim(-3, -1) for one in each], -1)
            for each in zip(*results, strict=True)
        ]
        return tuple(one[..., :chains].contiguous().movedim(-1, -3) for one in together)

    return whole


def _parts(tensor: torch.Tensor, size: int) -> list[torch.Tensor]:
    """Parts of the last dimension, each contiguous."""
    *whole, last = tensor.split(size, -1)
    if missing := size - last.shape[-1]:
        last = torch.cat([last, last[..., -1:].expand(*last.shape[:-1], missing)], -1)
    return [one.contiguous() for one in (*whole, last)]


def compiled(
    function: Function, arguments: tuple[torch.Tensor, ...], report: Callable[[str], None]
) -> Function:
    """The function as compiled code; the given one, where compilation fails or gives wrong values.

    Args:
        function: what one step or several compute, each chain by itself.
        arguments: on which it is tried, of the shapes that it will be called with; the first is of
            shape (n_chains, n_beads, 3).
        report: called with a line on what was done.
    """
    if not available():
        report("no C++ compiler (g++ or clang++): steps are not compiled")
        return function
    started = time.perf_counter()
    wanted = function(*arguments)
    try:
        on_cpu = arguments[0].device.type == "cpu"
        options = OPTIONS | (ON_CPU if on_cpu else {})
        faster = torch.compile(function, dynamic=False, options=options)
        if on_cpu:
            faster = in_parts(faster, chains_in_a_call(*arguments[0].shape[:2]))
        with Progress(report).during("compiling the steps"):
            found = faster(*arguments)
    # Compilers fail in many ways; no failure should stop a run that works without compilation.
    except Exception as error:
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        report(f"steps cannot be compiled ({first[:200]}): continuing without compilation")
        return function
    if wrong := disagreement(found, wanted):
        report(f"compiled steps are wrong by {wrong:.1e}: continuing without compilation")
        return function
    report(f"steps compiled in {time.perf_counter() - started:.0f} s")
    return faster


def disagreement(found: tuple[torch.Tensor, ...], wanted: tuple[torch.Tensor, ...]) -> float:
    """The largest difference over the largest value, where it is too large to be rounding; else 0.

    A NaN in one of them is too large; one in both is that of a chain that broke.
    """
    # Unlike Python's maximum, this one is NaN where one of the values is.
    difference = float(torch.stack([*map(_difference, found, wanted)]).max())
    return 0.0 if difference <= TOLERANCE[wanted[0].dtype] else difference


def _difference(found: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """The largest difference over the largest value."""
    same = (found == wanted) | (found.isnan() & wanted.isnan())
    difference = (found - wanted).masked_fill(same, 0.0)
    finite = torch.where(wanted.isfinite(), wanted, 0.0)
    return difference.abs().max() / finite.abs().max().clamp_min(1e-30)


def available() -> bool:
    """Whether there is a compiler that PyTorch can call."""
    return sys.platform != "win32" and any(map(shutil.which, ("g++", "clang++", "c++")))
