"""A function of another process: what is timed beside kgan, without its threads in each other's way.

Two frameworks in one process share its cores badly: beside TensorFlow the plain PyTorch loop took 28 ms a
step instead of 16.5, which would flatter us.
"""

import contextlib
import subprocess
import sys


@contextlib.contextmanager
def calls_of(module, *arguments):
    """A function that runs one turn in a process of its own, and returns when that has ended.

    Args:
        module: Name of a module whose `main` hands a function to `serve`.
        *arguments: Of its command line.
    """
    command = [sys.executable, "-m", module, *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:

        def run():
            process.stdin.write("\n")
            process.stdin.flush()
            if not process.stdout.readline():
                raise RuntimeError(f"{' '.join(command)} ended with {process.wait()}.")

        yield run
        process.stdin.close()


def serve(run):
    """Run a function once for each line of standard input, and answer each with a line."""
    for _ in sys.stdin:
        run()
        sys.stdout.write("\n")
        sys.stdout.flush()
