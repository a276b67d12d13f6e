/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_VOLUME_CONTENT_H
#define KNARR_VOLUME_CONTENT_H
#include "agent/volume/atomic_writer.h"
#include "agent/volume/volume.h"
/*
 * What the files of a volume are filled with; shared by the configMap, secret and downwardAPI
 * volumes and by the sources of projected ones. Each adds to the payload: 0, -EAGAIN while
 * something has not come, or an error in the kubelet's words.
 */
int content_add_object(struct volume *v, struct payload *p, enum source_kind kind, struct str name,
		       struct jv source, mode_t mode, struct err *err);
int content_add_downward(struct volume *v, struct payload *p, struct jv source, mode_t mode,
			 struct err *err);
int content_add_token(struct volume *v, struct payload *p, struct jv source, mode_t mode,
		      struct err *err);
/* The volume's defaultMode, 0644 if none is given. */
mode_t content_mode(const struct volume *v);
/* Write it out; ends the payload. */
int content_write(struct volume *v, struct payload *p, struct err *err);
#endif
