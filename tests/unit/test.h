/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_TEST_H
#define KNARR_TEST_H
/* What every cmocka test file includes, after lib/base/base.h. */
#include <setjmp.h>
#include <cmocka.h>
#define assert_streq_n(s, lit) assert_true(str_eq((s), STR(lit)))
#endif
