/* SPDX-License-Identifier: MIT
 *
 * WITH_CLOSING, cm_callback and with_inside: what is called, when, how often, and what becomes of
 * its result. What says CPython is also true of contextlib (Lib/test/test_contextlib.py).
 */
#include "test_files.h"

#include <with/contextlib.h>

/* ---- What is closed, and how that fails ---------------------------------------------------- */

struct thing {
    int closed, result, error;
    bool throws;
};

static int cancel_state(void)
{
    int state;

    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
    pthread_setcancelstate(state, NULL);
    return state;
}

static void close_void(struct thing *thing)
{
    thing->closed++;
    CHECK_INT(cancel_state(), PTHREAD_CANCEL_DISABLE);
    errno = EBADF; /* nothing failed: nobody sees it */
    if (thing->throws) throw(RuntimeError, "from the closing");
}

static int close_int(struct thing *thing)
{
    close_void(thing);
    errno = thing->error;
    return thing->result;
}

static int close_quickly(struct thing *thing)
{
    thing->closed++;
    CHECK_INT(cancel_state(), PTHREAD_CANCEL_ENABLE);
    errno = thing->error;
    return thing->result;
}

#define close_macro(THING) (close_int(THING))

WITH_CLOSING(struct thing *, thing, close_void);
WITH_CLOSING(struct thing *, checked, close_int);
WITH_CLOSING(struct thing *, coded, close_int, .returns_error = true);
WITH_CLOSING(struct thing *, by_macro, close_macro);
WITH_CLOSING(struct thing *, quick, close_quickly, .no_cancellation_point = true);
WITH_CLOSING(DIR *, directory, closedir);
WITH_CLOSING(int, descriptor, close, .empty = -1);
WITH_CLOSING(void *, memory, free);
WITH_CLOSING(const with_exception *, exception, with_exception_unref);
WITH_CLOSING(pthread_mutex_t *, mutex, pthread_mutex_destroy, .returns_error = true);
WITH_CLOSING(pthread_mutex_t *, held, pthread_mutex_unlock, .empty = NULL, .returns_error = true);

/* CPython: closed after the block, with and without an error. */
static void test_closing(void)
{
    struct thing thing = {0};

    errno = ENOMEM;
    with (cm_closing_thing(&thing), same) {
        CHECK(same == &thing);
        CHECK_INT(thing.closed, 0);
    }
    CHECK_INT(thing.closed, 1);
    CHECK_INT(errno, ENOMEM);
    with (cm_closing_quick(&thing)) errno = ENOMEM;
    CHECK_INT(errno, ENOMEM);
    with (cm_closing_by_macro(&thing)) CHECK_INT(with_dump(NULL), 1);
    with (cm_expect(ZeroDivisionError)) {
        with (cm_closing_checked(&thing)) throw(ZeroDivisionError, "1/0");
    }
    CHECK_INT(thing.closed, 4);
    CHECK_INT(errno, ENOMEM);
    CHECK_INT(cancel_state(), PTHREAD_CANCEL_ENABLE);
}

static int leave(struct thing *thing, int way)
{
    for (int i = 0; i < 2; i++) {
        using (cm_closing_checked(thing), same);
        if (way == 1) return 1;
        if (way == 2) break;
        if (way == 3) continue;
        if (way == 4) goto out;
        if (way == 5) throw(KeyError, "out");
        same->closed += 10;
    }
    with (cm_closing_thing(thing)) {
        if (way == 0) return 0;
        continue;
    }
    return 2;
out:
    return 4;
}

static void test_ways_out(void)
{
    static const int closed[] = {23, 1, 2, 3, 1, 1};

    for (int way = 0; way <= 5; way++) {
        struct thing thing = {0};
        with (cm_suppress(KeyError)) leave(&thing, way);
        CHECK_INT(thing.closed, closed[way]);
    }
}

static void test_real(void)
{
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    const with_exception *volatile e;
    int before = open_descriptors();

    with (cm_closing_directory(opendir("/")), directory) CHECK(readdir(directory) != NULL);
    with (cm_closing_descriptor(open("/", O_RDONLY)), fd) CHECK(fcntl(fd, F_GETFD) == 0);
    with (cm_closing_descriptor(0), fd) CHECK_INT(fd, 0);
    CHECK_INT(open("/dev/null", O_RDONLY), 0);
    with (cm_closing_memory(malloc(10)), memory) CHECK(memset(memory, 0, 10) == memory);
    with (cm_expect(KeyError, .caught = &e)) throw(KeyError, "kept");
    with (cm_closing_exception(e), kept) CHECK_STR(kept->message, "kept");
    with (cm_closing_mutex(&mutex), same) {
        pthread_mutex_lock(same);
        with (cm_closing_held(same)) {}
    }
    CHECK_INT(open_descriptors(), before);
}

/* ---- No value ------------------------------------------------------------------------------ */

static void close_nothing(void *error)
{
    errno = *(int *)error;
    with (cm_closing_thing(NULL)) CHECK(!"entered");
}

static void close_missing(void *unused)
{
    (void)unused;
    with (cm_closing_directory(opendir("/nowhere/at/all"))) CHECK(!"entered");
}

static void close_no_descriptor(void *unused)
{
    (void)unused;
    with (cm_closing_descriptor(open("/nowhere", O_RDONLY))) CHECK(!"entered");
}

static void test_no_value(void)
{
    int none = 0, denied = EACCES;

    CHECK_THROWS(close_missing, NULL, FileNotFoundError, "directory: No such file or directory");
    CHECK_THROWS(close_no_descriptor, NULL, FileNotFoundError,
                 "descriptor: No such file or directory");
    CHECK_THROWS(close_nothing, &denied, PermissionError, "thing: Permission denied");
    CHECK_THROWS(close_nothing, &none, ValueError,
                 "thing: there is none to close, and errno does not say why");
}

/* ---- Failures ------------------------------------------------------------------------------ */

static void close_checked(void *thing)
{
    with (cm_closing_checked(thing)) {}
}

static void close_coded(void *thing)
{
    with (cm_closing_coded(thing)) {}
}

static void close_quick(void *thing)
{
    with (cm_closing_quick(thing)) {}
}

static void close_and_throw(void *thing)
{
    with (cm_closing_checked(thing)) throw(KeyError, "first");
}

static void close_and_return(void *thing)
{
    with (cm_closing_checked(thing)) return;
}

static void test_closing_failures(void)
{
    struct thing thing = {.result = -1, .error = EIO};
    const with_exception *e;

    CHECK_THROWS(close_checked, &thing, OSError, "closing checked: Input/output error");
    CHECK_THROWS(close_and_return, &thing, OSError, "closing checked: Input/output error");
    e = with_call(close_and_throw, &thing);
    CHECK_STR(e->message, "first");
    CHECK_STR(e->notes ? e->notes->text : NULL, "closing checked: Input/output error");
    with_exception_unref(e);

    CHECK_THROWS(close_quick, &thing, OSError, "closing quick: Input/output error");
    CHECK_INT(thing.closed, 4);

    thing = (struct thing){.result = 3, .error = EIO}; /* errno says nothing then */
    CHECK_THROWS(close_checked, &thing, OSError, "closing checked: returned 3");
    thing = (struct thing){.result = -1};
    CHECK_THROWS(close_checked, &thing, OSError, "closing checked: returned -1");

    thing = (struct thing){.result = EACCES, .error = EIO};
    CHECK_THROWS(close_coded, &thing, PermissionError, "closing coded: Permission denied");
    thing.result = -EPERM; /* which is -1 */
    CHECK_THROWS(close_coded, &thing, PermissionError, "closing coded: Operation not permitted");
    thing.result = -ENOENT;
    CHECK_THROWS(close_coded, &thing, FileNotFoundError,
                 "closing coded: No such file or directory");
    CHECK_INT(thing.closed, 3);
}

static void close_throwing(void *thing)
{
    with (cm_closing_thing(thing)) {}
}

static void close_throwing_twice(void *thing)
{
    with (cm_closing_thing(thing)) throw(KeyError, "first");
}

static void test_throwing(void)
{
    struct thing thing = {.throws = true};
    const with_exception *e;

    CHECK_THROWS(close_throwing, &thing, RuntimeError, "from the closing");
    CHECK_INT(cancel_state(), PTHREAD_CANCEL_ENABLE);
    e = with_call(close_throwing_twice, &thing);
    CHECK_STR(e->message, "from the closing");
    CHECK_STR(e->context->message, "first");
    with_exception_unref(e);
    CHECK_INT(cancel_state(), PTHREAD_CANCEL_ENABLE);
    CHECK_INT(thing.closed, 2);
    CHECK_INT(with_dump(NULL), 0);
}

/* ---- cm_callback --------------------------------------------------------------------------- */

static char record[100];

static void note(const char *text)
{
    strcat(record, text);
}

static void note_thing(struct thing *thing)
{
    note(thing->closed ? "closed " : "thing ");
}

static void note_any(const void *text)
{
    note(text);
}

static void note_number(int number)
{
    snprintf(record + strlen(record), 20, "%d ", number);
}

static void note_nothing(void)
{
    CHECK_INT(cancel_state(), PTHREAD_CANCEL_DISABLE);
    errno = EBADF;
    note("nothing ");
}

static int fail_with(int error)
{
    errno = error;
    return error ? -1 : 0;
}

static int fail_always(void)
{
    return 7;
}

static int fail_thing(const struct thing *thing)
{
    errno = thing->error;
    return thing->result;
}

static void throw_text(const char *text)
{
    throw(RuntimeError, "%s", text);
}

static void test_callback(void)
{
    struct thing thing = {0};
    char text[] = "text ";
    int number = 1;
    void (*pointer)(int) = note_number;

    errno = ENOMEM;
    with (cm_callback(note_nothing))
        with (cm_callback(note_number, number++))
            with (cm_callback(pointer, number))
                with (cm_callback(note_thing, &thing))
                    with (cm_callback(note, text))
                        with (cm_callback(&note_any, text))
                            with (cm_callback(note, "literal ")) {
                                note("body ");
                                number = 100;
                                thing.closed = 1;
                            }
    CHECK_STR(record, "body literal text text closed 2 1 nothing ");
    CHECK_INT(errno, ENOMEM);
    with (cm_callback(free, malloc(1))) {}
    with (cm_callback(fail_with, 0)) {}
    with (cm_callback(fail_thing, &thing)) {}
    CHECK_INT(cancel_state(), PTHREAD_CANCEL_ENABLE);
}

static void callback_reused(void)
{
    const struct cm_callback manager = cm_callback(note, "again ");

    record[0] = '\0';
    with (manager)
        with (manager) note("body ");
    with (manager) {}
    CHECK_STR(record, "body again again again ");
}

static int leave_callback(int way)
{
    for (;;) {
        using (cm_callback(note, "out "));
        if (way == 0) break;
        if (way == 1) return 1;
        if (way == 2) goto out;
        if (way == 3) throw(KeyError, "3");
        way = 0;
        continue;
    }
    return 0;
out:
    return 2;
}

static void test_callback_ways_out(void)
{
    static const char *const wanted[] = {"out ", "out ", "out ", "out ", "out out "};

    for (int way = 0; way <= 4; way++) {
        record[0] = '\0';
        with (cm_suppress(KeyError)) leave_callback(way);
        CHECK_STR(record, wanted[way]);
    }
}

static void fail_unlink(void *path)
{
    const char *const file = path;

    with (cm_callback(unlink, file)) {}
}

static void fail_pointer(void *thing)
{
    with (cm_callback(fail_thing, (const struct thing *)thing)) {}
}

static void fail_number(void *unused)
{
    (void)unused;
    with (cm_callback(fail_with, 13)) {} /* EACCES, which the message would show as its number */
}

static void fail_plain(void *unused)
{
    (void)unused;
    with (cm_callback(fail_always)) {}
}

static void fail_and_throw(void *unused)
{
    (void)unused;
    with (cm_callback(fail_always)) throw(KeyError, "first");
}

static void throw_in_callback(void *unused)
{
    (void)unused;
    with (cm_callback(throw_text, "from the callback")) throw(KeyError, "first");
}

static void call_nothing(void *unused)
{
    void (*const nothing)(void *) = NULL;

    with (cm_callback(nothing, unused)) throw(KeyError, "not entered");
}

static void test_callback_failures(void)
{
    struct thing thing = {.result = -1, .error = EIO};
    const with_exception *e;

    CHECK_THROWS(fail_unlink, "/nowhere/at/all", FileNotFoundError,
                 "unlink(file): No such file or directory");
    CHECK_THROWS(fail_pointer, &thing, OSError,
                 "fail_thing((const struct thing *)thing): Input/output error");
    CHECK_THROWS(fail_number, NULL, PermissionError, "fail_with(13): Permission denied");
    CHECK_THROWS(fail_plain, NULL, OSError, "fail_always(): returned 7");
    CHECK_THROWS(call_nothing, NULL, ValueError, "nothing(unused): the function is NULL");
    e = with_call(fail_and_throw, NULL);
    CHECK_STR(e->message, "first");
    CHECK_STR(e->notes ? e->notes->text : NULL, "fail_always(): returned 7");
    with_exception_unref(e);
    e = with_call(throw_in_callback, NULL);
    CHECK_STR(e->message, "from the callback");
    CHECK_STR(e->context->message, "first");
    with_exception_unref(e);
    CHECK_INT(cancel_state(), PTHREAD_CANCEL_ENABLE);
}

/* ---- with_inside --------------------------------------------------------------------------- */

struct watched {
    WITH_MANAGER;
    int *entered;
    bool *completed;
};

static void watched_enter(struct watched *self)
{
    ++*self->entered;
}

static bool watched_exit(struct watched *self, const with_exception *exception)
{
    (void)exception;
    --*self->entered;
    *self->completed = with_completed(self);
    return false;
}

WITH_CLASS(watched, watched_enter, watched_exit);

static int entered;
static bool completed;

static struct watched watch(void)
{
    return WITH_NEW(watched, .entered = &entered, .completed = &completed);
}

static int seen_inside(int factor)
{
    return factor * entered;
}

static const char *text_inside(void)
{
    return entered ? "inside" : "outside";
}

static struct thing thing_inside(void)
{
    return (struct thing){.closed = entered};
}

static int throw_inside(void)
{
    throw(KeyError, "inside");
}

static void call_throwing(void *unused)
{
    (void)unused;
    CHECK_INT(with_inside(watch(), throw_inside()), 0);
}

/* CPython: a decorated function runs in the manager, which sees the exception it raises. */
static void test_inside(void)
{
    CHECK_INT(with_inside(watch(), seen_inside(5)), 5);
    CHECK(completed);
    CHECK_STR(with_inside(watch(), text_inside()), "inside");
    CHECK_INT(with_inside(watch(), thing_inside()).closed, 1);
    CHECK_INT(1 + with_inside(watch(), 10 * with_inside(watch(), seen_inside(1))) * 2, 41);
    CHECK(_Generic(with_inside(watch(), 1.5f), float : true, default : false));
    CHECK_INT(entered, 0);
    CHECK_THROWS(call_throwing, NULL, KeyError, "inside");
    CHECK(!completed);
    CHECK_INT(entered, 0);
    CHECK_INT(with_dump(NULL), 0);
}

/* What stands in the place of with_inside() for a suppressor. */
static void test_inside_suppressor(void)
{
    int value = -1;

    with (cm_suppress(KeyError)) value = throw_inside();
    CHECK_INT(value, -1);
    with (cm_suppress(KeyError)) value = seen_inside(3) + 3;
    CHECK_INT(value, 3);
}

/* ---- Threads, processes, the end ----------------------------------------------------------- */

static void *cancel_inside(void *thing)
{
    with (cm_closing_checked((struct thing *)thing))
        with (cm_callback(note, "cancelled ")) {
            pthread_cancel(pthread_self());
            pthread_testcancel();
        }
    return NULL;
}

static void test_cancellation(void)
{
    struct thing thing = {0};
    pthread_t thread;
    void *result = NULL;

    record[0] = '\0';
    CHECK(pthread_create(&thread, NULL, cancel_inside, &thing) == 0);
    CHECK(pthread_join(thread, &result) == 0);
    CHECK(result == PTHREAD_CANCELED);
    CHECK_INT(thing.closed, 1);
    CHECK_STR(record, "cancelled ");
}

/* The block's exits run at exit(), the callback's status tells that it was called. */
static void end_well(void)
{
    _exit(test_failures != 0);
}

static void exit_inside(void)
{
    with (cm_callback(end_well)) exit(3);
}

static void test_exit(void)
{
    int status = -1;
    pid_t child = fork();

    if (child == 0) exit_inside();
    CHECK(waitpid(child, &status, 0) == child);
    CHECK_INT(status, 0);
}

int main(void)
{
    test_closing();
    test_ways_out();
    test_real();
    test_no_value();
    test_closing_failures();
    test_throwing();
    test_callback();
    callback_reused();
    test_callback_ways_out();
    test_callback_failures();
    test_inside();
    test_inside_suppressor();
    test_cancellation();
    test_exit();
    return test_result();
}
