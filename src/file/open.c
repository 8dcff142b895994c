/* SPDX-License-Identifier: MIT
 *
 * cm_open, cm_fdopen and cm_fd: opening, and closing without losing an error.
 */
#include "internal.h"

/* ---- Modes --------------------------------------------------------------------------------- */

/* What a mode of fopen() says; text is the part of it that fdopen() is to know. */
struct mode {
    int flags;
    bool exclusive, close_on_exec;
    char text[3];
};

static bool parse_mode(const char *text, struct mode *mode)
{
    *mode = (struct mode){.text = {*text}};
    switch (*text) {
    case 'r': break;
    case 'w': mode->flags = O_CREAT | O_TRUNC; break;
    case 'a': mode->flags = O_CREAT | O_APPEND; break;
    default: return false;
    }
    while (*++text) {
        switch (*text) {
        case '+': mode->text[1] = '+'; break;
        case 'x': mode->exclusive = true; break;
        case 'e': mode->close_on_exec = true; break;
        case 'b': break;
        default: return false;
        }
    }
    if (mode->text[1]) mode->flags |= O_RDWR;
    else mode->flags |= mode->text[0] == 'r' ? O_RDONLY : O_WRONLY;
    if (mode->exclusive) mode->flags |= O_EXCL;
    return !(mode->exclusive && mode->text[0] == 'r');
}

/* ---- Streams ------------------------------------------------------------------------------- */

/* A stream on fd, which it takes: closed if that fails. */
static FILE *stream_on(int fd, const struct mode *mode)
{
    struct stat status;
    FILE *file = NULL;

    /* A directory can be opened, but the error of the read that then fails would be lost. */
    if (fstat(fd, &status) == 0 && S_ISDIR(status.st_mode)) errno = EISDIR;
    else file = fdopen(fd, mode->text);
    if (!file) with__close_quietly(fd);
    return file;
}

/*
 * Closes file, which is gone then in any case. Gives 0 or an error number; *earlier: an older
 * error.
 */
static int close_stream(FILE *file, bool *earlier)
{
    const struct with__calm calm = with__calm_begin();
    int error = 0;

    *earlier = ferror(file) != 0;
    errno = 0;
    if (fclose(file) != 0) error = errno ? errno : EIO;
    with__calm_end(calm);
    return error;
}

/* ---- cm_open ------------------------------------------------------------------------------- */

static void open_enter(struct cm_open *self)
{
    struct with__calm calm;
    struct mode mode;
    int fd, error;

    if (!self->path) throw(ValueError, "cm_open: the path is NULL");
    if (!self->mode) throw(ValueError, "%s: the mode is NULL", self->path);
    if (!parse_mode(self->mode, &mode))
        throw(ValueError, "%s: there is no mode \"%s\"", self->path, self->mode);

    fd = with__openat(AT_FDCWD, self->path, mode.flags, 0666);
    if (fd < 0) throw_errno("%s", self->path);

    calm = with__calm_begin();
    self->as = stream_on(fd, &mode);
    error = errno;
    with__calm_end(calm);
    if (!self->as) throw_error(error, "%s", self->path);
}

static bool open_exit(struct cm_open *self, const with_exception *exception)
{
    bool earlier;
    int error = close_stream(self->as, &earlier);

    if (error) with_release_error(exception, error, "%s", self->path);
    else if (earlier)
        with_release_error(exception, EIO, "%s: an earlier read or write failed", self->path);
    return false;
}

WITH_CLASS(cm_open, open_enter, open_exit);

struct cm_open cm_open(const char *path, const char *mode)
{
    return WITH_NEW(cm_open, .path = path, .mode = mode);
}

/* ---- cm_fdopen ----------------------------------------------------------------------------- */

static void fdopen_enter(struct cm_fdopen *self)
{
    struct mode mode;

    if (!self->mode) throw(ValueError, "descriptor %d: the mode is NULL", self->fd);
    if (!parse_mode(self->mode, &mode) || mode.exclusive)
        throw(ValueError, "descriptor %d: there is no mode \"%s\"", self->fd, self->mode);
    if (mode.close_on_exec) {
        int flags = fcntl(self->fd, F_GETFD);
        if (flags < 0 || fcntl(self->fd, F_SETFD, flags | FD_CLOEXEC) < 0)
            throw_errno("descriptor %d", self->fd);
    }

    self->as = fdopen(self->fd, mode.text);
    if (!self->as) throw_errno("descriptor %d, mode \"%s\"", self->fd, self->mode);
}

static bool fdopen_exit(struct cm_fdopen *self, const with_exception *exception)
{
    bool earlier;
    int error = close_stream(self->as, &earlier);

    if (error) with_release_error(exception, error, "descriptor %d", self->fd);
    else if (earlier)
        with_release_error(exception, EIO, "descriptor %d: an earlier read or write failed",
                           self->fd);
    return false;
}

WITH_CLASS(cm_fdopen, fdopen_enter, fdopen_exit);

struct cm_fdopen cm_fdopen(int fd, const char *mode)
{
    return WITH_NEW(cm_fdopen, .fd = fd, .mode = mode);
}

/* ---- cm_fd --------------------------------------------------------------------------------- */

static void fd_enter(struct cm_fd *self)
{
    if (!self->path) throw(ValueError, "cm_fd: the path is NULL");
    self->as = with__openat(AT_FDCWD, self->path, self->flags, self->mode);
    if (self->as < 0) throw_errno("%s", self->path);
}

static bool fd_exit(struct cm_fd *self, const with_exception *exception)
{
    const struct with__calm calm = with__calm_begin();
    int error = 0;

    if (close(self->as) != 0) error = errno;
    with__calm_end(calm);
    if (error) with_release_error(exception, error, "%s", self->path);
    return false;
}

WITH_CLASS(cm_fd, fd_enter, fd_exit);

struct cm_fd cm_fd(const char *path, int flags, mode_t mode)
{
    return WITH_NEW(cm_fd, .path = path, .flags = flags, .mode = mode);
}
