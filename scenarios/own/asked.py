"""Notes what a service was asked, a line for each call, in the file that ASKED names; for those who want to count."""

import os

_file = os.environ.get("ASKED")
_to = os.open(_file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644) if _file else None


def note(what):
    """One write to a file that is open for appending is whole, whoever else writes."""
    if _to is not None:
        os.write(_to, f"{what}\n".encode())
