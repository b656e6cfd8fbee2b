"""Leaves out the tests of adapters that this run isn't about; their packages needn't be installed."""

from chosen_adapters import FOLDERS, chosen

collect_ignore = sorted(set(FOLDERS) - set(chosen()))
