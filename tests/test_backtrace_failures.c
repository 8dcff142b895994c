/* SPDX-License-Identifier: MIT
 *
 * WITH_BACKTRACE=1 where libdw is not there, lacks a function, or knows nothing: the addresses are
 * printed alone, or no stack at all, and the exception in every case. The program runs itself again,
 * with what is to fail as its argument.
 */
#define _GNU_SOURCE
#include <with.h>

#include "test.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#if !defined(TEST_SANITIZED) && __has_include(<elfutils/libdwfl.h>)
#define INJECTS true
#else
#define INJECTS false
#endif

static const char *failing = "";

/* ---- What fails on demand ------------------------------------------------------------------ */

#ifndef TEST_SANITIZED /* the sanitizers look for libc's functions before all else */

static void *give_null(void)
{
    return NULL;
}

static int give_error(void)
{
    return -1;
}

/* Whether the name is what is to fail after the prefix, such as in "null:dwfl_begin". */
static bool is_failing(const char *prefix, const char *name)
{
    const size_t length = strlen(prefix);

    return strncmp(failing, prefix, length) == 0 && strcmp(failing + length, name) == 0;
}

static void *find(const char *name)
{
    static const char *const versions[] = {"GLIBC_2.34", "GLIBC_2.2.5", "GLIBC_2.17"};
    void *function = NULL;

    for (size_t i = 0; i < sizeof versions / sizeof *versions && !function; i++)
        function = dlvsym(RTLD_NEXT, name, versions[i]);
    return function;
}

void *dlsym(void *restrict library, const char *restrict name)
{
    static void *(*found)(void *, const char *);

    if (is_failing("lacks:", name)) return NULL;
    if (is_failing("null:", name)) return (void *)give_null;
    if (is_failing("error:", name)) return (void *)give_error;
    if (!found) found = (void *(*)(void *, const char *))find("dlsym");
    return found(library, name);
}

void *dlopen(const char *name, int mode)
{
    static void *(*found)(const char *, int);

    if (name && strcmp(failing, "dlopen") == 0) return NULL;
    if (!found) found = (void *(*)(const char *, int))find("dlopen");
    return found(name, mode);
}
#endif

/* ---- The child ----------------------------------------------------------------------------- */

static __attribute__((noinline)) void throw_somewhere(void)
{
    if (*failing) throw(ValueError, "somewhere");
}

static void run_child(const char *what)
{
    failing = what;
    throw_somewhere();
}

/* ---- The cases ----------------------------------------------------------------------------- */

static void check(const char *program, const char *what, const char *wanted)
{
    static char output[65536];
    int ends[2], status = 0;
    size_t length = 0;
    ssize_t count;
    pid_t child;

    CHECK_INT(pipe(ends), 0);
    child = fork();
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        setenv("WITH_BACKTRACE", "1", 1);
        execl(program, program, what, (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    while (length + 1 < sizeof output &&
           (count = read(ends[0], output + length, sizeof output - 1 - length)) > 0)
        length += (size_t)count;
    output[length] = '\0';
    close(ends[0]);
    waitpid(child, &status, 0);
    test_integers(status, 1 << 8, __FILE__, __LINE__, what);
    test_check(strstr(output, "Native call stack (most recent call last):\n") != NULL, __FILE__,
               __LINE__, what);
    test_check(strstr(output, "\nValueError: somewhere\n") != NULL, __FILE__, __LINE__, what);
    if (!test_check(strstr(output, wanted) != NULL, __FILE__, __LINE__, what))
        fprintf(stderr, "%s\n", output);
}

#define ADDRESSES "\n  0x"

static void test_library_fails(const char *program)
{
    static const char *const functions[] = {
        "dwfl_begin",
        "dwfl_end",
        "dwfl_linux_proc_report",
        "dwfl_linux_proc_find_elf",
        "dwfl_standard_find_debuginfo",
        "dwfl_report_end",
        "dwfl_addrmodule",
        "dwfl_module_addrname",
        "dwfl_module_info",
        "dwfl_module_nextcu",
        "dwarf_haspc",
        "dwarf_getsrc_die",
        "dwarf_linesrc",
        "dwarf_lineno",
    };
    char what[60];

    check(program, "dlopen", ADDRESSES);
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        snprintf(what, sizeof what, "lacks:%s", functions[i]);
        check(program, what, ADDRESSES);
    }
    check(program, "null:dwfl_begin", ADDRESSES);
    check(program, "error:dwfl_linux_proc_report", ADDRESSES);
    check(program, "error:dwfl_report_end", ADDRESSES);
    check(program, "null:dwfl_addrmodule", ADDRESSES);
}

/* What is known is printed, and a question mark for the rest. */
static void test_library_knows_little(const char *program)
{
    check(program, "null:dwfl_module_addrname", ", in ?\n");
    check(program, "null:dwfl_module_nextcu", "in throw_somewhere\n");
    check(program, "null:dwarf_haspc", "in throw_somewhere\n");
    check(program, "null:dwarf_getsrc_die", "in throw_somewhere\n");
    check(program, "error:dwarf_lineno", "in throw_somewhere\n");
    check(program, "null:dwarf_linesrc", "in throw_somewhere\n");
    check(program, "nothing", "in throw_somewhere\n");
}

int main(int count, char **arguments)
{
    void *library = dlopen("libdw.so.1", RTLD_NOW | RTLD_LOCAL);

    if (count > 1) run_child(arguments[1]);
    if (!library || !INJECTS) {
        puts("nothing checked: no libdw here, or no way to make it fail");
        return 0;
    }
    dlclose(library);
    test_library_fails(arguments[0]);
    test_library_knows_little(arguments[0]);
    return test_result();
}
