"""Roadside edge node for vehicle-road cooperation."""
