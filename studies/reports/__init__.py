"""What the five reports claim, measured: `python -m studies.reports` trains and writes docs/reports.md."""
