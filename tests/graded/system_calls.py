"""A seccomp filter: the system calls that code under grading does not get, for what Landlock and limits leave open.

Landlock guards files by their path. It does not keep a process from changing modes and times of files it may not open,
from limiting or tracing other processes of its user, from memory that outlives it, and from sockets other than TCP's.
https://docs.kernel.org/userspace-api/seccomp_filter.html; numbers from the kernel's tables.
"""

import ctypes
import errno
import os
import platform
import struct
import sys

# name: (number on x86_64, number on aarch64); None where an architecture has no such call
REFUSED = {
    "socket": (41, 198), "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    "memfd_create": (319, 279), "memfd_secret": (447, 447), "shmget": (29, 194), "msgget": (68, 186),
    "semget": (64, 190), "unshare": (272, 97), "setns": (308, 268), "mount": (165, 40), "umount2": (166, 39),
    "pivot_root": (155, 41), "chroot": (161, 51), "bpf": (321, 280), "perf_event_open": (298, 241),
    "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219), "io_uring_setup": (425, 425),
    "userfaultfd": (323, 282), "pidfd_open": (434, 434), "pidfd_send_signal": (424, 424), "pidfd_getfd": (438, 438),
    "setpriority": (141, 140), "ioprio_set": (251, 30), "sched_setaffinity": (203, 122), "sched_setattr": (314, 274),
    "sched_setscheduler": (144, 119), "sched_setparam": (142, 118), "truncate": (76, 45),
    "rt_sigqueueinfo": (129, 138), "rt_tgsigqueueinfo": (297, 240), "tkill": (200, 130), "utime": (132, None),
    "utimes": (235, None), "futimesat": (261, None), "utimensat": (280, 88),
}  # fmt: skip
# These do nothing and say that all went well: shutil.copy and others use them in passing.
IGNORED = {
    "chmod": (90, None), "fchmod": (91, 52), "fchmodat": (268, 53), "fchmodat2": (452, 452), "chown": (92, None),
    "fchown": (93, 55), "lchown": (94, None), "fchownat": (260, 54), "setxattr": (188, 5), "lsetxattr": (189, 6),
    "fsetxattr": (190, 7), "removexattr": (197, 14), "lremovexattr": (198, 15), "fremovexattr": (199, 16),
    "setxattrat": (463, 463), "removexattrat": (466, 466),
}  # fmt: skip
# These are for the process itself: their first argument has to be 0 or its own number.
OF_ITSELF = {"prlimit64": (302, 261), "kill": (62, 129), "tgkill": (234, 131)}

ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}  # column above, AUDIT_ARCH_...
ALLOW, ERRNO, KILL = 0x7FFF0000, 0x00050000, 0x80000000  # SECCOMP_RET_...
LOAD, EQUAL, AT_LEAST, RETURN = 0x20, 0x15, 0x35, 0x06  # BPF: ld [k], jeq k, jge k, ret k
NUMBER, ARCHITECTURE, FIRST_ARGUMENT = 0, 4, 16  # where struct seccomp_data holds them


def available() -> bool:
    """Whether this system has such filters and their numbers are known for its processor."""
    known = sys.platform.startswith("linux") and platform.machine() in ARCHITECTURES
    return known and ctypes.CDLL(None).prctl(21, 0, 0, 0, 0) >= 0  # PR_GET_SECCOMP


def restrict(signals: bool) -> None:
    """Puts the filter on this process and all that it starts. It needs PR_SET_NO_NEW_PRIVS.

    With `signals`, signals may go to other processes: where Landlock itself keeps them among the code's own.
    Raises OSError where the system refuses.
    """
    column, architecture = ARCHITECTURES[platform.machine()]
    program = [
        (LOAD, 0, 0, ARCHITECTURE),
        (EQUAL, 1, 0, architecture),
        (RETURN, 0, 0, KILL),  # a call by another convention, under other numbers
        (LOAD, 0, 0, NUMBER),
    ]
    if column == 0:
        program += [(AT_LEAST, 0, 1, 0x40000000), (RETURN, 0, 0, ERRNO | errno.ENOSYS)]  # x32
    for calls, answer in ((REFUSED, ERRNO | errno.EPERM), (IGNORED, ERRNO | 0)):
        for numbers in calls.values():
            if numbers[column] is not None:
                program += [(EQUAL, 0, 1, numbers[column]), (RETURN, 0, 0, answer)]
    for name, numbers in OF_ITSELF.items():
        if not (signals and name != "prlimit64"):
            program += [
                (EQUAL, 0, 5, numbers[column]),
                (LOAD, 0, 0, FIRST_ARGUMENT),
                (EQUAL, 2, 0, os.getpid()),
                (EQUAL, 1, 0, 0 if name == "prlimit64" else os.getpid()),
                (RETURN, 0, 0, ERRNO | errno.EPERM),
                (RETURN, 0, 0, ALLOW),
            ]
    program.append((RETURN, 0, 0, ALLOW))
    code = b"".join(struct.pack("HBBI", *instruction) for instruction in program)
    buffer = ctypes.create_string_buffer(code, len(code))
    prog = struct.pack("HxxxxxxP", len(program), ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(22, 2, ctypes.c_char_p(prog), 0, 0) != 0:  # PR_SET_SECCOMP, SECCOMP_MODE_FILTER
        raise OSError(ctypes.get_errno(), f"seccomp: {os.strerror(ctypes.get_errno())}")
