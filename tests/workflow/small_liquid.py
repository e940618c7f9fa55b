"""config/water.yaml with fewer molecules and steps."""

import json


def small(config: dict) -> dict:
    """Config of a run of half a minute."""
    # YAML anchors would carry changes to other parts.
    config = json.loads(json.dumps(config))
    system = config["systems"]["water"]
    system["molecules"]["HOH"]["count"] = 64
    system["nonbonded_cutoff"] = "0.6 nm"
    # Wide allowances for a few ps: over seeds the density scatters by 2 %, the mean temperature of
    # the last phase by 3 %.
    system["equilibration"] |= {
        "nvt": "2 ps", "npt": "8 ps", "nvt_final": "2 ps", "friction": "10 / ps",
        "density_allowance": 0.2, "temperature_allowance": 0.2,
    }  # fmt: skip
    for campaign in config["campaigns"]["water"].values():
        campaign |= {"length": "8 ps", "stride": "80 fs", "equilibration": "1 ps", "replicas": 1}
    config["potentials"]["pair"]["terms"]["pairs"] = {"cutoff": "0.6 nm", "functions": 20}
    config["simulations"]["liquid"] |= {"length": "8 ps", "equilibration": "1 ps"}
    config["experiments"]["water_spline"] |= {"ensemble": 2, "folds": 2}
    return config
