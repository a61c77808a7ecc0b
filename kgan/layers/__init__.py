"""Recurrent layers for Keras 3, written once for every backend."""

from kgan.layers.conversion import from_torch, to_torch
from kgan.layers.lstm import LSTM, LSTMCell

__all__ = ["LSTM", "LSTMCell", "from_torch", "to_torch"]
