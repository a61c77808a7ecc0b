"""Train LSTM and SimpleRNN on palindromes: `python train_lstm.py`, `python train_lstm.py --help`."""

import sys

from kgan.cli import train_lstm

if __name__ == "__main__":
    sys.exit(train_lstm())
