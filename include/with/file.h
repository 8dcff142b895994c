/* SPDX-License-Identifier: MIT
 *
 * with/file.h: files. Streams and descriptors that are closed, and files that are replaced whole.
 * All since 0.1. Reference: docs/reference/file.md.
 */
#ifndef WITH_FILE_H
#define WITH_FILE_H

#include <with.h>

#include <stdio.h>
#include <sys/types.h>

#ifndef __cplusplus

/* ---- Opening --------------------------------------------------------------------------------- */

/*
 * What every manager here has in common: enter throws the subtype of OSError for what the system
 * says, and ValueError for a NULL path and a mode that is none. An exit that cannot close throws,
 * or adds a note to the exception that leaves the block; it does not try again, for the descriptor
 * is gone (close(2)). Messages begin with the path, which is borrowed until the block ends. Values
 * may be entered any number of times, in any thread, where nothing else is said: each block has a
 * file of its own. Enter and exit block as the file system does; cancellation acts in the open() of
 * cm_open and cm_fd alone.
 */

/*
 * with (cm_open("hello.txt", "w"), file): FILE *, opened as fopen() does and closed by the exit.
 *
 * The mode is r, w or a, then any of + (read and write), x (not with r: FileExistsError if it
 * exists), b and e (both have no effect). The descriptor is always closed on exec(), an open() that
 * a signal interrupts is repeated, and to open a directory throws IsADirectoryError at once.
 *
 * The exit throws what fclose() says, and OSError (EIO, for its own number is lost) when a read or
 * write failed earlier and the stream's error indicator still says so: clearerr() is how to say
 * that it was dealt with. Do not close the stream in the block. After fork() the child's exit
 * writes its copy of what is buffered, as its exit() does: call fflush() before fork().
 */
struct cm_open {
    WITH_MANAGER;
    FILE *as;
    const char *path, *mode;
};
WITH_API struct cm_open cm_open(const char *path, const char *mode);

/*
 * with (cm_fdopen(fd, "r"), file): FILE *, a stream on a descriptor. Takes fd when its enter
 * succeeds, and the exit closes both; if enter throws, fd is still the caller's. So it is
 * single-use.
 *
 * The mode is as for cm_open, without x; it neither creates nor truncates anything. With e the
 * descriptor is closed on exec(), without e that stays as it is. Messages begin with "descriptor
 * N".
 */
struct cm_fdopen {
    WITH_MANAGER;
    FILE *as;
    int fd;
    const char *mode;
};
WITH_API struct cm_fdopen cm_fdopen(int fd, const char *mode);

/*
 * with (cm_fd(path, O_RDWR | O_CREAT, 0666), fd): int, opened as open() does, always with
 * O_CLOEXEC, and repeated when a signal interrupts it. mode counts only where O_CREAT or O_TMPFILE
 * is given.
 */
struct cm_fd {
    WITH_MANAGER;
    int as;
    const char *path;
    int flags;
    mode_t mode;
};
WITH_API struct cm_fd cm_fd(const char *path, int flags, mode_t mode);

/* ---- Replacing ------------------------------------------------------------------------------- */

/*
 * with (cm_replace("settings.ini"), file): FILE *, for writing, that becomes the file `path` when
 * the block has run to its end or has called with_replace_commit(): until then, and if neither
 * happens, path is what it was. Who reads path gets the old or the new content, never a part.
 *
 * The stream is on a file .with-replace-* in the same directory, which the exit flushes, syncs,
 * closes and renames, and then syncs the directory; or else unlinks. Only a crash leaves it behind.
 * A link is followed: what is replaced is the file it leads to. That must be a regular file or not
 * exist, and be readable. Its owner, group, mode and, on Linux, its access list and user attributes
 * are given to the new file by enter, which throws if they cannot be; a new file has 0666 less the
 * umask. Other hard links to the file keep the old content.
 *
 * After fork() only the process that entered replaces or unlinks anything; another's exit drops
 * what its copy of the stream has buffered.
 */
struct cm_replace {
    WITH_MANAGER;
    FILE *as;
    const char *path;
    int directory_, state_;
    pid_t owner_;
    char temporary_[32], name_[256];
};
WITH_API struct cm_replace cm_replace(const char *path);

#endif

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Replaces the file now, which else happens at the end of a `with` block only: for `using`, and
 * before a return. The stream must be one that a block of this thread holds by cm_replace; it stays
 * the block's to close, but what is written to it afterwards goes nowhere and the exit reports it.
 *
 * Throws the OSError of what failed; then the file is not replaced, and the block will not try
 * again; or, if only the directory could not be synced, it is replaced. ValueError if the stream is
 * not such a one, RuntimeError if it was committed before, or entered by another process. Blocks
 * for the disk. Cancellation does not act in it: it is done whole or not at all.
 */
WITH_API void with_replace_commit(FILE *file);

#ifdef __cplusplus
}
#endif

#endif /* WITH_FILE_H */
