/* SPDX-License-Identifier: MIT
 *
 * cm_sqlite_blob: a value that is read and written in pieces.
 */
#include "internal.h"

/* Outside of a transaction SQLite commits what was written when the blob is closed, however that comes. */
static const with_exception *refuse_blob(const struct with_sqlite_blob_options *options)
{
    const with_exception *refusal = with__sqlite_refusal(options->db);

    if (refusal || !options->writable || !sqlite3_get_autocommit(options->db)) return refusal;
    return with_exception_new(&with_InterfaceError, SQLITE_MISUSE,
                              "a blob is written in a transaction only: hold one around it");
}

static const with_exception *blob_failure(const struct with_sqlite_blob_options *options,
                                          int result)
{
    const with_exception *failure = with__sqlite_failure(options->db, result, NULL, NULL);

    if (failure)
        with_add_note(failure, "blob: %s.%s, row %lld", options->table, options->column,
                      (long long)options->row);
    return failure;
}

static const with_exception *open_blob(struct cm_sqlite_blob *self)
{
    const struct with_sqlite_blob_options *options = &self->options_;
    const with_exception *refusal = refuse_blob(options);

    if (refusal) return refusal;
    self->as = NULL;
    return blob_failure(options,
                        sqlite3_blob_open(options->db, options->schema ? options->schema : "main",
                                          options->table, options->column, options->row,
                                          options->writable, &self->as));
}

static void blob_enter(struct cm_sqlite_blob *self)
{
    const with_exception *failure;
    struct with__calm calm;

    if (!self->options_.db) with_throw(with_ValueError, "cm_sqlite_blob: the connection is NULL");
    if (!self->options_.table || !self->options_.column)
        with_throw(with_ValueError, "cm_sqlite_blob: the table or column is NULL");

    calm = with__calm_begin();
    self->pid_ = with__sqlite_process();
    failure = open_blob(self);
    with__calm_end(calm);
    if (failure) with_throw_again(failure);
}

static bool blob_exit(struct cm_sqlite_blob *self, const with_exception *exception)
{
    const with_exception *failure;
    struct with__calm calm;

    if (self->pid_ != with__sqlite_process()) return false;
    calm = with__calm_begin();
    failure = blob_failure(&self->options_, sqlite3_blob_close(self->as));
    with__calm_end(calm);
    with__database_report(exception, failure);
    return false;
}

WITH_CLASS(cm_sqlite_blob, blob_enter, blob_exit);

struct cm_sqlite_blob cm_sqlite_blob_(const struct with_sqlite_blob_options *options)
{
    struct cm_sqlite_blob self = WITH_NEW(cm_sqlite_blob);

    WITH__COPY_OPTIONS("cm_sqlite_blob", &self.options_, options);
    return self;
}
