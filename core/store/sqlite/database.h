/* One connection to the database with its prepared statements, and short ways to bind, step and report errors. */
#ifndef STORE_SQLITE_DATABASE_H
#define STORE_SQLITE_DATABASE_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "store/sqlite/sql.h"

struct database {
	sqlite3 *db;
	sqlite3_stmt *statements[SQL_COUNT];
};

enum database_kind { DATABASE_WRITER, DATABASE_CHECKPOINT, DATABASE_READER };

int database_open(struct database *c, const char *path, const char *vfs);
/* The settings of a kind, after the file was seen to be ours: the journal mode is part of the file. */
int database_configure(struct database *c, enum database_kind kind);
void database_close(struct database *c);

/* The negative errno for what SQLite answered last. */
int database_error(const struct database *c, int code);
/* Runs SQL text that gives no rows. */
int database_exec(struct database *c, const char *text);
int database_pragma_int(struct database *c, const char *text, int64_t *ret);

/* Prepares (once) and binds. One letter of `types` per parameter: i int64_t, d id (const uint8_t *, 12 bytes), t
 * text (NULL: null), T text and size_t, b blob and size_t; T and b with a NULL pointer and length 0 bind an empty
 * value, N and B are T and b that bind null then. What is bound must live until the statement is reset. */
int sql_bind(struct database *c, enum sql which, sqlite3_stmt **ret, const char *types, ...);
/* 1: a row; 0: the end; negative: an error. The statement is reset unless there is a row. */
int sql_step(struct database *c, sqlite3_stmt *statement);
/* Binds and runs to the end. */
int sql_run(struct database *c, enum sql which, const char *types, ...);

#define ID_BLOB 12
/* -EINVAL */
int id_to_blob(const char *id, uint8_t ret[static ID_BLOB]);
void id_from_blob(const void *blob, char ret_id[static 2 * ID_BLOB + 1]);
/* The id in a column, "" when it is empty or null. */
void id_from_column(sqlite3_stmt *statement, int column, char ret_id[static 2 * ID_BLOB + 1]);

#endif
