/* SPDX-License-Identifier: MIT
 *
 * cm_redirect_stdout and cm_redirect_stderr: the descriptor 1 or 2, and the text that its stream has
 * buffered; cm_redirect_stream: a variable.
 */
#include "internal.h"

#include <string.h>

#ifdef __linux__
#include <stdio_ext.h>
#define DROP_BUFFERED __fpurge
#else
#define DROP_BUFFERED fpurge
#endif

/* Descriptors of the block's own stay clear of 0, 1 and 2, which may be closed. */
enum { LOWEST = 3 };

/* ---- Failures ------------------------------------------------------------------------------ */

/* What went wrong on the way, in order. The first is thrown and has the others as notes. */
struct failures {
    int count;
    struct {
        const char *before, *name, *after;
        int error;
    } list[5];
};

static void add_failure(struct failures *failures, const char *before, const char *name,
                        const char *after, int error)
{
    failures->list[failures->count].before = before;
    failures->list[failures->count].name = name;
    failures->list[failures->count].after = after;
    failures->list[failures->count++].error = error;
}

static void report_from(int first, const struct failures *failures, const with_exception *exception)
{
    for (int i = first; i < failures->count; i++)
        with_release_error(exception, failures->list[i].error, "%s%s%s", failures->list[i].before,
                           failures->list[i].name, failures->list[i].after);
}

static void report(const struct failures *failures, const with_exception *exception)
{
    if (exception || failures->count < 2) {
        report_from(0, failures, exception);
        return;
    }
    try {
        report_from(0, failures, NULL);
    } catch (OSError, e) {
        report_from(1, failures, e);
        with_rethrow();
    }
}

/* ---- Steps --------------------------------------------------------------------------------- */

static const char *name_of_stream(const struct cm_redirect *self)
{
    return self->fd_ == STDERR_FILENO ? "standard error" : "standard output";
}

static const char *name_of_target(const struct cm_redirect *self)
{
    return self->path_ ? self->path_ : self->name_;
}

/* Linux says EBUSY while another thread is just opening a file under this number. */
static int duplicate_to(int from, int to)
{
    int fd;

    do fd = dup2(from, to);
    while (fd < 0 && (errno == EINTR || errno == EBUSY));
    return fd;
}

static int duplicate(int fd)
{
    return fcntl(fd, F_DUPFD_CLOEXEC, LOWEST);
}

static int open_path(const char *path)
{
    int fd;

    do fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    while (fd < 0 && errno == EINTR);
    return fd;
}

/* Where a descriptor was closed, there is nothing to save (-1), and that is no failure. */
static bool save(struct cm_redirect *self)
{
    self->flags_ = fcntl(self->fd_, F_GETFD);
    self->saved_ = self->flags_ < 0 ? -1 : duplicate(self->fd_);
    return self->saved_ >= 0 || errno == EBADF;
}

static bool restore(const struct cm_redirect *self)
{
    if (self->saved_ < 0) return close(self->fd_) == 0;
    if (duplicate_to(self->saved_, self->fd_) < 0) return false;
    return !(self->flags_ & FD_CLOEXEC) || fcntl(self->fd_, F_SETFD, FD_CLOEXEC) == 0;
}

/* ---- Enter --------------------------------------------------------------------------------- */

static void check(const struct cm_redirect *self)
{
    const char *function = self->fd_ == STDERR_FILENO ? "cm_redirect_stderr" : "cm_redirect_stdout";

    if (self->kind_ == WITH_REDIRECT_TO_PATH_ && !self->path_)
        throw(ValueError, "%s: the path is NULL", function);
    if (self->kind_ == WITH_REDIRECT_TO_FILE_ && !self->file_)
        throw(ValueError, "%s: the stream is NULL", function);
}

/* From here on the block has a descriptor of the target's. `opened` is one already, or -1. */
static bool take_target(struct cm_redirect *self, int opened, struct failures *failures)
{
    self->as = opened;
    if (opened >= LOWEST) return true;
    if (self->file_) self->target_ = fileno(self->file_);
    self->as = duplicate(opened >= 0 ? opened : self->target_);
    if (self->as < 0) add_failure(failures, name_of_target(self), "", "", errno);
    if (opened >= 0) close(opened);
    return self->as >= 0;
}

static bool go_there(struct cm_redirect *self, struct failures *failures)
{
    const char *const name = name_of_stream(self);

    if (self->file_ && fflush(self->file_) != 0)
        add_failure(failures, name_of_target(self), "", "", errno);
    else if (fflush(self->stream_) != 0) add_failure(failures, name, "", "", errno);
    else if (!save(self)) add_failure(failures, "saving ", name, "", errno);
    else if (duplicate_to(self->as, self->fd_) < 0) {
        add_failure(failures, "redirecting ", name, "", errno);
        if (self->saved_ >= 0) close(self->saved_);
    }
    return failures->count == 0;
}

static void redirect_enter(struct cm_redirect *self)
{
    struct failures failures = {0};
    struct with__calm calm;
    int opened = -1;

    check(self);
    if (self->path_) {
        opened = open_path(self->path_);
        if (opened < 0) throw_errno("%s", self->path_);
    }

    calm = with__calm_begin();
    if (self->file_) strcpy(self->name_, "the stream");
    else snprintf(self->name_, sizeof self->name_, "descriptor %d", self->target_);
    self->stream_ = self->fd_ == STDERR_FILENO ? stderr : stdout;
    self->failed_before_ = ferror(self->stream_);
    if (take_target(self, opened, &failures) && !go_there(self, &failures)) close(self->as);
    with__calm_end(calm);
    report(&failures, NULL);
}

/* ---- Exit ---------------------------------------------------------------------------------- */

/* What cannot be written to the target must not come out elsewhere later. */
static void write_out(struct cm_redirect *self, struct failures *failures)
{
    const bool failed = ferror(self->stream_) && !self->failed_before_;
    const char *const name = name_of_stream(self), *const target = name_of_target(self);

    if (fflush(self->stream_) != 0) {
        add_failure(failures, name, ", redirected to ", target, errno);
        DROP_BUFFERED(self->stream_);
    } else if (failed) add_failure(failures, "an earlier write to ", target, "", EIO);
    if (!self->failed_before_) clearerr(self->stream_);
}

static bool redirect_exit(struct cm_redirect *self, const with_exception *exception)
{
    const struct with__calm calm = with__calm_begin();
    struct failures failures = {0};

    write_out(self, &failures);
    /* Before dup2(), which would close the other descriptor of the target and say nothing of errors. */
    if (close(self->as) != 0) add_failure(&failures, "closing ", name_of_target(self), "", errno);
    if (!restore(self)) add_failure(&failures, "restoring ", name_of_stream(self), "", errno);
    if (self->saved_ >= 0 && close(self->saved_) != 0)
        add_failure(&failures, "closing the saved ", name_of_stream(self), "", errno);
    with__calm_end(calm);
    report(&failures, exception);
    return false;
}

WITH_CLASS(cm_redirect, redirect_enter, redirect_exit);

struct cm_redirect with_redirect_to_path_(int fd, const char *path)
{
    return WITH_NEW(cm_redirect, .kind_ = WITH_REDIRECT_TO_PATH_, .fd_ = fd, .path_ = path);
}

struct cm_redirect with_redirect_to_file_(int fd, FILE *file)
{
    return WITH_NEW(cm_redirect, .kind_ = WITH_REDIRECT_TO_FILE_, .fd_ = fd, .file_ = file);
}

struct cm_redirect with_redirect_to_fd_(int fd, int target)
{
    return WITH_NEW(cm_redirect, .kind_ = WITH_REDIRECT_TO_FD_, .fd_ = fd, .target_ = target);
}

/* ---- cm_redirect_stream -------------------------------------------------------------------- */

static void stream_enter(struct cm_redirect_stream *self)
{
    if (!self->variable_) throw(ValueError, "cm_redirect_stream: the address is NULL");
    if (!self->as) throw(ValueError, "cm_redirect_stream: the stream is NULL");
    self->saved_ = *self->variable_;
    *self->variable_ = self->as;
}

static bool stream_exit(struct cm_redirect_stream *self, const with_exception *exception)
{
    (void)exception;
    *self->variable_ = self->saved_;
    return false;
}

WITH_CLASS(cm_redirect_stream, stream_enter, stream_exit);

struct cm_redirect_stream with_redirect_stream_(FILE **variable, FILE *target)
{
    return WITH_NEW(cm_redirect_stream, .as = target, .variable_ = variable);
}
