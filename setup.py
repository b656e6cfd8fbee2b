"""Builds the extension module."""
from setuptools import Extension, find_packages, setup

packages = find_packages(include=["pufferlib", "pufferlib.*"])
packages += ["pufferlib.environments"] + [f"pufferlib.environments.{p}" for p in find_packages("environments")]
setup(
    packages=packages,
    package_dir={"pufferlib": "pufferlib", "pufferlib.environments": "environments"},
    ext_modules=[Extension("pufferlib._native.core", ["pufferlib/_native/module.c"], py_limited_api=True,
                           extra_compile_args=["-std=c11", "-O3", "-Wall", "-Wextra"])],
)
