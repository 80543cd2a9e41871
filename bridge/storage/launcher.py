"""Runs a program as another user, so that it is told when we die. Executed by its path, never imported.

Arguments: uid, gid, our process id, the signal to get when we are gone, the program and its arguments.

A program of its own, because between fork and exec in a process with threads hardly anything is safe. The order
matters: the kernel forgets the wish for a signal when the user changes. It keeps it over exec, as long as that program
is not setuid. The signal comes when the *thread* that started us ends, so that must be one that lives as long as the
server.
"""

from __future__ import annotations

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1

if __name__ == "__main__":
    uid, gid, parent, death_signal = (int(word) for word in sys.argv[1:5])
    program = sys.argv[5:]
    os.chdir("/")  # where we stand now may be closed to the other user
    if os.geteuid() != uid:
        os.setgroups([gid])
        os.setgid(gid)
        os.setuid(uid)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
        if os.getppid() != parent:  # it died before we could ask
            sys.exit(1)
    os.execv(program[0], program)  # noqa: S606
