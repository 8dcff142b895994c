/* SPDX-License-Identifier: MIT
 *
 * Large powers of ten, their reciprocals, and ln 10, kept by each thread. What an operation has asked
 * for stays as long as it runs; then the one that has been unused for longest makes room.
 */
#include "guard.h"
#include "powers.h"

#include <mpfr.h>
#include <pthread.h>

enum { MOST = 12 };
#define MOST_WORDS ((size_t)1 << 22) /* 32 MiB: but the last two stay, however large */

enum kind { POWER, RECIPROCAL, LOGARITHM };

struct entry {
    struct entry *next; /* used before this one */
    enum kind kind;
    int64_t k;     /* of 10^k; of the logarithm its places */
    uint64_t used; /* by the operation of this number */
    size_t size;
    uint64_t words[];
};

static __thread struct entry *newest __attribute__((tls_model("initial-exec")));
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static bool key_made;

/* ---- The list -------------------------------------------------------------------------------- */

static void free_all(void *unused)
{
    (void)unused;
    mpfr_free_cache();
    free(with__thread.spare);
    with__thread.spare = NULL;
    with__thread.noticed = false;
    while (newest) {
        struct entry *next = newest->next;
        free(newest);
        newest = next;
    }
}

static void make_key(void)
{
    key_made = pthread_key_create(&key, free_all) == 0;
}

bool with__notice_end(void)
{
    pthread_once(&once, make_key);
    with__thread.noticed =
        key_made && (pthread_getspecific(key) || pthread_setspecific(key, &key) == 0);
    return with__thread.noticed;
}

static struct entry *find(enum kind kind, int64_t k)
{
    for (struct entry **at = &newest; *at; at = &(*at)->next) {
        struct entry *entry = *at;
        if (entry->k != k || entry->kind != kind) continue;
        *at = entry->next;
        entry->next = newest;
        newest = entry;
        entry->used = with__thread.operation;
        return entry;
    }
    return NULL;
}

/* Drops what is too much, but nothing that the running operation has. */
static void trim(void)
{
    size_t count = 0, words = 0;

    for (struct entry **at = &newest; *at;) {
        struct entry *entry = *at;
        count++;
        words += entry->size;
        if (count <= 2 || entry->used == with__thread.operation ||
            (count <= MOST && words <= MOST_WORDS)) {
            at = &entry->next;
            continue;
        }
        *at = entry->next;
        free(entry);
    }
}

static struct entry *add(enum kind kind, int64_t k, size_t size, uint32_t *status)
{
    struct entry *entry = NULL;

    /* Else the cache of a thread that ends would be lost: so then there is none. */
    if (with__notice_end() && size <= SIZE_MAX / 16)
        entry = malloc(sizeof *entry + size * sizeof(uint64_t));
    if (!entry) {
        *status |= WITH__NO_MEMORY;
        return NULL;
    }
    entry->kind = kind;
    entry->k = k;
    entry->size = size;
    entry->used = with__thread.operation;
    entry->next = newest;
    newest = entry;
    trim();
    return entry;
}

static void drop_newest(void)
{
    struct entry *entry = newest;

    newest = entry->next;
    free(entry);
}

/* ---- Powers ---------------------------------------------------------------------------------- */

/* 10^k is 5^k, shifted. */
static bool raise_ten(struct entry *entry, int64_t k)
{
    struct with__guard guard;
    mpz_t power;

    if (!WITH__GUARDED(&guard)) return false;
    mpz_init(power);
    mpz_ui_pow_ui(power, 5, (unsigned long)k);
    mpz_mul_2exp(power, power, (unsigned long)k);
    entry->size = mpz_size(power);
    memcpy(entry->words, mpz_limbs_read(power), entry->size * sizeof(uint64_t));
    mpz_clear(power);
    with__guard_end(&guard);
    return true;
}

const uint64_t *with__power_of_ten(int64_t k, size_t *ret_size, uint32_t *status)
{
    struct entry *entry;

    if (k <= WITH__TABLE_MAX) {
        *ret_size = with__powers[k].size;
        return with__powers[k].words;
    }
    entry = find(POWER, k);
    if (!entry) {
        if (k > WITH__POWER_MAX) {
            *status |= WITH__NO_MEMORY;
            return NULL;
        }
        entry = add(POWER, k, with__words_for(k), status);
        if (!entry) return NULL;
        if (!raise_ten(entry, k)) {
            drop_newest();
            *status |= WITH__NO_MEMORY;
            return NULL;
        }
    }
    *ret_size = entry->size;
    return entry->words;
}

/* ---- Reciprocals ----------------------------------------------------------------------------- */

static bool invert(struct entry *entry, size_t below)
{
    struct with__guard guard;
    mpz_t power, quotient;

    if (!WITH__GUARDED(&guard)) return false;
    mpz_init(power);
    mpz_init(quotient);
    mpz_ui_pow_ui(power, 10, (unsigned long)entry->k);
    mpz_setbit(quotient, 64 * (entry->size + below));
    mpz_tdiv_q(quotient, quotient, power);
    memcpy(entry->words, mpz_limbs_read(quotient), entry->size * sizeof(uint64_t));
    mpz_clear(power);
    mpz_clear(quotient);
    with__guard_end(&guard);
    return true;
}

const uint64_t *with__reciprocal_of_ten(int64_t k, size_t below, size_t size, uint32_t *status)
{
    struct entry *entry;

    if (WITH__LIKELY(k <= WITH__TABLE_MAX && size <= WITH__RECIPROCAL_WORDS))
        return with__reciprocals[k] + (WITH__RECIPROCAL_WORDS - size);
    entry = find(RECIPROCAL, k);
    if (entry && entry->size >= size) return entry->words + (entry->size - size);
    if (entry) drop_newest();
    entry = add(RECIPROCAL, k, size, status);
    if (!entry) return NULL;
    if (invert(entry, below)) return entry->words;
    drop_newest();
    *status |= WITH__NO_MEMORY;
    return NULL;
}

/* ---- The logarithm --------------------------------------------------------------------------- */

static bool take_logarithm(struct entry *entry)
{
    struct with__guard guard;
    const mpfr_prec_t bits = (mpfr_prec_t)(64 * entry->k + 2 + 16);
    mpfr_t logarithm;
    mpz_t integer;

    if (!WITH__GUARDED(&guard)) return false;
    mpfr_init2(logarithm, bits);
    mpz_init(integer);
    mpfr_log_ui(logarithm, 10, MPFR_RNDD);
    mpfr_mul_2ui(logarithm, logarithm, (unsigned long)(64 * entry->k), MPFR_RNDD);
    mpfr_get_z(integer, logarithm, MPFR_RNDD);
    memcpy(entry->words, mpz_limbs_read(integer), entry->size * sizeof(uint64_t));
    mpz_clear(integer);
    mpfr_clear(logarithm);
    with__guard_end(&guard);
    return true;
}

const uint64_t *with__ln_ten(size_t places, uint32_t *status)
{
    struct entry *entry = find(LOGARITHM, (int64_t)places);

    if (entry) return entry->words;
    entry = add(LOGARITHM, (int64_t)places, places + 1, status);
    if (!entry) return NULL;
    if (take_logarithm(entry)) return entry->words;
    drop_newest();
    *status |= WITH__NO_MEMORY;
    return NULL;
}
