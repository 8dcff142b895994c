/* SPDX-License-Identifier: MIT
 *
 * What does an exit stack cost, with 1, 10 and 100 callbacks or managers in it, beside a list of functions
 * to call that is written by hand, and beside CPython's contextlib.ExitStack? Each callback, enter and
 * exit calls a function that the compiler cannot see through.
 */
#include "bench.h"
#include "python.h"

#include <stdlib.h>
#include <with.h>
#include <with/stack.h>

static void call(void *unused)
{
    (void)unused;
    bench_opaque();
}

/* ---- By hand ------------------------------------------------------------------------------- */

struct to_call {
    void (*function)(void *argument);
    void *argument;
};

/* Eight on the native stack, more from malloc, as a careful programmer would. */
struct hand_list {
    struct to_call few[8], *all;
    int count, room;
};

static __attribute__((noinline)) void hand_push(struct hand_list *list, void (*function)(void *),
                                                void *argument)
{
    if (list->count == list->room) {
        struct to_call *more = malloc(sizeof *more * 2 * (size_t)list->room);
        if (!more) abort();
        for (int i = 0; i < list->count; i++) more[i] = list->all[i];
        if (list->all != list->few) free(list->all);
        list->all = more;
        list->room *= 2;
    }
    list->all[list->count++] = (struct to_call){function, argument};
}

static __attribute__((noinline)) void hand_leave(struct hand_list *list)
{
    while (list->count-- > 0) list->all[list->count].function(list->all[list->count].argument);
    if (list->all != list->few) free(list->all);
}

static void hand_calls(long count, int entries, bool enters)
{
    while (count-- > 0) {
        struct hand_list list;
        list.all = list.few;
        list.count = 0;
        list.room = 8;
        for (int i = 0; i < entries; i++) {
            if (enters) bench_opaque();
            hand_push(&list, call, &list);
        }
        hand_leave(&list);
    }
}

/* ---- Exit stacks --------------------------------------------------------------------------- */

struct opaque {
    WITH_MANAGER;
};

static void opaque_enter(struct opaque *self)
{
    (void)self;
    bench_opaque();
}

static bool opaque_exit(struct opaque *self, const with_exception *exception)
{
    (void)self;
    (void)exception;
    bench_opaque();
    return false;
}

WITH_CLASS(opaque, opaque_enter, opaque_exit);

static void stack_calls(long count, int entries)
{
    while (count-- > 0) {
        with (cm_exit_stack(), stack)
            for (int i = 0; i < entries; i++) with_stack_callback(stack, call, NULL);
    }
}

static void stack_managers(long count, int entries)
{
    while (count-- > 0) {
        with (cm_exit_stack(), stack)
            for (int i = 0; i < entries; i++) with_stack_hold(stack, WITH_NEW(opaque));
    }
}

/* ---- Cases --------------------------------------------------------------------------------- */

#define CASES(N)                                                                                   \
    static void hand_calls_##N(long count)                                                         \
    {                                                                                              \
        hand_calls(count, N, false);                                                               \
    }                                                                                              \
    static void hand_managers_##N(long count)                                                      \
    {                                                                                              \
        hand_calls(count, N, true);                                                                \
    }                                                                                              \
    static void stack_calls_##N(long count)                                                        \
    {                                                                                              \
        stack_calls(count, N);                                                                     \
    }                                                                                              \
    static void stack_managers_##N(long count)                                                     \
    {                                                                                              \
        stack_managers(count, N);                                                                  \
    }
CASES(1)
CASES(10)
CASES(100)

static void beside_python(void)
{
    static const char setup[] = "from contextlib import ExitStack\n"
                                "def call(): pass\n"
                                "class Manager:\n"
                                "    def __enter__(self): pass\n"
                                "    def __exit__(self, *details): pass\n"
                                "manager = Manager()\n";
    static const struct {
        const char *name, *statement;
        bench_function *ours;
    } rows[] = {
        {"stack-calls-1", "with ExitStack() as s: s.callback(call)", stack_calls_1},
        {"stack-calls-10", "with ExitStack() as s:\n for i in range(10): s.callback(call)",
         stack_calls_10},
        {"stack-calls-100", "with ExitStack() as s:\n for i in range(100): s.callback(call)",
         stack_calls_100},
        {"stack-managers-1", "with ExitStack() as s: s.enter_context(manager)", stack_managers_1},
        {"stack-managers-10",
         "with ExitStack() as s:\n for i in range(10): s.enter_context(manager)",
         stack_managers_10},
        {"stack-managers-100",
         "with ExitStack() as s:\n for i in range(100): s.enter_context(manager)",
         stack_managers_100},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        bench_beside_python(rows[i].name, rows[i].ours, setup, rows[i].statement, 20);
}

int main(int argc, char **argv)
{
    static const struct bench_case cases[] = {
        {"hand-calls-1", hand_calls_1},
        {"hand-calls-10", hand_calls_10},
        {"hand-calls-100", hand_calls_100},
        {"hand-managers-1", hand_managers_1},
        {"hand-managers-10", hand_managers_10},
        {"hand-managers-100", hand_managers_100},
        {"stack-calls-1", stack_calls_1},
        {"stack-calls-10", stack_calls_10},
        {"stack-calls-100", stack_calls_100},
        {"stack-managers-1", stack_managers_1},
        {"stack-managers-10", stack_managers_10},
        {"stack-managers-100", stack_managers_100},
        {NULL, NULL},
    };
    static const struct bench_question questions[] = {
        {"stack-calls-1", "hand-calls-1", 0, BENCH_NO_GOAL},
        {"stack-calls-10", "hand-calls-10", 0, BENCH_NO_GOAL},
        {"stack-calls-100", "hand-calls-100", 0, BENCH_NO_GOAL},
        {"stack-managers-1", "hand-managers-1", 0, BENCH_NO_GOAL},
        {"stack-managers-10", "hand-managers-10", 0, BENCH_NO_GOAL},
        {"stack-managers-100", "hand-managers-100", 0, BENCH_NO_GOAL},
        {NULL, NULL, 0, BENCH_NO_GOAL},
    };
    const int status = bench_main(argc, argv, cases, questions);

    if (argc < 2) beside_python();
    return status;
}
