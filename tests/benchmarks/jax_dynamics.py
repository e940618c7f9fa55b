"""Langevin dynamics of 10 beads in JAX, jitted; a process that `dynamics.py` times in turns.

    python jax_dynamics.py REPLICAS THREADS

prints how many steps a turn has, then does one and prints its CPU seconds so far whenever it
reads a line. The network is that of `dynamics.py`: 45 distances, 3 × 128 SiLU, energy; forces by
jax.grad.
"""

import itertools
import os
import sys
import time

REPLICAS, THREADS = map(int, sys.argv[1:])
os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:THREADS])

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402

BEADS, WIDTHS = 10, (45, 128, 128, 128, 1)
STEPS, TIME_STEP, FRICTION, KT, MASS = 1000, 1e-5, 2.0, 2.494, 12.0


def main() -> None:
    keys = jax.random.split(jax.random.PRNGKey(0), 6)
    first, second = jnp.triu_indices(BEADS, 1)
    turn = jnp.arange(BEADS) * 1.7
    curl = jnp.stack([0.15 * jnp.cos(turn), 0.15 * jnp.sin(turn), 0.06 * turn], axis=1)
    start = curl + 0.01 * jax.random.normal(keys[4], (REPLICAS, BEADS, 3))
    sizes = list(itertools.pairwise(WIDTHS))
    weights = [jax.random.normal(k, s) / s[0] ** 0.5 for k, s in zip(keys[:4], sizes, strict=True)]

    def features(x):
        return jnp.linalg.norm(x[:, first] - x[:, second], axis=-1)

    mean, scale = features(start).mean(0), features(start).std(0)

    def energy(x):
        hidden = (features(x) - mean) / scale
        for weight in weights[:-1]:
            hidden = jax.nn.silu(hidden @ weight)
        return KT * (hidden @ weights[-1]).sum()

    forces = jax.grad(lambda x: -energy(x))
    decay = jnp.exp(-FRICTION * TIME_STEP)
    kick = jnp.sqrt((1 - decay**2) * KT / MASS)
    half = 0.5 * TIME_STEP

    def step(_, state):
        x, v, f, key = state
        key, own = jax.random.split(key)
        v = v + half / MASS * f
        x = x + half * v
        v = decay * v + kick * jax.random.normal(own, x.shape)
        x = x + half * v
        f = forces(x)
        return x, v + half / MASS * f, f, key

    run = jax.jit(lambda state: jax.lax.fori_loop(0, STEPS, step, state))
    state = run((start, jnp.zeros_like(start), forces(start), keys[5]))
    jax.block_until_ready(state)
    print(STEPS, flush=True)
    for _ in sys.stdin:
        state = jax.block_until_ready(run(state))
        print(time.process_time(), flush=True)


if __name__ == "__main__":
    main()
