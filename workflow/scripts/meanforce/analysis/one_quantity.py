"""Row `js_<quantity>`: distance of two distributions of one quantity, as profiles hold them."""

from meanforce.analysis.comparison import Comparison
from meanforce.analysis.kinds import Group
from meanforce.analysis.metrics.profiles import Profile
from meanforce.analysis.rows import Quantity, Row, distance
from meanforce.statistics.jensen_shannon import JensenShannon


def divergence_row(comparison: Comparison, profile: Profile, group: Group, periodic: bool) -> Row:
    """JS divergence (natural logarithm) of model and reference along one quantity.

    Args:
        comparison: of model and reference.
        profile: of the quantity.
        group: of the row.
        periodic: whether its axis closes.
    """
    metric = JensenShannon((periodic,))
    model, reference = profile.model.sum(axis=0), profile.reference.sum(axis=0)
    training = comparison.training_error_of(metric, list(profile.members), reference)
    noise = metric.noise(profile.model, profile.reference)
    quantity = Quantity(f"js_{profile.quantity}", group)
    return distance(quantity, metric.value(model, reference), noise, training)
