"""`python -m studies.mutants`: see the runner. Workers can import functions from there, not from here."""

from studies.mutants.runner import main

if __name__ == "__main__":
    main()
