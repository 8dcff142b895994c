/* SPDX-License-Identifier: MIT
 *
 * The matrix: every way out of every form of block, with every failure on the way, compared with
 * what hand-written C would have done. What ends the process runs in a child.
 */
#include <with.h>

#include "../test.h"
#include "ways_out.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TRACE_SIZE = 4000 };

/* Shared with the children. */
static struct {
    size_t length;
    char text[TRACE_SIZE];
} * traced;

void trace(const char *format, ...)
{
    va_list arguments;
    size_t room = TRACE_SIZE - traced->length;
    int length;

    va_start(arguments, format);
    length = vsnprintf(traced->text + traced->length, room, format, arguments);
    va_end(arguments);
    if (length < 0 || (size_t)length + 2 > room) abort();
    traced->length += (size_t)length;
    traced->text[traced->length++] = '\n';
    traced->text[traced->length] = '\0';
}

static void take_trace(char *text)
{
    memcpy(text, traced->text, traced->length + 1);
    traced->length = 0;
    traced->text[0] = '\0';
}

/* ---- In a thread --------------------------------------------------------------------------- */

static void trace_caught(const with_exception *exception)
{
    char chain[200];
    size_t length = 0;

    for (const with_exception *e = exception; e && length < sizeof chain; e = e->context)
        length += (size_t)snprintf(chain + length, sizeof chain - length, "%s%s(%s)",
                                   e == exception ? "" : " in ", e->type->name, e->message);
    trace("caught %s", chain);
}

static void run_and_catch(void *plan)
{
    try {
        trace("returned %d", run_with(plan));
    } catch (BaseException, e) {
        trace_caught(e);
    }
}

static void *run_in_thread(void *plan)
{
    int value = 0;

#ifdef WITH_CXX
    if (catch_foreign(run_and_catch, plan, &value)) trace("foreign %d", value);
#else
    (void)value;
    run_and_catch(plan);
#endif
    CHECK_INT((long long)with_dump(NULL), 0);
    CHECK(with_current() == NULL);
    return plan;
}

static void run_thread(const struct plan *plan)
{
    pthread_t thread;
    void *result;

    if (pthread_create(&thread, NULL, run_in_thread, (void *)plan)) abort();
    pthread_join(thread, &result);
    if (result == PTHREAD_CANCELED) trace("cancelled");
    else if (result != plan) trace("thread ended");
}

/* ---- In a child ---------------------------------------------------------------------------- */

/* Of tracebacks only the lines that say what was raised. */
static void trace_printed(FILE *printed)
{
    char line[300];

    rewind(printed);
    while (fgets(line, sizeof line, printed)) {
        char *colon = strchr(line, ':');
        line[strcspn(line, "\n")] = '\0';
        if (!*line || *line == ' ' || strncmp(line, "During", 6) == 0 ||
            strncmp(line, "Traceback", 9) == 0)
            continue;
        if (colon && colon[1]) trace("printed %.*s(%s)", (int)(colon - line), line, colon + 2);
        else trace("printed %s()", line);
    }
}

static void run_to_the_end(const struct plan *plan)
{
    trace("returned %d", run_with(plan));
    exit(0);
}

/* With a C++ exception that is replaced the end is at once: its memory is nobody's any more. */
static void run_child(const struct plan *plan)
{
    const bool process = plan->way != FOREIGN;
    FILE *printed = tmpfile();
    pid_t child = printed ? fork() : -1;
    int status = -1;

    if (child < 0) abort();
    if (child == 0) {
        dup2(fileno(printed), STDERR_FILENO);
        if (process) run_to_the_end(plan);
        run_thread(plan);
        _exit(0);
    }
    waitpid(child, &status, 0);
    trace_printed(printed);
    fclose(printed);
    if (process) trace("status %d", WIFEXITED(status) ? WEXITSTATUS(status) : -status);
}

/* ---- The matrix ---------------------------------------------------------------------------- */

static void run_case(const struct plan *plan)
{
    char wanted[TRACE_SIZE], got[TRACE_SIZE], name[100];

    run_by_hand(plan);
    take_trace(wanted);
    if (plan->way == EXIT || plan->way == WITH_EXIT ||
        (plan->way == FOREIGN && plan->failure == LEAVE))
        run_child(plan);
    else run_thread(plan);
    take_trace(got);
    snprintf(name, sizeof name, "form %d, way %d, failure %d at level %d", plan->form, plan->way,
             plan->failure, plan->level);
    test_strings(got, wanted, __FILE__, __LINE__, name);
}

static int levels(enum form form)
{
    return form == NESTED_PLAIN || form == NESTED_MIXED ? 3 : 1;
}

static bool possible(enum form form, enum way way)
{
#ifndef WITH_CXX
    if (way == FOREIGN) return false;
#endif
#ifndef __GLIBC__ /* elsewhere cancellation runs no cleanup of gcc's */
    if (way == CANCEL || way == THREAD_EXIT) return false;
#endif
    return way != BREAK || form == USING || form == USING_AS || form == USING_IN_LOOP;
}

int main(void)
{
    struct plan plan;

    traced = mmap(NULL, sizeof *traced, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (traced == MAP_FAILED) return 1;
    for (plan.form = 0; plan.form < FORMS; plan.form++)
        for (plan.way = 0; plan.way < WAYS; plan.way++)
            for (plan.failure = 0; plan.failure < FAILURES; plan.failure++)
                for (plan.level = 0; plan.level < levels(plan.form); plan.level++)
                    if (possible(plan.form, plan.way)) run_case(&plan);
    return test_result();
}
