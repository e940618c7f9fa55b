"""How long Snakemake plans, and how long a job takes to start.

    python tests/benchmarks/plans.py [--systems 5 10 20 40] [--rounds 3]

prints Markdown tables: time and memory of a dry run of plans with more and more systems, each with
4 state points × 5 replicas × 3 mappings × 4 potentials × 5 seeds (5 systems: 1,262 jobs; 40
systems: more than 10⁴), and the start of every stage's program up to where its work begins.
Nothing else should run on the machine meanwhile; the processor times remain valid in any case.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
STAGES = (
    "prepare", "equilibrate", "sample", "forces", "weights", "map", "train", "simulate",
    "validate", "report",
)  # fmt: skip
WITH_TORCH = ("train", "simulate", "validate")
ALANINE = "capped_alanine"
STATES = ["T300", "T320", "T340", "T400"]
MAPPINGS = {
    "heavy": {"template": "heavy"},
    "heavy_optimal": {"template": "heavy", "force_map": "optimal"},
    "core_beta": {"template": "core_beta"},
}
REPLICAS, SEEDS = 5, 6


def plan(systems: int) -> dict:
    """A config with some systems, made from the quick one."""
    base = yaml.safe_load((ROOT / "config" / "quick.yaml").read_text())
    names = [f"{ALANINE}_{number}" for number in range(systems)]
    base["systems"][ALANINE]["structure"] = str(ROOT / "resources" / "capped_alanine.pdb")
    campaigns = base["campaigns"][ALANINE]
    campaigns["metadynamics"]["replicas"] = REPLICAS
    cgnet = base["potentials"]["cgnet"]
    ends = {"lower": "-3 rad", "upper": "3 rad"}
    potentials = {
        "phi": {"kind": "spline", "collective_variable": "phi", "functions": 30, **ends},
        "narrow": cgnet | {"hidden": [32, 32]},
        "wide": cgnet,
        "deep": cgnet | {"hidden": [32, 32, 32, 32]},
    }
    experiment = base["experiments"]["capped_alanine_metadynamics_heavy_cgnet"] | {
        "train": [STATES[0], STATES[1], STATES[3]],
        "held_out": [STATES[2]],
        "ensemble": SEEDS,
        "folds": SEEDS,
    }
    config = {
        "systems": dict.fromkeys(names, base["systems"][ALANINE]),
        "state_points": {name: {"temperature": f"{name[1:]} K"} for name in STATES},
        "mappings": dict.fromkeys(names, MAPPINGS),
        "potentials": potentials,
        "simulations": {ALANINE: base["simulations"][ALANINE]},
        "experiments": {
            f"{name}_{mapping}_{potential}": experiment
            | {"system": name, "mapping": mapping, "potential": potential}
            for name in names
            for mapping in MAPPINGS
            for potential in potentials
        },
    }
    for section in ("collective_variables", "campaigns", "validation"):
        config[section] = dict.fromkeys(names, base[section][ALANINE])
    return json.loads(json.dumps(config))


def measured(command: list[str]) -> tuple[float, float, float, str]:
    """Seconds, processor seconds and peak memory (MB) of a command, and what it wrote."""
    with tempfile.TemporaryFile("w+") as output:
        start = time.perf_counter()
        process = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read()
    if process.returncode:
        sys.exit(text)
    return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1e3, text


def plans(sizes: list[int]) -> None:
    print("| systems | jobs | dry run, s | processor, s | a job, ms | memory, MB |")
    print("|---|---|---|---|---|---|")
    for systems in sizes:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "plan.yaml"
            path.write_text(yaml.safe_dump(plan(systems)))
            command = [sys.executable, "-m", "snakemake", "-n", "--configfile", str(path)]
            seconds, busy, memory, text = measured([*command, "--directory", folder])
        jobs = int(re.search(r"^total +(\d+)$", text, re.M)[1])
        row = f"| {systems} | {jobs} | {seconds:.1f} | {busy:.1f} | {1e3 * busy / jobs:.1f} |"
        print(f"{row} {memory:.0f} |", flush=True)


def starts(rounds: int) -> None:
    print("| program | starts in, s | processor, s | allowed, s |")
    print("|---|---|---|---|")
    for stage in STAGES:
        command = [sys.executable, str(ROOT / "workflow" / "scripts" / f"{stage}.py"), "--help"]
        times = [measured(command)[:2] for _ in range(rounds)]
        seconds, busy = (min(column) for column in zip(*times, strict=True))
        allowed = 4 if stage in WITH_TORCH else 2
        print(f"| `{stage}` | {seconds:.2f} | {busy:.2f} | {allowed} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--systems", type=int, nargs="+", default=[5, 10, 20, 40])
    parser.add_argument("--rounds", type=int, default=3, help="starts of each program")
    arguments = parser.parse_args()
    plans(arguments.systems)
    print()
    starts(arguments.rounds)


if __name__ == "__main__":
    main()
