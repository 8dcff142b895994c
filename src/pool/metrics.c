/* SPDX-License-Identifier: MIT
 *
 * The statistics as text for Prometheus, in its text exposition format, version 0.0.4. The samples of one
 * name stand together, whatever the number of pools.
 */
#include "internal.h"

#include <inttypes.h>
#include <stdlib.h>

struct measured {
    const char *name;
    struct with_pool_statistics statistics;
};

struct output {
    FILE *stream;
    const struct measured *pools;
    size_t count;
};

/* A label's value, quoted. */
static void print_label(FILE *stream, const char *text)
{
    putc('"', stream);
    for (; *text; text++) {
        if (*text == '\n') fputs("\\n", stream);
        else {
            if (*text == '"' || *text == '\\') putc('\\', stream);
            putc(*text, stream);
        }
    }
    putc('"', stream);
}

static void begin(const struct output *out, const char *name, const char *type, const char *help)
{
    fprintf(out->stream, "# HELP with_pool_%s %s\n# TYPE with_pool_%s %s\n", name, help, name,
            type);
}

/* Up to the value. label and its text may be NULL. */
static void sample(const struct output *out, size_t pool, const char *name, const char *label,
                   const char *text)
{
    fprintf(out->stream, "with_pool_%s{pool=", name);
    print_label(out->stream, out->pools[pool].name);
    if (label) fprintf(out->stream, ",%s=\"%s\"", label, text);
    fputs("} ", out->stream);
}

static void print_simple(const struct output *out)
{
#define OFFSET(FIELD) offsetof(struct with_pool_statistics, FIELD)
    static const struct {
        const char *name, *type, *help;
        size_t offset;
        bool wide;
    } metrics[] = {
        {"size_maximum", "gauge", "How many items there are at most.", OFFSET(maximum_size), false},
        {"waiting", "gauge", "Threads that wait for an item.", OFFSET(waiting), false},
        {"acquired_total", "counter", "Items acquired.", OFFSET(acquired), true},
        {"opened_total", "counter", "Items opened.", OFFSET(opened), true},
        {"open_failures_total", "counter", "Items that could not be opened.", OFFSET(open_failures),
         true},
        {"timeouts_total", "counter", "Acquires that got nothing in time.", OFFSET(timeouts), true},
        {"deadlocks_total", "counter", "Acquires refused because they would wait for ever.",
         OFFSET(deadlocks), true},
        {"leaks_suspected_total", "counter", "Items held for longer than leak_seconds.",
         OFFSET(leaks_suspected), true},
        {"leaks_returned_total", "counter", "Of these, items that came back.",
         OFFSET(leaks_returned), true},
    };
#undef OFFSET

    for (size_t i = 0; i < sizeof metrics / sizeof *metrics; i++) {
        begin(out, metrics[i].name, metrics[i].type, metrics[i].help);
        for (size_t p = 0; p < out->count; p++) {
            const char *field = (const char *)&out->pools[p].statistics + metrics[i].offset;
            sample(out, p, metrics[i].name, NULL, NULL);
            fprintf(out->stream, "%" PRIu64 "\n",
                    metrics[i].wide ? *(const uint64_t *)(const void *)field
                                    : *(const unsigned *)(const void *)field);
        }
    }
}

static void print_items(const struct output *out)
{
    static const char *const states[] = {"opening", "idle", "held", "checking", "closing"};

    begin(out, "items", "gauge", "Items, by what is done with them.");
    for (size_t p = 0; p < out->count; p++) {
        const struct with_pool_statistics *s = &out->pools[p].statistics;
        const unsigned counts[] = {s->opening, s->idle, s->held, s->checking, s->closing};
        for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
            sample(out, p, "items", "state", states[i]);
            fprintf(out->stream, "%u\n", counts[i]);
        }
    }
}

static void print_closed(const struct output *out)
{
    static const char *const reasons[WITH_POOL_REASONS_] = {
        [WITH_POOL_CLOSED_BROKEN] = "broken",     [WITH_POOL_CLOSED_CHECK] = "check",
        [WITH_POOL_CLOSED_RESET] = "reset",       [WITH_POOL_CLOSED_IDLE] = "idle",
        [WITH_POOL_CLOSED_LIFETIME] = "lifetime", [WITH_POOL_CLOSED_DRAINED] = "drained",
        [WITH_POOL_CLOSED_POOL] = "pool",
    };

    begin(out, "closed_total", "counter", "Items closed, by the reason.");
    for (size_t p = 0; p < out->count; p++)
        for (int i = 0; i < WITH_POOL_REASONS_; i++) {
            sample(out, p, "closed_total", "reason", reasons[i]);
            fprintf(out->stream, "%" PRIu64 "\n", out->pools[p].statistics.closed[i]);
        }
}

/* The buckets of Prometheus hold what is in the ones before, too. */
static void print_waits(const struct output *out)
{
    static const char *const limits[WITH_POOL_WAIT_BUCKETS] = {
        "0.0001", "0.001", "0.005", "0.01", "0.05", "0.1", "0.5", "1", "5", "10", "30", "+Inf",
    };

    begin(out, "wait_seconds", "histogram", "How long the acquires waited that had to wait.");
    for (size_t p = 0; p < out->count; p++) {
        const struct with_pool_statistics *s = &out->pools[p].statistics;
        uint64_t sum = 0;
        for (int i = 0; i < WITH_POOL_WAIT_BUCKETS; i++) {
            sum += s->wait_bucket[i];
            sample(out, p, "wait_seconds_bucket", "le", limits[i]);
            fprintf(out->stream, "%" PRIu64 "\n", sum);
        }
        sample(out, p, "wait_seconds_sum", NULL, NULL);
        fprintf(out->stream, "%.9g\n", s->wait_seconds);
        sample(out, p, "wait_seconds_count", NULL, NULL);
        fprintf(out->stream, "%" PRIu64 "\n", s->waits);
    }
}

static int print(FILE *stream, const struct measured *pools, size_t count)
{
    const struct output out = {stream, pools, count};

    if (count > 0) {
        print_simple(&out);
        print_items(&out);
        print_closed(&out);
        print_waits(&out);
    }
    return ferror(stream) ? -EIO : 0;
}

/* ---- All pools ----------------------------------------------------------------------------- */

static void measure(struct measured *measured, with_pool *pool)
{
    measured->name = pool->name;
    measured->statistics.size = sizeof measured->statistics;
    with_pool_measure(pool, &measured->statistics);
}

/* The names are the pools' own, which stay until they are printed. */
static int print_all(FILE *stream)
{
    struct measured *all = NULL;
    with_pool **pinned = NULL;
    size_t count = 0;
    int code = 0;

    for (with_pool *pool = with__registry_next(NULL); pool && code == 0;) {
        struct measured *more = realloc(all, (count + 1) * sizeof *all);
        with_pool **more_pinned = realloc(pinned, (count + 1) * sizeof *pinned);
        if (more) all = more;
        if (more_pinned) pinned = more_pinned;
        if (more && more_pinned) {
            measure(&all[count], pool);
            pinned[count++] = pool;
            with__pin(pool);
        } else code = -ENOMEM;
        pool = with__registry_next(pool);
        if (pool && code != 0) with__unpin(pool);
    }
    if (code == 0) code = print(stream, all, count);
    for (size_t i = 0; i < count; i++) with__unpin(pinned[i]);
    free(pinned);
    free(all);
    return code;
}

int with_pool_print_metrics(FILE *stream, with_pool *pool)
{
    struct measured one;
    int code, old;

    if (!stream) return -EINVAL;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old);
    if (pool) {
        measure(&one, pool);
        code = print(stream, &one, 1);
    } else code = print_all(stream);
    pthread_setcancelstate(old, &old);
    return code;
}
