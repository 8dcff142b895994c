/* SPDX-License-Identifier: MIT
 *
 * A lock and a file, released on every way out of their block.
 */
#include <with.h>
#include <with/file.h>
#include <with/lock.h>

#include <pthread.h>
#include <unistd.h>

struct journal {
    pthread_mutex_t lock;
    const char *path;
    bool sealed; /* guarded by lock */
};

static void append(struct journal *journal, const char *line)
{
    with (cm_lock(&journal->lock))
        with (cm_open(journal->path, "a"), file) {
            if (journal->sealed) return;                    /* closed and unlocked */
            if (!*line) throw(ValueError, "an empty line"); /* closed and unlocked */
            fprintf(file, "%s\n", line);
        } /* closed and unlocked; if the disk is full, an OSError is thrown */
}

int main(void)
{
    struct journal journal = {PTHREAD_MUTEX_INITIALIZER, "/dev/null", false};

    append(&journal, "first");
    try {
        append(&journal, "");
    } catch (ValueError, e) {
        printf("refused: %s\n", e->message);
    }
    if (access("/dev/full", W_OK) != 0) return 0; /* not a Linux */

    journal.path = "/dev/full"; /* a disk with no room left */
    try {
        append(&journal, "second");
    } catch (OSError, e) {
        printf("%s: %s\n", e->type->name, e->message);
    }
    return 0;
}
