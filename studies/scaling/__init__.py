"""What several processes gain: measured on this machine, and foretold for more."""
