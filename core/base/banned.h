/* Calls that have no safe use, made unusable: every translation unit of the core includes this file first
 * (by the compiler's -include). The idea is git's banned.h. System headers come first, so that only our
 * own uses are caught. */
#ifndef BASE_BANNED_H
#define BASE_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#undef strcpy
#define strcpy(a, b) sorry_strcpy_is_banned
#undef strcat
#define strcat(a, b) sorry_strcat_is_banned
#undef strncpy
#define strncpy(a, b, c) sorry_strncpy_is_banned
#undef strncat
#define strncat(a, b, c) sorry_strncat_is_banned
#undef strtok
#define strtok(a, b) sorry_strtok_is_banned
#undef sprintf
#define sprintf(...) sorry_sprintf_is_banned
#undef vsprintf
#define vsprintf(a, b, c) sorry_vsprintf_is_banned
#undef atoi
#define atoi(a) sorry_atoi_is_banned
#undef atol
#define atol(a) sorry_atol_is_banned
#undef gmtime
#define gmtime(a) sorry_gmtime_is_banned
#undef localtime
#define localtime(a) sorry_localtime_is_banned
#undef ctime
#define ctime(a) sorry_ctime_is_banned
#undef asctime
#define asctime(a) sorry_asctime_is_banned

#endif
