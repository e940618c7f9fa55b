"""Write a first config for a peptide: complete, commented, and ready to run."""

import argparse
import os
import re
import shlex
import shutil
import sys
from pathlib import Path

import yaml

from meanforce.errors import InputError, exits_cleanly
from meanforce.planning.config_text import config_text, write_new
from meanforce.planning.first_config import SOLVENTS, TEMPLATES, Wishes, first_config
from meanforce.planning.molecule import read_molecule
from meanforce.settings.base import NAME


@exits_cleanly
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--structure", required=True, help="PDB or mmCIF file of a peptide with all hydrogens"
    )
    parser.add_argument("--mapping", choices=TEMPLATES, required=True, help="template of the beads")
    parser.add_argument("--solvent", choices=SOLVENTS, default="implicit")
    parser.add_argument(
        "--residues",
        nargs="+",
        default=[],
        help="one residue whose φ and ψ are biased, or two whose ψ are: numbers, or names such as "
        "VAL2; default: by the peptide's size",
    )
    parser.add_argument(
        "--short",
        action="store_true",
        help="short runs and a small network, to see within minutes that everything works with a "
        "small molecule; much too little sampling for good numbers",
    )
    parser.add_argument("--name", help="of the system; default: that of the structure file")
    parser.add_argument("--output", type=Path, help="config to write; default: NAME.yaml")
    arguments = parser.parse_args()
    name = arguments.name or re.sub(r"[^A-Za-z0-9_-]", "_", Path(arguments.structure).stem)
    of_file = "" if arguments.name else "from the structure's file name, "
    if not re.fullmatch(NAME, name):
        raise InputError(
            f"--name: {of_file}'{name}' is not a name; use letters, digits, '_' and '-', starting "
            "with a letter or digit"
        )
    if not isinstance(yaml.safe_load(name), str):
        raise InputError(
            f"--name: {of_file}'{name}' is a number or a word of YAML; give another, such as "
            f"--name molecule_{name}"
        )
    output = arguments.output or Path(f"{name}.yaml")
    if output.exists():
        raise InputError(
            f"--output: '{output}' exists and is not overwritten; give another --output or --name"
        )
    molecule = read_molecule(arguments.structure, SOLVENTS[arguments.solvent])
    wishes = Wishes(
        name, arguments.mapping, arguments.solvent, tuple(arguments.residues), arguments.short
    )
    made = first_config(molecule, wishes)
    write_new(config_text(made, output), output)
    print(f"{output}: written; what was chosen, and why:")
    for reason in made.reasons:
        print(f"  {reason}")
    for line in next_commands(output):
        print(line)


def next_commands(config: Path) -> list[str]:
    """Commands that plan and start the run; the workflow is only in a checkout of the project."""
    given = shlex.quote(str(config))
    snakefile = Path(__file__).resolve().parents[2] / "Snakefile"
    if not snakefile.is_file():
        return [
            f"next: meanforce-plan --configfile {given}",
            f"      snakemake --snakefile CHECKOUT/Snakefile --cores 2 --configfile {given}",
            "CHECKOUT is a clone of meanforce: the workflow itself is not part of the installation",
        ]
    python, snakemake = _in_environment("python"), _in_environment("snakemake")
    if Path.cwd() == snakefile.parent:
        plan = "workflow/scripts/plan.py"
    else:
        plan = shlex.quote(str(Path(__file__).resolve().with_name("plan.py")))
        snakemake += f" --snakefile {shlex.quote(str(snakefile))}"
    return [
        f"next: {python} {plan} --configfile {given}",
        f"      {snakemake} --cores 2 --configfile {given}",
    ]


def _in_environment(program: str) -> str:
    """How a shell starts a program of this Python's environment, which may not be activated."""
    path = Path(sys.executable).with_name(program)
    if shutil.which(program) == str(path):
        return program
    below = path.is_relative_to(Path.cwd())
    return shlex.quote(os.path.relpath(path) if below else str(path))


if __name__ == "__main__":
    main()
