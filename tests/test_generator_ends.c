/* SPDX-License-Identifier: MIT
 *
 * Threads and processes that end while a generator waits at its yield, and while its function runs. All
 * that is held is exited, exactly once and in order. Each case is a child process.
 */
#include <with.h>
#include <with/generator.h>

#include "test.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum way { EXIT, SYSTEM_EXIT, THREAD_EXIT, CANCELLED, UNCAUGHT, WAYS };
enum place { SET_UP, BODY, TEAR_DOWN, PLACES };
enum { STATUS = 5 };

/* Shared with the children: what was exited, in order. */
static char *order;
static enum way way;
static enum place place;
static const char *const way_names[] = {"exit()", "with_exit()", "pthread_exit()", "cancelled",
                                        "uncaught"};
static const char *const place_names[] = {"set-up", "body", "tear-down"};

/* AddressSanitizer's: forgets the frames that a cancellation is about to leave. */
void __asan_handle_no_return(void) __attribute__((weak));
void *__tsan_get_current_fiber(void) __attribute__((weak));

/* Else each child that calls exit() in a thread would sleep for a second. */
const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
    return "atexit_sleep_ms=0";
}

static void note(char what)
{
    order[strlen(order)] = what;
}

static void leave(void)
{
    int ignored;

    switch (way) {
    case EXIT: exit(STATUS);
    case SYSTEM_EXIT: with_exit(STATUS);
    case THREAD_EXIT: pthread_exit(NULL);
    case CANCELLED:
        if (__asan_handle_no_return) __asan_handle_no_return();
        pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &ignored);
        pthread_cancel(pthread_self());
        pthread_testcancel();
        break;
    default: throw(ValueError, "uncaught");
    }
}

/* ---- What is held -------------------------------------------------------------------------- */

struct noted {
    WITH_MANAGER;
    char name;
};

static void noted_enter(struct noted *self)
{
    (void)self;
}

static bool noted_exit(struct noted *self, const with_exception *exception)
{
    (void)exception;
    note(self->name);
    return false;
}

WITH_CLASS(noted, noted_enter, noted_exit);

static struct noted cm_noted(char name)
{
    return WITH_NEW(noted, .name = name);
}

/* The tear-down is in the exit of a manager, too, since an exception may be thrown at the yield. */
WITH_GENERATOR(leaving, void, (enum place, here))
{
    using (cm_noted('i'));
    if (here == SET_UP && place == here) leave();
    if (!yield()) note('e');
    note('t');
    if (here != BODY && place == TEAR_DOWN) leave();
    note('T');
}

WITH_PLAIN_GENERATOR(plain, void)
{
    using (cm_noted('p'));
    yield();
    note('P');
}

/* ---- Children ------------------------------------------------------------------------------ */

static void in_blocks(void)
{
    with (cm_noted('o'))
        with (cm_plain())
            with (cm_leaving(SET_UP)) {
                if (place == BODY) leave();
            }
}

WITH_GENERATOR(around, void)
{
    using (cm_noted('a'));
    in_blocks();
    yield();
}

static void in_a_generator_of_a_generator(void)
{
    with (cm_noted('O'))
        with (cm_around()) note('?');
}

static void (*scene)(void);

static void *thread_main(void *unused)
{
    scene();
    return unused;
}

static void run_in_thread(void)
{
    pthread_t thread;

    pthread_create(&thread, NULL, thread_main, NULL);
    pthread_join(thread, NULL);
    _exit(77);
}

static int run_child(void (*run)(void))
{
    pid_t child = fork();
    int status = -1;

    if (child == 0) {
        if (way == UNCAUGHT) fclose(stderr);
        run();
        exit(78);
    }
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -status;
}

/* With ThreadSanitizer a thread can end only on its own stack, and without the main thread a process
 * stays because of the sanitizer's. */
static bool can_be_tried(void (*run)(void))
{
    if (!__tsan_get_current_fiber || (way != THREAD_EXIT && way != CANCELLED)) return true;
    return place == BODY && run == run_in_thread && scene == in_blocks;
}

static void check_one(void (*run)(void), const char *wanted, int status)
{
    bool good;
    int got;

    if (!can_be_tried(run)) return;
    memset(order, 0, 100);
    got = run_child(run);
    good = CHECK_STR(order, wanted);
    if (!CHECK_INT(got, status) || !good)
        fprintf(stderr, "    %s in the %s, in %s\n", way_names[way], place_names[place],
                run == run_in_thread ? "a thread" : "the main thread");
}

/* An exception is thrown at the yields, so that what follows them does not run. */
static const char *wanted_order(void)
{
    const bool thrown = way == SYSTEM_EXIT || way == UNCAUGHT;

    switch (place) {
    case SET_UP: return thrown ? "ipo" : "iPpo";
    case BODY: return thrown ? "ipo" : "etTiPpo";
    default: return thrown ? "tipo" : "tiPpo";
    }
}

static int wanted_status(bool in_thread)
{
    if (way == EXIT || way == SYSTEM_EXIT) return STATUS;
    if (way == UNCAUGHT) return 1;
    return in_thread ? 77 : 0;
}

static void test_all(void)
{
    for (int w = 0; w < WAYS; w++)
        for (int p = 0; p < PLACES; p++) {
            char wrapped[40];
            way = (enum way)w;
            place = (enum place)p;
            scene = in_blocks;
            check_one(in_blocks, wanted_order(), wanted_status(false));
            check_one(run_in_thread, wanted_order(), wanted_status(true));
            scene = in_a_generator_of_a_generator;
            snprintf(wrapped, sizeof wrapped, "%saO", wanted_order());
            check_one(scene, wrapped, wanted_status(false));
            check_one(run_in_thread, wrapped, wanted_status(true));
        }
}

int main(void)
{
    order = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    test_all();
    return test_result();
}
