/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_BANNED_H
#define KNARR_BANNED_H
/* libc calls with which it is easy to write past a buffer; buf.h and str.h replace them. */
#define KNARR_BANNED(f) knarr_banned_function_##f
#undef strcpy
#define strcpy(x, y) KNARR_BANNED(strcpy)
#undef strcat
#define strcat(x, y) KNARR_BANNED(strcat)
#undef strncpy
#define strncpy(x, y, n) KNARR_BANNED(strncpy)
#undef strncat
#define strncat(x, y, n) KNARR_BANNED(strncat)
#undef strtok
#define strtok(x, y) KNARR_BANNED(strtok)
#undef sprintf
#define sprintf(...) KNARR_BANNED(sprintf)
#undef vsprintf
#define vsprintf(...) KNARR_BANNED(vsprintf)
#undef gmtime
#define gmtime(t) KNARR_BANNED(gmtime)
#undef localtime
#define localtime(t) KNARR_BANNED(localtime)
#undef ctime
#define ctime(t) KNARR_BANNED(ctime)
#undef asctime
#define asctime(t) KNARR_BANNED(asctime)
#endif
