"""Takes what the start of a service made out of all later garbage collections.

Modules, code and tables of a process stay until it ends. A full collection goes through all of them, which stops every
thread for 20 to 50 ms: longer than a question of `check` may take.
"""

import gc


def keep_start_objects() -> None:
    """Collect what the start left behind, and let later collections look only at what is made from now on."""
    gc.collect()
    gc.freeze()
