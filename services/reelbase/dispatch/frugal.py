"""Memory that is given back: what a process has to be told when many buffers come and go.

Files pass through in pieces of a quarter of a megabyte. glibc's allocator learns from the first of
them that such pieces are usual, and keeps whatever is freed for the next, in an arena for each
thread; after fifty files at once most of that is holes. So it is told to keep to few arenas, and to
ask the kernel for each large buffer, which gets it back at once.
"""

import ctypes

import anyio.to_thread

__all__ = ["THREADS", "be_frugal"]

THREADS = 16
"""What blocks for a moment, such as writing a piece of a file, is done by so many."""

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8
LARGE_BYTES = 64 << 10
ARENAS = 2


def be_frugal() -> None:
    """Say so, where there is such an allocator, and bound the threads. Call it in the event loop.

    Memory that is in use is not limited by this; it is only not hoarded.
    """
    anyio.to_thread.current_default_thread_limiter().total_tokens = THREADS
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_ARENA_MAX, ARENAS)
        mallopt(M_MMAP_THRESHOLD, LARGE_BYTES)
        mallopt(M_TRIM_THRESHOLD, LARGE_BYTES)
