/* SPDX-License-Identifier: Apache-2.0 */
#include "master/apiserver/admission_plugins.h"

enum state { ON, OFF, ABSENT };

static const struct {
	const char *name;
	enum state usual;
} plugins[] = {
	[PLUGIN_RESOURCE_QUOTA] = {"ResourceQuota", ON},
	[PLUGIN_MUTATING_WEBHOOK] = {"MutatingAdmissionWebhook", ON},
	[PLUGIN_VALIDATING_WEBHOOK] = {"ValidatingAdmissionWebhook", ON},
	[PLUGIN_MUTATING_POLICY] = {"MutatingAdmissionPolicy", ON},
	[PLUGIN_VALIDATING_POLICY] = {"ValidatingAdmissionPolicy", ON},
	[PLUGIN_OTHERS] = {"NamespaceLifecycle", ON},
	{"NodeRestriction", ON},
	{"CertificateApproval", ON},
	{"TaintNodesByCondition", ON},
	{"ServiceAccount", ON},
	{"DefaultTolerationSeconds", ON},
	{"Priority", ON},
	{"DefaultStorageClass", ON},
	{"StorageObjectInUseProtection", ON},
	{"RuntimeClass", ON},
	{"PersistentVolumeClaimResize", ON},
	{"DefaultIngressClass", ON},
	{"LimitRanger", ON},
	{"PodSecurity", ON},
	{"OwnerReferencesPermissionEnforcement", OFF},
	/* Known elsewhere. */
	{"AlwaysAdmit", ABSENT},
	{"AlwaysDeny", ABSENT},
	{"AlwaysPullImages", ABSENT},
	{"CertificateSigning", ABSENT},
	{"CertificateSubjectRestriction", ABSENT},
	{"ClusterTrustBundleAttest", ABSENT},
	{"DenyServiceExternalIPs", ABSENT},
	{"EventRateLimit", ABSENT},
	{"ExtendedResourceToleration", ABSENT},
	{"ImagePolicyWebhook", ABSENT},
	{"LimitPodHardAntiAffinityTopology", ABSENT},
	{"NamespaceAutoProvision", ABSENT},
	{"NamespaceExists", ABSENT},
	{"PodNodeSelector", ABSENT},
	{"PodTolerationRestriction", ABSENT},
	{"PodTopologyLabels", ABSENT},
};

static int find(struct str name)
{
	for (size_t i = 0; i < ARRAY_SIZE(plugins); i++)
		if (str_eqs(name, plugins[i].name))
			return (int)i;
	return -ENOENT;
}

int admission_plugin_find(const char *name)
{
	return find(str_of(name));
}

static int read_list(const char *const *list, const char *option, uint64_t *ret, struct err *err)
{
	for (; list && *list; list++) {
		struct str rest = str_of(*list), name;

		while (str_split(&rest, ',', &name)) {
			int i = find(name);

			if (i < 0)
				return err_sys(err, EINVAL,
					       "%s: admission-control plugin \"%.*s\" is unknown",
					       option, STR_ARG(name));
			*ret |= 1ull << i;
		}
	}
	return 0;
}

int admission_plugins_parse(const char *const *enable, const char *const *disable,
			    uint64_t *ret_off, struct err *err)
{
	uint64_t on = 0, off = 0;
	int r = read_list(enable, "--enable-admission-plugins", &on, err);

	_Static_assert(ARRAY_SIZE(plugins) <= 64, "one bit each");
	if (r == 0)
		r = read_list(disable, "--disable-admission-plugins", &off, err);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(plugins); i++) {
		if (on & off & 1ull << i)
			r = err_sys(err, EINVAL,
				    "%s in enable-admission-plugins and disable-admission-plugins "
				    "overlapped",
				    plugins[i].name);
		else if (on & 1ull << i && plugins[i].usual == ABSENT)
			r = err_sys(err, EINVAL,
				    "--enable-admission-plugins: %s is not there in Knarr",
				    plugins[i].name);
		if (plugins[i].usual == OFF && !(on & 1ull << i))
			off |= 1ull << i;
	}
	if (r == 0)
		*ret_off = off;
	return r;
}
