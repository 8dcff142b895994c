/* SPDX-License-Identifier: MIT
 *
 * cm_replace: writes beside a file and takes its place at the end. No step of it is tried twice:
 * after a failed fsync() a second one may say that all is well when it is not.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* dup3() */
#endif
#include "internal.h"

#include <stdatomic.h>
#include <string.h>
#include <time.h>

#ifdef __linux__
#include <stdio_ext.h>
#define DROP_BUFFERED __fpurge
#else
#define DROP_BUFFERED fpurge
#endif

enum { WRITING, FAILED, COMMITTED };

/* ---- Failures ------------------------------------------------------------------------------ */

/* What went wrong on the way, in order. The first is thrown and has the others as notes. */
struct failures {
    int count;
    struct {
        const char *step; /* done to the temporary file */
        int error;
    } list[4];
};

static void add_failure(struct failures *failures, const char *step, int error)
{
    failures->list[failures->count].step = step;
    failures->list[failures->count++].error = error;
}

static void report_from(int first, const struct failures *failures, const struct cm_replace *self,
                        const with_exception *exception)
{
    for (int i = first; i < failures->count; i++) {
        const char *step = failures->list[i].step;
        with_release_error(exception, failures->list[i].error, "%s%s%s%s%s", self->path,
                           *step ? ": " : "", step, *self->temporary_ ? " " : "", self->temporary_);
    }
}

static void report(const struct failures *failures, const struct cm_replace *self,
                   const with_exception *exception)
{
    if (exception || failures->count < 2) {
        report_from(0, failures, self, exception);
        return;
    }
    try {
        report_from(0, failures, self, NULL);
    } catch (OSError, e) {
        report_from(1, failures, self, e);
        with_rethrow();
    }
}

/* ---- Steps --------------------------------------------------------------------------------- */

static int sync_file(int fd)
{
    int result;

    do result = fsync(fd);
    while (result != 0 && errno == EINTR);
    return result;
}

/* The name need not be a secret, since O_EXCL takes no file that is there, nor a link. */
static int create_temporary(struct cm_replace *self, mode_t mode)
{
    static atomic_uint counter;
    int fd, tries = 1000;

    do {
        struct timespec now;
        clock_gettime(CLOCK_REALTIME, &now);
        snprintf(self->temporary_, sizeof self->temporary_, ".with-replace-%x-%lx",
                 counter++ & 0xffff, (unsigned long)(now.tv_nsec ^ getpid()) & 0xffffffff);
        fd = with__openat(self->directory_, self->temporary_,
                          O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
    } while (fd < 0 && errno == EEXIST && --tries);
    return fd;
}

/* Everything of the commit but the rename. */
static bool write_out(struct cm_replace *self, struct failures *failures)
{
    if (ferror(self->as)) add_failure(failures, "an earlier write to", EIO);
    else if (fflush(self->as) != 0) add_failure(failures, "writing", errno);
    else if (sync_file(fileno(self->as)) != 0) add_failure(failures, "syncing", errno);
    return failures->count == 0;
}

static bool take_place(struct cm_replace *self, struct failures *failures)
{
    if (renameat(self->directory_, self->temporary_, self->directory_, self->name_) != 0) {
        add_failure(failures, "renaming", errno);
        return false;
    }
    self->state_ = COMMITTED;
    /* POSIX, fsync(): EINVAL if the file does not support it, as directories of some systems. */
    if (sync_file(self->directory_) != 0 && errno != EINVAL)
        add_failure(failures, "replaced, but not syncing the directory of", errno);
    return true;
}

/* Puts the directory, which nobody can write to, in the place of the file that is now in use. */
static void seal(struct cm_replace *self, struct failures *failures)
{
    const int fd = fileno(self->as);
#ifdef __APPLE__
    const bool sealed = dup2(self->directory_, fd) == fd && fcntl(fd, F_SETFD, FD_CLOEXEC) == 0;
#else
    const bool sealed = dup3(self->directory_, fd, O_CLOEXEC) == fd;
#endif

    if (!sealed) add_failure(failures, "replaced, but not closing", errno);
}

static void close_stream(struct cm_replace *self, const char *step, struct failures *failures)
{
    errno = 0;
    if (fclose(self->as) != 0) add_failure(failures, step, errno ? errno : EIO);
}

/* A file that is gone already is as it should be. */
static void remove_temporary(struct cm_replace *self, struct failures *failures)
{
    if (unlinkat(self->directory_, self->temporary_, 0) != 0 && errno != ENOENT)
        add_failure(failures, "removing", errno);
}

/* ---- Enter --------------------------------------------------------------------------------- */

/* Whether the file is there, as *old, or missing; adds a failure if it is of another kind. */
static bool look_at_file(struct cm_replace *self, struct stat *old, struct failures *failures)
{
    if (fstatat(self->directory_, self->name_, old, AT_SYMLINK_NOFOLLOW) != 0) {
        if (errno != ENOENT) add_failure(failures, "", errno);
        return false;
    }
    if (S_ISDIR(old->st_mode)) add_failure(failures, "", EISDIR);
    else if (!S_ISREG(old->st_mode))
        add_failure(failures, "only a regular file can be replaced", EINVAL);
    return true;
}

/* Gives a stream on a new file that has what the old one has, or NULL with the failures. */
static FILE *open_temporary(struct cm_replace *self, struct failures *failures)
{
    const char *step = NULL;
    struct stat old;
    FILE *file = NULL;
    const bool exists = look_at_file(self, &old, failures);
    int fd;

    if (failures->count) return NULL;
    fd = create_temporary(self, exists ? 0600 : 0666);
    if (fd < 0) {
        add_failure(failures, "creating", errno);
        return NULL;
    }
    if (exists) step = with__keep_attributes(self->directory_, self->name_, &old, fd);
    if (!step && !(file = fdopen(fd, "w"))) step = "opening";
    if (file) return file;

    add_failure(failures, step, errno);
    with__close_quietly(fd);
    remove_temporary(self, failures);
    return NULL;
}

static void replace_enter(struct cm_replace *self)
{
    struct failures failures = {0};
    struct with__calm calm;

    if (!self->path) throw(ValueError, "cm_replace: the path is NULL");

    calm = with__calm_begin();
    self->owner_ = getpid();
    self->directory_ = with__find_file(self->path, self->name_, sizeof self->name_);
    if (self->directory_ < 0) add_failure(&failures, "", errno);
    else if (!(self->as = open_temporary(self, &failures))) with__close_quietly(self->directory_);
    with__calm_end(calm);
    report(&failures, self, NULL);
}

/* ---- Exit ---------------------------------------------------------------------------------- */

/* Nobody wants what is still buffered: dropped, it cannot fail to be written. */
static void discard(struct cm_replace *self, struct failures *failures)
{
    DROP_BUFFERED(self->as);
    close_stream(self, "closing", failures);
    if (self->owner_ == getpid()) remove_temporary(self, failures);
}

static void commit_and_close(struct cm_replace *self, struct failures *failures)
{
    if (!write_out(self, failures)) {
        discard(self, failures);
        return;
    }
    close_stream(self, "closing", failures);
    if (failures->count || !take_place(self, failures)) remove_temporary(self, failures);
}

/* After with_replace_commit() the stream should have had nothing more to write. */
static void close_committed(struct cm_replace *self, struct failures *failures)
{
    const bool written = ferror(self->as);

    if (self->owner_ != getpid()) DROP_BUFFERED(self->as);
    close_stream(self, "replaced, but a later write to", failures);
    if (written && !failures->count) add_failure(failures, "replaced, but a later write to", EBADF);
}

static bool replace_exit(struct cm_replace *self, const with_exception *exception)
{
    const struct with__calm calm = with__calm_begin();
    struct failures failures = {0};

    if (self->state_ == COMMITTED) close_committed(self, &failures);
    else if (self->state_ == WRITING && !exception && with_completed(self) &&
             self->owner_ == getpid())
        commit_and_close(self, &failures);
    else discard(self, &failures);
    if (close(self->directory_) != 0) add_failure(&failures, "closing the directory of", errno);
    with__calm_end(calm);
    report(&failures, self, exception);
    return false;
}

WITH_CLASS(cm_replace, replace_enter, replace_exit);

struct cm_replace cm_replace(const char *path)
{
    return WITH_NEW(cm_replace, .path = path);
}

/* ---- Commit -------------------------------------------------------------------------------- */

/* The innermost manager of this thread that holds file by cm_replace, or NULL. */
static struct cm_replace *find_manager(const FILE *file)
{
    for (struct with_frame_ *frame = with_thread_.top; frame; frame = frame->previous) {
        if (frame->site->kind_ != WITH_MANAGER_SITE_) continue;
        if (((struct with_head_ *)frame)->manager_class != &cm_replace_with_class_) continue;
        if (((struct cm_replace *)frame)->as == file) return (struct cm_replace *)frame;
    }
    return NULL;
}

void with_replace_commit(FILE *file)
{
    struct cm_replace *self = find_manager(file);
    struct failures failures = {0};
    struct with__calm calm;

    if (!self)
        throw(ValueError,
              "with_replace_commit: no block of this thread holds this stream by cm_replace");
    if (self->owner_ != getpid())
        throw(RuntimeError, "%s: entered by process %d, not by this one", self->path,
              (int)self->owner_);
    if (self->state_ == COMMITTED) throw(RuntimeError, "%s: committed already", self->path);
    if (self->state_ == FAILED) throw(RuntimeError, "%s: its commit failed before", self->path);

    calm = with__calm_begin();
    self->state_ = FAILED;
    if (write_out(self, &failures) && take_place(self, &failures)) seal(self, &failures);
    with__calm_end(calm);
    report(&failures, self, NULL);
}
