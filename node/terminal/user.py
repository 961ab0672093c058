"""Who uses the command line: the actor that the access log names."""

import getpass
import os


def login() -> str:
    """The login name and the effective user id."""
    try:
        return f"{getpass.getuser()} (uid {os.geteuid()})"
    except (KeyError, OSError):
        return f"uid {os.geteuid()}"
