"""Baseline policy for Craftax: the general one, which has convolutions for pixels and layers for symbols."""

from pufferlib.models import Default as Policy

__all__ = ["Policy"]
