/* SPDX-License-Identifier: MIT
 *
 * Exit stacks that are closed in their block, kept beyond it, entered again, closed by another thread, and
 * what an enter or exit in a stack may do to the stack.
 */
#include "test_stack.h"

#include <pthread.h>

/* ---- Closing and keeping ------------------------------------------------------------------- */

static void close_in_block(void)
{
    with (cm_exit_stack(), stack) {
        with_stack_close(stack);
        with_stack_hold(stack, cm_self_made(1));
        with_stack_push(stack, eat, "e");
        with_stack_callback(stack, fail, "f");
        with_stack_close(stack);
        SEEN("fef1");
        with_stack_hold(stack, cm_self_made(2));
        with_stack_callback(stack, fail, "f");
        try with_stack_close(stack);
        catch (ValueError, e)
        {
            CHECK_INT((long long)e->traceback_length, 5);
            CHECK_STR(e->traceback[1]->text, "with_stack_callback(stack, fail, \"f\")");
            CHECK_STR(e->traceback[2]->text, "with_stack_hold(stack, cm_self_made(2))");
            CHECK_STR(e->traceback[3]->text, "with_stack_close(stack)");
        }
        SEEN("f2!");
        with_stack_callback(stack, call, "c");
    }
    SEEN("c");
}

static with_exit_stack *open_all(bool succeed)
{
    with (cm_exit_stack(), stack) {
        with_stack_hold(stack, cm_self_made(1));
        with_stack_callback(stack, call, "c");
        if (!succeed) throw(KeyError, "no");
        return with_stack_pop_all(stack);
    }
    return NULL;
}

static void keep(void)
{
    with_exit_stack *kept = open_all(true), *again;

    SEEN("");
    CHECK(with_stack_pop_all(kept) == kept);
    with_stack_callback(kept, call, "k");
    with_stack_close(kept);
    SEEN("kc1");
    try open_all(false);
    catch (KeyError) note("k");
    SEEN("c1!k");

    kept = open_all(true);
    with (cm_exit_stack_of(kept), stack) {
        with_stack_push(stack, eat, "e");
        again = with_stack_pop_all(stack);
        with_stack_callback(stack, call, "b");
    }
    SEEN("b");
    with (cm_exit_stack_of(again), stack) {
        with_stack_callback(stack, call, "d");
        throw(KeyError, "t");
    }
    SEEN("detc1");
    with (cm_exit_stack_of(NULL), stack) with_stack_callback(stack, call, "n");
    SEEN("n");
}

/* One that is empty can be popped, filled and left alone; what is entered into it in vain takes nothing. */
static void keep_nothing(void)
{
    with_exit_stack *kept = NULL, *other = NULL;

    with (cm_exit_stack(), stack) {
        kept = with_stack_pop_all(stack);
        other = with_stack_pop_all(stack);
    }
    CHECK(kept != other);
    try with_stack_hold(kept, cm_self_made(-1));
    catch (KeyError) note("k");
    with_stack_callback(kept, call, "c");
    with_stack_close(other);
    with_stack_close(kept);
    SEEN("kc");
}

/* A stack that was plain is as any other once it has been popped. */
static void keep_plain(void)
{
    with_exit_stack *kept = NULL;

    for (int i = 0; i < 1; i++) {
        using (cm_plain_exit_stack(), stack);
        with_stack_hold(stack, cm_self_made(1));
        kept = with_stack_pop_all(stack);
        break;
    }
    with_stack_push(kept, eat, "e");
    with_stack_callback(kept, fail, "f");
    with_stack_close(kept);
    SEEN("fef1");
}

/* It is not meant to be done, but nothing is exited twice. */
static void reenter_unpopped(void)
{
    with (cm_exit_stack(), stack) {
        with_stack_callback(stack, call, "1");
        with (cm_exit_stack_of(stack), again) {
            with_stack_callback(again, call, "2");
            with_stack_callback(stack, call, "3");
        }
        note(";");
    }
    SEEN("21;3");
}

static void reuse_value(void)
{
    struct cm_exit_stack value = cm_exit_stack();

    with (value, outer) {
        with_stack_callback(outer, call, "o");
        with (value, inner) with_stack_callback(inner, call, "i");
        SEEN("i");
    }
    SEEN("o");
}

static void *close_popped(void *popped)
{
    with_stack_close(popped);
    return NULL;
}

static void other_thread(void)
{
    with_exit_stack *kept = open_all(true);
    pthread_t thread;

    pthread_create(&thread, NULL, close_popped, kept);
    pthread_join(thread, NULL);
    SEEN("c1");
}

/* ---- What is done to a stack that is being left or entered into ----------------------------- */

/* Does something to its own stack in its enter or its exit. */
struct meddler {
    WITH_MANAGER;
    with_exit_stack *stack;
    void (*in_enter)(with_exit_stack *), (*in_exit)(with_exit_stack *);
};

static void meddler_enter(struct meddler *self)
{
    if (self->in_enter) self->in_enter(self->stack);
}

static bool meddler_exit(struct meddler *self, const with_exception *exception)
{
    (void)exception;
    note("m");
    if (self->in_exit) self->in_exit(self->stack);
    note("n");
    return false;
}

WITH_CLASS(meddler, meddler_enter, meddler_exit);

static void push_more(with_exit_stack *stack)
{
    with_stack_callback(stack, call, "p");
    with_stack_callback(stack, call, "q");
}

static void close_all(with_exit_stack *stack)
{
    with_stack_close(stack);
}

static void pop(with_exit_stack *stack)
{
    with_stack_pop_all(stack);
}

static void reenter(with_exit_stack *stack)
{
    with (cm_exit_stack_of(stack)) note("entered");
}

static void meddle(void (*in_enter)(with_exit_stack *), void (*in_exit)(with_exit_stack *))
{
    with (cm_exit_stack(), stack) {
        with_stack_callback(stack, call, "1");
        with_stack_hold(
            stack, WITH_NEW(meddler, .stack = stack, .in_enter = in_enter, .in_exit = in_exit));
        with_stack_callback(stack, call, "2");
        note(";");
    }
}

static void meddling(void)
{
    void (*const refused[])(with_exit_stack *) = {pop, reenter};

    meddle(NULL, push_more);
    SEEN(";2mnqp1");
    meddle(push_more, NULL);
    SEEN(";2mnqp1");
    meddle(NULL, close_all);
    SEEN(";2m1n");
    meddle(close_all, NULL);
    SEEN("1;2mn");
    for (int i = 0; i < 2; i++) {
        try meddle(refused[i], NULL);
        catch (RuntimeError, e)
            CHECK_STR(e->message, "this exit stack is being left, or entered into");
        SEEN("1");
        try meddle(NULL, refused[i]);
        catch (RuntimeError) note("r");
        SEEN(";2m1r");
    }
}

/* The same with a popped stack, whose own memory is in question. */
static void meddling_with_popped(void)
{
    with_exit_stack *kept = NULL;

    with (cm_exit_stack(), stack) kept = with_stack_pop_all(stack);
    with_stack_callback(kept, call, "1");
    with_stack_hold(kept, WITH_NEW(meddler, .stack = kept, .in_exit = close_all));
    with_stack_callback(kept, call, "2");
    with_stack_close(kept);
    SEEN("2m1n");

    with (cm_exit_stack(), stack) kept = with_stack_pop_all(stack);
    with_stack_callback(kept, call, "1");
    with_stack_hold(kept, WITH_NEW(meddler, .stack = kept, .in_exit = pop));
    try with_stack_close(kept);
    catch (RuntimeError) note("r");
    SEEN("m1r");
}

int main(void)
{
    close_in_block();
    keep();
    keep_nothing();
    keep_plain();
    reenter_unpopped();
    reuse_value();
    other_thread();
    meddling();
    meddling_with_popped();
    CHECK_INT((long long)with_dump(NULL), 0);
    return test_result();
}
