/* SPDX-License-Identifier: MIT
 *
 * Runs the random programs of one file, one after the other, and prints their traces.
 */
#include "runtime.h"

#include <stdarg.h>
#include <stdio.h>

enum { SLOTS = 3, DESCRIBED = 40 };

WITH_EXCEPTION(AppError, Exception);
WITH_EXCEPTION(AppChildError, AppError);
WITH_EXCEPTION(AppLookupError, LookupError);

const int T[20] = {3, 14, 15, 92, 65, 35, 89, 79, 32, 38, 46, 26, 43, 38, 32, 79, 50, 28, 84, 19};
int G[3];

static const with_exception *slots[SLOTS];
static with_exit_stack *parked[SLOTS];
static int fuel;
static unsigned luck;

void say(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
}

/* What has been printed once is a number the next time: chains share their ends. */
struct described {
    const with_exception *seen[DESCRIBED];
    int count;
};

static void describe_one(struct described *done, const with_exception *e)
{
    if (!e) {
        putchar('-');
        return;
    }
    for (int i = 0; i < done->count; i++)
        if (done->seen[i] == e) {
            printf("#%d", i);
            return;
        }
    if (done->count == DESCRIBED) {
        fputs("...", stdout);
        return;
    }
    done->seen[done->count++] = e;
    printf("%s(%s)", e->type->name, e->message);
    if (e->code) printf(" code %d", e->code);
    if (e->suppress_context) putchar('!');
    for (const with_note *n = e->notes; n; n = n->next) printf(" +%s", n->text);
    fputs(" [", stdout);
    describe_one(done, e->cause);
    fputs(" | ", stdout);
    describe_one(done, e->context);
    putchar(']');
}

void describe(const char *where, const with_exception *exception)
{
    struct described done = {.count = 0};

    printf("%s ", where);
    describe_one(&done, exception);
    putchar('\n');
}

void current(const char *where)
{
    const with_exception *e = with_current();

    say("%s current %s(%s)", where, e ? e->type->name : "", e ? e->message : "");
}

bool burned(void)
{
    return fuel-- <= 0;
}

bool chance(int sides)
{
    luck = (luck * 1103515245u + 12345u) & 0x7fffffff;
    return (luck >> 16) % (unsigned)sides == 0;
}

void take(int slot, const with_exception *exception)
{
    const with_exception *old = slots[slot];

    slots[slot] = exception;
    with_exception_unref(old);
}

void keep(int slot, const with_exception *exception)
{
    take(slot, with_exception_ref(exception));
}

const with_exception *kept(int slot)
{
    return slots[slot];
}

void park(int slot, with_exit_stack *stack)
{
    if (!parked[slot]) parked[slot] = with_stack_pop_all(stack);
}

with_exit_stack *unpark(int slot)
{
    with_exit_stack *stack = parked[slot];

    parked[slot] = NULL;
    return stack;
}

static void close_parked(void *slot)
{
    with_stack_close(unpark(ARGUMENT(slot)));
}

static void call_program(void *argument)
{
    (*(void (**)(void))argument)();
}

static void run_program(const struct program *program)
{
    void (*run)(void) = program->run;

    say("@ %d", program->index);
    fuel = program->fuel;
    luck = program->luck;
    for (int i = 0; i < 3; i++) G[i] = i;
    take(0, with_call(call_program, &run));
    for (int i = 0; i < SLOTS; i++)
        while (parked[i]) {
            const with_exception *e = with_call(close_parked, AS_ARGUMENT(i));
            describe("parked", e);
            with_exception_unref(e);
        }
    for (int i = 0; i < SLOTS; i++) describe("end", kept(i));
    current("end");
    say("end %d,%d,%d held %d", G[0], G[1], G[2], (int)with_dump(NULL));
    for (int i = 0; i < SLOTS; i++) take(i, NULL);
}

/* With an argument nothing is buffered, so that a crash loses no line. */
int main(int count, char **arguments)
{
    (void)arguments;
    if (count > 1) setvbuf(stdout, NULL, _IONBF, 0);
    for (int i = 0; i < program_count; i++) {
        run_program(&programs[i]);
        fflush(stdout);
    }
    return 0;
}
