/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_API_KINDS_POD_COLUMNS_H
#define KNARR_API_KINDS_POD_COLUMNS_H
#include "lib/api/kind.h"
/* What `kubectl get pods` shows; STATUS follows kubectl's printer (printers/internalversion). */
#define POD_COLUMNS 9
extern const struct api_column pod_columns[POD_COLUMNS];
#endif
