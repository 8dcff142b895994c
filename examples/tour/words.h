/* SPDX-License-Identifier: MIT
 *
 * A table of how often each identifier was seen, that many threads fill at once.
 */
#ifndef TOUR_WORDS_H
#define TOUR_WORDS_H

#include <with.h>

#include <stdio.h>

struct word {
    struct word *next;
    unsigned long count;
    char text[];
};

struct words;

struct cm_words {
    WITH_MANAGER;
    struct words *as;
};

/* An empty table, freed with all its words by the exit. */
struct cm_words cm_words(void);

/* Counts the identifiers of a file in C, outside comments and strings; gives their number. */
unsigned long words_count(struct words *words, FILE *file);

/* The words, the most frequent first, borrowed until the next call; no thread may be counting. */
struct word *const *words_sorted(struct words *words, size_t *ret_number);

#endif
