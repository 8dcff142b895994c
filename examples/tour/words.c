/* SPDX-License-Identifier: MIT */
#include "words.h"

#include <with/lock.h>

#include <ctype.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { SHELVES = 64, CHAINS = 1024, WORD_MAX = 128 };

struct shelf {
    pthread_mutex_t lock; /* guards the rest of the shelf */
    size_t number;
    struct word *chains[CHAINS];
};

struct words {
    struct word **sorted;
    struct shelf shelves[SHELVES];
};

static void *allocate(size_t number, size_t size)
{
    void *memory = calloc(number, size);

    if (!memory) throw(MemoryError, "%zu times %zu bytes", number, size);
    return memory;
}

/* ---- Adding --------------------------------------------------------------------------------- */

static unsigned hash(const char *text)
{
    unsigned hash = 2166136261u;

    for (; *text; text++) hash = (hash ^ (unsigned char)*text) * 16777619u;
    return hash;
}

static void shelf_add(struct shelf *shelf, struct word **chain, const char *text)
{
    struct word *word = *chain;

    while (word && strcmp(word->text, text) != 0) word = word->next;
    if (!word) {
        word = allocate(1, sizeof *word + strlen(text) + 1);
        strcpy(word->text, text);
        word->next = *chain;
        *chain = word;
        shelf->number++;
    }
    word->count++;
}

static void words_add(struct words *words, const char *text)
{
    const unsigned h = hash(text);
    struct shelf *shelf = &words->shelves[h % SHELVES];

    with (cm_lock(&shelf->lock)) {
        shelf_add(shelf, &shelf->chains[h / SHELVES % CHAINS], text); /* it may throw MemoryError */
    }
}

/* ---- Reading -------------------------------------------------------------------------------- */

static void skip_string(FILE *file, int quote)
{
    for (int c; (c = getc_unlocked(file)) != EOF && c != quote && c != '\n';)
        if (c == '\\') getc_unlocked(file);
}

static void skip_comment(FILE *file)
{
    int c = getc_unlocked(file), last = 0;

    if (c == '/')
        while (c != EOF && c != '\n') c = getc_unlocked(file);
    else if (c == '*')
        for (; (c = getc_unlocked(file)) != EOF && !(last == '*' && c == '/');) last = c;
    else ungetc(c, file);
}

/* The next identifier or number that begins with c, cut to WORD_MAX - 1 characters. */
static void read_word(FILE *file, int c, char *word)
{
    size_t length = 0;

    for (; c == '_' || isalnum(c); c = getc_unlocked(file))
        if (length < WORD_MAX - 1) word[length++] = (char)c;
    ungetc(c, file);
    word[length] = '\0';
}

unsigned long words_count(struct words *words, FILE *file)
{
    unsigned long number = 0;
    char word[WORD_MAX];

    for (int c; (c = getc_unlocked(file)) != EOF;) {
        if (c == '"' || c == '\'') skip_string(file, c);
        else if (c == '/') skip_comment(file);
        else if (c == '_' || isalnum(c)) {
            read_word(file, c, word);
            if (isdigit(c)) continue;
            words_add(words, word);
            number++;
        }
    }
    return number;
}

/* ---- Sorting -------------------------------------------------------------------------------- */

static int more_frequent(const void *a, const void *b)
{
    const struct word *first = *(struct word *const *)a, *second = *(struct word *const *)b;

    if (first->count != second->count) return first->count > second->count ? -1 : 1;
    return strcmp(first->text, second->text);
}

struct word *const *words_sorted(struct words *words, size_t *ret_number)
{
    size_t number = 0, at = 0;

    for (int i = 0; i < SHELVES; i++) number += words->shelves[i].number;
    free(words->sorted);
    words->sorted = NULL;
    words->sorted = allocate(number + 1, sizeof(struct word *));
    for (int i = 0; i < SHELVES * CHAINS; i++)
        for (struct word *w = words->shelves[i / CHAINS].chains[i % CHAINS]; w; w = w->next)
            words->sorted[at++] = w;
    qsort(words->sorted, number, sizeof *words->sorted, more_frequent);
    *ret_number = number;
    return words->sorted;
}

/* ---- The manager ---------------------------------------------------------------------------- */

static void words_enter(struct cm_words *self)
{
    self->as = allocate(1, sizeof *self->as);
    for (int i = 0; i < SHELVES; i++) pthread_mutex_init(&self->as->shelves[i].lock, NULL);
}

static void chain_free(struct word *chain)
{
    for (struct word *next; chain; chain = next) {
        next = chain->next;
        free(chain);
    }
}

static bool words_exit(struct cm_words *self, const with_exception *exception)
{
    (void)exception;
    for (int i = 0; i < SHELVES * CHAINS; i++)
        chain_free(self->as->shelves[i / CHAINS].chains[i % CHAINS]);
    for (int i = 0; i < SHELVES; i++) pthread_mutex_destroy(&self->as->shelves[i].lock);
    free(self->as->sorted);
    free(self->as);
    return false;
}

WITH_CLASS(cm_words, words_enter, words_exit);

struct cm_words cm_words(void)
{
    return WITH_NEW(cm_words, .as = NULL);
}
