"""What to do about a dataset: which key of the config to change, and which way."""

from typing import Any

from meanforce.paths import DatasetPaths

ENOUGH = 50
"""Independent structures of a run below which small differences are not to be believed."""

ROUND_UP = 1.2
"""Factor on the length that is advised, since the number of structures has an error of its own."""


def advice_on_check(name: str, check: dict[str, Any], place: DatasetPaths, imported: bool) -> str:
    """One sentence on a check that failed.

    Args:
        name: of the check.
        check: its values, as `meanforce.mapping.identities` gives them.
        place: names of the dataset's system, campaign and mapping.
        imported: whether the campaign's frames are from files.
    """
    campaign = f"campaigns.{place.system}.{place.campaign}"
    if not check.get("refuted") and not check.get("wrong_sign"):
        return (
            "One right dataset in 370 fails a check like this by chance: if this campaign's other "
            f"jobs pass it, nothing is wrong; if they fail, too, a longer 'length' of {campaign} "
            "shows by how much."
        )
    if check.get("wrong_sign"):
        return f"In {campaign}.trajectories, give bias energies of the other sign (key 'bias')."
    mapping = f"mappings.{place.system}.{place.mapping}.force_map"
    if name in ("virial", "torsions"):
        if imported:
            return (
                f"Correct 'units' in {campaign}.trajectories or the temperature of state point "
                f"'{place.state}', or set 'forces: recompute' there; if that changes nothing, set "
                f"{mapping} to 'aggregate' or 'optimal'."
            )
        return (
            f"Set {mapping} to 'aggregate' or 'optimal', which are right for rigid bonds, or give "
            f"{campaign} a shorter 'time_step', as a long one heats the molecule."
        )
    if imported:
        return (
            "A restraint to fixed positions, a wall or an external field does this: set 'forces: "
            f"recompute' in {campaign}, so that forces are those of the system alone."
        )
    return (
        f"Set {mapping} to 'aggregate' or 'optimal'; if that changes nothing, a force of your "
        "force field acts from fixed positions and has to be taken out of 'force_field'."
    )


def advice_on_amount(checks: dict[str, Any], place: DatasetPaths) -> list[str]:
    """Sentences on few independent structures, and on hills outside the grid of the bias.

    Args:
        checks: of a dataset.
        place: names of its system and campaign.
    """
    campaign, found = f"campaigns.{place.system}.{place.campaign}", []
    structures = (checks.get("conformations") or {}).get("effective_frames")
    if structures is not None and structures < ENOUGH:
        factor = ROUND_UP * ENOUGH / max(structures, 1.0)
        found.append(
            f"{structures:.0f} independent structures, fewer than {ENOUGH}: do not believe small "
            f"differences; about {factor:.2g} times the sampled time would do ('length' of "
            f"{campaign})"
        )
    outside = checks.get("hills_outside_grid")
    if outside and outside[0]:
        found.append(
            f"{outside[0]} of {outside[1]} hills of the bias are outside its grid, where they have "
            f"no effect: lower 'lower' or raise 'upper' of {campaign}"
        )
    return found
