/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_API_DECODE_H
#define KNARR_API_DECODE_H
#include "lib/api/api.h"
/* Inner door of the decoder, for body.c, apply and tests; callers outside use api.h. */
enum api_decode_mode {
	API_DEC_SCANNED = 1 << 0, /* the text is known to be valid JSON */
	/* As written: nulls and zero values stay, nothing is filled in (server-side apply). */
	API_DEC_VERBATIM = 1 << 1,
	API_DEC_UNFILLED = 1 << 2, /* what Go writes as zero is not filled in */
};
/* Fill it in, everywhere: Fields without omitempty appear as zero in what Go writes. */
void api_decode_fill(const struct api_type *type, struct json_object *obj);
int api_decode_json(const struct api_type *type, struct str json, enum api_strictness strict,
		    unsigned mode, struct json_object **ret, struct api_warnings *warnings,
		    struct err *err);
#endif
