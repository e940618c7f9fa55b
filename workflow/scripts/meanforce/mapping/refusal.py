"""What follows from failed checks of a dataset: a line of the log, or no dataset."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from meanforce.errors import InputError

MEANS = {
    "mean_force": "the mean total force",
    "mean_torque": "the mean torque about the molecules' centres",
}


def failures(identities: dict[str, Any]) -> dict[str, str]:
    """What is wrong, in one sentence for each check that failed.

    Args:
        identities: of `meanforce.mapping.identities.check_identities`.
    """
    found, virial = {}, identities.get("virial", {})
    for name, check in identities.items():
        if check["verdict"] != "failed":
            continue
        # Mostly of the same cause, unless only this one shows that data cannot be right.
        if name == "torsions" and "virial" in found and check["refuted"] <= virial["refuted"]:
            continue
        if check.get("wrong_sign"):
            found[name] = f"the check '{name}' of positions and forces fails: {check['mend']}"
        elif name == "virial":
            found[name] = (
                f"the virial of positions and forces is {check['ratio']:.3g} ± "
                f"{check['stderr']:.2g} times what the temperature demands: {check['mend']}"
            )
        elif name == "torsions":
            found[name] = (
                f"forces along the torsion {'-'.join(check['worst'])} are "
                f"{abs(check['deviation']):.1f} standard errors from what the temperature and its "
                f"distribution demand: {check['mend']}"
            )
        else:
            found[name] = (
                f"{MEANS[name]} is not zero, but {abs(check['deviation']):.1f} standard errors away"
            )
    return found


def report_failures(
    identities: dict[str, Any], dataset: Path, refuses: bool, report: Callable[[str], None]
) -> None:
    """Report failed checks; refuse imported data that cannot be right.

    In one of 370 right datasets a check fails by chance, so that data are refused only where it
    failed by more than 5 standard errors.

    Args:
        identities: of `meanforce.mapping.identities.check_identities`.
        dataset: file that was checked, for messages.
        refuses: whether data that cannot be right are refused.
        report: called with a line for each failed check.

    Raises:
        InputError: they are.
    """
    for name, sentence in failures(identities).items():
        if refuses and identities[name]["refuted"]:
            raise InputError(
                f"{dataset}: {sentence}; to use these frames as they are, set the campaign's "
                "'accept_failed_checks: true'"
            )
        report(f"WARNING: {sentence}")
    for name, check in identities.items():
        if check["verdict"] == "undecided":
            report(f"the check '{name}' of the forces is undecided: {check['reason']}")
