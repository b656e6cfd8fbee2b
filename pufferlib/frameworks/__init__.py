"""Short wrappers that make a plain PyTorch policy fit another framework. Import the one you need, by its module."""
