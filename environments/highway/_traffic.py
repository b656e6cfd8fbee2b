"""The vehicles on the roads of the intersections. highway-env imports this, by its name in the configuration."""

from highway_env.vehicle.behavior import IDMVehicle


class IntersectionTraffic(IDMVehicle):
    """highway-env's usual driver, as a class of its own.

    The intersections set distances and accelerations on the class of their traffic. On IDMVehicle they would change
    every other environment of the process from then on.
    """
