"""What this machine does at best: the rate that a floor is computed with."""

import time

import torch


def matmul_rate(m, k, n, *, repeats=50):
    """Operations a second of `(m, k) @ (k, n)` in float32, by torch and its present threads."""
    a, b = torch.rand(m, k), torch.rand(k, n)
    return 2 * m * k * n / _fastest(lambda: a @ b, repeats)


def _fastest(run, repeats):
    """Seconds of the fastest of some calls: the machine can do that, whatever else it did meanwhile."""
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    return min(seconds)
