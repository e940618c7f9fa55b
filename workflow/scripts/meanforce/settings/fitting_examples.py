"""Examples of key `fitting` of a potential, a part of `settings.examples`."""

FITTING = {
    "fitting.force_matching": """\
potentials:
  fitted_to_forces:
    kind: cgnet
    fitting: {kind: force_matching}
    training: {epochs: 36}
""",
    "fitting.boltzmann_inversion": """\
potentials:
  fitted_to_distributions:
    kind: spline
    temperature: none
    terms: {}
    fitting:
      kind: boltzmann_inversion
      simulation:
        {chains: 2, time_step: 4 fs, friction: 2 / ps, equilibration: 8 ps, length: 80 ps,
         stride: 200 fs}
      pressure: {target: 1 bar}
""",
    "fitting.inverse_monte_carlo": """\
potentials:
  fitted_to_all_distributions_at_once:
    kind: spline
    temperature: none
    terms: {}
    fitting:
      kind: inverse_monte_carlo
      at_most: 20
      simulation:
        {chains: 16, time_step: 4 fs, friction: 2 / ps, equilibration: 8 ps, length: 80 ps,
         stride: 200 fs}
""",
    "fitting.hypernetted_chain": """\
potentials:
  fitted_to_g_at_1_bar:
    kind: spline
    temperature: none
    terms: {}
    fitting:
      kind: hypernetted_chain
      at_most: 20
      simulation:
        {chains: 2, time_step: 4 fs, friction: 2 / ps, equilibration: 8 ps, length: 80 ps,
         stride: 200 fs}
      pressure: 1 bar
""",
    "fitting.relative_entropy": """\
potentials:
  of_least_relative_entropy:
    kind: spline
    temperature: none
    terms: {}
    fitting:
      kind: relative_entropy
      at_most: 20
      simulation:
        {chains: 100, time_step: 4 fs, friction: 2 / ps, equilibration: 8 ps, length: 80 ps,
         stride: 200 fs}
  network_of_least_relative_entropy:
    kind: cgnet
    temperature: none
    training: {epochs: 36}
    fitting:
      kind: relative_entropy
      at_most: 40
      descent: {learning_rate: 1e-3}
      simulation:
        {chains: 100, time_step: 4 fs, friction: 2 / ps, equilibration: 8 ps, length: 80 ps,
         stride: 2 ps}
""",
}
"""By section and kind."""
