"""What a process may do no more before it opens files of strangers: network, other files, other processes.

seccomp (its filters: Linux 3.5) and Landlock (Linux 5.13); neither asks for rights. Where the kernel lacks one, the
other and the limits of `child` remain.
"""

from __future__ import annotations

import ctypes
import os
import platform
import resource
import struct
from contextlib import suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP = 1, 38, 22
_SIGKILL, _FILTER_MODE = 9, 2

# linux/audit.h and the tables of system calls; the two machines that we have wheels for.
_ARCHITECTURES: Final = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_REFUSED: Final = {
    # socket connect bind listen ptrace process_vm_readv process_vm_writev io_uring_setup
    "x86_64": (41, 42, 49, 50, 101, 310, 311, 425),
    "aarch64": (198, 203, 200, 201, 117, 270, 271, 425),
}
_LOAD, _IS, _IS_AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06  # linux/bpf_common.h
_NUMBER_AT, _ARCHITECTURE_AT = 0, 4  # in struct seccomp_data
_ALLOW, _EPERM = 0x7FFF0000, 0x00050001
_X32 = 0x40000000  # the same calls under other numbers

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # on every machine
_VERSION_FLAG, _PATH_BENEATH = 1, 1
# linux/landlock.h: by version of the interface, all that can be ruled about files, TCP, and (signals, abstract sockets)
_FILE_RIGHTS: Final = ((5, (1 << 16) - 1), (3, (1 << 15) - 1), (2, (1 << 14) - 1), (1, (1 << 13) - 1))
_TCP_SINCE, _SCOPE_SINCE = 4, 6
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 2, 4, 8


def die_with_parent() -> None:
    """End when the process that started us does."""
    _libc().prctl(_PR_SET_PDEATHSIG, _SIGKILL, 0, 0, 0)


def limit(memory: int) -> None:
    """No core files, no bytes into files, and at most so many bytes of address space."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    with suppress(OSError):  # who has no memory left is to end us, not the database
        descriptor = os.open("/proc/self/oom_score_adj", os.O_WRONLY)
        os.write(descriptor, b"1000")
        os.close(descriptor)


def confine(readable: Iterable[Path]) -> list[str]:
    """Give up the rest, for good, also for the programs that we start.

    Args:
        readable: folders and files that may still be read, and programs in them be started.

    Returns:
        what this kernel would not take from us: seccomp, landlock.
    """
    libc = _libc()
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    done = {"landlock": _landlock(libc, readable), "seccomp": _seccomp(libc)}
    return [name for name, works in done.items() if not works]


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _seccomp(libc: ctypes.CDLL) -> bool:
    machine = platform.machine()
    if machine not in _ARCHITECTURES:
        return False
    refused = _REFUSED[machine]
    # Each is (code, value, jump if so, jump if not); jumps count from the next one.
    to_refusal = len(refused) + 1
    program = [
        (_LOAD, _ARCHITECTURE_AT, 0, 0),
        (_IS, _ARCHITECTURES[machine], 0, to_refusal + 2),
        (_LOAD, _NUMBER_AT, 0, 0),
        (_IS_AT_LEAST, _X32, to_refusal, 0),
        *((_IS, number, to_refusal - 1 - at, 0) for at, number in enumerate(refused)),
        (_RETURN, _ALLOW, 0, 0),
        (_RETURN, _EPERM, 0, 0),
    ]
    code = b"".join(struct.pack("=HBBI", one, yes, no, value) for one, value, yes, no in program)
    instructions = ctypes.create_string_buffer(code, len(code))
    header = ctypes.create_string_buffer(struct.pack("@HP", len(program), ctypes.addressof(instructions)))
    return bool(libc.prctl(_PR_SET_SECCOMP, _FILTER_MODE, ctypes.byref(header), 0, 0) == 0)


def _landlock(libc: ctypes.CDLL, readable: Iterable[Path]) -> bool:
    version = libc.syscall(_CREATE_RULESET, None, 0, _VERSION_FLAG)
    if version < 1:
        return False
    files = next(rights for since, rights in _FILE_RIGHTS if version >= since)
    attributes = struct.pack("=QQQ", files, 3 if version >= _TCP_SINCE else 0, 3 if version >= _SCOPE_SINCE else 0)
    size = 24 if version >= _SCOPE_SINCE else 16 if version >= _TCP_SINCE else 8
    ruleset = libc.syscall(_CREATE_RULESET, attributes, ctypes.c_size_t(size), 0)
    if ruleset < 0:
        return False
    try:
        for path in readable:
            _allow(libc, ruleset, path)
        return bool(libc.syscall(_RESTRICT_SELF, ruleset, 0) == 0)
    finally:
        os.close(ruleset)


def _allow(libc: ctypes.CDLL, ruleset: int, path: Path) -> None:
    rights = _EXECUTE | _READ_FILE
    if path.is_dir():
        rights |= _READ_DIR
    elif path.is_char_device():
        rights = _READ_FILE | _WRITE_FILE
    with suppress(OSError):  # not on this machine
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            libc.syscall(_ADD_RULE, ruleset, _PATH_BENEATH, struct.pack("=Qi", rights, descriptor), 0)
        finally:
            os.close(descriptor)
