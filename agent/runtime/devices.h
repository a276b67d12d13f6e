/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_DEVICES_H
#define KNARR_DEVICES_H
#include "lib/base/err.h"
/*
 * Which devices a container may use. On v2 and hybrid a BPF program on its v2 group decides
 * (BPF_PROG_TYPE_CGROUP_DEVICE): one a rule set, attached to as many groups as have that set. On
 * v1 the devices controller.
 */
struct device_rule {
	char type; /* 'c', 'b' or 'a' (any) */
	int32_t major, minor; /* -1: any */
	uint8_t access; /* of the bits below */
};
#define DEVICE_MKNOD 1 /* as BPF_DEVCG_ACC_* */
#define DEVICE_READ 2
#define DEVICE_WRITE 4
#define DEVICE_ALL 7

/* What every container may: the usual pseudo devices, terminals, and making nodes. */
extern const struct device_rule device_defaults[];
extern const size_t n_device_defaults;

/* "rwm" in any order; NULL means all. 0: a character of it is none of these. */
uint8_t device_access(const char *text);
/*
 * A loaded program that allows what one of the rules allows; its descriptor. `scratch`-free: the
 * kernel keeps the program as long as a group has it attached.
 */
int device_program(const struct device_rule *rules, size_t n, struct err *err);
/* Attach to a v2 group's directory, for the group's life. */
int device_attach(int program, int cgroup_fd, struct err *err);
/* "c 1:3 rwm" for devices.allow; at most 32 characters. */
void device_v1_text(const struct device_rule *rule, char ret[40]);
#endif
