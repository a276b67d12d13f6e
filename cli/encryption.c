/* SPDX-License-Identifier: Apache-2.0 */
/* What knarr-master's --encryption-provider-config takes, with a fresh key. */
#include "cli/cli.h"
#include "master/seal/seal.h"

struct encryption_options {
	const char *provider;
};

static const struct option_row rows[] = {
	{"provider", 0, OPTION_STRING, offsetof(struct encryption_options, provider), "NAME",
	 "new: aesgcm (the default), secretbox or aescbc"},
};
static const struct options_spec spec = {
	"knarrctl encryption",
	"new",
	"Prints an EncryptionConfiguration for Secrets with a fresh random key.",
	rows,
	ARRAY_SIZE(rows),
	"ENCRYPTION AT REST in knarr-master(8) says how to use it, and how keys are rotated."};

int cmd_encryption(int argc, char **argv, void *user)
{
	struct encryption_options o = {.provider = "aesgcm"};
	CLEANUP_FREE const char **args = NULL;
	CLEANUP(buf_done) struct buf text = BUF_INIT;
	struct err err = ERR_INIT;
	size_t n;
	int r = options_parse(&spec, argc, argv, &o, &args, &n, &err);

	(void)user;
	if (r == OPTIONS_DONE)
		return 0;
	if (r < 0)
		return cli_fail("encryption", &err) + 1;
	if (n != 1 || strcmp(args[0], "new") != 0)
		return cli_usage("encryption", "new?");
	if (seal_generate(o.provider, &text, &err) < 0)
		return cli_fail("encryption", &err);
	fputs(text.p, stdout);
	return 0;
}
