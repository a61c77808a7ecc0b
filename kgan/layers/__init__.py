"""Layers for Keras 3, written once for every backend: the LSTM, and spectral normalisation."""

from kgan.layers.conversion import from_torch, to_torch
from kgan.layers.lstm import LSTM, LSTMCell
from kgan.layers.spectral_normalization import SpectralNormalization

__all__ = ["LSTM", "LSTMCell", "SpectralNormalization", "from_torch", "to_torch"]
