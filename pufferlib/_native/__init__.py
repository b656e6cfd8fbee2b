"""The C core: `pufferlib._native.core`, compiled from the C files in this folder."""
