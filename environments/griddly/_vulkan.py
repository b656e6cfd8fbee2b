"""Asks Vulkan for a device, before Griddly does: without one Griddly ends the process with a segmentation fault."""

from __future__ import annotations

import ctypes
import functools

APT_COMMAND = "apt-get install libvulkan1 mesa-vulkan-drivers"


class _InstanceInfo(ctypes.Structure):
    """VkInstanceCreateInfo: type 1, and nothing else asked for."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("next", ctypes.c_void_p),
        ("flags", ctypes.c_uint32),
        ("application", ctypes.c_void_p),
        ("num_layers", ctypes.c_uint32),
        ("layers", ctypes.c_void_p),
        ("num_extensions", ctypes.c_uint32),
        ("extensions", ctypes.c_void_p),
    )


@functools.cache
def has_vulkan() -> bool:
    """Says whether the loader is there and finds a device, a GPU or one that Mesa plays on the CPU."""
    try:
        vulkan = ctypes.CDLL("libvulkan.so.1")
    except OSError:
        return False
    instance, count = ctypes.c_void_p(), ctypes.c_uint32()
    info = _InstanceInfo(type=1)
    if vulkan.vkCreateInstance(ctypes.byref(info), None, ctypes.byref(instance)) != 0:
        return False
    try:
        found = vulkan.vkEnumeratePhysicalDevices(instance, ctypes.byref(count), None)
        return found == 0 and count.value > 0
    finally:
        vulkan.vkDestroyInstance(instance, None)
