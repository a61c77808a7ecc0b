"""Does the update rule of the reports help? `python -m studies.balance` trains and tells."""
