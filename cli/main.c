/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

#include <signal.h>

const struct command_row cli_commands[] = {
	{"init", "start a cluster on this machine: a master, and a node beside it", cmd_init},
	{"join", "make this machine a node of a cluster, or one more master", cmd_join},
	{"local", "a cluster of several nodes on this machine, to try things on", cmd_local},
	{"reset", "stop Knarr on this machine and remove everything it made", cmd_reset},
	{"member", "list, add, promote, demote, remove and replace masters", cmd_member},
	{"snapshot", "save what the cluster stores, and restore it", cmd_snapshot},
	{"ca", "rotate the authority and the keys of the cluster, step by step", cmd_ca},
	{"encryption", "make the keys with which masters encrypt Secrets on disk", cmd_encryption},
	{"token", "create, list and delete the tokens with which nodes and masters join",
	 cmd_token},
	{"image", "import, pull, list and remove container images of this node", cmd_image},
	{"get", "show objects", cmd_get},
	{"apply", "create or change objects from files", cmd_apply},
	{"delete", "delete objects", cmd_delete},
	{"logs", "print the output of a container", cmd_logs},
	{"exec", "run a command in a container", cmd_exec},
	{"scale", "set the number of replicas", cmd_scale},
	{"net", "services this node balances, and what its programs counted", cmd_net},
	{"status", "the cluster's health at a glance", cmd_status},
};
const size_t cli_n_commands = ARRAY_SIZE(cli_commands);

static void help(FILE *f)
{
	fputs("Usage: knarrctl COMMAND [OPTION]... [ARGUMENT]...\n\n"
	      "Administers a Knarr cluster, and does kubectl's everyday work where it is not "
	      "installed.\n\nCommands:\n",
	      f);
	for (size_t i = 0; i < cli_n_commands; i++)
		fprintf(f, "  %-10s %s\n", cli_commands[i].name, cli_commands[i].summary);
	fputs("\n\"knarrctl COMMAND --help\" shows a command's options; knarrctl(1) has "
	      "examples.\n",
	      f);
}

int main(int argc, char **argv)
{
	const struct command_row *c;

	signal(SIGPIPE, SIG_IGN);
	if (argc < 2) {
		help(stderr);
		return 2;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
	    strcmp(argv[1], "help") == 0) {
		help(stdout);
		return 0;
	}
	if (strcmp(argv[1], "--version") == 0) {
		puts("knarrctl " PACKAGE_VERSION);
		return 0;
	}
	c = command_find(cli_commands, cli_n_commands, argv[1]);
	if (!c) {
		const char *names[ARRAY_SIZE(cli_commands)], *similar;

		for (size_t i = 0; i < cli_n_commands; i++)
			names[i] = cli_commands[i].name;
		similar = options_similar(argv[1], names, cli_n_commands);
		fprintf(stderr, "knarrctl: unknown command \"%s\"", argv[1]);
		if (similar)
			fprintf(stderr, ", did you mean \"%s\"?\n", similar);
		else
			fputs(" (see knarrctl --help)\n", stderr);
		return 2;
	}
	return c->run(argc - 1, argv + 1, NULL);
}
