/* SPDX-License-Identifier: MIT
 *
 * with/redirect.h: what a process has one of, changed for a block: standard output, standard error, the
 * current directory. All since 0.1. Reference: docs/reference/redirect.md.
 */
#ifndef WITH_REDIRECT_H
#define WITH_REDIRECT_H

#include <with.h>

#include <stdio.h>

#ifndef WITH_SHOW_WARNINGS_
#pragma GCC system_header
#endif

#ifndef __cplusplus

/*
 * What is said of all: a value may be entered any number of times, nested too. The change is seen by
 * the whole process and by what it starts, so blocks of two threads must not overlap: they would
 * restore in the wrong order. After fork() each process restores its own. What a manager is given is
 * borrowed until the block has been left. Exits run with cancellation disabled, and keep errno when
 * nothing failed.
 */

/* ---- Standard output and error --------------------------------------------------------------- */

enum with_redirect_kind_ { WITH_REDIRECT_TO_PATH_, WITH_REDIRECT_TO_FILE_, WITH_REDIRECT_TO_FD_ };

struct cm_redirect {
    WITH_MANAGER;
    int as;
    enum with_redirect_kind_ kind_;
    int fd_, target_, saved_, flags_;
    bool failed_before_;
    FILE *stream_, *file_;
    const char *path_;
    char name_[24];
};

WITH_API struct cm_redirect with_redirect_to_path_(int fd, const char *path);
WITH_API struct cm_redirect with_redirect_to_file_(int fd, FILE *file);
WITH_API struct cm_redirect with_redirect_to_fd_(int fd, int target);

/* clang-format off */
#define WITH_REDIRECT_(FD, TARGET)                                                                 \
    _Generic((TARGET),                                                                             \
             char *: with_redirect_to_path_, const char *: with_redirect_to_path_,                 \
             FILE *: with_redirect_to_file_, int: with_redirect_to_fd_)(FD, TARGET)
/* clang-format on */

/*
 * cm_redirect_stdout(TARGET), cm_redirect_stderr(TARGET): what is written to descriptor 1 or 2 goes to
 * TARGET instead: by stdout or stderr, by write(), and by child processes. TARGET is a path (created
 * or emptied, mode 0666 and the umask), a FILE * (flushed by enter) or a descriptor. `as` is a
 * descriptor of the target's, the block's own and closed on exec().
 *
 * Enter and exit flush the stream, so that text goes to where it was printed to; then the descriptor is
 * what it was, closed and its FD_CLOEXEC included. Enter throws what the system says, ValueError for
 * NULL, and leaves all as it was. The exit reports what cannot be written, closed or restored, and a
 * write in the block that failed; what could not be written is dropped. Cancellation acts in the
 * opening of a path alone.
 */
#define cm_redirect_stdout(TARGET) WITH_REDIRECT_(1, TARGET)
#define cm_redirect_stderr(TARGET) WITH_REDIRECT_(2, TARGET)

struct cm_redirect_stream {
    WITH_MANAGER;
    FILE *as;
    FILE **variable_, *saved_;
};

WITH_API struct cm_redirect_stream with_redirect_stream_(FILE **variable, FILE *target);

/*
 * cm_redirect_stream(&variable, target): a variable of type FILE * is target, which is `as`, for the
 * block; no descriptor changes, nothing is flushed. &stdout can be given with glibc, macOS and FreeBSD,
 * and is what printf() then writes to; where stdout is no variable (musl, OpenBSD) that does not
 * compile. Throws ValueError for NULL.
 */
#define cm_redirect_stream(VARIABLE, TARGET)                                                       \
    _Generic((VARIABLE), FILE * * : with_redirect_stream_)(VARIABLE, TARGET)

/* ---- The current directory ------------------------------------------------------------------- */

/*
 * with (cm_chdir(path)) BODY: makes path the current directory. The exit goes back to the directory
 * that was left, by descriptor: also if it was renamed, or its path is too long to be had. `as` is that
 * descriptor, for openat(): do not close it. Throws the OSError of what the system says, ValueError
 * for NULL; that there is no way back is reported by the exit. Cancellation does not act in it.
 */
struct cm_chdir {
    WITH_MANAGER;
    int as;
    const char *path;
};
WITH_API struct cm_chdir cm_chdir(const char *path);

#endif /* !__cplusplus */

#endif /* WITH_REDIRECT_H */
