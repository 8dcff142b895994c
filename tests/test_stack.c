/* SPDX-License-Identifier: MIT
 *
 * Exit stacks: what can be put on one, every way out of its block, and what is seen of it. That it is left
 * as nested blocks are is in test_stack_nested.c.
 */
#include "test_stack.h"

#include <with/lock.h>

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- Entering ------------------------------------------------------------------------------ */

static void enter_managers(void)
{
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

    with (cm_exit_stack(), stack) {
        long value = with_stack_enter(stack, cm_self_made(1));
        CHECK_INT(value, 1);
        with_stack_hold(stack, cm_lock(&mutex));
        with_stack_hold(stack, cm_self_made(2));
        CHECK_INT(pthread_mutex_trylock(&mutex), EBUSY);
        with_stack_callback(stack, call, "c");
        with_stack_push(stack, look, "l");
        SEEN("");
    }
    SEEN("l-c21");
    CHECK_INT(pthread_mutex_trylock(&mutex), 0);
    pthread_mutex_unlock(&mutex);
}

static void evaluate_once(void)
{
    with_exit_stack *stacks[3] = {NULL};
    const char *texts[] = {"a", "b", "c", "d"};
    long next = 0;
    int at = 0;

    with (cm_exit_stack(), stack) {
        stacks[0] = stacks[1] = stack;
        CHECK_INT(with_stack_enter(stacks[at++], cm_self_made(++next)), 1);
        with_stack_hold(stacks[at--], cm_self_made(++next));
        with_stack_callback(stacks[at++], call, (void *)texts[next++]);
        with_stack_push(stacks[at--], look, (void *)texts[next++]);
        CHECK_INT(at, 0);
    }
    SEEN("d-c21");
}

/* As an argument of another, and as the whole of a statement. */
static void enter_in_enter(void)
{
    with (cm_exit_stack(), stack) {
        long sum = with_stack_enter(with_stack_enter(stack, cm_exit_stack()),
                                    cm_self_made(with_stack_enter(stack, cm_self_made(3)) + 1));
        CHECK_INT(sum, 4);
        if (sum) with_stack_enter(stack, cm_self_made(5));
        else with_stack_hold(stack, cm_self_made(6));
    }
    SEEN("5"
         "3"
         "4");
}

/* Nothing is left of what could not be entered, and the memory is used again. */
static void enter_that_throws(void)
{
    int thrown = 0;

    with (cm_exit_stack(), stack) {
        with_stack_hold(stack, cm_self_made(1));
        for (int i = 0; i < 10000; i++) {
            try {
                with_stack_enter(stack, cm_self_made(-1));
            } catch (KeyError, e) {
                CHECK_INT((long long)e->traceback_length, 3);
                CHECK_STR(e->traceback[1]->text, "with_stack_enter(stack, cm_self_made(-1))");
                thrown++;
            }
        }
        CHECK_INT(thrown, 10000);
        CHECK_INT((long long)with_dump(NULL), 2);
    }
    SEEN("1");
}

static void misuse(void)
{
    struct self_made none = {.as = 1};
    int caught = 0;

    with (cm_exit_stack(), stack) {
        try with_stack_hold(NULL, cm_self_made(1));
        catch (ValueError) caught++;
        try with_stack_hold(stack, none);
        catch (TypeError) caught++;
        try with_stack_push(stack, NULL, NULL);
        catch (ValueError) caught++;
        try with_stack_callback(NULL, call, NULL);
        catch (ValueError) caught++;
        try with_stack_pop_all(NULL);
        catch (ValueError) caught++;
        CHECK_INT(with_stack_try_push(stack, NULL, NULL), -EINVAL);
        CHECK_INT(with_stack_try_callback(NULL, call, NULL), -EINVAL);
        CHECK_INT(with_stack_try_push(stack, look, "l"), 0);
        CHECK_INT(with_stack_try_callback(stack, call, "c"), 0);
        with_stack_close(NULL);
        SEEN("");
    }
    CHECK_INT(caught, 5);
    SEEN("cl-");
}

/* A lock names its block itself: the traceback names it once, as round a block. */
static void enter_quick(void)
{
    pthread_mutex_t *none = NULL;

    try {
        with (cm_exit_stack(), stack) with_stack_hold(stack, cm_lock(none));
    } catch (ValueError, e) {
        CHECK_INT((long long)e->traceback_length, 4); /* the throw itself, in the library */
        CHECK_STR(e->traceback[1]->text, "with_stack_hold(stack, cm_lock(none))");
        CHECK_STR(e->traceback[2]->text, "with (cm_exit_stack(), stack)");
        return;
    }
    CHECK(!"thrown");
}

/* ---- Ways out ------------------------------------------------------------------------------ */

static int leave_by(char how)
{
    for (int i = 0; i < 2; i++) {
        with (cm_exit_stack(), stack) {
            with_stack_hold(stack, cm_self_made(i));
            with_stack_push(stack, look, "l");
            switch (how) {
            case 'r': return 1;
            case 'g': goto out;
            case 't': throw(KeyError, "t");
            default: break;
            }
        }
    }
    return 0;
out:
    return 2;
}

static void ways_out(void)
{
    CHECK_INT(leave_by('e'), 0);
    SEEN("l-0l-1");
    CHECK_INT(leave_by('r'), 1);
    SEEN("l-0!");
    CHECK_INT(leave_by('g'), 2);
    SEEN("l-0!");
    try leave_by('t');
    catch (KeyError) note("k");
    SEEN("lt0!k");
}

static void plain_in_loop(void)
{
    for (int i = 0; i < 5; i++) {
        using (cm_plain_exit_stack(), stack);
        with_stack_hold(stack, cm_self_made(i));
        with_stack_push(stack, look, "l");
        if (i == 1) continue;
        if (i == 2) break;
        with_stack_callback(stack, call, "c");
    }
    SEEN("cl-0!l-1!l-2!");
}

static void plain_suppresses_nothing(void)
{
    volatile int caught = 0;

    try {
        using (cm_plain_exit_stack(), stack);
        with_stack_push(stack, look, "l");
        with_stack_push(stack, eat, "e");
        try with_stack_hold(stack, cm_exit_stack());
        catch (TypeError, e)
        {
            CHECK_STR(e->message, "cm_exit_stack is a suppressor, and this exit stack takes none");
            caught++;
        }
        throw(KeyError, "t");
    } catch (RuntimeError, e) {
        CHECK_STR(e->message, "the exit of with_stack_push returned true, but only a "
                              "WITH_SUPPRESSOR can suppress");
        CHECK(e->context && e->context->type == &KeyError);
        caught++;
    }
    CHECK_INT(caught, 2);
    SEEN("etlthe exit of with_stack_push returned true, but only a WITH_SUPPRESSOR can suppress");
}

static void thread_exits(void *stack)
{
    with_stack_callback(stack, call, "t");
    pthread_exit(NULL);
}

static void *run_thread(void *unused)
{
    with (cm_exit_stack(), stack) {
        with_stack_hold(stack, cm_self_made(1));
        with_stack_callback(stack, call, "c");
        thread_exits(stack);
    }
    return unused;
}

static void cancellation(void)
{
#ifdef __GLIBC__
    pthread_t thread;

    pthread_create(&thread, NULL, run_thread, NULL);
    pthread_join(thread, NULL);
    SEEN("tc1!");
#else
    (void)run_thread;
#endif
}

static int report;

static void tell(void *text)
{
    if (write(report, text, 1) != 1) _exit(99);
}

static bool tell_and_throw(void *text, const with_exception *exception)
{
    tell(exception ? "x" : text);
    throw(KeyError, "at exit");
}

/* Each exit runs as that of a block does at exit(): what one throws is printed, and not the next's matter. */
static void process_exit(void)
{
    char told[8] = "";
    int ends[2], status = -1;
    pid_t child;

    CHECK_INT(pipe(ends), 0);
    child = fork();
    if (child == 0) {
        report = ends[1];
        if (!freopen("/dev/null", "w", stderr)) _exit(98);
        with (cm_exit_stack(), stack) {
            with_stack_callback(stack, tell, "1");
            with_stack_push(stack, tell_and_throw, "2");
            with_exit_stack *inner = with_stack_enter(stack, cm_exit_stack());
            with_stack_push(inner, tell_and_throw, "3");
            with_stack_callback(inner, tell, "4");
            exit(7);
        }
    }
    close(ends[1]);
    waitpid(child, &status, 0);
    CHECK_INT(status, 7 << 8);
    CHECK_INT(read(ends[0], told, sizeof told - 1), 4);
    CHECK_STR(told, "4321");
    close(ends[0]);
}

/* ---- Fork, tracebacks, dump ---------------------------------------------------------------- */

static void fork_in_block(void)
{
    int status = -1;

    with (cm_exit_stack(), stack) {
        with_stack_hold(stack, cm_self_made(1));
        if (fork() == 0) {
            with_stack_close(stack);
            _exit(strcmp(seen, "1"));
        }
        wait(&status);
        SEEN("");
    }
    CHECK_INT(status, 0);
    SEEN("1");
}

static void traceback(void)
{
    try {
        with (cm_exit_stack(), stack) {
            with_stack_callback(stack, call, "c");
            with_stack_push(stack, look, "l");
            throw(KeyError, "t");
        }
    } catch (KeyError, e) {
        CHECK_INT((long long)e->traceback_length, 5);
        CHECK_STR(e->traceback[0]->text, "throw(KeyError, \"t\")");
        CHECK_STR(e->traceback[1]->text, "with_stack_push(stack, look, \"l\")");
        CHECK_STR(e->traceback[2]->text, "with_stack_callback(stack, call, \"c\")");
        CHECK_STR(e->traceback[3]->text, "with (cm_exit_stack(), stack)");
        CHECK_STR(e->traceback[4]->text, "try");
    }
    SEEN("ltc");
    try {
        with (cm_exit_stack(), stack) {
            with_stack_callback(stack, call, "c");
            with_stack_callback(stack, fail, "f");
            throw(KeyError, "t");
        }
    } catch (ValueError, e) {
        CHECK_INT((long long)e->traceback_length, 5);
        CHECK_STR(e->traceback[1]->text, "with_stack_callback(stack, fail, \"f\")");
        CHECK_STR(e->traceback[2]->text, "with_stack_callback(stack, call, \"c\")");
        CHECK_STR(e->traceback[3]->text, "with (cm_exit_stack(), stack)");
        CHECK_INT((long long)e->context->traceback_length, 2);
    }
    SEEN("fc");
}

static void throw_deep(int blocks)
{
    if (blocks == 0) throw(KeyError, "deep");
    with (cm_exit_stack()) throw_deep(blocks - 1);
}

/* Blocks for which there is no room in the traceback are counted once. */
static void traceback_is_full(void)
{
    try {
        with (cm_exit_stack(), stack) {
            with_stack_callback(stack, call, "c");
            throw_deep(1100);
        }
    } catch (KeyError, e) {
        CHECK_INT((long long)(e->traceback_length + e->traceback_lost), 1 + 1100 + 3);
        CHECK(e->traceback_lost > 0);
    }
    SEEN("c");
}

/* The exit is called by something else than a throw: a handler, say. */
static void exit_by_hand(void)
{
    struct cm_exit_stack self = cm_exit_stack();
    const struct with_class *class = self.with_.head.manager_class;

    self.with_.head.frame.site = WITH_SITE_(WITH_MANAGER_SITE_, "by hand");
    for (int i = 0; i < 3; i++) {
        class->enter(&self);
        if (i == 1) with_stack_push(self.as, eat, "e");
        if (i == 2) with_stack_callback(self.as, fail, "f");
        with_stack_push(self.as, look, "l");
        try {
            try {
                throw(KeyError, "t");
            } catch (KeyError, e) {
                CHECK_INT(class->exit(&self, e), i == 1);
                CHECK_STR(e->message, "t");
                CHECK(with_current() == e);
            }
        } catch (ValueError, e) {
            CHECK_STR(e->context->message, "t");
        }
    }
    SEEN("lt"
         "ltet"
         "ltf");
}

static void dump_in_exit(void *wanted)
{
    CHECK_INT((long long)with_dump(NULL), (intptr_t)wanted);
}

static void dump(void)
{
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);

    with (cm_exit_stack(), stack) {
        with_exit_stack *inner = with_stack_enter(stack, cm_exit_stack());
        with_stack_hold(stack, cm_self_made(1));
        with_stack_callback(inner, dump_in_exit, (void *)2);
        with_stack_callback(stack, dump_in_exit, (void *)4);
        CHECK_INT((long long)with_dump(stream), 5);
        with_stack_hold(stack, cm_self_made(2));
    }
    fclose(stream);
    CHECK(strstr(text, "with_stack_callback(inner, dump_in_exit") != NULL);
    CHECK(strstr(text, "self_made, entered in") != NULL);
    CHECK(strstr(text, "with (cm_exit_stack(), stack)") != NULL);
    free(text);
    SEEN("21");
}

static void errno_is_kept(void)
{
    with (cm_exit_stack(), stack) {
        for (int i = 0; i < 100; i++) with_stack_callback(stack, call, "");
        errno = 77;
    }
    CHECK_INT(errno, 77);
}

int main(void)
{
    enter_managers();
    evaluate_once();
    enter_in_enter();
    enter_that_throws();
    misuse();
    enter_quick();
    ways_out();
    plain_in_loop();
    plain_suppresses_nothing();
    cancellation();
    process_exit();
    fork_in_block();
    traceback();
    traceback_is_full();
    exit_by_hand();
    dump();
    errno_is_kept();
    CHECK_INT((long long)with_dump(NULL), 0);
    return test_result();
}
