/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pod/files.h"

#include <sys/stat.h>

#include "agent/pod/pod.h"
#include "lib/sys/file.h"

#define MESSAGE_MAX 4096 /* of one container: maxContainerTerminationMessageLength */
#define MESSAGE_LOG_MAX 2048 /* from the log: and at most 80 lines */
#define MESSAGE_LOG_LINES 80
#define RESOLV_MAX (64u << 10)
#define SEARCH_MAX 32

static void hosts_line(const struct pod_view *v, const char *ip, const char *domain,
		       struct buf *out)
{
	struct str host = pod_view_hostname(v);

	if (!ip[0])
		return;
	buf_addf(out, "%s\t", ip);
	if (v->subdomain.len)
		buf_addf(out, "%.*s.%.*s.%.*s.svc.%s\t", STR_ARG(host), STR_ARG(v->subdomain),
			 STR_ARG(v->ns), domain);
	buf_addf(out, "%.*s\n", STR_ARG(host));
}

void files_hosts(const struct pod_view *v, const char *pod_ip, const char *pod_ip6,
		 const char *domain, struct buf *out)
{
	buf_adds(out, "# Kubernetes-managed hosts file.\n"
		      "127.0.0.1\tlocalhost\n"
		      "::1\tlocalhost ip6-localhost ip6-loopback\n"
		      "fe00::0\tip6-localnet\n"
		      "fe00::0\tip6-mcastprefix\n"
		      "fe00::1\tip6-allnodes\n"
		      "fe00::2\tip6-allrouters\n");
	hosts_line(v, pod_ip, domain, out);
	hosts_line(v, pod_ip6, domain, out);
	if (!jv_len(jv_get(v->spec, "hostAliases")))
		return;
	buf_adds(out, "\n# Entries added by HostAliases.\n");
	jv_for_each (it, jv_get(v->spec, "hostAliases")) {
		buf_addstr(out, jv_text(jv_get(it.value, "ip")));
		jv_for_each (h, jv_get(it.value, "hostnames")) {
			buf_addc(out, '\t');
			buf_addstr(out, jv_text(h.value));
		}
		buf_addc(out, '\n');
	}
}

/* The parts of a resolv.conf, as borrowed words. */
struct resolv {
	struct str servers[8], search[SEARCH_MAX], options[32];
	size_t n_servers, n_search, n_options;
};

static void word_add(struct str *v, size_t *n, size_t max, struct str word)
{
	for (size_t i = 0; i < *n; i++)
		if (str_eq(v[i], word))
			return;
	if (word.len && *n < max)
		v[(*n)++] = word;
}

static void resolv_parse(struct str text, struct resolv *r)
{
	struct str line, word;

	while (str_split(&text, '\n', &line)) {
		struct str key = {0};
		bool first = true;

		for (size_t i = 0; i < line.len; i++)
			if (line.p[i] == '#' || line.p[i] == ';')
				line.len = i;
		line = str_trim(line);
		while (str_split(&line, ' ', &word)) {
			word = str_trim(word);
			if (!word.len)
				continue;
			if (first) {
				key = word;
				if (str_eqs(key, "search"))
					r->n_search = 0; /* the last search line counts */
			} else if (str_eqs(key, "nameserver")) {
				word_add(r->servers, &r->n_servers, ARRAY_SIZE(r->servers), word);
			} else if (str_eqs(key, "search")) {
				word_add(r->search, &r->n_search, SEARCH_MAX, word);
			} else if (str_eqs(key, "options")) {
				word_add(r->options, &r->n_options, ARRAY_SIZE(r->options), word);
			}
			first = false;
		}
	}
}

/* Text of dnsConfig's options, "name:value". */
static void config_add(struct jv config, struct resolv *r, struct buf *texts, size_t n_texts)
{
	size_t k = 0;

	jv_for_each (it, jv_get(config, "nameservers"))
		word_add(r->servers, &r->n_servers, ARRAY_SIZE(r->servers), jv_text(it.value));
	jv_for_each (it, jv_get(config, "searches"))
		word_add(r->search, &r->n_search, SEARCH_MAX, jv_text(it.value));
	jv_for_each (it, jv_get(config, "options")) {
		struct str name = jv_text(jv_get(it.value, "name"));
		struct str value = jv_text(jv_get(it.value, "value"));

		if (k == n_texts)
			break;
		/* The pod's option replaces one of the same name. */
		for (size_t i = 0; i < r->n_options; i++) {
			ssize_t colon = str_chr(r->options[i], ':');
			struct str n0 =
				colon < 0 ? r->options[i] : str_n(r->options[i].p, (size_t)colon);

			if (str_eq(n0, name))
				r->options[i] = r->options[--r->n_options];
		}
		buf_addstr(&texts[k], name);
		if (value.len)
			buf_addf(&texts[k], ":%.*s", STR_ARG(value));
		word_add(r->options, &r->n_options, ARRAY_SIZE(r->options), buf_str(&texts[k]));
		k++;
	}
}

void files_resolv_conf(const struct pod_view *v, struct str host, const char *cluster_dns,
		       const char *domain, struct buf *out)
{
	struct resolv r = {0}, node = {0};
	struct buf texts[32], search[3];
	bool cluster = cluster_dns && cluster_dns[0] &&
		       (str_eqs(v->dns_policy, "ClusterFirstWithHostNet") ||
			(str_eqs(v->dns_policy, "ClusterFirst") && !v->host_network));

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		buf_init(&texts[i]);
	for (size_t i = 0; i < ARRAY_SIZE(search); i++)
		buf_init(&search[i]);
	resolv_parse(host, &node);
	if (cluster) {
		buf_addf(&search[0], "%.*s.svc.%s", STR_ARG(v->ns), domain);
		buf_addf(&search[1], "svc.%s", domain);
		buf_addf(&search[2], "%s", domain);
		word_add(r.servers, &r.n_servers, ARRAY_SIZE(r.servers), str_of(cluster_dns));
		for (size_t i = 0; i < ARRAY_SIZE(search); i++)
			word_add(r.search, &r.n_search, SEARCH_MAX, buf_str(&search[i]));
		for (size_t i = 0; i < node.n_search; i++)
			word_add(r.search, &r.n_search, SEARCH_MAX, node.search[i]);
		word_add(r.options, &r.n_options, ARRAY_SIZE(r.options), STR("ndots:5"));
	} else if (!str_eqs(v->dns_policy, "None")) {
		r = node;
	}
	config_add(jv_get(v->spec, "dnsConfig"), &r, texts, ARRAY_SIZE(texts));
	if (r.n_search) {
		buf_adds(out, "search");
		for (size_t i = 0; i < r.n_search; i++)
			buf_addf(out, " %.*s", STR_ARG(r.search[i]));
		buf_addc(out, '\n');
	}
	for (size_t i = 0; i < MIN(r.n_servers, (size_t)3); i++)
		buf_addf(out, "nameserver %.*s\n", STR_ARG(r.servers[i]));
	if (r.n_options) {
		buf_adds(out, "options");
		for (size_t i = 0; i < r.n_options; i++)
			buf_addf(out, " %.*s", STR_ARG(r.options[i]));
		buf_addc(out, '\n');
	}
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		buf_done(&texts[i]);
	for (size_t i = 0; i < ARRAY_SIZE(search); i++)
		buf_done(&search[i]);
}

/* In place, so that a container that has the file mounted sees the change. */
static int put(const struct pod *p, const char *name, struct str content, struct err *err)
{
	CLEANUP_FREE char *path = xasprintf("%s/%s", p->dir, name);
	CLEANUP_FD int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	int r = fd < 0 ? -errno : fd_write_all(fd, content.p, content.len);

	if (r == 0 && fchmod(fd, 0644) < 0)
		r = -errno;
	return r < 0 ? err_sys(err, -r, "cannot write %s: %s", path, strerror(-r)) : 0;
}

int files_write(struct pod *p, struct err *err)
{
	CLEANUP(buf_done)
	struct buf hosts = BUF_INIT, resolv = BUF_INIT, host = BUF_INIT, name = BUF_INIT;
	const struct pods_conf *conf = &p->all->conf;
	const char *domain = conf->cluster_domain ? conf->cluster_domain : "cluster.local";
	int r;

	/* A pod on the host's network has the host's names, and its own aliases. */
	if (p->view->host_network && file_read(AT_FDCWD, "/etc/hosts", RESOLV_MAX, &host) < 0)
		buf_clear(&host);
	if (p->view->host_network && !jv_len(jv_get(p->view->spec, "hostAliases")))
		buf_addstr(&hosts, buf_str(&host));
	else
		files_hosts(p->view, p->view->host_network ? "" : p->ip,
			    p->view->host_network ? "" : p->ip6, domain, &hosts);
	buf_clear(&host);
	if (file_read(AT_FDCWD,
		      conf->host_resolv_conf ? conf->host_resolv_conf : "/etc/resolv.conf",
		      RESOLV_MAX, &host) < 0)
		buf_clear(&host);
	files_resolv_conf(p->view, buf_str(&host), conf->cluster_dns, domain, &resolv);
	buf_addf(&name, "%.*s\n", STR_ARG(pod_view_hostname(p->view)));
	r = put(p, "etc-hosts", buf_str(&hosts), err);
	if (r == 0)
		r = put(p, "etc-hostname", buf_str(&name), err);
	if (r == 0)
		r = put(p, "resolv.conf", buf_str(&resolv), err);
	return r;
}

static char *termination_path(const struct container *c)
{
	return xasprintf("%s/containers/%s/%.8s", c->pod->dir, c->name, c->id);
}

char *files_termination_log(struct container *c, struct err *err)
{
	CLEANUP_FREE char *dir = xasprintf("%s/containers/%s", c->pod->dir, c->name);
	CLEANUP_FREE char *path = termination_path(c);
	CLEANUP_FD int fd = -1;
	int r = dir_make(dir, 0755);

	if (r == 0) {
		fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0666);
		r = fd < 0 || fchmod(fd, 0666) < 0 ? -errno : 0;
	}
	if (r < 0) {
		err_sys(err, -r, "cannot make %s: %s", path, strerror(-r));
		return NULL;
	}
	return TAKE(path);
}

/* The end of a file, at most max bytes. */
static int read_tail(const char *path, size_t max, struct buf *out)
{
	CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return -EINVAL;
	n = pread(fd, buf_reserve(out, max), max,
		  st.st_size > (off_t)max ? st.st_size - (off_t)max : 0);
	if (n > 0)
		buf_setlen(out, out->len + (size_t)n);
	return n < 0 ? -errno : 0;
}

/* The last lines of a CRI log without their prefixes "<time> stdout F ". */
static void log_tail(const char *path, struct buf *out)
{
	CLEANUP(buf_done) struct buf raw = BUF_INIT;
	struct str rest, line, skip;
	size_t lines = 0, from = 0;

	if (!path || read_tail(path, MESSAGE_LOG_MAX * 4, &raw) < 0)
		return;
	for (size_t i = raw.len; i-- > 0;)
		if (raw.p[i] == '\n' && ++lines > MESSAGE_LOG_LINES) {
			from = i + 1;
			break;
		}
	rest = str_skip(buf_str(&raw), from);
	while (str_split(&rest, '\n', &line)) {
		bool partial;

		if (!str_split(&line, ' ', &skip) || !str_split(&line, ' ', &skip) ||
		    !str_split(&line, ' ', &skip))
			continue;
		partial = str_eqs(skip, "P");
		buf_addstr(out, line);
		if (!partial)
			buf_addc(out, '\n');
	}
	if (out->len > MESSAGE_LOG_MAX)
		buf_consume(out, out->len - MESSAGE_LOG_MAX);
}

/* Bytes of a container become text of a JSON string: what is no UTF-8 is replaced. */
static char *clean_text(struct str s)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	for (size_t i = 0; i < s.len;) {
		unsigned char c = (unsigned char)s.p[i];
		size_t n = c < 0x80 ? 1 : c >= 0xf0 && c < 0xf5 ? 4 : c >= 0xe0 ? 3 : 2;
		bool good = c < 0x80 ? c != 0 : c >= 0xc2 && c < 0xf5 && i + n <= s.len;

		for (size_t k = 1; good && k < n; k++)
			good = ((unsigned char)s.p[i + k] & 0xc0) == 0x80;
		if (good && c == 0xe0)
			good = (unsigned char)s.p[i + 1] >= 0xa0;
		if (good && c == 0xed)
			good = (unsigned char)s.p[i + 1] < 0xa0;
		if (good && c == 0xf0)
			good = (unsigned char)s.p[i + 1] >= 0x90;
		if (good && c == 0xf4)
			good = (unsigned char)s.p[i + 1] < 0x90;
		if (good)
			buf_add(&b, s.p + i, n);
		else
			buf_adds(&b, "\xef\xbf\xbd");
		i += good ? n : 1;
	}
	return b.len ? xstrndup(b.p, b.len) : NULL;
}

char *files_termination_message(struct container *c)
{
	CLEANUP_FREE char *path = termination_path(c);
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	read_tail(path, MESSAGE_MAX, &b);
	if (!b.len && c->view && c->view->termination_from_log && c->end.exit_code != 0)
		log_tail(c->log_path, &b);
	unlink(path);
	return clean_text(buf_str(&b));
}
