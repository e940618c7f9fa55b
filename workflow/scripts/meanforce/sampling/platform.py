"""Choice of the OpenMM platform by a short timing."""

import time

import openmm
from openmm import unit

from meanforce.errors import InputError

CANDIDATES = ("Reference", "CPU", "CUDA", "OpenCL", "HIP")


def choose_platform(
    wanted: str, system: openmm.System, positions: unit.Quantity, threads: int, seconds: float = 0.4
) -> openmm.Platform:
    """The wanted platform, or for ``auto`` the one that steps this system fastest.

    Args:
        wanted: a platform's name, or ``auto``.
        system: with its bias.
        positions: a configuration of the system.
        threads: processor threads that the job may use.
        seconds: length of each timing.

    Raises:
        InputError: the wanted platform does not exist here.
    """
    available = [
        openmm.Platform.getPlatform(i).getName() for i in range(openmm.Platform.getNumPlatforms())
    ]
    if wanted != "auto":
        if wanted not in available:
            raise InputError(
                f"platform: '{wanted}' is not available here; available: {', '.join(available)}"
            )
        return openmm.Platform.getPlatformByName(wanted)
    rates = {
        name: _rate(name, system, positions, threads, seconds)
        for name in CANDIDATES
        if name in available
    }
    return openmm.Platform.getPlatformByName(max(rates, key=rates.get))


def platform_properties(platform: openmm.Platform, threads: int) -> dict[str, str]:
    """Properties with which a context uses no more threads than the job has.

    On one thread the CPU platform then also gives the same bits again, at no cost in speed.
    """
    if platform.getName() != "CPU":
        return {}
    return {"Threads": str(threads), "DeterministicForces": "true"}


def made_on(context: openmm.Context) -> str:
    """What OpenMM's checkpoints depend on: its version, the platform, its device or threads."""
    platform = context.getPlatform()
    here = [
        f"{name} {platform.getPropertyValue(context, name)}"
        for name in ("DeviceName", "Threads")
        if name in platform.getPropertyNames()
    ]
    return ", ".join([f"OpenMM {openmm.__version__}", platform.getName(), *here])


def _rate(
    name: str, system: openmm.System, positions: unit.Quantity, threads: int, seconds: float
) -> float:
    """Steps per second; 0 where the platform fails."""
    platform = openmm.Platform.getPlatformByName(name)
    integrator = openmm.LangevinMiddleIntegrator(300.0, 1.0, 0.0005)
    try:
        context = openmm.Context(
            system, integrator, platform, platform_properties(platform, threads)
        )
        context.setPositions(positions)
        integrator.step(20)
        steps, start = 0, time.perf_counter()
        while time.perf_counter() - start < seconds:
            integrator.step(20)
            # Asking for the time waits until the device has done its work.
            context.getState().getTime()
            steps += 20
        return steps / (time.perf_counter() - start)
    except openmm.OpenMMException:
        return 0.0
