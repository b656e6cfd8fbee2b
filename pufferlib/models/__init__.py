"""Baseline policies for any emulated environment: an encoder and a decoder each, so that an LSTM can sit between."""

from __future__ import annotations

from pufferlib.models._convolutional import Convolutional
from pufferlib.models._default import Default
from pufferlib.models._heads import ActionHead
from pufferlib.models._lstm import LSTMState, LSTMWrapper

__all__ = ["ActionHead", "Convolutional", "Default", "LSTMState", "LSTMWrapper"]
