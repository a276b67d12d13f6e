/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_FUZZ_H
#define KNARR_FUZZ_H
#include "lib/base/str.h"
/*
 * A fuzz target is one function. fuzz.c's main runs it on each file of the corpus folder named as
 * argument, then on random mutations of them (fixed seed, -r N rounds a file, 200 by default): this
 * is what tests/run does. With `-fsanitize=fuzzer -DFUZZ_ENGINE` libFuzzer's main is used instead
 * (see docs/TESTING.md).
 */
void fuzz_one(struct str in);
#endif
