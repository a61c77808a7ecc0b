"""Twenty steps from injected weights, latents and batches: `python parity_run.py ARCHITECTURE OUT`.

Run on each backend by test_parity.py; what it writes can be compared.
"""

import sys

import kgan  # before Keras, for it chooses the backend

# isort: split
import keras
import numpy as np

from support.networks import InjectedGAN

STEPS, BATCH = 20, 16


def losses(architecture, policy):
    """(20, 3) array of L(D), L(G) and whether D was updated, at each step."""
    networks = getattr(kgan.architectures, architecture)()
    rng = np.random.default_rng(0)
    for variable in [v for network in networks for v in network.trainable_variables]:
        if len(variable.shape) > 1:  # scales of batch norms stay 1, biases as small as they are
            fan_in = np.prod(variable.shape[:-1])
            variable.assign(rng.uniform(-1, 1, variable.shape) / np.sqrt(fan_in))
        elif "gamma" not in variable.path:
            variable.assign(np.zeros(variable.shape))
    gan = InjectedGAN(*networks, update_policy=policy, seed=3)
    gan.latents = np.random.default_rng(5).normal(size=(STEPS, BATCH, 100)).astype("float32")
    gan.compile(keras.optimizers.Adam(2e-4, beta_1=0.5), keras.optimizers.Adam(2e-4, beta_1=0.5))
    real = np.random.default_rng(6).uniform(-1, 1, (STEPS, BATCH, 28, 28, 1)).astype("float32")
    rows = []
    for batch in real:
        history = gan.fit(batch, batch_size=BATCH, shuffle=False, verbose=0).history
        rows.append([history[name][0] for name in ("d_loss", "g_loss", "d_updates")])
    return np.array(rows)


if __name__ == "__main__":
    policies = {"always": kgan.update_policies.Always(), "balanced": kgan.update_policies.LossBalanced()}
    np.savez(sys.argv[2], **{name: losses(sys.argv[1], policy) for name, policy in policies.items()})
