/* SPDX-License-Identifier: MIT
 *
 * What a pool prints: its holders, and its statistics for Prometheus.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* strsep() */
#endif
#include "test_pool.h"

static char text[65536];

static FILE *open_text(void)
{
    memset(text, 0, sizeof text);
    return fmemopen(text, sizeof text - 1, "w");
}

static void test_dump(void)
{
    static struct things all;
    with_pool *pool = NEW_POOL(&all, .maximum_size = 3, .name = "orders");
    with_pool_item *item = NULL;
    char wanted[64];
    int line;

    with (cm_acquire(pool), value) {
        FILE *stream = open_text();
        CHECK_INT(with_pool_acquire(pool, 0, &item), 0);
        line = __LINE__ - 1;
        CHECK_INT(with_pool_dump(stream, pool), 2);
        fclose(stream);
        CHECK(strncmp(text,
                      "the pool orders: 2 held, 0 idle, 0 in calls, of at most 3; 0 waiting\n",
                      69) == 0);
        snprintf(wanted, sizeof wanted, "by thread %d: ", getpid());
        CHECK(strstr(text, wanted) != NULL);
        snprintf(wanted, sizeof wanted, "test_pool_text.c, line %d, in test_dump\n", line);
        CHECK(strstr(text, wanted) != NULL);
        CHECK(strstr(text, "\n    with_pool_acquire(pool, 0, &item)\n") != NULL);
        CHECK(strstr(text, "\n    with (cm_acquire(pool), value)\n") != NULL);
        CHECK(value != item->value);
    }
    with_pool_release(item);
    end_pool(pool, &all);
}

static void test_dump_of_many(void)
{
    static struct things all;
    with_pool_item *items[20];
    with_pool *pool = NEW_POOL(&all, .maximum_size = 20);
    FILE *stream;
    int lines = 0;

    for (int i = 0; i < 20; i++) CHECK_INT(with_pool_acquire(pool, 0, &items[i]), 0);
    stream = open_text();
    CHECK_INT(with_pool_dump(stream, pool), 20);
    fclose(stream);
    for (const char *at = text; (at = strchr(at, '\n')); at++) lines++;
    CHECK_INT(lines, 41);
    for (int i = 0; i < 20; i++) with_pool_release(items[i]);
    end_pool(pool, &all);
}

/* Whether a line begins so. */
static bool has_line(const char *line)
{
    const char *at = strstr(text, line);

    return at && (at == text || at[-1] == '\n') && at[strlen(line)] == '\n';
}

/* A family's samples stand together, behind its # HELP and # TYPE, and no sample is there twice. */
static void check_format(void)
{
    char family[128] = "", *rest = text, *line, *seen[512];
    int count = 0;

    while ((line = strsep(&rest, "\n")) && *line) {
        char name[128], help[128];
        if (sscanf(line, "# HELP %127s", name) == 1) {
            for (int i = 0; i < count; i++) CHECK(strcmp(seen[i], name) != 0);
            seen[count++] = strdup(name);
            snprintf(family, sizeof family, "%s", name);
        } else if (sscanf(line, "# TYPE %127s %127s", name, help) == 2) {
            CHECK_STR(name, family);
            CHECK(strcmp(help, "counter") == 0 || strcmp(help, "gauge") == 0 ||
                  strcmp(help, "histogram") == 0);
            CHECK((strcmp(help, "counter") == 0) == (strstr(name, "_total") != NULL));
        } else {
            char *end;
            CHECK(strncmp(line, family, strlen(family)) == 0);
            CHECK(strchr(line, '{') && strstr(line, "} "));
            strtod(strrchr(line, ' '), &end);
            CHECK(*end == '\0');
        }
    }
    CHECK(count >= 12);
    while (count > 0) free(seen[--count]);
}

static void test_metrics(void)
{
    static struct things all, others;
    with_pool *pool = NEW_POOL(&all, .maximum_size = 2, .name = "a \"name\" \\ with\nmore");
    with_pool *other = NEW_POOL(&others, .name = "other");
    with_pool_item *item = NULL, *none = NULL;
    FILE *stream;

    CHECK_INT(with_pool_acquire(pool, 0, &item), 0);
    with (cm_acquire(pool), value) with_pool_discard(pool, value);
    with (cm_acquire(pool)) CHECK_INT(with_pool_acquire(pool, -1, &none), -ETIMEDOUT);
    stream = open_text();
    CHECK_INT(with_pool_print_metrics(stream, pool), 0);
    fclose(stream);
#define NAME "{pool=\"a \\\"name\\\" \\\\ with\\nmore\""
    CHECK(has_line("with_pool_items" NAME ",state=\"held\"} 1"));
    CHECK(has_line("with_pool_items" NAME ",state=\"idle\"} 1"));
    CHECK(has_line("with_pool_size_maximum" NAME "} 2"));
    CHECK(has_line("with_pool_acquired_total" NAME "} 3"));
    CHECK(has_line("with_pool_opened_total" NAME "} 3"));
    CHECK(has_line("with_pool_closed_total" NAME ",reason=\"broken\"} 1"));
    CHECK(has_line("with_pool_timeouts_total" NAME "} 1"));
    CHECK(has_line("with_pool_wait_seconds_bucket" NAME ",le=\"+Inf\"} 3"));
    CHECK(has_line("with_pool_wait_seconds_count" NAME "} 3"));
    check_format();

    stream = open_text();
    CHECK_INT(with_pool_print_metrics(stream, NULL), 0);
    fclose(stream);
    CHECK(has_line("with_pool_size_maximum" NAME "} 2"));
    CHECK(has_line("with_pool_size_maximum{pool=\"other\"} 10"));
    check_format();
    CHECK_INT(with_pool_print_metrics(NULL, pool), -EINVAL);
    stream = fopen("/dev/full", "w");
    if (stream) {
        setvbuf(stream, NULL, _IONBF, 0);
        CHECK_INT(with_pool_print_metrics(stream, pool), -EIO);
        fclose(stream);
    }
    with_pool_release(item);
    end_pool(pool, &all);
    end_pool(other, &others);
}

static void *print_cancelled(void *argument)
{
    FILE *stream = argument;

    pthread_cancel(pthread_self());
    with_pool_print_metrics(stream, NULL);
    pthread_testcancel();
    return NULL;
}

/* What was pinned for the printing is not forgotten. */
static void test_cancelled(void)
{
    static struct things all;
    with_pool *pool = NEW_POOL(&all, .name = "cancelled");
    FILE *stream = tmpfile();
    pthread_t thread;
    void *result;

    setvbuf(stream, NULL, _IONBF, 0); /* so that it writes, which is a cancellation point */
    CHECK_INT(pthread_create(&thread, NULL, print_cancelled, stream), 0);
    pthread_join(thread, &result);
    CHECK(result == PTHREAD_CANCELED);
    fclose(stream);
    end_pool(pool, &all);
    stream = open_text();
    CHECK_INT(with_pool_print_metrics(stream, NULL), 0);
    fclose(stream);
    CHECK(!strstr(text, "cancelled"));
}

/* Each wait is in one bucket. */
static void test_histogram(void)
{
    static struct things all;
    struct with_pool_statistics s;
    with_pool *pool = NEW_POOL(&all, .maximum_size = 1);
    with_pool_item *item = NULL;
    uint64_t sum = 0;

    with (cm_acquire(pool))
        ;
    with_pool_suspend(pool);
    CHECK_INT(with_pool_acquire(pool, 0.02, &item), -ETIMEDOUT);
    s = measure(pool);
    CHECK_INT(s.waits, 2);
    CHECK(s.wait_seconds >= 0.02);
    CHECK_INT(s.wait_bucket[0] + s.wait_bucket[1] + s.wait_bucket[2] + s.wait_bucket[3] <= 1, 1);
    for (int i = 0; i < WITH_POOL_WAIT_BUCKETS; i++) sum += s.wait_bucket[i];
    CHECK_INT(sum, 2);
    end_pool(pool, &all);
}

int main(void)
{
    test_dump();
    test_dump_of_many();
    test_metrics();
    test_cancelled();
    test_histogram();
    return test_result();
}
