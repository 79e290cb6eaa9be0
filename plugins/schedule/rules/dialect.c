/* Sources: crontab(5) of cronie and Debian's cron for unix and vixie; the Open Cron Pattern Specification 1.0 to 1.4;
 * Quartz 2.x CronExpression; Spring Framework 6 CronExpression; robfig/cron v3; Amazon EventBridge's cron expressions. */
#include "dialect.h"

#define QUARTZ_FEATURES                                                                                                \
	(STEP_FROM | STEP_BARE | STEP_BELOW_SIZE | QUESTION_DAYS | QUESTION_ONE | LAST | LAST_SATURDAY |               \
	 LAST_WEEKDAY_MINUS | NEAREST | NTH | WEEKDAY_ALONE | WRAP)

static const struct dialect_rules table[] = {
	{
		.dialect = DIALECT_UNIX,
		.features = NAMED_MACROS | ANY_CASE_MACROS | REBOOT | EVERY | MORE_MACROS | ZONE_PREFIX | STEP_FROM |
			    STEP_BELOW_SIZE | QUESTION_ANYWHERE | LAST | NEAREST | NTH | NTH_LAST | PLUS |
			    WRAP_WEEKDAYS | HASHED,
		.join = JOIN_OR_UNIX,
		.dow = DOW_0_7,
		.gap = GAP_RUN_AFTER,
		.overlap = OVERLAP_FIRST,
		.year_min = 1,
		.year_max = PATTERN_YEAR_MAX,
		.layouts = {"mhdMw", "smhdMw", "smhdMwy"},
	},
	{
		.dialect = DIALECT_VIXIE,
		.features = NAMED_MACROS | REBOOT | STEP_ANY,
		.join = JOIN_OR_UNIX,
		.dow = DOW_0_7,
		.gap = GAP_RUN_AFTER,
		.overlap = OVERLAP_FIRST,
		.layouts = {"mhdMw"},
	},
	{
		.dialect = DIALECT_OCPS,
		.features = NAMED_MACROS | REBOOT | QUESTION_DAYS | LAST | NEAREST | NEAREST_ALONE | NTH | NTH_LAST |
			    PLUS | SUNDAY_ENDS,
		.join = JOIN_OR,
		.dow = DOW_0_7,
		.gap = GAP_SKIP,
		.overlap = OVERLAP_FIRST,
		.year_min = 1,
		.year_max = PATTERN_YEAR_MAX,
		.layouts = {"mhdMw", "smhdMw", "smhdMwy"},
	},
	{
		.dialect = DIALECT_QUARTZ,
		.features = QUARTZ_FEATURES,
		.join = JOIN_AND,
		.dow = DOW_1_7,
		.gap = GAP_SKIP,
		.overlap = OVERLAP_LAST,
		.year_min = 1970,
		.year_max = 2199,
		.layouts = {"smhdMw", "smhdMwy"},
	},
	{
		.dialect = DIALECT_SPRING,
		.features = NAMED_MACROS | ANY_CASE_MACROS | STEP_FROM | STEP_ANY | QUESTION_DAYS | LAST | NEAREST |
			    NTH | SUNDAY_ENDS,
		.join = JOIN_AND,
		.dow = DOW_0_7,
		.gap = GAP_SKIP,
		.overlap = OVERLAP_BOTH,
		.layouts = {"smhdMw"},
	},
	{
		.dialect = DIALECT_ROBFIG,
		.features =
			NAMED_MACROS | EVERY | ZONE_PREFIX | STEP_FROM | STEP_ANY | QUESTION_ANYWHERE | QUESTION_STEP,
		.join = JOIN_OR_UNIT_STAR,
		.dow = DOW_0_6,
		.gap = GAP_SKIP,
		.overlap = OVERLAP_BOTH,
		.layouts = {"mhdMw", "smhdMw"},
	},
	{
		.dialect = DIALECT_AWS,
		.features = QUARTZ_FEATURES,
		.join = JOIN_AND,
		.dow = DOW_1_7,
		.gap = GAP_SKIP,
		.overlap = OVERLAP_FIRST,
		.year_min = 1970,
		.year_max = 2199,
		.layouts = {"mhdMwy"},
	},
};

const struct dialect_rules *dialect_rules(enum dialect dialect)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (table[i].dialect == dialect)
			return &table[i];
	return &table[0];
}
