/* SPDX-License-Identifier: MIT
 *
 * cm_listen_unix: listening at a path.
 *
 * A socket whose server died stays in the directory, and bind() refuses its path. That a connection to
 * it is refused shows that it is dead, or that its server has not called listen() yet. So between bind()
 * and listen(), and from that test to the removal, a server of this library holds a lock on the directory.
 */
#include "internal.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LOCK_PATIENCE_MS = 1000, LOCK_STEP_MS = 2, BIND_TRIES = 3 };

/* ---- The directory's lock ------------------------------------------------------------------ */

static int open_directory_of(const char *path)
{
    char directory[sizeof((struct sockaddr_un *)0)->sun_path + 2];
    const char *slash = strrchr(path, '/');

    snprintf(directory, sizeof directory, "%.*s", slash ? (int)(slash - path) + 1 : 1,
             slash ? path : ".");
    return open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/*
 * The descriptor that holds the lock, or -1. Anybody who may read the directory can hold a lock on it:
 * so nobody is waited for long, and where there is no lock to be had it is done without.
 */
static int lock_directory_of(const char *path)
{
    const int fd = open_directory_of(path);
    int waited = 0;

    if (fd < 0) return -1;
    while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        if ((errno != EWOULDBLOCK && errno != EINTR) || waited >= LOCK_PATIENCE_MS) break;
        poll(NULL, 0, LOCK_STEP_MS);
        waited += LOCK_STEP_MS;
    }
    return fd;
}

/* ---- Binding ------------------------------------------------------------------------------- */

/* Whether a socket is at the path on which nobody listens. */
static bool is_dead(const struct sockaddr_un *address)
{
    struct stat status;
    int fd, code;

    if (lstat(address->sun_path, &status) < 0 || !S_ISSOCK(status.st_mode)) return false;
    fd = with__net_socket(AF_UNIX, 0, true);
    if (fd < 0) return false;
    code = connect(fd, (const struct sockaddr *)address, sizeof *address) < 0 ? errno : 0;
    with__net_close(fd);
    return code == ECONNREFUSED;
}

static int bind_to(int fd, const struct sockaddr_un *address)
{
    for (int tries = 1;; tries++) {
        if (bind(fd, (const struct sockaddr *)address, sizeof *address) == 0) return 0;
        if (errno != EADDRINUSE) return -errno;
        if (tries == BIND_TRIES || !is_dead(address)) return -EADDRINUSE;
        if (unlink(address->sun_path) < 0 && errno != ENOENT) return -errno;
    }
}

static int listen_here(struct cm_listen_unix *self, int fd, const char *path, int backlog)
{
    struct stat status;

    if (lstat(path, &status) < 0 || listen(fd, backlog ? backlog : SOMAXCONN) < 0) return -errno;
    self->device_ = (unsigned long long)status.st_dev;
    self->inode_ = (unsigned long long)status.st_ino;
    return 0;
}

static int bind_and_listen(struct cm_listen_unix *self, int fd, const struct sockaddr_un *address,
                           int backlog)
{
    const int lock = lock_directory_of(address->sun_path);
    int code = bind_to(fd, address);

    if (code == 0) {
        code = listen_here(self, fd, address->sun_path, backlog);
        if (code != 0) unlink(address->sun_path);
    }
    if (lock >= 0) {
        flock(lock, LOCK_UN); /* a child forked meanwhile has the descriptor too */
        with__net_close(lock);
    }
    return code;
}

/* ---- Enter and exit ------------------------------------------------------------------------ */

/* The path, absolute so that it is found again after a chdir(); NULL with errno set. */
static char *absolute(const char *path)
{
    char *here, *whole;
    size_t size;

    if (*path == '/') return strdup(path);
    here = getcwd(NULL, 0); /* allocates, on Linux and the BSDs */
    if (!here) return NULL;
    size = strlen(here) + strlen(path) + 2;
    whole = malloc(size);
    if (whole) snprintf(whole, size, "%s/%s", here, path);
    free(here);
    return whole;
}

static int start(struct cm_listen_unix *self, const struct sockaddr_un *address, int backlog)
{
    int fd, code;

    self->path_ = absolute(address->sun_path);
    if (!self->path_) return -errno;
    fd = with__net_socket(AF_UNIX, 0, true);
    code = fd < 0 ? fd : bind_and_listen(self, fd, address, backlog);
    if (code == 0) {
        self->pid_ = (int)getpid();
        self->as = fd;
        return 0;
    }
    if (fd >= 0) with__net_close(fd);
    free(self->path_);
    return code;
}

void with_listen_unix_enter_(struct cm_listen_unix *self)
{
    struct with_listen_unix_options options = {0};
    struct sockaddr_un address;
    int code, cancel_state;

    WITH__NET_COPY_OPTIONS(&options, &self->options_);
    if (options.backlog < 0)
        with_throw(with_ValueError, "cm_listen_unix: backlog is %d, not 0 or more",
                   options.backlog);
    with__net_unix_address("cm_listen_unix", options.path, &address);

    cancel_state = with__net_cancel_state(PTHREAD_CANCEL_DISABLE);
    code = start(self, &address, options.backlog);
    with__net_cancel_state(cancel_state);
    if (code == -ENOMEM) with_throw(with_MemoryError, "listen on %s", options.path);
    if (code != 0) with_throw_error(code, "listen on %s", options.path);
}

/* Nothing to do if the path is gone, or has another socket by now. */
static int unlink_own(const struct cm_listen_unix *self)
{
    struct stat status;

    if (lstat(self->path_, &status) < 0) return errno == ENOENT ? 0 : -errno;
    if ((unsigned long long)status.st_dev != self->device_ ||
        (unsigned long long)status.st_ino != self->inode_)
        return 0;
    return unlink(self->path_) < 0 && errno != ENOENT ? -errno : 0;
}

/* Unlinks first: then who finds the path finds a server. */
bool with_listen_unix_exit_(struct cm_listen_unix *self, const with_exception *exception)
{
    const int error = errno, cancel_state = with__net_cancel_state(PTHREAD_CANCEL_DISABLE);
    char path[WITH_NET_ADDRESS_SIZE] = "";
    struct with__net_report unlinked = {0}, closed = {0};

    with_net_local(self->as, path, sizeof path);
    if (self->pid_ == (int)getpid()) unlinked.code = unlink_own(self);
    closed.code = with__net_close(self->as);
    self->as = -1;
    free(self->path_);
    self->path_ = NULL;
    with__net_cancel_state(cancel_state);
    snprintf(unlinked.text, sizeof unlinked.text, "removing %s", path);
    snprintf(closed.text, sizeof closed.text, "closing the listener on %s", path);
    with__net_report(exception, &unlinked, &closed);
    errno = error;
    return false;
}
