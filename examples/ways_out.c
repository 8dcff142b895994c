/* SPDX-License-Identifier: MIT
 *
 * The ways out of a block, one after the other. On each the exit runs once; only the end of the
 * block counts as completion.
 */
#include <with.h>

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

struct guest {
    WITH_MANAGER;
    const char *as;
};

static void guest_enter(struct guest *self)
{
    printf("%-16s", self->as);
}

static bool guest_exit(struct guest *self, const with_exception *exception)
{
    puts(exception              ? "exit, with an exception"
         : with_completed(self) ? "exit, completed"
                                : "exit, not completed");
    return false;
}

WITH_CLASS(guest, guest_enter, guest_exit);

static struct guest guest(const char *name)
{
    return WITH_NEW(guest, .as = name);
}

static int by_return(void)
{
    with (guest("return")) return 7;
}

static void by_throw(void)
{
    try {
        with (guest("throw")) throw(ValueError, "never mind");
    } catch (ValueError) {
    }
}

static void *by_cancellation(void *unused)
{
    with (guest("pthread_cancel")) {
        pthread_cancel(pthread_self());
        pause();
    }
    return unused;
}

static void *by_pthread_exit(void *unused)
{
    with (guest("pthread_exit")) pthread_exit(NULL);
    return unused;
}

int main(void)
{
    pthread_t thread;

    with (guest("end")) {}
    by_return();
    with (guest("goto")) goto out;
out:
    with (guest("continue")) continue; /* the same as its end */
    for (int i = 0; i < 3; i++) {
        using (guest("using, end"));
        if (i == 1) break;
    }
    by_throw();

    pthread_create(&thread, NULL, by_pthread_exit, NULL);
    pthread_join(thread, NULL);
    pthread_create(&thread, NULL, by_cancellation, NULL);
    pthread_cancel(thread);
    pthread_join(thread, NULL);

    with (guest("exit")) exit(0);
}
