/* SPDX-License-Identifier: MIT
 *
 * The small managers of with/contextlib.h: exceptions that are passed over or expected, values that
 * are destroyed by their own functions, calls that are deferred or made inside a manager.
 */
#include <with.h>
#include <with/contextlib.h>
#include <with/lock.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- Exceptions passed over ---------------------------------------------------------------- */

static void remove_file(const char *path)
{
    if (unlink(path) != 0) throw_errno("%s", path);
}

/* It is enough that the file is not there; that it may not be removed is another matter. */
static bool forget(const char *path)
{
    volatile bool missing;

    with (cm_suppress_into(&missing, FileNotFoundError, NotADirectoryError)) remove_file(path);
    return !missing;
}

static int number_or(int otherwise, const char *text)
{
    int number = otherwise;

    with (cm_suppress(ValueError)) {
        char *end;
        const long value = strtol(text, &end, 10);
        if (end == text || *end) throw(ValueError, "not a number: '%s'", text);
        number = (int)value; /* nothing is thrown after this: it need not be volatile */
    }
    return number;
}

/* ---- Values that are destroyed ------------------------------------------------------------- */

WITH_CLOSING(DIR *, directory, closedir);
WITH_CLOSING(int, descriptor, close, .empty = -1);
WITH_CLOSING(pthread_mutex_t *, mutex, pthread_mutex_destroy, .returns_error = true);
WITH_CLOSING(const with_exception *, exception, with_exception_unref);

static int count_entries(const char *path)
{
    int count = 0;

    with (cm_closing_directory(opendir(path)), directory)
        while (readdir(directory)) count++;
    return count;
}

/* ---- Calls --------------------------------------------------------------------------------- */

static void print_line(const char *line)
{
    puts(line);
}

static void work(bool fails)
{
    using (cm_callback(print_line, "  tidied up"));

    if (fails) throw(RuntimeError, "no more work");
    puts("  worked");
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int tickets;

static int take_ticket(void)
{
    return ++tickets;
}

static int next_ticket(void)
{
    return with_inside(cm_lock(&lock), take_ticket()); /* unlocked when the value is returned */
}

/* ---- Nothing to do ------------------------------------------------------------------------- */

/* The same code with a lock and without: what stands for it must be known to the compiler. */
#ifdef COUNTER_IS_SHARED
#define counter_lock() cm_lock(&lock)
#else
#define counter_lock() cm_nullcontext()
#endif

static int counter;

static void count_up(void)
{
    with (counter_lock()) counter++;
}

/* ---- Tests --------------------------------------------------------------------------------- */

static void test_remove_file(void)
{
    const with_exception *volatile e;

    with (cm_expect(OSError, .message = "no/such", .caught = &e)) remove_file("no/such/file");
    with (cm_closing_exception(e), caught)
        printf("thrown as expected: %s, code %d\n", caught->type->name, caught->code);
}

int main(void)
{
    printf("forgotten: %s\n", forget("no such file") ? "yes" : "there was none");
    printf("numbers: %d and %d\n", number_or(-1, "42"), number_or(-1, "forty-two"));

    printf("the directory has entries: %s\n", count_entries("/") > 0 ? "yes" : "no");
    with (cm_suppress(FileNotFoundError)) count_entries("no/such");
    with (cm_closing_mutex(&(pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER), mutex)
        with (cm_lock(mutex)) puts("locked");
    try {
        with (cm_closing_descriptor(dup(STDIN_FILENO)), fd)
            close(fd); /* and once more at the end */
    } catch (OSError, e) {
        printf("%s\n", e->message);
    }

    puts("a call that is deferred:");
    work(false);
    try {
        work(true);
    } catch (RuntimeError, e) {
        printf("  %s\n", e->message);
    }
    next_ticket();
    printf("ticket %d\n", next_ticket());

    count_up();
    printf("counter %d\n", counter);

    test_remove_file();
    try {
        with (cm_expect(ValueError)) number_or(0, "7");
    } catch (AssertionError, e) {
        printf("%.25s\n", e->message);
    }
    return 0;
}
