"""Mistakes that new users make, as changes of a small config of an own molecule."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from openmm import app, unit

from meanforce.errors import InputError
from meanforce.sampling.check import check_structures
from meanforce.settings.load import load_config
from meanforce.settings.yaml_file import read_config_file

CONFIG = """\
systems:
  mine:
    kind: peptide
    structure: mine.pdb
    force_field: [amber99sbildn.xml, amber99_obc.xml]
state_points:
  T300: {temperature: 300 K}
mappings:
  mine:
    heavy: {template: heavy}
collective_variables:
  mine:
    phi: {kind: dihedral, mapping: heavy, beads: [ACE1-C, ALA2-N, ALA2-CA, ALA2-C]}
    d: {kind: distance, mapping: heavy, beads: [ACE1-C, NME3-N]}
campaigns:
  mine:
    unbiased:
      kind: unbiased
      length: 1 ns
      stride: 40 fs
      time_step: 2 fs
      friction: 1 / ps
      equilibration: 50 ps
potentials:
  network: {kind: cgnet, temperature: none, training: {epochs: 4}}
simulations:
  short:
    chains: 8
    time_step: 5 fs
    friction: 2 / ps
    equilibration: 5 ps
    length: 20 ps
    stride: 200 fs
    until: null
experiments:
  first:
    system: mine
    mapping: heavy
    campaigns: [unbiased]
    potential: network
    train: [T300]
    simulation: short
"""
"""A config of an own molecule, without mistakes."""

METADYNAMICS = {
    "kind": "metadynamics", "collective_variables": ["d"], "height": "1 kJ/mol",
    "width": ["0.02 nm"], "pace": "0.5 ps", "bias_factor": 6, "burn_in": "100 ps",
}  # fmt: skip

WATER = {
    "kind": "solvated_peptide", "padding": "1 nm", "constraints": "h_bonds",
    "force_field": ["amber99sbildn.xml", "tip3p.xml"],
}  # fmt: skip

Raw = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Mistake:
    """A mistake, and what it is answered with.

    Attributes:
        what: the mistake.
        expected: words of the answer, all of which must be in it.
        change: of the config's values.
        structure: changes the molecule in the structure file.
        text: changes the text of the config file.
    """

    what: str
    expected: tuple[str, ...]
    change: Callable[[Raw], None] = lambda config: None
    structure: Callable[[app.Modeller], None] = lambda molecule: None
    text: Callable[[str], str] = lambda text: text

    def answer(self, root: Path) -> str:
        """What is printed when a run with this mistake is planned, in the present folder.

        Args:
            root: the repository.
        """
        pdb = app.PDBFile(str(root / "resources" / "capped_alanine.pdb"))
        molecule = app.Modeller(pdb.topology, pdb.positions)
        self.structure(molecule)
        with Path("mine.pdb").open("w") as file:
            app.PDBFile.writeFile(molecule.topology, molecule.positions, file, keepIds=True)
        raw = yaml.safe_load(CONFIG)
        self.change(raw)
        written = CONFIG if raw == yaml.safe_load(CONFIG) else yaml.safe_dump(raw, sort_keys=False)
        file = Path("mine.yaml")
        file.write_text(self.text(written))
        try:
            notices = check_structures(load_config(read_config_file(file)))
        except InputError as error:
            return str(error)
        return "\n".join(f"notice: {notice}" for notice in notices)


def put(*keys_and_value: Any) -> Callable[[Raw], None]:
    """A change of one value; None removes it."""
    *keys, last, value = keys_and_value

    def change(config: Raw) -> None:
        for key in keys:
            config = config[key]
        if value is None:
            del config[last]
        else:
            config[last] = value

    return change


def merge(*keys_and_values: Any) -> Callable[[Raw], None]:
    """A change of several values of one section."""
    *keys, values = keys_and_values

    def change(config: Raw) -> None:
        for key in keys:
            config = config[key]
        config.update(values)

    return change


def both(*changes: Callable[[Raw], None]) -> Callable[[Raw], None]:
    """Several changes."""

    def change(config: Raw) -> None:
        for one in changes:
            one(config)

    return change


def without_hydrogens(molecule: app.Modeller) -> None:
    """Take all hydrogens away."""
    molecule.delete([a for a in molecule.topology.atoms() if a.element.symbol == "H"])


def with_water(hydrogens: bool, number: int = 1) -> Callable[[app.Modeller], None]:
    """Add crystal water in a chain of its own."""

    def add(molecule: app.Modeller) -> None:
        topology, positions = app.Topology(), []
        chain = topology.addChain("W")
        for count in range(number):
            residue = topology.addResidue("HOH", chain, str(101 + count))
            oxygen = topology.addAtom("O", app.element.oxygen, residue)
            place = 3.0 + 0.4 * count
            positions.append((place, 0.0, 0.0))
            for name, x in (("H1", 0.076), ("H2", -0.076)) if hydrogens else ():
                atom = topology.addAtom(name, app.element.hydrogen, residue)
                topology.addBond(oxygen, atom)
                positions.append((place + x, 0.059, 0.0))
        molecule.add(topology, positions * unit.nanometer)

    return add


def with_selenium(molecule: app.Modeller) -> None:
    """Put selenium in the place of CB."""
    atom = next(a for a in molecule.topology.atoms() if a.name == "CB")
    atom.element = app.element.selenium


SYSTEM = ("systems", "mine")
CAMPAIGN = ("campaigns", "mine", "unbiased")
HEAVY = ("mappings", "mine", "heavy")

MISTAKES = (
    Mistake(
        "a structure without hydrogens",
        ("systems.mine.force_field", "no hydrogens: add them"),
        structure=without_hydrogens,
    ),
    Mistake(
        "a residue that the force field does not have",
        ("systems.mine.force_field", "No template found for residue 1 (ALA)"),
        structure=with_selenium,
    ),
    Mistake(
        "crystal water, only oxygens, in implicit solvent",
        ("systems.mine.structure", "3 water molecules (HOH101, HOH102, HOH103)", "remove them"),
        structure=with_water(hydrogens=False, number=3),
    ),
    Mistake(
        "crystal water, only oxygens, in a box of water",
        ("systems.mine.force_field", "2 water molecules, such as HOH101, have no hydrogens"),
        change=both(merge(*SYSTEM, WATER)),
        structure=with_water(hydrogens=False, number=2),
    ),
    Mistake(
        "one complete water molecule in implicit solvent",
        ("systems.mine.structure", "has a water molecule (HOH101)", "'solvated_peptide'"),
        structure=with_water(hydrogens=True),
    ),
    Mistake(
        "no file of implicit solvent",
        ("notice: systems.mine", "in vacuum", "add 'amber99_obc.xml'"),
        change=put(*SYSTEM, "force_field", ["amber99sbildn.xml"]),
    ),
    Mistake(
        "a tab",
        ("mine.yaml, line 3", "a tab"),
        text=lambda text: text.replace("    kind: peptide", "\tkind: peptide"),
    ),
    Mistake(
        "a key twice",
        ("mine.yaml, line 43: the key 'systems' stands here and in line 1",),
        text=lambda text: text + "systems: {}\n",
    ),
    Mistake(
        "a wrong path",
        ("systems.mine.structure: the file 'pdb/mine.pdb' does not exist",),
        change=put(*SYSTEM, "structure", "pdb/mine.pdb"),
    ),
    Mistake(
        "a force field by its usual name",
        ("there is no file 'amber14sb.xml'", "nearest: amber14-all.xml"),
        change=put(*SYSTEM, "force_field", ["amber14sb.xml"]),
    ),
    Mistake(
        "a wrong key",
        ("campaigns.mine.unbiased.timestep: unknown key; did you mean 'time_step'?",),
        change=put(*CAMPAIGN, "timestep", "2 fs"),
    ),
    Mistake(
        "a wrong name of an atom",
        ("mappings.mine.heavy.beads.A: there is no atom 'ALA2-CG'", "nearest: ALA2-C"),
        change=put("mappings", "mine", "heavy", {"beads": {"A": ["ALA2-CG"]}}),
    ),
    Mistake(
        "a residue number where `resid` counts from 0",
        ("'resid 3 and name C' selects no atom", "resid counts residues from 0 (here 0 to 2)"),
        change=put("mappings", "mine", "heavy", {"beads": {"A": "resid 3 and name C"}}),
    ),
    Mistake(
        "a wrong name of a bead",
        ("there is no bead 'NME3-NX'", "did you mean NME3-N"),
        change=put("collective_variables", "mine", "d", "beads", ["ACE1-C", "NME3-NX"]),
    ),
    Mistake(
        "one atom, two names of beads",
        ("'ACE1-C' of mapping 'heavy' is not among them", "there as bead 'first'"),
        change=both(
            put("mappings", "mine", "own", {
                "beads": {"first": ["ACE1-C"], "last": ["NME3-N"]},
            }),
            merge(*CAMPAIGN, METADYNAMICS | {"lower": ["0 nm"], "upper": ["1 nm"]}),
            put("experiments", "first", "mapping", "own"),
        ),
    ),
    Mistake(
        "300 instead of T300",
        ("experiments.first.train.0: 300 is a number, not a name", "such as 'T300'"),
        change=put("experiments", "first", "train", [300]),
    ),
    Mistake(
        "'300' instead of T300",
        ("there is no state point '300'; known: T300; did you mean 'T300'?",),
        change=put("experiments", "first", "train", ["300"]),
    ),
    Mistake(
        "no unit",
        ("state_points.T300.temperature: 300 has no unit; give a temperature such as '300 K'",),
        change=put("state_points", "T300", "temperature", 300),
    ),
    Mistake(
        "an energy in kT",
        ("campaigns.mine.unbiased.height", "units: kJ/mol, kcal/mol", "1 kT is 2.494 kJ/mol"),
        change=merge(
            *CAMPAIGN, METADYNAMICS | {"height": "0.5 kT", "lower": ["0 nm"], "upper": ["1 nm"]}
        ),
    ),
    Mistake(
        "a length in A",
        ("campaigns.mine.unbiased.lower.0: '3 A' is not", "angstrom (or Å)"),
        change=merge(*CAMPAIGN, METADYNAMICS | {"lower": ["3 A"], "upper": ["1 nm"]}),
    ),
    Mistake(
        "a length for a time",
        ("campaigns.mine.unbiased.length: '10 A' is not a time", "units: fs, ps, ns, us, ms"),
        change=put(*CAMPAIGN, "length", "10 A"),
    ),
    Mistake(
        "a stride that is no multiple of the time step",
        ("unbiased.stride: is 41 fs, which is not a multiple", "nearest: 40 fs or 42 fs"),
        change=put(*CAMPAIGN, "stride", "41 fs"),
    ),
    Mistake(
        "a CG stride that is no multiple of the time step",
        ("simulations.short: 'stride' is 203 fs, which is not a", "nearest: 200 fs or 205 fs"),
        change=put("simulations", "short", "stride", "203 fs"),
    ),
    Mistake(
        "4 fs with light hydrogens",
        ("unbiased.time_step: 4 fs is longer than the usual 2 fs", "at most 2.5 fs"),
        change=put(*CAMPAIGN, "time_step", "4 fs"),
    ),
    Mistake(
        "2 fs without rigid bonds",
        ("notice: campaigns.mine.unbiased.time_step: 2 fs is longer than the usual 1 fs",),
        change=put(*SYSTEM, "constraints", "none"),
    ),
    Mistake(
        "metadynamics without ends of the grid",
        ("'d' is not periodic; give 'lower' and 'upper'", "it is 0.474 nm", "'upper: [0.6 nm]"),
        change=merge(*CAMPAIGN, METADYNAMICS),
    ),
    Mistake(
        "metadynamics that starts outside its grid",
        ("unbiased.lower: 'd' is 0.474 nm", "outside the grid from 0.5 nm", "lower: [0 nm]"),
        change=merge(*CAMPAIGN, METADYNAMICS | {"lower": ["0.5 nm"], "upper": ["1 nm"]}),
    ),
    Mistake(
        "`force_map: slice` with rigid bonds",
        ("mappings.mine.heavy.force_map: 'slice' gives", "use 'aggregate'"),
        change=put("mappings", "mine", "heavy", "force_map", "slice"),
    ),
    Mistake(
        "several of these",
        (
            "collective_variables.mine.d.beads: there is no bead 'NME3-NX'",
            "campaigns.mine.unbiased.time_step: 4 fs",
            "mappings.mine.heavy.force_map: 'slice'",
        ),
        change=both(
            put("collective_variables", "mine", "d", "beads", ["ACE1-C", "NME3-NX"]),
            put(*CAMPAIGN, "time_step", "4 fs"),
            put("mappings", "mine", "heavy", "force_map", "slice"),
        ),
    ),
)  # fmt: skip
