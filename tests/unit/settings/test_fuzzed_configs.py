"""Configs changed at random: each is either refused in a few plain lines, or a plan can be made."""

import copy
import json
import re
import string
import time
from collections import Counter
from pathlib import Path
from typing import Any

import mdtraj
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meanforce.errors import InputError
from meanforce.jobs import stages
from meanforce.sampling import check
from meanforce.sampling.check import check_structures, load_reporting_all
from meanforce.settings.config import Config
from meanforce.settings.systems.registry import System
from meanforce.systems.described import Described
from meanforce.systems.facts import Facts, facts_of
from meanforce.systems.registry import describe
from meanforce.systems.topology import described_topology

ROOT = Path(__file__).resolve().parents[3]
FILES = sorted((ROOT / "config").glob("*.yaml"))
TEXTS = [path.read_text() for path in FILES]
CONFIGS = [json.loads(json.dumps(yaml.safe_load(text))) for text in TEXTS]
"""Without YAML's anchors: a change is a change of one place."""

CONFIGS = [config for config in CONFIGS if "systems" in config]
LONGEST = 10000
"""Characters of a message: eight lines of at most a thousand, and what is around them."""

NASTY = [
    "", " ", "\x00", "\n", "../x", "../../etc/passwd", "/etc/passwd", "/dev/zero", "a/b", "~", ".",
    "; rm -rf results", "$(touch pwned)", "`touch pwned`", "a' b", 'a" b', "{system}", "{", "%s",
    "*", "-rf", "--help", "x" * 70, "x" * 5000, "名前", "µ", "\u202e", "\ud800", "None", "NaN",
    "experiments", "prepared", "equilibrated", "trajectory", "forces", "Unbiased", "nan ps",
    "-1 ps", "0 ps", "1e300 ps", "1e-300 ps", "1e400 fs", "300", "300 K", "5 nm", "2 fs", "1 / ps",
    "1 ps ** 99999", "9**9**9 ps", "300 degC", "1 kJ/mol", "0.35 rad", "180 deg", "1/0 ps",
    "name CA", "name __import__('os').system('touch pwned')", "(" * 500, "phi; phi=phi",
    "__import__('os').system('touch pwned')", "sin(" * 30 + "phi" + ")" * 30, "1e9*phi^2",
    None, True, False, 0, -1, 1, 2, 10**6, 10**30, -(10**30), 0.0, -0.5, 1e-300, 1e308,
    float("nan"), float("inf"), -float("inf"), [], {}, [[]], [None], {"": None}, {"x": {"x": {}}},
    ["phi"] * 4, b"bytes", {1: 2}, {None: 1}, [1] * 1000,
]  # fmt: skip
for _ in range(3):
    NASTY.append([NASTY[-1]] * 300)  # 1000 · 300³ values, by reference: a YAML alias bomb
deep: Any = 1
for _ in range(5000):
    deep = {"a": deep}
NASTY.append(deep)
endless: dict[str, Any] = {}
endless["again"] = endless
NASTY.append(endless)

VALUES = st.one_of(
    st.sampled_from(range(len(NASTY))).map(lambda number: NASTY[number]),
    st.text(max_size=20),
    st.text(string.printable, max_size=20),
    st.floats(),
    st.integers(),
)
OPERATIONS = (
    "drop", "rename", "again", "replace", "replace", "replace", "move", "shift", "unit",
    "harmless", "harmless",
)  # fmt: skip

MOST_PLACES = 50000
"""A config of more values is an alias bomb, which must not be expanded here."""


def places(config: dict[str, Any]) -> list[tuple[Any, Any]]:
    """All containers of a config with the keys in them.

    Raises:
        RecursionError: it is endless, or nearly so.
    """
    found: list[tuple[Any, Any]] = []
    front: list[Any] = [config]
    while front:
        node = front.pop()
        if isinstance(node, dict):
            keys = list(node)
        else:
            keys = list(range(len(node))) if isinstance(node, list) else []
        found += [(node, key) for key in keys]
        if len(found) > MOST_PLACES:
            raise RecursionError
        front += [node[key] for key in keys]
    return found


def change(draw: Any, config: dict[str, Any]) -> None:
    """One random change of a config, in place."""
    found = places(config)
    container, key = found[draw(st.integers(0, len(found) - 1))]
    operation = draw(st.sampled_from(OPERATIONS))
    value = container[key]
    if operation == "drop":
        del container[key]
    elif operation == "replace":
        container[key] = draw(VALUES)
    elif operation == "move":
        other, name = found[draw(st.integers(0, len(found) - 1))]
        container[key] = copy.deepcopy(other[name])
    elif operation == "unit" and isinstance(value, str):
        container[key] = value.split(" ")[0] + draw(
            st.sampled_from(["", " ps", " nm", " K", " kJ/mol", " rad", " bar", " bananas", " /"])
        )
    elif operation == "harmless":
        if re.match(r"\d+ ", str(value)):
            number, _, unit = value.partition(" ")
            container[key] = f"{float(number) * draw(st.sampled_from([0.5, 1.0, 2.0]))} {unit}"
        elif isinstance(value, dict):
            container[key] = dict(reversed(value.items()))
    elif operation == "shift" and isinstance(value, (int, float)):
        container[key] = value * draw(st.sampled_from([-1, 0, 0.5, 1e3, 1e12, 1e300]))
    elif isinstance(container, dict):
        wild = draw(st.sampled_from(NASTY)) if draw(st.booleans()) else f"{key}x"
        wild = wild if isinstance(wild, (str, int, float, bytes, type(None))) else str(key)[::-1]
        container[wild] = copy.deepcopy(value)
        if operation == "rename":
            del container[key]
    else:
        container.append(copy.deepcopy(value))


@st.composite
def changed_configs(draw: Any) -> dict[str, Any]:
    """A ready-made config with one to three changes."""
    config = copy.deepcopy(CONFIGS[draw(st.integers(0, len(CONFIGS) - 1))])
    for _ in range(draw(st.sampled_from([1, 1, 1, 2, 3]))):
        while True:
            before = config
            try:
                config = copy.deepcopy(before)
                change(draw, config)
                places(config)
                break
            except RecursionError:
                return config  # deep or endless: nothing more can be changed in it
    return config


@st.composite
def changed_texts(draw: Any) -> str:
    """The text of a ready-made config with lines lost, doubled, shifted or overwritten."""
    lines = TEXTS[draw(st.integers(0, len(TEXTS) - 1))].splitlines()
    for _ in range(draw(st.integers(1, 4))):
        number = draw(st.integers(0, len(lines) - 1))
        line, at = lines[number], draw(st.integers(0, 60))
        lines[number : number + 1] = draw(
            st.sampled_from(
                [[], [line, line], ["  " + line], [line[2:]], [line[:at] + line[at + 1 :]]]
            )
            | st.text(string.printable, min_size=1, max_size=3).map(
                lambda new: [line[:at] + new + line[at:]]  # noqa: B023
            )
        )
    return "\n".join(lines)


def plan(config: Config) -> None:
    """Make the settings of every job of a config."""
    for system, campaigns in config.campaigns.items():
        stages.prepare_job(config, system).canonical()
        for campaign, chosen in campaigns.items():
            for state in config.state_points:
                job = (system, state, campaign, str(chosen.jobs_of(state)[-1]))
                stages.sample_job(config, *job).canonical()
                for mapping in config.mappings.get(system, {}):
                    stages.map_job(config, *job, mapping).canonical()
    for name, experiment in config.experiments.items():
        stages.train_job(config, name, "0").canonical()
        for state in (*experiment.train, *experiment.held_out):
            stages.simulate_job(config, name, state).canonical()
            stages.validate_job(config, name, state).canonical()
    stages.report_job(config).canonical()


def judge(raw: Any) -> str:
    """Load a config as Snakemake's start does; anything but `InputError` is a failure."""
    start = time.process_time()
    try:
        config = load_reporting_all(raw)
        check_structures(config)
    except InputError as error:
        text = str(error)
        assert text.replace("\n", "").isprintable()
        assert 0 < len(text) < LONGEST
        assert "Traceback" not in text
        assert text.count("\n") <= 8
        return "refused"
    finally:
        assert time.process_time() - start < 20.0
    plan(config)
    return "accepted"


FUZZ = settings(
    derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)


DESCRIBED: dict[str, Described] = {}
TOPOLOGIES: dict[int, mdtraj.Topology] = {}
FACTS: dict[str, Facts] = {}
"""Of systems, by their settings, and topologies by what they are of: most changes are elsewhere, a
force field takes 0.1 s, and a bilayer's structure takes seconds."""


def known_description(system: System) -> Described:
    """As `describe`."""
    key = system.model_dump_json()
    if key not in DESCRIBED:
        DESCRIBED[key] = describe(system)
    return DESCRIBED[key]


def known_topology(described: Described) -> mdtraj.Topology:
    """As `described_topology`; those described stay in memory, so that no two share a number."""
    if id(described) not in TOPOLOGIES:
        TOPOLOGIES[id(described)] = described_topology(described)
    return TOPOLOGIES[id(described)]


def known_facts(system: System, described: Described, kept: Path | None = None) -> Facts:
    """As `facts_of`, which keeps them in a file."""
    key = system.model_dump_json()
    if key not in FACTS:
        FACTS[key] = facts_of(system, described)
    return FACTS[key]


@pytest.fixture(autouse=True)
def _nothing_was_run(monkeypatch):
    """Configs are read in the repository, and no text in one was taken for a command."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(check, "facts_of", known_facts)
    monkeypatch.setattr(check, "describe", known_description)
    monkeypatch.setattr(check, "described_topology", known_topology)
    yield
    assert not (ROOT / "pwned").exists()


@pytest.mark.slow
@pytest.mark.extended
def test_changed_values():
    """Most changes break a config, but not all: else they would test little."""
    seen = Counter()

    @settings(FUZZ, max_examples=500)
    @given(changed_configs())
    def judged(raw):
        seen[judge(raw)] += 1

    judged()
    assert seen["refused"] > 200
    assert seen["accepted"] > 50


def test_changed_texts():
    seen = Counter()

    @settings(FUZZ, max_examples=100)
    @given(changed_texts())
    def judged(text):
        try:
            raw = yaml.safe_load(text)
        except yaml.YAMLError:
            seen["not YAML"] += 1  # which Snakemake reports
        else:
            seen[judge(raw)] += 1

    judged()
    assert all(seen[outcome] > 5 for outcome in ("not YAML", "refused", "accepted")), seen
