"""What a process that runs somebody else's code gives up before it does: its files, its rights, its appetite.

`confine` is one-way, for a process just forked. Linux's Landlock (https://docs.kernel.org/userspace-api/landlock.html)
leaves it the Python installation to read and its own folder to write, a filter takes the system calls that Landlock
does not know (system_calls.py); a root process also becomes an unprivileged user, or, where such a user could not read
Python, one without capabilities. Where none of this is to be had, on macOS say, only the limits remain: see `in_force`.
"""

import ctypes
import os
import resource
import stat
import struct
import sys
from pathlib import Path
from typing import List, Optional

import system_calls

LIBC = ctypes.CDLL(None, use_errno=True)
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446  # Landlock's system calls, the same on every architecture
FIRST_USER = 61000  # ids from here on belong to nobody on common systems

# Landlock's rights, by the version of its interface that brought them
READ = 1 << 0 | 1 << 2 | 1 << 3  # execute, read a file, list a folder
ALL_RIGHTS = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1, 5: (1 << 16) - 1}
OF_FILES = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 14 | 1 << 15  # the rights that make sense for something else than a folder


def landlock_version() -> int:
    """The version of Landlock's interface, 0 where the system has none."""
    if not sys.platform.startswith("linux"):
        return 0
    return max(0, LIBC.syscall(CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(1)))


def user_for(slot: int) -> Optional[int]:
    """The user id that code graded in this slot gets, where this process is root and that user can read Python."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return None
    needed = {os.path.realpath(os.__file__), *(os.path.realpath(module.__file__) for module in _imported("torch"))}
    return FIRST_USER + slot if all(_readable_by_others(Path(path)) for path in needed) else None


def _imported(name: str) -> List:
    return [sys.modules[name]] if name in sys.modules else []


def _readable_by_others(path: Path) -> bool:
    return bool(path.stat().st_mode & stat.S_IROTH) and all(f.stat().st_mode & stat.S_IXOTH for f in path.parents)


def in_force(slot: int = 0) -> str:
    """One line that says what keeps code that is graded here away from the rest of this machine."""
    version, root = landlock_version(), hasattr(os, "geteuid") and os.geteuid() == 0
    user = f"as user {user_for(slot)}" if user_for(slot) else "as root without capabilities" if root else "as you"
    if system_calls.available():
        user += ", without system calls it does not need"
    if version:
        return f"Student code runs {user}, behind Landlock {version}: it reads Python and its own folder only."
    if user_for(slot):
        return (
            f"Student code runs {user}; no Landlock here: it cannot read what only root may read, keep the answers so."
        )
    return f"Student code runs {user}; no Landlock here: it COULD READ THE ANSWERS if it knew where they are."


def hide_from_same_user() -> None:
    """Makes this process unreadable to others of its user: no ptrace, no /proc/PID/mem, no /proc/PID/fd."""
    if sys.platform.startswith("linux"):
        LIBC.prctl(4, 0, 0, 0, 0)  # PR_SET_DUMPABLE


def adopt_orphans() -> None:
    """Makes this process the parent of every descendant whose own parent has died, so that none can get away."""
    if sys.platform.startswith("linux"):
        LIBC.prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER


def confine(folder: str, user: Optional[int], memory: int, seconds: float) -> None:
    """Gives up everything but reading Python and writing below `folder`. There is no way back.

    `memory` in bytes, beyond what the process has now; `seconds` of processor time. Raises OSError where a step fails.
    """
    limits = {"CORE": 0, "FSIZE": 2**28, "NOFILE": 256, "CPU": int(seconds) + 2}
    if sys.platform.startswith("linux"):
        limits["AS"] = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize() + memory
    if user is not None:
        limits["NPROC"] = 64  # counted by user, and this one has no other processes
    for name, value in limits.items():
        kind = getattr(resource, f"RLIMIT_{name}")
        hard = resource.getrlimit(kind)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (value, value))
    if sys.platform.startswith("linux"):
        LIBC.prctl(38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS: no set-uid program gives anything back
        if landlock_version():
            _landlock(folder)
        if system_calls.available():
            system_calls.restrict(signals=landlock_version() >= 6)
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        os.setgroups([])
        if user is not None:
            os.setresgid(user, user, user)
            os.setresuid(user, user, user)
        elif sys.platform.startswith("linux"):
            _drop_capabilities()


def _landlock(folder: str) -> None:
    version = landlock_version()
    rights = ALL_RIGHTS[min(version, 5)]
    # files; from version 4 on TCP, both ways; from 6 on abstract sockets and signals
    ruleset = struct.pack("QQQ", rights, 3, 3)[: 8 if version < 4 else 16 if version < 6 else 24]
    fd = LIBC.syscall(CREATE_RULESET, ruleset, ctypes.c_size_t(len(ruleset)), ctypes.c_uint32(0))
    _check(fd, "Landlock")
    python = [sys.prefix, sys.base_prefix, sys.exec_prefix, *filter(os.path.isabs, sys.path)]
    system = ["/usr", "/lib", "/lib64", "/bin", "/etc", "/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/proc/stat",
              "/sys/devices/system", "/dev/random", "/dev/urandom"]  # fmt: skip
    for path in {*python, *system}:
        _allow(fd, path, READ)
    for path in (folder, "/dev/null", "/dev/zero", "/dev/full"):
        _allow(fd, path, rights)
    _check(LIBC.syscall(RESTRICT_SELF, ctypes.c_int(fd), ctypes.c_uint32(0)), "Landlock")
    os.close(fd)


def _allow(ruleset: int, path: str, rights: int) -> None:
    """Allows what lies below `path`, if that exists."""
    try:
        below = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    if not stat.S_ISDIR(os.fstat(below).st_mode):
        rights &= OF_FILES
    rule = struct.pack("=Qi", rights, below)
    _check(LIBC.syscall(ADD_RULE, ctypes.c_int(ruleset), ctypes.c_int(1), rule, ctypes.c_uint32(0)), f"Landlock {path}")
    os.close(below)


def _drop_capabilities() -> None:
    for capability in range(64):
        LIBC.prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP; those that the kernel does not know are errors
    header = struct.pack("Ii", 0x20080522, 0)
    _check(LIBC.capset(header, struct.pack("6I", *[0] * 6)), "capset")


def _check(result: int, what: str) -> None:
    if result < 0:
        raise OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")
