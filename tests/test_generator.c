/* SPDX-License-Identifier: MIT
 *
 * Generators: every way out of their block, what they yield, and many of them at once. What exceptions do
 * in them is compared with CPython in generator.d.
 */
#include <with.h>
#include <with/generator.h>

#include "test.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static char log_text[400];

#define LOG(TEXT) strcat(log_text, TEXT)
#define CHECK_LOG(WANTED) (CHECK_STR(log_text, WANTED), *log_text = '\0')

/* ---- Ways out ------------------------------------------------------------------------------ */

WITH_GENERATOR(logged, const char *, (const char *, name))
{
    LOG(" +");
    LOG(name);
    try {
        LOG(yield(name) ? " end" : " early");
    } catch (ValueError, e) {
        LOG(" ");
        LOG(e->message);
        with_rethrow();
    }
}

WITH_PLAIN_GENERATOR(plain, const char *, (const char *, name))
{
    LOG(" +");
    LOG(name);
    LOG(yield(name) ? " end" : " early");
}

static int returns(void)
{
    with (cm_logged("r"), name) return (int)strlen(name);
    return -1;
}

static int returns_held(void)
{
    using (cm_plain("u"), name);
    return (int)strlen(name);
}

static void test_ways_out(void)
{
    with (cm_logged("e")) LOG(" body");
    CHECK_LOG(" +e body end");
    CHECK_INT(returns(), 1);
    CHECK_LOG(" +r early");
    CHECK_INT(returns_held(), 1);
    CHECK_LOG(" +u early");
    with (cm_logged("g")) goto out;
out:
    CHECK_LOG(" +g early");
    with (cm_logged("d")) {
        if (*log_text) continue;
        LOG(" not here");
    }
    CHECK_LOG(" +d end");
    for (int i = 0; i < 3; i++) {
        using (cm_plain("l"));
        if (i == 0) continue;
        break;
    }
    CHECK_LOG(" +l early +l early");
    try {
        with (cm_logged("t")) throw(ValueError, "thrown");
    } catch (ValueError) {
    }
    CHECK_LOG(" +t thrown");
    try {
        using (cm_plain("p"));
        throw(ValueError, "thrown");
    } catch (ValueError) {
        LOG(" caught");
    }
    CHECK_LOG(" +p caught");
}

/* What passes leaves no trace in the exception. */
static void test_traceback(void)
{
    try {
        with (cm_logged("t")) throw(ValueError, "thrown");
    } catch (ValueError, e) {
        CHECK_INT((long long)e->traceback_length, 3);
        CHECK_STR(e->traceback[0]->text, "throw(ValueError, \"thrown\")");
        CHECK_STR(e->traceback[1]->text, "with (cm_logged(\"t\"))");
        CHECK_STR(e->traceback[2]->text, "try");
    }
    *log_text = '\0';
}

WITH_PLAIN_GENERATOR(swallows, void)
{
    try {
        yield();
    } catch (BaseException) {
    }
}

static void test_swallowing(void)
{
    volatile int caught = 0;

    try {
        with (cm_swallows()) throw(ValueError, "thrown");
    } catch (RuntimeError, e) {
        CHECK_STR(e->message,
                  "the exit of cm_swallows returned true, but only a WITH_SUPPRESSOR can suppress");
        CHECK_STR(e->context->message, "thrown");
        caught++;
    }
    CHECK_INT(caught, 1);
}

/* ---- What is passed and yielded ------------------------------------------------------------ */

struct pair {
    long left, right;
};

typedef int binary(int, int);

static int add(int a, int b)
{
    return a + b;
}

WITH_GENERATOR(none, int)
{
    yield(7);
}

WITH_GENERATOR(eight, struct pair, (char, a), (short, b), (int, c), (long, d), (float, e),
               (double, f), (const char *, g), (int (*)(int, int), h))
{
    yield((struct pair){a + b + c + d, h((int)(e + (float)f), (int)strlen(g))});
}

struct row {
    int cells[10];
};

WITH_GENERATOR(row, struct row)
{
    yield((struct row){{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}});
}

WITH_GENERATOR(function, binary *)
{
    yield(add);
}

WITH_GENERATOR(widened, double, (unsigned char, n))
{
    yield(n);
}

WITH_GENERATOR(allocated, char *)
{
    using (cm_plain("m"));
    yield(malloc(3));
}

WITH_GENERATOR(nothing, void, (int *, count))
{
    ++*count;
    with_yield();
    ++*count;
}

static void test_values(void)
{
    int count = 0;

    with (cm_none(), seven) CHECK_INT(seven, 7);
    with (cm_eight(1, 2, 3, 4, 5, 6, "seven", add), pair) {
        CHECK_INT(pair.left, 10);
        CHECK_INT(pair.right, 16);
    }
    with (cm_row(), row) CHECK_INT(row.cells[9], 10);
    with (cm_function(), sum) CHECK_INT(sum(1, 2), 3);
    with (cm_widened(200), wide) CHECK_INT((long long)(wide * 2), 400);
    with (cm_allocated(), memory) free(memory);
    CHECK_LOG(" +m early");
    with (cm_nothing(&count)) CHECK_INT(count, 1);
    CHECK_INT(count, 2);
}

/* One value, used again and within itself: each block has a generator of its own. */
static void test_kind(void)
{
    const struct cm_logged value = cm_logged("k");

    with (value)
        with (value) LOG(" body");
    with (value) LOG(" again");
    CHECK_LOG(" +k +k body end end +k again end");
}

/* As an exit stack does, which keeps managers elsewhere. */
static void test_moved(void)
{
    struct cm_logged first = cm_logged("v"), moved;

    cm_logged_with_class_.enter(&first);
    memcpy(&moved, &first, sizeof moved);
    memset(&first, 0xff, sizeof first);
    CHECK_STR(moved.as, "v");
    moved.with_.head.completed = true;
    CHECK(!cm_logged_with_class_.exit(&moved, NULL));
    CHECK_LOG(" +v end");
}

/* ---- Many ---------------------------------------------------------------------------------- */

WITH_GENERATOR(deep, int, (int, n))
{
    if (n == 0) yield(0);
    else
        with (cm_deep(n - 1), below) yield(below + 1);
}

static int alive_inside(int n)
{
    if (n == 0) return 0;
    with (cm_none(), seven) return alive_inside(n - 1) + seven;
    return -1;
}

static void test_many(void)
{
    with (cm_deep(100), depth) CHECK_INT(depth, 100);
    CHECK_INT(alive_inside(1000), 7000);
}

static void *many_in_thread(void *unused)
{
    for (int i = 0; i < 50; i++) CHECK_INT(alive_inside(20), 140);
    return unused;
}

static void test_threads(void)
{
    pthread_t threads[4];

    for (int i = 0; i < 4; i++) pthread_create(&threads[i], NULL, many_in_thread, NULL);
    for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
}

/* ---- What belongs to the thread ------------------------------------------------------------ */

WITH_GENERATOR(sets_errno, void)
{
    errno = EDOM;
    yield();
    CHECK_INT(errno, ERANGE);
    errno = EILSEQ;
}

static void test_thread_state(void)
{
    with (cm_sets_errno()) {
        CHECK_INT(errno, EDOM);
        errno = ERANGE;
    }
    CHECK_INT(errno, EILSEQ);
}

WITH_GENERATOR(no_cancellation, void)
{
    int old;

    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old);
    yield();
    pthread_setcancelstate(old, NULL);
}

WITH_GENERATOR(asks_state, void, (int *, ret_state))
{
    yield();
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, ret_state);
}

/* With a second thread, which could cancel this one, what follows the yield cannot be cancelled. */
static void *check_cancel_state(void *unused)
{
    int state = -1;

    with (cm_no_cancellation()) {}
    with (cm_asks_state(&state)) {}
    CHECK_INT(state, PTHREAD_CANCEL_DISABLE);
    pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &state);
    CHECK_INT(state, PTHREAD_CANCEL_ENABLE);
    return unused;
}

static void test_cancel_state(void)
{
    pthread_t thread;

    pthread_create(&thread, NULL, check_cancel_state, NULL);
    pthread_join(thread, NULL);
}

static void *exit_elsewhere(void *manager)
{
    try {
        cm_logged_with_class_.exit(manager, NULL);
    } catch (RuntimeError, e) {
        CHECK_STR(e->message, "a generator can only go on in the thread that entered it");
        LOG(" refused");
    }
    return NULL;
}

static void test_other_thread(void)
{
    struct cm_logged manager = cm_logged("o");
    pthread_t thread;

    cm_logged_with_class_.enter(&manager);
    pthread_create(&thread, NULL, exit_elsewhere, &manager);
    pthread_join(thread, NULL);
    cm_logged_with_class_.exit(&manager, NULL);
    CHECK_LOG(" +o refused early");
}

/* The child has its own copy of what waits. */
static void test_fork(void)
{
    int status = -1;
    pid_t child = 0;

    with (cm_logged("f")) {
        child = fork();
        LOG(child ? " parent" : " child");
    }
    if (child == 0) _exit(strcmp(log_text, " +f child end") == 0 ? 0 : 1);
    waitpid(child, &status, 0);
    CHECK_INT(status, 0);
    CHECK_LOG(" +f parent end");
}

/* ---- A function that does not end ---------------------------------------------------------- */

struct failing {
    WITH_MANAGER;
};

static void failing_enter(struct failing *self)
{
    (void)self;
}

static bool failing_exit(struct failing *self, const with_exception *exception)
{
    (void)self;
    LOG(exception ? " failing!" : " failing");
    if (!exception) throw(OSError, "not released");
    return false;
}

WITH_CLASS(failing, failing_enter, failing_exit);

WITH_GENERATOR(stubborn, void)
{
    using (cm_plain("s"));
    with (WITH_NEW(failing)) {
        try {
            yield();
            yield();
        } catch (GeneratorExit) {
            LOG(" ignored");
            yield();
            LOG(" never");
        }
    }
}

static void test_stubborn(void)
{
    try {
        with (cm_logged("o"))
            with (cm_stubborn()) LOG(" body");
    } catch (RuntimeError, e) {
        CHECK_STR(e->message, "generator ignored GeneratorExit");
        CHECK_STR(e->context->message, "generator didn't stop");
        CHECK(e->notes && !e->notes->next);
        CHECK_STR(e->notes->text, "OSError: not released");
        CHECK(e == with_current());
    }
    CHECK_LOG(" +o +s body ignored failing early");
    CHECK_INT((long long)with_dump(NULL), 0);
}

/* What holds blocks across its yield shows them while it runs, and hides them while it waits. */
WITH_GENERATOR(holds, size_t *, (size_t *, held))
{
    with (cm_plain("h")) {
        *held = with_dump(NULL);
        yield(held);
        *held = with_dump(NULL);
    }
}

static void test_dump(void)
{
    size_t held = 0;

    with (cm_none())
        with (cm_holds(&held), seen) {
            CHECK_INT((long long)*seen, 2);
            CHECK_INT((long long)with_dump(NULL), 2);
        }
    CHECK_INT((long long)held, 2);
    CHECK_LOG(" +h end");
}

int main(void)
{
    test_ways_out();
    test_traceback();
    test_swallowing();
    test_values();
    test_kind();
    test_moved();
    test_many();
    test_threads();
    test_thread_state();
    test_cancel_state();
    test_other_thread();
    test_fork();
    test_stubborn();
    test_dump();
    return test_result();
}
