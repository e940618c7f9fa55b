"""Steps of a network along the gradient of the relative entropy, between two CG runs."""

from pydantic import Field

from meanforce.settings.base import Settings


class DescentSettings(Settings):
    """Steps of Adam on the frames of one CG run, reweighted by e^{−β(U − U_run)}.

    Reweighting: Thaler, Zavadlav, Nat. Commun. 12, 6884 (2021). Kingma, Ba, arXiv:1412.6980.
    """

    learning_rate: float = Field(
        default=1e-3,
        gt=0,
        le=1,
        description="size of a step of each weight; it falls as a cosine, to zero after `at_most` "
        "CG runs",
    )
    steps: int = Field(
        default=50, ge=1, le=100000, description="steps after which a new CG run is made, at most"
    )
    smallest_effective: float = Field(
        default=0.5,
        gt=0,
        lt=1,
        description="fraction of the frames of a CG run that must count, by their weights "
        "((Σw)²/Σw² over their number); a step that leaves fewer is undone, and a new CG run made",
    )
    frames: int = Field(
        default=2048,
        ge=1,
        le=10**7,
        description="atomistic frames in a step at each state point, drawn evenly over the time; "
        "all of them, if there are no more",
    )
