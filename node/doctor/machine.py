"""Examines the machine below a node: encryption of the volume, space on it, and the clock.

Only files of the system are read, and nothing is started. What a machine does not show, such as the encryption that a
provider does below a virtual disk, is called unknown.
"""

import ctypes
import os
import shutil
import sys
from pathlib import Path
from typing import Final

from node.doctor.examination import Examination, bad, fine
from node.verification.clock_rules import ClockProblem

SYS_DEVICES: Final = Path("/sys/dev/block")
LAYERS_MAX: Final = 8  # partition, RAID, LVM, encryption, and as many again
FREE_BYTES_MIN: Final = 1024**3
FREE_SHARE_MIN: Final = 0.05
_TIME_ERROR: Final = 5  # what adjtimex answers if no time service disciplines the clock
_TIMEX_BYTES: Final = 512  # more than the structure has on any system
CLOCK_HINT: Final = "set the clock; if it is right, an operator confirms it: nothing is sealed until then"
ENCRYPT_HINT: Final = "put home, store and swap on an encrypted volume; the manual says more (Protect the machine)"


def volume(path: Path, devices: Path = SYS_DEVICES) -> Examination:
    """Whether a layer of this system encrypts the volume of `path`."""
    number = path.stat().st_dev
    device = devices / f"{os.major(number)}:{os.minor(number)}"
    if not device.exists():
        return fine("volume", f"unknown: the system does not show the device of {path}", ENCRYPT_HINT)
    if _encrypted([device], LAYERS_MAX):
        return fine("volume", f"{path} is on an encrypted volume")
    found = f"unknown: no layer of this system encrypts the volume of {path}; what lies below it is not visible"
    return fine("volume", found, ENCRYPT_HINT)


def _encrypted(devices: list[Path], layers: int) -> bool:
    """Whether each device is encrypted, by itself or by all that it is made of."""
    if not devices or not layers:
        return False
    return all(_is_crypt(device) or _encrypted(_parts(device), layers - 1) for device in devices)


def _is_crypt(device: Path) -> bool:
    try:
        return (device / "dm" / "uuid").read_text("ascii").startswith("CRYPT-")
    except (OSError, ValueError):
        return False


def _parts(device: Path) -> list[Path]:
    slaves = device / "slaves"
    return sorted(slaves.iterdir()) if slaves.is_dir() else []


def disk_space(path: Path) -> Examination:
    """Whether the volume of `path` has space left."""
    usage = shutil.disk_usage(path)
    found = f"{usage.free / 1024**3:.1f} GiB of {usage.total / 1024**3:.1f} GiB are free at {path}"
    if usage.free < max(FREE_BYTES_MIN, usage.total * FREE_SHARE_MIN):
        return bad("disk_space", found, "free some space: a full disk stops the node, and it loses nothing")
    return fine("disk_space", found)


def clock(problem: ClockProblem | None) -> Examination:
    """Whether the clock is plausible (node/verification/clock_rules.py), and whether a time service disciplines it."""
    if problem is not None:
        return bad("clock", problem.message, CLOCK_HINT)
    match _disciplined():
        case True:
            return fine("clock", "a time service disciplines the clock")
        case False:
            return fine(
                "clock",
                "unknown: no time service of this system disciplines the clock; the machine below it may",
                "run a time service, such as chrony",
            )
    return fine("clock", "unknown: the system does not say whether a time service disciplines the clock")


def _disciplined() -> bool | None:
    """What the kernel says; None if it says nothing."""
    if sys.platform != "linux":
        return None
    state = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    return None if state < 0 else state != _TIME_ERROR
