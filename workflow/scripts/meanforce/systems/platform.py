"""Choice of the OpenMM platform by a short timing."""

import time
from collections.abc import Collection

import openmm
from openmm import unit

from meanforce.errors import InputError

CANDIDATES = ("Reference", "CPU", "CUDA", "OpenCL", "HIP")

STRETCH = 20
"""Steps timed at once."""


def choose_platform(
    wanted: str,
    system: openmm.System,
    positions: unit.Quantity,
    threads: int,
    seconds: float = 0.4,
    groups: Collection[int] = range(32),
) -> openmm.Platform:
    """The wanted platform, or for ``auto`` the one that steps this system fastest.

    Args:
        wanted: a platform's name, or ``auto``.
        system: with its bias.
        positions: a configuration of the system.
        threads: processor threads that the job may use.
        seconds: of timing for each platform.
        groups: force groups that are integrated.

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
    named = [name for name in CANDIDATES if name in available]
    probes = [_Probe(name, system, positions, threads, groups) for name in named]
    probes = [probe for probe in probes if probe.works]
    started = time.perf_counter()
    # In turns, so that temporary load on the machine affects all of them.
    while time.perf_counter() - started < seconds * len(probes):
        for probe in probes:
            probe.step()
    return openmm.Platform.getPlatformByName(min(probes, key=lambda probe: probe.best).name)


def platform_properties(platform: openmm.Platform, threads: int) -> dict[str, str]:
    """Properties with which a context uses no more threads than the job has.

    On one thread the CPU platform is then also bitwise reproducible, at no cost in speed.
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


class _Probe:
    """Times short stretches of steps on one platform.

    Other processes can only slow a stretch down, so the fastest one is compared; this works even if
    several jobs share the cores.

    Attributes:
        name: of the platform.
        works: whether it can step this system.
        best: shortest time of a stretch so far, s.
    """

    def __init__(
        self,
        name: str,
        system: openmm.System,
        positions: unit.Quantity,
        threads: int,
        groups: Collection[int],
    ) -> None:
        self.name, self.works, self.best = name, True, float("inf")
        platform = openmm.Platform.getPlatformByName(name)
        self._integrator = openmm.LangevinMiddleIntegrator(300.0, 1.0, 0.0005)
        self._integrator.setIntegrationForceGroups(set(groups))
        try:
            self._context = openmm.Context(
                system, self._integrator, platform, platform_properties(platform, threads)
            )
            self._context.setPositions(positions)
            self._integrator.step(STRETCH)
        except openmm.OpenMMException:
            self.works = False

    def step(self) -> None:
        start = time.perf_counter()
        self._integrator.step(STRETCH)
        # Asking for the time waits until the device has done its work.
        self._context.getState().getTime()
        self.best = min(self.best, time.perf_counter() - start)
