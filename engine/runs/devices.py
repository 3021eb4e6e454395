"""Devices that a run may have to itself: the lock that its trainer holds."""

from pathlib import Path


def device_lock(device: str, root: Path) -> Path:
    """The file whose lock means: somebody trains on this device."""
    return root / ".locks" / f"device-{device.replace(':', '-')}.lock"
