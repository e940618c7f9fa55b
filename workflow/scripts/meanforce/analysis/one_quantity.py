"""Row `js_<quantity>`: distance of two distributions of one quantity, as profiles hold them."""

from meanforce.analysis.comparison import DRAWS, Comparison
from meanforce.analysis.profiles import Profile
from meanforce.analysis.rows import Row
from meanforce.analysis.sparse_floor import jensen_shannon_floor
from meanforce.analysis.surfaces import distance_row, jensen_shannon, resampled


def divergence_row(comparison: Comparison, profile: Profile, periodic: bool) -> Row:
    """JS divergence (natural logarithm) of model and reference along one quantity.

    Args:
        comparison: of model and reference.
        profile: of the quantity.
        periodic: whether its axis closes.
    """
    reference = profile.reference.sum(axis=0)
    members = [jensen_shannon(member, reference) for member in profile.members]
    blocks = profile.model, profile.reference
    row = distance_row(
        jensen_shannon,
        blocks,
        [resampled(one, DRAWS, comparison.rng) for one in blocks],
        1.0,
        float(comparison.member_spread(members)),
        lambda units: jensen_shannon_floor(units, (periodic,)),
    )
    return Row(f"js_{profile.quantity}", *row)
