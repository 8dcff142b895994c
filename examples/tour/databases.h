/* SPDX-License-Identifier: MIT
 *
 * What was counted goes into databases, each by one transaction on a connection from a pool, and is asked
 * for again there. Of a database whose library was not built there is no file beside this one.
 */
#ifndef TOUR_DATABASES_H
#define TOUR_DATABASES_H

#include "words.h"

/* Into a new SQLite file. */
void keep_in_sqlite(struct words *words, const char *path);

/* Into the table tour_identifiers, made anew, of the PostgreSQL that conninfo names. */
void keep_in_postgres(struct words *words, const char *conninfo);

#endif
