# SPDX-License-Identifier: Apache-2.0
"""Where tests write: one directory of the process's own (mkdtemp: 0700, a name that nobody can know before), gone with it.

Tests run as root. In a directory where others may write they trust nothing: no name that they would choose, no file that is there.
"""

import atexit
import functools
import os
import shutil
import tempfile


@functools.cache
def _of_process(pid: int) -> str:
    path = tempfile.mkdtemp(prefix="tcpdiag-tests-")
    atexit.register(lambda: os.getpid() == pid and shutil.rmtree(path, ignore_errors=True))
    return path


def directory() -> str:
    """A new one, in the process's own."""
    return tempfile.mkdtemp(dir=_of_process(os.getpid()))


def let_others_through(path: str) -> None:
    """For programs that run as another user: what is in there can be opened by its name, and nothing be put beside it."""
    for one in (_of_process(os.getpid()), path):
        os.chmod(one, 0o711)
