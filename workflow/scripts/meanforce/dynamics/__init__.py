"""Langevin dynamics of many chains at once, with biases, exchange and convergence."""
