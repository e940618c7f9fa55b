"""Columns of the metrics table by which a row is classified, for synthetic tables."""

from meanforce.analysis.kinds import Group, Measure, Source, metric_name


def kind(
    quantity: str, measure: Measure, group: Group, source: Source = Source.MODEL
) -> dict[str, str]:
    """The columns metric, quantity, measure, source and group of a row."""
    return {
        "metric": metric_name(quantity, measure, source), "quantity": quantity,
        "measure": measure.value, "source": source.value, "group": group.value,
    }  # fmt: skip


def distance(quantity: str, group: Group = Group.SURFACE, source: Source = Source.MODEL) -> dict:
    """Columns of a distance."""
    return kind(quantity, Measure.DISTANCE, group, source)


def signed_error(quantity: str, group: Group = Group.BASINS, source: Source = Source.MODEL) -> dict:
    """Columns of a difference from the reference."""
    return kind(quantity, Measure.SIGNED_ERROR, group, source)


def value(quantity: str, group: Group = Group.BASINS, source: Source = Source.MODEL) -> dict:
    """Columns of a quantity itself."""
    return kind(quantity, Measure.VALUE, group, source)
