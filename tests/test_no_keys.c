/* SPDX-License-Identifier: MIT
 *
 * Where there is no thread-specific storage left, a thread keeps no exception for its next throw, and no
 * memory for its next exit stack; all else is the same.
 */
#include <with.h>
#include <with/stack.h>

#include "test.h"

#include <pthread.h>

/* In place of libc's. The sanitizers ask for keys too, and cannot do without. */
#ifndef TEST_SANITIZED
static int asked;

int pthread_key_create(pthread_key_t *key, void (*destructor)(void *))
{
    (void)key;
    (void)destructor;
    asked++;
    return EAGAIN;
}
#endif

static void count(void *calls)
{
    ++*(int *)calls;
}

static void use_stacks(void)
{
    int calls = 0;

    for (int i = 0; i < 100; i++) {
        using (cm_plain_exit_stack(), stack);
        with_stack_callback(stack, count, &calls);
    }
    CHECK_INT(calls, 100);
}

static void *throw_and_catch(void *unused)
{
    use_stacks();
    for (int i = 0; i < 100; i++) {
        try {
            try {
                throw(KeyError, "%d", i);
            } catch (KeyError, e) {
                throw_from(e, ValueError, "%d", -i);
            }
        } catch (ValueError, e) {
            if (e->cause->type != &KeyError) CHECK_INT(i, -1);
        }
    }
    return unused;
}

int main(void)
{
    pthread_t thread;

    throw_and_catch(NULL);
    CHECK_INT(pthread_create(&thread, NULL, throw_and_catch, NULL), 0);
    pthread_join(thread, NULL);
#ifndef TEST_SANITIZED
    CHECK(asked > 0);
#endif
    return test_result();
}
