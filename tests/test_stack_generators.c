/* SPDX-License-Identifier: MIT
 *
 * Generators in exit stacks, and exit stacks in generators: three generators, of each choice of five kinds, are
 * entered into a stack and as nested blocks, the body is left in each way, and both must say the same.
 */
#include <with.h>
#include <with/generator.h>
#include <with/stack.h>

#include "test.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum kind { PASSES, CATCHES, REPLACES, FAILS_AFTER, FAILS_BEFORE, KINDS };
enum leaving { ENDS, THROWS, THROWS_IN_HANDLER, RETURNS, LEAVINGS };

/* Shared with a child. */
static struct trace {
    char text[4000];
    size_t length;
} * trace;

static void __attribute__((format(printf, 1, 2))) say(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    trace->length += (size_t)vsnprintf(trace->text + trace->length,
                                       sizeof trace->text - trace->length, format, arguments);
    va_end(arguments);
    if (trace->length >= sizeof trace->text) abort();
}

static void describe(const with_exception *e)
{
    for (; e; e = e->context) say(" %s(%s)", e->type->name, e->message);
    say(";");
}

WITH_GENERATOR(speaker, int, (int, number), (enum kind, kind))
{
    say("enter %d;", number);
    if (kind == FAILS_BEFORE) throw(IndexError, "before %d", number);
    try {
        const bool completed = yield(number);
        say("exit %d %d;", number, completed);
        if (kind == FAILS_AFTER) throw(KeyError, "after %d", number);
    } catch (Exception, e) {
        say("exit %d", number);
        describe(e);
        if (kind == REPLACES) throw(ValueError, "instead %d", number);
        if (kind != CATCHES) with_rethrow();
    }
}

/* ---- The same three, in blocks and in a stack ------------------------------------------------- */

static bool body(enum leaving leaving, int sum)
{
    say("body %d;", sum);
    switch (leaving) {
    case THROWS: throw(OSError, "body");
    case THROWS_IN_HANDLER: try { throw(EOFError, "first");
        } catch (EOFError) {
            throw(OSError, "second");
        }
    case RETURNS: return true;
    default: return false;
    }
}

static void in_blocks(const enum kind *kinds, enum leaving leaving)
{
    with (cm_speaker(1, kinds[0]), a) {
        with (cm_speaker(2, kinds[1]), b) {
            with (cm_speaker(3, kinds[2]), c) {
                if (body(leaving, a + b + c)) return;
            }
        }
    }
}

static void in_a_stack(const enum kind *kinds, enum leaving leaving)
{
    with (cm_exit_stack(), stack) {
        int sum = 0;
        for (int i = 0; i < 3; i++) sum += with_stack_enter(stack, cm_speaker(i + 1, kinds[i]));
        if (body(leaving, sum)) return;
    }
}

WITH_GENERATOR(three, int, (const enum kind *, kinds))
{
    with (cm_exit_stack(), stack) {
        int sum = 0;
        for (int i = 0; i < 3; i++) sum += with_stack_enter(stack, cm_speaker(i + 1, kinds[i]));
        if (!yield(sum)) return;
    }
}

static void in_a_generator(const enum kind *kinds, enum leaving leaving)
{
    with (cm_three(kinds), sum) {
        if (body(leaving, sum)) return;
    }
}

static const char *trace_of(void (*run)(const enum kind *, enum leaving), const enum kind *kinds,
                            enum leaving leaving)
{
    trace->length = 0;
    try {
        run(kinds, leaving);
        say("end;");
    } catch (Exception, e) {
        say("out");
        describe(e);
    }
    CHECK_INT((long long)with_dump(NULL), 0);
    CHECK(!with_current());
    return strdup(trace->text);
}

static bool has(const enum kind *kinds, enum kind kind)
{
    return kinds[0] == kind || kinds[1] == kind || kinds[2] == kind;
}

static void compare(const enum kind *kinds, enum leaving leaving)
{
    const char *blocks = trace_of(in_blocks, kinds, leaving);
    const char *stack = trace_of(in_a_stack, kinds, leaving);
    const char *generator = trace_of(in_a_generator, kinds, leaving);
    const bool catches = has(kinds, CATCHES);

    /* As Python's: behind a block whose exception was suppressed a function goes on, but a stack is one
     * block, which a return leaves; and the exception of its block is handled while a generator goes on. */
    if (!catches || leaving != RETURNS) CHECK_STR(stack, blocks);
    if (!catches && !has(kinds, FAILS_BEFORE)) CHECK_STR(generator, blocks);
    free((void *)blocks);
    free((void *)stack);
    free((void *)generator);
}

static void test_all(void)
{
    enum kind kinds[3];

    for (int choice = 0; choice < KINDS * KINDS * KINDS; choice++) {
        kinds[0] = (enum kind)(choice % KINDS);
        kinds[1] = (enum kind)(choice / KINDS % KINDS);
        kinds[2] = (enum kind)(choice / KINDS / KINDS);
        for (int leaving = 0; leaving < LEAVINGS; leaving++) compare(kinds, (enum leaving)leaving);
    }
}

/* ---- What outlives the block, and what cuts it short ------------------------------------------ */

static void test_popped(void)
{
    static const enum kind kinds[] = {PASSES, CATCHES, PASSES};
    with_exit_stack *kept = NULL;

    trace->length = 0;
    with (cm_exit_stack(), stack) {
        for (int i = 0; i < 3; i++) with_stack_enter(stack, cm_speaker(i + 1, kinds[i]));
        kept = with_stack_pop_all(stack);
    }
    CHECK_STR(trace->text, "enter 1;enter 2;enter 3;");
    trace->length = 0;
    with (cm_exit_stack_of(kept)) throw(OSError, "later");
    CHECK_STR(trace->text, "exit 3 OSError(later);exit 2 OSError(later);exit 1 1;");
}

static void exit_in_the_middle(void)
{
    with (cm_speaker(1, PASSES))
        with (cm_exit_stack(), stack) {
            with_stack_enter(stack, cm_speaker(2, FAILS_AFTER));
            with_stack_enter(stack, cm_speaker(3, PASSES));
            exit(7);
        }
}

static void test_exit(void)
{
    int status = 0;
    pid_t child;

    trace->length = 0;
    fflush(NULL);
    child = fork();
    if (child == 0) {
        close(STDERR_FILENO); /* the KeyError is printed */
        exit_in_the_middle();
        _exit(8);
    }
    waitpid(child, &status, 0);
    CHECK(WIFEXITED(status));
    CHECK_INT(WEXITSTATUS(status), 7);
    CHECK_STR(trace->text,
              "enter 1;enter 2;enter 3;exit 3 0;exit 2 0;exit 2 KeyError(after 2);exit 1 0;");
}

static void *cancel_in_the_middle(void *unused)
{
    with (cm_exit_stack(), stack) {
        with_stack_enter(stack, cm_speaker(1, PASSES));
        with_stack_enter(stack, cm_speaker(2, PASSES));
        pthread_cancel(pthread_self());
        pthread_testcancel();
    }
    return unused;
}

static void test_cancel(void)
{
    pthread_t thread;
    void *result = NULL;

    trace->length = 0;
    CHECK_INT(pthread_create(&thread, NULL, cancel_in_the_middle, NULL), 0);
    pthread_join(thread, &result);
    CHECK(result == PTHREAD_CANCELED);
    CHECK_STR(trace->text, "enter 1;enter 2;exit 2 0;exit 1 0;");
}

int main(void)
{
    trace = mmap(NULL, sizeof *trace, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (trace == MAP_FAILED) return 1;
    test_exit(); /* first: in a child that has stacks from before, ThreadSanitizer sees races */
    test_all();
    test_popped();
    test_cancel();
    return test_result();
}
