"""Memory that the driver and its workers share, with no name that anybody could leave behind."""

from __future__ import annotations

import mmap
import os
import tempfile
from typing import Any

import numpy as np
import numpy.typing as npt


class SharedMemory:
    """An unlinked file in memory. Workers inherit its descriptor and map it once its size is known.

    It isn't in /dev/shm, whose size containers limit, and it is gone with its last process, however that ends.
    """

    def __init__(self) -> None:
        """Makes the file, empty."""
        if hasattr(os, "memfd_create"):
            self.fd = os.memfd_create("pufferlib", os.MFD_CLOEXEC)
        else:
            with tempfile.TemporaryFile() as file:
                self.fd = os.dup(file.fileno())

    def resize(self, size_bytes: int) -> npt.NDArray[np.uint8]:
        """Sets the size and maps the file.

        Returns:
            (size_bytes,) zeros, page-aligned; valid as long as any view of it.

        Raises:
            OSError: there isn't that much memory.
        """
        os.ftruncate(self.fd, size_bytes)
        return map_memory(self.fd, size_bytes)

    def close(self) -> None:
        """Closes the descriptor; mapped arrays stay valid."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


def map_memory(fd: int, size_bytes: int) -> npt.NDArray[np.uint8]:
    """Maps a shared file as bytes."""
    mapping: Any = mmap.mmap(fd, size_bytes)
    return np.frombuffer(mapping, np.uint8)
