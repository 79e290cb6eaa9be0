/* The schema and its versions: PRAGMA user_version says which migrations have run. */
#ifndef STORE_SQLITE_MIGRATE_H
#define STORE_SQLITE_MIGRATE_H

#include "store/sqlite/database.h"

/* core/store/schema/NNN.sql in order; generated (cmake/EmbedSql.cmake). */
extern const char *const schema_migrations[];
extern const int schema_version;

/* The schema's version, which is 0 for an empty file. Errors as below. */
int migrate_version(struct database *c, int version, int64_t *ret);
/* Brings the database up to `version`; each migration is one transaction. A database with an older schema is first
 * copied to PATH.schema-N. -EPROTO: it is newer; -EILSEQ: it is no store. */
int migrate(struct database *c, const char *path, const char *vfs, const char *const *migrations, int version);

#endif
