"""What all tests share: no window, no sound, one thread."""

import os

# Before anything imports SDL or torch: tests run side by side, on machines without a screen.
os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
os.environ.setdefault("SDL_AUDIODRIVER", "dummy")
os.environ.setdefault("OMP_NUM_THREADS", "1")
