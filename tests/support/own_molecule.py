"""A small config of an own molecule, mistakes in it, and what each is answered with."""

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openmm
import yaml
from openmm import app, unit

from meanforce.errors import InputError
from meanforce.paths import RESULTS, PreparedPaths, use_output
from meanforce.restart.noted import note_run
from meanforce.sampling.check_run import check_run
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
  network: {kind: cgnet, temperature: none, training: {weight_decay: 0, epochs: 4}}
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
    "kind": "solvated_peptide", "padding": "1.2 nm", "constraints": "h_bonds",
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
        files: makes other files in the folder of the run.
    """

    what: str
    expected: tuple[str, ...]
    change: Callable[[Raw], None] = lambda config: None
    structure: Callable[[app.Modeller], None] = lambda molecule: None
    text: Callable[[str], str] = lambda text: text
    files: Callable[[], None] = lambda: None

    def answer(self, root: Path) -> str:
        """What is printed when a run with this mistake is planned, in the present folder.

        Args:
            root: the repository.
        """
        pdb = app.PDBFile(str(root / "resources" / "capped_alanine.pdb"))
        molecule = app.Modeller(pdb.topology, pdb.positions)
        self.structure(molecule)
        self.files()
        with Path("mine.pdb").open("w") as file:
            app.PDBFile.writeFile(molecule.topology, molecule.positions, file, keepIds=True)
        raw = yaml.safe_load(CONFIG)
        self.change(raw)
        written = CONFIG if raw == yaml.safe_load(CONFIG) else yaml.safe_dump(raw, sort_keys=False)
        file = Path("mine.yaml")
        file.write_text(self.text(written))
        try:
            notices = check_run(read_config_file(file), file).notices
        except InputError as error:
            return str(error)
        finally:
            use_output(RESULTS)
            shutil.rmtree(RESULTS, ignore_errors=True)
        return "\n".join(f"notice: {notice}" for notice in notices)


def written(*names: str) -> Callable[[], None]:
    """Files of the user at the given paths."""

    def write() -> None:
        for path in map(Path, names):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("of the user\n")

    return write


def finished(config_file: str, *names: str) -> Callable[[], None]:
    """A prepared system of a run of a config file, with another seed; and files of the user."""

    def make() -> None:
        written(config_file, *names)()
        folder = f"{RESULTS}/mine"
        use_output(folder)
        note_run(yaml.safe_load(CONFIG) | {"output": folder, "seed": 7}, Path(config_file))
        made = PreparedPaths("mine")
        written(made.system_xml, made.topology_cif, made.state_xml, made.log)()

    return make


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
            positions.append(openmm.Vec3(place, 0.0, 0.0))
            for name, x in (("H1", 0.076), ("H2", -0.076)) if hydrogens else ():
                atom = topology.addAtom(name, app.element.hydrogen, residue)
                topology.addBond(oxygen, atom)
                positions.append(openmm.Vec3(place + x, 0.059, 0.0))
        molecule.add(topology, positions * unit.nanometer)

    return add


def with_zinc(molecule: app.Modeller) -> None:
    """Add a zinc ion in a chain of its own."""
    topology = app.Topology()
    residue = topology.addResidue("ZN", topology.addChain("Z"), "201")
    topology.addAtom("ZN", app.element.zinc, residue)
    molecule.add(topology, [openmm.Vec3(1.5, 0.0, 0.0)] * unit.nanometer)


def with_selenium(molecule: app.Modeller) -> None:
    """Put selenium in the place of CB."""
    atom = next(a for a in molecule.topology.atoms() if a.name == "CB")
    atom.element = app.element.selenium
