#include "store/sqlite/database.h"

#include <errno.h>
#include <stdarg.h>
#include "base/id.h"

#define BUSY_MS 5000

int database_open(struct database *c, const char *path, const char *vfs)
{
	*c = (struct database){0};
	/* Counting memory costs a mutex per allocation; refused, harmlessly, once the library runs. */
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	int code = sqlite3_open_v2(path, &c->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, vfs);
	if (code != SQLITE_OK) {
		int r = c->db ? database_error(c, sqlite3_extended_errcode(c->db)) : -ENOMEM;
		database_close(c);
		return r;
	}
	sqlite3_extended_result_codes(c->db, 1);
	sqlite3_busy_timeout(c->db, BUSY_MS);
	return 0;
}

int database_configure(struct database *c, enum database_kind kind)
{
	int r = database_exec(c, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0;"
				 "PRAGMA temp_store = MEMORY; PRAGMA secure_delete = OFF; PRAGMA trusted_schema = OFF;"
				 "PRAGMA journal_size_limit = 12582912");
	if (r < 0)
		return r;
	/* Whoever closes last would copy the journal, however full the disk is: backend.c decides that. */
	sqlite3_db_config(c->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	if (kind == DATABASE_READER)
		return database_exec(c, "PRAGMA query_only = ON");
	return kind == DATABASE_WRITER ? database_exec(c, "PRAGMA cache_size = -16000") : 0;
}

void database_close(struct database *c)
{
	for (int i = 0; i < SQL_COUNT; i++)
		sqlite3_finalize(c->statements[i]);
	sqlite3_close(c->db);
	*c = (struct database){0};
}

static int io_error(const struct database *c)
{
	int error = sqlite3_system_errno(c->db);
	return error == ENOSPC || error == EDQUOT ? -ENOSPC : -EIO;
}

int database_error(const struct database *c, int code)
{
	switch (code & 0xff) {
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_IOERR:
		return io_error(c);
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return -EILSEQ;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_CONSTRAINT:
		return -EEXIST;
	case SQLITE_TOOBIG:
		return -E2BIG;
	case SQLITE_PERM:
	case SQLITE_READONLY:
	case SQLITE_CANTOPEN:
		return -EACCES;
	default:
		return -EIO;
	}
}

int database_exec(struct database *c, const char *text)
{
	if (sqlite3_exec(c->db, text, NULL, NULL, NULL) == SQLITE_OK)
		return 0;
	return database_error(c, sqlite3_extended_errcode(c->db));
}

int database_pragma_int(struct database *c, const char *text, int64_t *ret)
{
	sqlite3_stmt *statement;
	if (sqlite3_prepare_v2(c->db, text, -1, &statement, NULL) != SQLITE_OK)
		return database_error(c, sqlite3_extended_errcode(c->db));
	int code = sqlite3_step(statement);
	if (code == SQLITE_ROW)
		*ret = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return code == SQLITE_ROW ? 0 : database_error(c, code);
}

static int bind_bytes(sqlite3_stmt *statement, int at, char type, const void *bytes, size_t len)
{
	if ((type == 'N' || type == 'B') && !bytes)
		return sqlite3_bind_null(statement, at);
	if (type == 'b' || type == 'B')
		return len > 0 ? sqlite3_bind_blob64(statement, at, bytes, len, SQLITE_STATIC)
			       : sqlite3_bind_zeroblob(statement, at, 0);
	return sqlite3_bind_text64(statement, at, len > 0 ? bytes : "", len, SQLITE_STATIC, SQLITE_UTF8);
}

static int bind_all(sqlite3_stmt *statement, const char *types, va_list args)
{
	int code = SQLITE_OK;
	for (int at = 1; types[at - 1] && code == SQLITE_OK; at++) {
		char type = types[at - 1];
		if (type == 'i') {
			code = sqlite3_bind_int64(statement, at, va_arg(args, int64_t));
		} else if (type == 'd') {
			code = sqlite3_bind_blob(statement, at, va_arg(args, const uint8_t *), ID_BLOB, SQLITE_STATIC);
		} else if (type == 't') {
			code = sqlite3_bind_text(statement, at, va_arg(args, const char *), -1, SQLITE_STATIC);
		} else {
			const void *bytes = va_arg(args, const void *);
			code = bind_bytes(statement, at, type, bytes, va_arg(args, size_t));
		}
	}
	return code;
}

static int bind(struct database *c, enum sql which, sqlite3_stmt **ret, const char *types, va_list args)
{
	sqlite3_stmt **slot = &c->statements[which];
	if (!*slot &&
	    sqlite3_prepare_v3(c->db, sql_texts[which], -1, SQLITE_PREPARE_PERSISTENT, slot, NULL) != SQLITE_OK)
		return database_error(c, sqlite3_extended_errcode(c->db));
	int code = bind_all(*slot, types, args);
	if (code != SQLITE_OK)
		return database_error(c, code);
	*ret = *slot;
	return 0;
}

int sql_bind(struct database *c, enum sql which, sqlite3_stmt **ret, const char *types, ...)
{
	va_list args;
	va_start(args, types);
	int r = bind(c, which, ret, types, args);
	va_end(args);
	return r;
}

int sql_step(struct database *c, sqlite3_stmt *statement)
{
	int code = sqlite3_step(statement);
	if (code == SQLITE_ROW)
		return 1;
	int r = code == SQLITE_DONE ? 0 : database_error(c, code);
	sqlite3_reset(statement);
	return r;
}

int sql_run(struct database *c, enum sql which, const char *types, ...)
{
	sqlite3_stmt *statement = NULL;
	va_list args;
	va_start(args, types);
	int r = bind(c, which, &statement, types, args);
	va_end(args);
	if (r < 0)
		return r;
	r = sql_step(c, statement);
	if (r > 0)
		sqlite3_reset(statement);
	return r < 0 ? r : 0;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int id_to_blob(const char *id, uint8_t ret[static ID_BLOB])
{
	uint8_t blob[ID_BLOB];
	for (int i = 0; i < ID_BLOB; i++) {
		int high = hex_digit(id[2 * i]);
		int low = high < 0 ? -1 : hex_digit(id[2 * i + 1]);
		if (low < 0)
			return -EINVAL;
		blob[i] = (uint8_t)(high << 4 | low);
	}
	if (id[ID_LEN] != '\0')
		return -EINVAL;
	memcpy(ret, blob, ID_BLOB);
	return 0;
}

void id_from_blob(const void *blob, char ret_id[static 2 * ID_BLOB + 1])
{
	static const char hex[] = "0123456789abcdef";
	const uint8_t *bytes = blob;
	for (int i = 0; i < ID_BLOB; i++) {
		ret_id[2 * i] = hex[bytes[i] >> 4];
		ret_id[2 * i + 1] = hex[bytes[i] & 15];
	}
	ret_id[2 * ID_BLOB] = '\0';
}

void id_from_column(sqlite3_stmt *statement, int column, char ret_id[static 2 * ID_BLOB + 1])
{
	const void *blob = sqlite3_column_blob(statement, column);
	if (blob && sqlite3_column_bytes(statement, column) == ID_BLOB)
		id_from_blob(blob, ret_id);
	else
		ret_id[0] = '\0';
}
