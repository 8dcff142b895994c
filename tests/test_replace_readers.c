/* SPDX-License-Identifier: MIT
 *
 * Readers of a file that two writers keep replacing: each sees one whole content, never a part or
 * none.
 */
#include "test_files.h"

#include <stdatomic.h>

enum { ROUNDS = 200, WRITERS = 2, READERS = 2, SIZE = 20000 };

static atomic_int writers_left = WRITERS, reads;

/* A content: SIZE times one letter, written in pieces so that halves would show. */
static void replace_by(char letter)
{
    with (cm_replace("shared.txt"), file)
        for (int i = 0; i < SIZE; i++) {
            putc(letter, file);
            if (i % 4999 == 0) fflush(file);
        }
}

static void *write_often(void *first)
{
    for (int i = 0; i < ROUNDS; i++) replace_by((char)(*(const char *)first + i % 10));
    writers_left--;
    return NULL;
}

static void read_once(char *text)
{
    with (cm_open("shared.txt", "r"), file) {
        size_t length = fread(text, 1, SIZE + 1, file);
        CHECK_INT(length, SIZE);
        for (size_t i = 1; i < length; i++)
            if (text[i] != text[0]) {
                CHECK(!"one content");
                break;
            }
    }
    reads++;
}

static void *read_often(void *text)
{
    do read_once(text);
    while (writers_left);
    return NULL;
}

int main(void)
{
    static const char first[WRITERS] = {'a', 'A'};
    static char texts[READERS][SIZE + 1];
    pthread_t threads[WRITERS + READERS];

    test_files_begin();
    replace_by('a');
    for (int i = 0; i < WRITERS; i++)
        CHECK(pthread_create(&threads[i], NULL, write_often, (void *)&first[i]) == 0);
    for (int i = 0; i < READERS; i++)
        CHECK(pthread_create(&threads[WRITERS + i], NULL, read_often, texts[i]) == 0);
    for (int i = 0; i < WRITERS + READERS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK(reads >= READERS);
    CHECK_INT(entries_of("."), 1);
    unlink("shared.txt");
    return test_files_end();
}
