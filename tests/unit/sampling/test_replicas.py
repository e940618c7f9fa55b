"""A replica of umbrella sampling is all of its windows, whatever number of jobs run them."""

import pytest

from meanforce.errors import InputError
from meanforce.jobs import stages
from meanforce.settings.load import load_config
from meanforce.settings.plan import planned_jobs

SYSTEM, EXPERIMENT = "capped_alanine", "capped_alanine_metadynamics_heavy_cgnet"


@pytest.fixture
def umbrella(config) -> dict:
    """Trained on replica 2 of six windows in jobs of four, and on one of plain dynamics."""
    campaigns = config["campaigns"][SYSTEM]
    campaigns["windows"] = campaigns["unbiased"] | {
        "kind": "umbrella", "collective_variables": ["phi"], "windows_per_job": 4, "replicas": 3,
        "rows": [{"first": "-3 rad", "last": "2 rad", "number": 6}],
        "force_constant": ["100 kJ/mol/rad^2"],
    }  # fmt: skip
    campaigns["plain"] = campaigns["unbiased"] | {"replicas": 2}
    config["experiments"] = {
        "one": config["experiments"][EXPERIMENT]
        | {"campaigns": ["windows", "plain"], "replicas": [2], "train": ["T300", "T400"]}
    }
    return config


def test_jobs_of_replicas(umbrella):
    campaign = load_config(umbrella).campaigns[SYSTEM]["windows"]
    assert (campaign.jobs_per_replica, campaign.replicas_at("T300")) == (2, 3)
    assert campaign.jobs_of("T300") == [1, 2, 3, 4, 5, 6]
    assert campaign.jobs_of("T300", [2]) == [3, 4]
    assert campaign.jobs_of("T300", [3, 1]) == [5, 6, 1, 2]
    assert [len(campaign.windows_of(job)) for job in campaign.jobs_of("T300", [2])] == [4, 2]
    assert [campaign.replica_of(job) for job in campaign.jobs_of("T300")] == [1, 1, 2, 2, 3, 3]


def test_an_experiment_uses_all_jobs_of_its_replicas(umbrella):
    config = load_config(umbrella)
    outputs = {job.output for job in planned_jobs(config)}
    for state in ("T300", "T400"):
        at = f"results/{SYSTEM}/{state}"
        used = {job for job in range(1, 7) if f"{at}/windows/{job}/heavy.h5" in outputs}
        assert used == {3, 4}
        # No other one is sampled: weights are from all windows of the replica, and no others.
        sampled = {job for job in range(1, 7) if f"{at}/windows/{job}/trajectory.h5" in outputs}
        assert sampled == {3, 4}
        weights = {n for n in range(1, 7) if f"{at}/windows/weights-{n}.h5" in outputs}
        assert weights == {2}
        assert f"{at}/plain/2/heavy.h5" in outputs
        assert f"{at}/plain/1/heavy.h5" not in outputs
    settings = stages.train_job(config, "one", "0")
    # Windows at both states, plain dynamics at both states.
    assert settings.datasets_per_replica == [2, 2, 1, 1]
    length = config.campaigns[SYSTEM]["windows"].length
    assert stages.atomistic_time(config, "one") == 2 * 7 * length


def test_without_replicas_all_are_used(umbrella):
    del umbrella["experiments"]["one"]["replicas"]
    settings = stages.train_job(load_config(umbrella), "one", "0")
    assert settings.datasets_per_replica == [2] * 6 + [1] * 4


def test_a_job_is_no_replica(umbrella):
    umbrella["experiments"]["one"] |= {"campaigns": ["windows"], "replicas": [4]}
    with pytest.raises(InputError, match="4 does not exist; campaign 'windows' has 1 to 3"):
        load_config(umbrella)
