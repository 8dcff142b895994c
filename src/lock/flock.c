/* SPDX-License-Identifier: MIT
 *
 * Locks between processes: a lock on a whole file that belongs to the open file, not to the process,
 * so that threads exclude each other too and closing another descriptor of the file does not unlock.
 *
 * Whoever waits must look again once it has the lock: the file may have been replaced meanwhile, and
 * then others lock the new one. So it compares what it has locked with what the path names now.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* F_OFD_SETLK */
#endif
#include "internal.h"

#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

/* ---- The lock of the system ---------------------------------------------------------------- */

#if defined(F_OFD_SETLK) && !defined(WITH_NO_OFD_LOCKS)

static int set_lock(int fd, short type, bool wait)
{
    struct flock whole = {.l_type = type, .l_whence = SEEK_SET};

    return fcntl(fd, wait ? F_OFD_SETLKW : F_OFD_SETLK, &whole);
}

static int lock_file(int fd, bool shared, bool wait)
{
    return set_lock(fd, shared ? F_RDLCK : F_WRLCK, wait);
}

static int unlock_file(int fd)
{
    return set_lock(fd, F_UNLCK, false);
}

#else

static int lock_file(int fd, bool shared, bool wait)
{
    return flock(fd, (shared ? LOCK_SH : LOCK_EX) | (wait ? 0 : LOCK_NB));
}

static int unlock_file(int fd)
{
    return flock(fd, LOCK_UN);
}

#endif

/* ---- Entering ------------------------------------------------------------------------------ */

/* Tries to lock the open file: 0, EBUSY, or another error number. */
static int try_to_lock(void *argument)
{
    const struct cm_flock *self = argument;

    while (lock_file(self->as, self->options.shared, false))
        if (errno != EINTR) return errno == EAGAIN || errno == EACCES ? EBUSY : errno;
    return 0;
}

/* Locks the open file. No system lets a lock on a file wait for a limited time. */
static int lock_open_file(struct cm_flock *self, struct timespec deadline)
{
    if (self->options.nonblocking) return try_to_lock(self);
    if (self->seconds < INFINITY) return with__try_until(try_to_lock, self, deadline);
    while (lock_file(self->as, self->options.shared, true))
        if (errno != EINTR) return errno;
    return 0;
}

static int open_retrying(const char *path, int flags)
{
    int fd;

    do fd = open(path, flags | O_CLOEXEC | O_NOCTTY, 0666);
    while (fd < 0 && errno == EINTR);
    return fd;
}

/* Linux may refuse O_CREAT for a file of somebody else in /tmp (fs.protected_regular): ask last. */
static int open_file(const struct cm_flock *self)
{
    int fd = open_retrying(self->path, O_RDWR);

    if (fd < 0 && errno == ENOENT) fd = open_retrying(self->path, O_RDWR | O_CREAT);
    if (fd < 0 && self->options.shared && (errno == EACCES || errno == EROFS))
        fd = open_retrying(self->path, O_RDONLY); /* what may only be read can be shared */
    return fd;
}

/* Closes whatever asks for this thread's cancellation meanwhile. 0 or an error number. */
static int close_file(struct cm_flock *self)
{
    int state, error;

    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
    error = close(self->as) ? errno : 0;
    self->as = -1;
    pthread_setcancelstate(state, NULL);
    return error == EINTR ? 0 : error; /* it is closed */
}

static void give_up(void *self)
{
    close_file(self);
}

/* Whether the path still names the open file. 1, 0, or -1 and errno. */
static int still_there(const struct cm_flock *self)
{
    struct stat opened, named;

    if (fstat(self->as, &opened)) return -1;
    if (stat(self->path, &named)) return errno == ENOENT ? 0 : -1;
    return opened.st_dev == named.st_dev && opened.st_ino == named.st_ino;
}

enum { REPLACED = -1 };

/* Opens the file and locks it. 0, REPLACED if it was while we waited, or an error number. */
static int open_and_lock(struct cm_flock *self, struct timespec deadline)
{
    int error, same = 1;

    self->as = open_file(self);
    if (self->as < 0) return errno;
    pthread_cleanup_push(give_up, self); /* waiting may be cancelled */
    error = lock_open_file(self, deadline);
    if (!error) same = still_there(self);
    if (same <= 0) error = same ? errno : REPLACED;
    pthread_cleanup_pop(error);
    return error;
}

static void flock_enter(struct cm_flock *self)
{
    struct timespec deadline;
    int error;

    if (!self->path) with_throw(with_ValueError, "the path of the file to lock is NULL");
    if (isnan(self->seconds))
        with_throw(with_ValueError, "the seconds to wait for %s are not a number", self->path);
    deadline = with__deadline_in(self->seconds);
    self->process = getpid();
    do error = open_and_lock(self, deadline);
    while (error == REPLACED);
    if (error == ETIMEDOUT) WITH__TIMED_OUT(self->seconds, "the file %s", self->path);
    if (error) with_throw_error(error == EBUSY ? EAGAIN : error, "locking %s", self->path);
}

/* ---- Leaving ------------------------------------------------------------------------------- */

/* A child of the process that locked must not unlock: the lock is its parent's. */
static bool flock_exit(struct cm_flock *self, const with_exception *exception)
{
    const int saved = errno;
    const bool ours = self->process == getpid();
    const int unlock_error = ours && unlock_file(self->as) ? errno : 0;
    const int close_error = close_file(self);

    errno = saved;
    if (unlock_error && close_error)
        with_release_error(exception, unlock_error, "unlocking %s (and closing it: error %d)",
                           self->path, close_error);
    else if (unlock_error) with_release_error(exception, unlock_error, "unlocking %s", self->path);
    else if (close_error) with_release_error(exception, close_error, "closing %s", self->path);
    return false;
}

WITH_CLASS(cm_flock, flock_enter, flock_exit);

struct cm_flock with_flock_(const char *path, double seconds,
                            const struct with_flock_options *options)
{
    struct cm_flock self = WITH_NEW(cm_flock, .as = -1, .path = path, .seconds = seconds);

    self.options.size = sizeof self.options;
    if (options->size > offsetof(struct with_flock_options, shared))
        memcpy(&self.options, options,
               options->size < sizeof self.options ? options->size : sizeof self.options);
    return self;
}
