/* SPDX-License-Identifier: MIT
 *
 * A manager with an effect outside the process: a directory that the exit removes. It shows what such
 * an exit must think of: a release that fails, a cancellation, a child of fork().
 */
#include <with.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct cm_scratch {
    WITH_MANAGER;
    const char *as;
    char path[40];
    pid_t owner;
};

static void scratch_enter(struct cm_scratch *self)
{
    strcpy(self->path, "/tmp/scratch-XXXXXX");
    if (!mkdtemp(self->path)) throw_errno("%s", self->path);
    self->as = self->path;
    self->owner = getpid();
}

static bool scratch_exit(struct cm_scratch *self, const with_exception *exception)
{
    int state, error = 0;

    if (self->owner != getpid()) return false; /* the parent removes it */
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
    if (rmdir(self->path) != 0) error = errno;
    pthread_setcancelstate(state, &state);
    if (error) with_release_error(exception, error, "removing %s", self->path);
    return false;
}

WITH_CLASS(cm_scratch, scratch_enter, scratch_exit);

static struct cm_scratch cm_scratch(void)
{
    return WITH_NEW(cm_scratch);
}

static bool exists(const char *path)
{
    struct stat status;

    return stat(path, &status) == 0;
}

/* A child's way out of the block leaves the directory to its parent. */
static void with_a_child(void)
{
    char path[40];

    with (cm_scratch(), directory) {
        strcpy(path, directory);
        fflush(stdout);
        pid_t child = fork();
        if (child == 0) exit(0); /* runs the exit, in the child */
        if (child > 0) waitpid(child, NULL, 0);
        printf("after the child: %s\n", exists(path) ? "there" : "gone");
    }
    printf("after the block: %s\n", exists(path) ? "there" : "gone");
}

/* A directory that is not empty cannot be removed. The failure hides nothing, and is not hidden. */
static void with_a_rest(bool fail)
{
    char rest[60];

    try {
        with (cm_scratch(), directory) {
            snprintf(rest, sizeof rest, "%s/rest", directory);
            mkdir(rest, 0700);
            if (fail) throw(ValueError, "the block failed");
        }
    } catch (Exception, e) {
        printf("%s: %s\n", e->type->name, fail ? e->message : "the release failed");
        if (e->notes) puts("    and a note says that the release failed, too");
    }
    *strrchr(rest, '/') = '\0';
    if (chdir(rest) == 0) rmdir("rest");
    rmdir(rest);
}

int main(void)
{
    with_a_child();
    with_a_rest(false);
    with_a_rest(true);
    return 0;
}
