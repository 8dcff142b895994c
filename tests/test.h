/* SPDX-License-Identifier: MIT
 *
 * Checks for the tests. A failed check prints both values and the place, is counted, and lets the
 * test go on; a main ends with `return test_result();`. (A framework that leaves a failed check by
 * longjmp would jump over the very blocks that are tested.) Checks work in every thread.
 */
#ifndef TEST_H
#define TEST_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Defined under a sanitizer that stands between the program and libc. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define TEST_SANITIZED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define TEST_SANITIZED
#endif
#endif

static atomic_int test_checks, test_failures;

static inline bool test_check(bool good, const char *file, int line, const char *what)
{
    test_checks++;
    if (good) return true;
    test_failures++;
    fprintf(stderr, "%s:%d: not so: %s\n", file, line, what);
    return false;
}

static inline bool test_integers(long long got, long long wanted, const char *file, int line,
                                 const char *what)
{
    if (test_check(got == wanted, file, line, what)) return true;
    fprintf(stderr, "    got    %lld\n    wanted %lld\n", got, wanted);
    return false;
}

static inline bool test_strings(const char *got, const char *wanted, const char *file, int line,
                                const char *what)
{
    if (test_check(got && wanted && strcmp(got, wanted) == 0, file, line, what)) return true;
    fprintf(stderr, "    got    %s\n    wanted %s\n", got ? got : "(null)",
            wanted ? wanted : "(null)");
    return false;
}

#define CHECK(condition) test_check(condition, __FILE__, __LINE__, #condition)
#define CHECK_INT(got, wanted) test_integers(got, wanted, __FILE__, __LINE__, #got " == " #wanted)
#define CHECK_STR(got, wanted) test_strings(got, wanted, __FILE__, __LINE__, #got " == " #wanted)

/* The status of the test's main: also a failure if nothing was checked. */
static inline int test_result(void)
{
    printf("%d checks, %d failed\n", test_checks, test_failures);
    return test_failures || !test_checks;
}

#endif
