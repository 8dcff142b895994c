/* SPDX-License-Identifier: MIT
 *
 * WITH_BACKTRACE=1: the native call stack of an exception. The variable is read when the program
 * starts, so the program runs itself again with it.
 */
#include <with.h>

#include "test.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile int depth;

static __attribute__((noinline)) void innermost_function(void)
{
    if (depth) throw(ValueError, "deep");
}

static __attribute__((noinline)) void recurse(int n)
{
    depth++;
    if (n) recurse(n - 1);
    else innermost_function();
    depth--;
}

static void throw_uncaught(void)
{
    recurse(3);
}

/* The output of a child that runs this program with the variable set to value. */
static void run_again(const char *program, const char *value, const char *mode, char *output,
                      size_t size)
{
    int ends[2], status = 0;
    size_t length = 0;
    ssize_t count;
    pid_t child;

    CHECK_INT(pipe(ends), 0);
    child = fork();
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        setenv("WITH_BACKTRACE", value, 1);
        execl(program, program, mode, (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    while (length + 1 < size && (count = read(ends[0], output + length, size - 1 - length)) > 0)
        length += (size_t)count;
    output[length] = '\0';
    close(ends[0]);
    CHECK_INT(waitpid(child, &status, 0), child);
    CHECK_INT(WEXITSTATUS(status), 1);
}

static bool have_libdw(void)
{
    void *library = dlopen("libdw.so.1", RTLD_NOW | RTLD_LOCAL);

    return library && dlclose(library) == 0;
}

static int count_of(const char *text, const char *part)
{
    int count = 0;

    while ((text = strstr(text, part))) count++, text++;
    return count;
}

static void test_named(const char *program)
{
    static char output[65536];
    const char *stack, *inner;

    run_again(program, "1", "throw", output, sizeof output);
    stack = strstr(output, "Native call stack (most recent call last):\n");
    if (!CHECK(stack != NULL)) return;
    CHECK(strstr(stack, "\nValueError: deep\n") != NULL);
#if __has_include(<elfutils/libdwfl.h>)
    if (!have_libdw()) return;
    inner = strstr(stack, "in innermost_function");
    CHECK(inner != NULL);
    CHECK(strstr(stack, "in main") && strstr(stack, "in main") < inner);
    CHECK(count_of(stack, "in recurse") >= 1);
    CHECK(strstr(stack, "with_throw_") == NULL);
#else
    (void)inner, (void)have_libdw, (void)count_of;
    CHECK(strstr(stack, "\n  0x") != NULL);
#endif
}

static void test_off(const char *program)
{
    static char output[65536];

    run_again(program, "0", "throw", output, sizeof output);
    CHECK(strstr(output, "Native call stack") == NULL);
    CHECK(strstr(output, "ValueError: deep") != NULL);
}

/* More calls than are recorded: the innermost ones are kept. */
static void test_deep(const char *program)
{
    static char output[262144];

    run_again(program, "1", "deep", output, sizeof output);
    CHECK(strstr(output, "Native call stack") != NULL);
    CHECK(strstr(output, "ValueError: deep") != NULL);
}

int main(int count, char **arguments)
{
    if (count > 1) {
        if (strcmp(arguments[1], "deep") == 0) recurse(1000);
        throw_uncaught();
    }
    test_named(arguments[0]);
    test_off(arguments[0]);
    test_deep(arguments[0]);
    return test_result();
}
