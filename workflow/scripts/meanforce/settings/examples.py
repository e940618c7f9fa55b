"""A small example of every section and kind, for config/README.md.

A test puts each of them into the default config and checks the whole.
"""

from meanforce.settings.fitting_examples import FITTING

EXAMPLES = {
    "systems.muller_brown": """\
systems:
  muller_brown: {kind: muller_brown}
""",
    "systems.channel": """\
systems:
  channel: {kind: channel}
""",
    "systems.peptide": """\
systems:
  capped_alanine:
    kind: peptide
    structure: resources/capped_alanine.pdb
    force_field: [amber99sbildn.xml, amber99_obc.xml]
    constraints: h_bonds
    hydrogen_mass: 4 u
""",
    "systems.solvated_peptide": """\
systems:
  alanine_in_water:
    kind: solvated_peptide
    structure: resources/capped_alanine.pdb
    force_field: [amber99sbildn.xml, tip3p.xml]
    padding: 1.2 nm
    ionic_strength: 0.1 mol/L
    hydrogen_mass: 3 amu
""",
    "systems.liquid": """\
systems:
  water:
    kind: liquid
    molecules:
      HOH: {count: 512}
    force_field: [spce.xml]
    density: 0.997 g/cm^3
    nonbonded_cutoff: 0.9 nm
  mixture:
    kind: liquid
    molecules:
      ETH: {count: 100}
      PRP: {count: 60}
    force_field: [resources/force_fields/opls_aa_alkanes.xml]
    density: 0.55 g/cm^3
    equilibration: {npt: null}  # at this density
""",
    "systems.testsystem": """\
systems:
  argon:
    kind: testsystem
    name: LennardJonesFluid
    options: {nparticles: 216, reduced_density: 0.8, sigma: 3.4 angstrom, epsilon: 0.238 kcal/mol}
""",
    "systems.assembled": """\
systems:
  bilayer:
    kind: assembled
    structure: DPPC.pdb
    force_field: [amber14/lipid17.xml, amber14/tip3p.xml]
    nonbonded_method: pme
    nonbonded_cutoff: 0.9 nm
    hydrogen_mass: 3 u
""",
    "systems.gromacs": """\
systems:
  from_gromacs:
    kind: gromacs
    topology: my_files/topol.top
    structure: my_files/confout.gro
    include: [my_files/toppar]
    defines: {HEAVY_H: ''}
    nonbonded_method: pme
    nonbonded_cutoff: 1 nm
    dispersion_correction: true  # as DispCorr = EnerPres
""",
    "systems.amber": """\
systems:
  from_amber:
    kind: amber
    topology: my_files/peptide.prmtop
    structure: my_files/peptide.rst7
    nonbonded_method: none
    implicit_solvent: obc2
""",
    "systems.charmm": """\
systems:
  from_charmm:
    kind: charmm
    topology: my_files/step3_input.psf
    parameters: [my_files/top_all36_prot.rtf, my_files/par_all36m_prot.prm, my_files/water_ions.str]
    structure: my_files/step3_input.crd
    box: [6.2 nm, 6.2 nm, 6.2 nm]
    nonbonded_method: pme
    nonbonded_cutoff: 1.2 nm
    switch_distance: 1 nm
    hydrogen_mass: 3 amu
    equilibration: {npt: 500 ps}
""",
    "systems.openmm": """\
systems:
  from_openmm:
    kind: openmm
    system: my_files/system.xml
    structure: my_files/topology.cif
    state: my_files/state.xml
""",
    "systems.beads": """\
systems:
  four_beads:
    kind: beads
    composition:
      - name: CHAIN
        beads:
          - {name: A, type: C1, mass: 14 u}
          - {name: B, type: C2, mass: 14 u}
          - {name: C, type: C2, mass: 14 u}
          - {name: D, type: C1, mass: 14 u}
        bonds: [[A, B], [B, C], [C, D]]
  water_from_elsewhere:
    kind: beads
    # or file: beads.json, which holds the key composition
    composition: [{name: HOH, count: 500, beads: [{name: W, mass: 18.015 u}]}]
    box: [2.5 nm, 2.5 nm, 2.5 nm]
""",
    "state_points": """\
state_points:
  T300: {temperature: 300 K}
  hot_and_dense: {temperature: 400 K, pressure: 100 bar}
""",
    "mappings": """\
mappings:
  capped_alanine:
    heavy: {template: heavy, force_map: aggregate}
    ends: {beads: {A: resid 0 and not type H, B: [NME3-N, NME3-C]}, force_map: optimal}
    by_residue: {template_file: resources/residue_beads.yaml}
    by_molecule: {molecules: {ACE-ALA-NME: {beads: {A: [ACE1-C], B: [NME3-N]}}}}
""",
    "collective_variables": """\
collective_variables:
  capped_alanine:
    phi: {kind: dihedral, mapping: heavy, beads: [ACE1-C, ALA2-N, ALA2-CA, ALA2-C]}
    cos_phi: {kind: cos_dihedral, mapping: heavy, beads: [ACE1-C, ALA2-N, ALA2-CA, ALA2-C]}
    sin_phi: {kind: sin_dihedral, mapping: heavy, beads: [ACE1-C, ALA2-N, ALA2-CA, ALA2-C]}
    mixed: {kind: combination, mapping: heavy, coefficients: {cos_phi: 0.7, sin_phi: 0.3}}
    length: {kind: distance, mapping: heavy, beads: [ACE1-CH3, NME3-C]}
    bend: {kind: angle, mapping: heavy, beads: [ALA2-N, ALA2-CA, ALA2-C]}
    contacts:
      kind: coordination
      mapping: heavy
      beads: [ACE1-O, ALA2-O]
      other_beads: [ALA2-N, NME3-N]
      radius: 0.35 nm
    from_start: {kind: rmsd, mapping: heavy, references: [resources/capped_alanine.pdb]}
    size: {kind: radius_of_gyration, mapping: heavy}
    native:
      kind: native_contacts
      mapping: heavy
      references: [resources/capped_alanine.pdb]
      cutoff: 0.6 nm
      separation: 1
    # Structures in order, in one file or in several
    along: {kind: path_s, mapping: heavy, references: [resources/capped_alanine_path.pdb]}
    beside: {kind: path_z, mapping: heavy, references: [resources/capped_alanine_path.pdb]}
  muller_brown:
    x: {kind: coordinate, mapping: x, beads: [X], axis: x}
""",
    "campaigns.unbiased": """\
campaigns:
  capped_alanine:
    plain:
      kind: unbiased
      length: 5 ns
      stride: 40 fs
      time_step: 2 fs
      friction: 1 / ps
      equilibration: 50 ps
""",
    "campaigns.metadynamics": """\
campaigns:
  capped_alanine:
    filling:
      kind: metadynamics
      collective_variables: [phi, psi]
      height: 1.2 kJ/mol
      width: [0.35 rad, 0.35 rad]
      pace: 0.5 ps
      bias_factor: 6
      burn_in: 500 ps
      length: 5 ns
      stride: 40 fs
      time_step: 2 fs
      friction: 1 / ps
      equilibration: 50 ps
""",
    "campaigns.static": """\
campaigns:
  capped_alanine:
    lifted:
      kind: static
      collective_variables: [phi]
      # or formula: "2 * cos(phi)", or bias_of: metadynamics with its collective variables, or,
      # without collective variables, models: [FILE.safetensors], mapping: heavy, scale: 0.5
      gaussians: [{height: -8 kJ/mol, center: [0 rad], width: [0.5 rad]}]
      length: 5 ns
      stride: 40 fs
      time_step: 2 fs
      friction: 1 / ps
      equilibration: 50 ps
""",
    "campaigns.umbrella": """\
campaigns:
  capped_alanine:
    windows:
      kind: umbrella
      collective_variables: [phi]
      rows: [{first: -180 deg, last: 165 deg, number: 24}]
      force_constant: [200 kJ/mol/rad^2]
      windows_per_job: 6
      length: 200 ps
      stride: 40 fs
      time_step: 2 fs
      friction: 1 / ps
      equilibration: 20 ps
""",
    "campaigns.replica_exchange": """\
campaigns:
  capped_alanine:
    exchange:
      kind: replica_exchange
      highest: 600 K
      levels: 4
      exchange_every: 1 ps
      length: 2 ns
      stride: 100 fs
      time_step: 2 fs
      friction: 1 / ps
      equilibration: 50 ps
""",
    "campaigns.external": """\
campaigns:
  capped_alanine:
    mine:
      kind: external
      # Those of the files; default: recomputed with the system's force field.
      forces: file
      trajectories:
        # The first replica at 300 K: two parts of one run.
        - {files: [runs/1.part1.trr, runs/1.part2.trr], state_point: T300, begin: 1 ns}
        - {files: [runs/2.nc], state_point: T300, stride: 10}
        - {files: [runs/hot.dump], state_point: T400, units: real, time_step: 1 fs}
    mine_biased:
      kind: external
      # What the bias depends on. COLVAR's columns of these names are compared with the frames.
      collective_variables: [phi, psi]
      trajectories:
        - files: [runs/biased.trr]
          state_point: T300
          bias: {file: runs/COLVAR, column: metad.rbias}
    published:
      # CG data: for a system of kind `beads`. The forces are in published/ala2_forces.npy.
      kind: external
      forces: file
      continuous: false
      trajectories:
        - files: [published/ala2_coordinates.npy]
          format: cgnet
          state_point: T300
          interval: 1 ps
""",
    "potentials.spline": """\
potentials:
  curve_of_x: {kind: spline, collective_variable: x, lower: 8 nm, upper: 58 nm, functions: 45}
  classical: {kind: spline, terms: {}}
""",
    "potentials.rbf": """\
potentials:
  gaussians_of_x: {kind: rbf, collective_variable: x, lower: 8 nm, upper: 58 nm, functions: 45}
""",
    "potentials.cgnet": """\
potentials:
  network:
    kind: cgnet
    hidden: [192, 192, 192]
    temperature: linear
    prior: {bonds: harmonic, angles: harmonic}
    training: {epochs: 36, batch_size: 512, learning_rate: 0.003}
""",
    "potentials.local_cgnet": """\
potentials:
  local:
    kind: local_cgnet
    temperature: none
    prior: {bonds: harmonic, angles: harmonic, excluded_volume: {}}
    training: {epochs: 40, batch_size: 512, learning_rate: 0.003}
""",
    "potentials.mace": """\
potentials:
  equivariant:
    kind: mace
    channels: 16
    cutoff: 0.5 nm
    prior: {bonds: harmonic, angles: harmonic, excluded_volume: {}}
    training: {epochs: 10, batch_size: 128, learning_rate: 0.005}
""",
    **FITTING,
    "simulations": """\
simulations:
  with_a_bias:
    chains: 200
    time_step: 5 fs
    friction: 2 / ps
    equilibration: 25 ps
    length: 70 ps
    stride: 200 fs
    bias:
      {collective_variables: [phi, psi], width: [0.25 rad, 0.25 rad], bias_factor: 6, build: 15 ps}
  with_exchange:
    chains: 200
    time_step: 5 fs
    friction: 2 / ps
    equilibration: 25 ps
    length: 70 ps
    stride: 200 fs
    exchange: {highest: 600 K, levels: 4, every: 100 fs}
    until: {r_hat: 1.02, at_most: 500 ps}
  of_a_liquid:
    engine: auto
    chains: 2
    time_step: 4 fs
    friction: 2 / ps
    equilibration: 50 ps
    length: 500 ps
    stride: 1 ps
    until: null
""",
    "references": """\
references:
  capped_alanine:
    published:
      kind: table
      files: {T300: [resources/references/published_300K.csv]}
      variables: {phi: deg, psi: deg}
      free_energy: F
      error: F_error
      unit: kcal/mol
      source: a paper, its figure or its supporting information
""",
    "validation": """\
validation:
  capped_alanine:
    surface: [phi, psi]
    basins:
      phi_negative: [{phi: [-180 deg, 0 rad]}]
      phi_positive: [{phi: [0 rad, 180 deg]}]
    differences: {phi_positive: [phi_positive, phi_negative]}
    barriers: {phi: [phi_negative, phi_positive]}
    distances: [[ACE1-CH3, NME3-C]]
""",
    "experiments": """\
experiments:
  trained_at_two_temperatures:
    system: capped_alanine
    mapping: heavy
    campaigns: [metadynamics]
    potential: cgnet
    train: [T300, T400]
    held_out: [T350]
    reference: reference
    simulation: capped_alanine
""",
}
"""By section, or by section and kind."""
