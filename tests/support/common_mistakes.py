"""Mistakes that new users make, and words of the answers."""

from own_molecule import (
    METADYNAMICS,
    WATER,
    Mistake,
    both,
    finished,
    merge,
    put,
    with_selenium,
    with_water,
    with_zinc,
    without_hydrogens,
    written,
)

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
        "implicit solvent of another force field",
        ("belongs to another force field: its charge of atom 6", "such as 'implicit/obc2.xml'"),
        change=put(*SYSTEM, "force_field", ["amber10.xml", "amber99_obc.xml"]),
    ),
    Mistake(
        "a box of water without a water model",
        ("systems.mine.force_field", "has no water", "such as 'tip3p.xml'"),
        change=merge(*SYSTEM, WATER | {"force_field": ["amber99sbildn.xml"]}),
    ),
    Mistake(
        "a water model of four sites with the default of three",
        ("systems.mine.water_model: 'tip3p' has 0 sites", "allowed: 'tip4pew'"),
        change=merge(*SYSTEM, WATER | {"force_field": ["amber99sbildn.xml", "tip4pew.xml"]}),
    ),
    Mistake(
        "implicit solvent in a box of water",
        ("defines an implicit solvent", "leave that file out, or use the kind 'peptide'"),
        change=merge(*SYSTEM, WATER | {
            "force_field": ["amber99sbildn.xml", "tip3p.xml", "amber99_obc.xml"],
        }),
    ),
    Mistake(
        "a zinc ion in the structure",
        ("No template found for residue 3 (ZN)", "ZN201 is a single atom", "remove it"),
        structure=with_zinc,
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
        "a kind by the name that another program gives it",
        ("collective_variables.mine.d.kind: given 'rg'", "did you mean 'radius_of_gyration'?"),
        change=put("collective_variables", "mine", "d", {"kind": "rg", "mapping": "heavy"}),
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
        "hills wider than their grid",
        ("unbiased.width: is 2 nm along 'd', whose grid is only 1 nm wide", "a tenth of the range"),
        change=merge(
            *CAMPAIGN, METADYNAMICS | {"width": ["2 nm"], "lower": ["0 nm"], "upper": ["1 nm"]}
        ),
    ),
    Mistake(
        "a CG bias whose grid is beside the structure",
        ("notice: simulations.short.bias.upper: 'd' is 0.474 nm in the structure, outside the",),
        change=put("simulations", "short", "bias", {
            "collective_variables": ["d"], "width": ["0.02 nm"], "bias_factor": 6,
            "build": "10 ps", "lower": ["0 nm"], "upper": ["0.4 nm"],
        }),
    ),
    Mistake(
        "a surface at values that the molecule cannot take",
        ("validation.mine.lower: the grid from 2 nm to 3 nm has no value that 'd' can take",),
        change=put("validation", {
            "mine": {"surface": ["d"], "lower": ["2 nm"], "upper": ["3 nm"]},
        }),
    ),
    Mistake(
        "a basin across 180 degrees",
        ("validation.mine.basins.a: the interval of 'phi'", "from -180 to 180 deg", "two boxes"),
        change=put("validation", {
            "mine": {"surface": ["phi"], "basins": {"a": [{"phi": ["170 deg", "190 deg"]}]}},
        }),
    ),
    Mistake(
        "umbrella windows farther apart than they spread",
        ("notice: campaigns.mine.unbiased.force_constant: lets 'd' spread by 0.011 nm", "more win"),
        change=merge(*CAMPAIGN, {
            "kind": "umbrella", "collective_variables": ["d"],
            "force_constant": ["20000 kJ/mol/nm^2"],
            "rows": [{"first": "0.3 nm", "last": "0.5 nm", "number": 3}],
        }),
    ),
    Mistake(
        "a stride that leaves too few frames to train on",
        ("experiments.first.folds: are 8, which need 64 frames", "gives 10 at 'T300'"),
        change=put(*CAMPAIGN, "stride", "100 ps"),
    ),
    Mistake(
        "a batch larger than the data",
        ("notice: potentials.network.training.batch_size: is 20000", "about 12500 frames"),
        change=put("potentials", "network", "training", "batch_size", 20000),
    ),
    Mistake(
        "the training data as the reference",
        ("notice: experiments.first.reference: 'unbiased' is also in 'campaigns'",),
        change=put("experiments", "first", "reference", "unbiased"),
    ),
    Mistake(
        "`force_map: slice` with rigid bonds",
        ("mappings.mine.heavy.force_map: 'slice' gives", "use 'aggregate'"),
        change=put("mappings", "mine", "heavy", "force_map", "slice"),
    ),
    Mistake(
        "an optimal force map with the solvent's forces, which are not stored",
        ("unbiased.store: is 'solute', and mapping 'heavy' is used", "'solvent_groups: none'"),
        change=both(
            merge(*SYSTEM, WATER),
            put(*CAMPAIGN, "store", "solute"),
            put("mappings", "mine", "heavy", "force_map", "optimal"),
        ),
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
    Mistake(
        "wrong values and a wrong structure",
        (
            "campaigns.mine.unbiased.timestep: unknown key",
            "systems.mine.force_field",
            "no hydrogens: add them",
        ),
        change=put(*CAMPAIGN, "timestep", "2 fs"),
        structure=without_hydrogens,
    ),
    Mistake(
        "one mistake in a YAML anchor that is used twice",
        ("campaigns.mine.unbiased.length: '10 A' is not", "(the same in campaigns.mine.second.len"),
        text=lambda text: text.replace("unbiased:\n", "unbiased: &one\n")
        .replace("length: 1 ns", "length: 10 A")
        .replace("potentials:", "    second: *one\npotentials:"),
    ),
    Mistake(
        "the home folder as `~`",
        ("output: '~/results' has '~', which is not replaced; write the",),
        change=put("output", "~/results"),
    ),
    Mistake(
        "a file as `output`",
        ("output: 'notes.txt' is a file; give a folder",),
        change=put("output", "notes.txt"),
        files=written("notes.txt"),
    ),
    Mistake(
        "a folder with files of one's own as `output`",
        ("output: the folder 'data' has files, such as 'data/notes.txt', but no run had",),
        change=put("output", "data"),
        files=written("data/notes.txt"),
    ),
    Mistake(
        "a file of one's own where a result would go",
        ("trajectory.h5: is not a file of meanforce", "move it elsewhere", "--config replace=true"),
        files=finished("mine.yaml", "results/mine/mine/T300/unbiased/1/trajectory.h5"),
    ),
    Mistake(
        "two configs with the same name in different folders",
        ("has results of 'before/mine.yaml'", "'mine.yaml' has the same name", "rename this file"),
        files=finished("before/mine.yaml"),
    ),
)  # fmt: skip
