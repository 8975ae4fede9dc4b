#include "daemon/ctl/client.h"

#include <ctype.h>
#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "base/mem.h"
#include "base/str.h"

#define CONNECT_TIMEOUT_S 5L
#define ANSWER_TIMEOUT_S 60u

static size_t collect(char *bytes, size_t size, size_t n, void *arg)
{
	struct str *answer = arg;

	if (answer->n + size * n > CLIENT_ANSWER_MAX)
		return 0;
	str_addn(answer, bytes, size * n);
	return size * n;
}

static int open_curl(struct client *c, struct err *err)
{
	if (c->curl)
		return 0;
	if (strlen(c->socket) >= sizeof(((struct sockaddr_un *)NULL)->sun_path))
		return err_set(err, ERR_USAGE,
		               "socket %s: the path is longer than a socket's can be", c->socket);
	c->curl = curl_easy_init();
	if (!c->curl)
		return err_set(err, ERR_FAILED, "cannot start libcurl");
	return 0;
}

/* Nobody answered: say why, as far as it can be known. */
static int no_answer(const struct client *c, CURLcode code, struct err *err)
{
	long sys = 0;

	if (code == CURLE_WRITE_ERROR)
		return err_set(err, ERR_FAILED, "mybakd at %s: its answer is longer than %u MiB",
		               c->socket, CLIENT_ANSWER_MAX >> 20);
	curl_easy_getinfo(c->curl, CURLINFO_OS_ERRNO, &sys);
	if (code != CURLE_COULDNT_CONNECT) {
		err_set(err, ERR_UNREACHABLE, "mybakd at %s does not answer: %s", c->socket,
		        curl_easy_strerror(code));
		return err_hint(err, "Look at its log: journalctl -u mybakd -n 50.");
	}
	if (sys == EACCES || sys == EPERM) {
		err_set(err, ERR_REFUSED, "mybakd at %s: no permission to connect", c->socket);
		return err_hint(err, "Run mybakctl as root or as a member of the socket's group.");
	}
	if (sys)
		err_set(err, ERR_UNREACHABLE, "mybakd at %s does not answer: %s", c->socket,
		        strerror((int)sys));
	else
		err_set(err, ERR_UNREACHABLE, "mybakd at %s does not answer", c->socket);
	return err_hint(err, "Is it running? systemctl status mybakd. Another socket: -s SOCKET. "
	                     "restore, verify and list --repo work without it.");
}

int client_reason(const json_t *error, const char *otherwise, struct err *err)
{
	const char *kind = json_string_value(json_object_get(error, "kind"));
	const char *message = json_string_value(json_object_get(error, "message"));
	const char *hint = json_string_value(json_object_get(error, "hint"));

	err_set(err, kind ? err_kind_from_name(kind) : ERR_FAILED, "%s",
	        message && *message ? message : otherwise);
	if (hint && *hint)
		err_hint(err, "%s", hint);
	return -1;
}

static int judge(struct client *c, const struct str *answer, const char *what, json_t **ret,
                 struct err *err)
{
	char *otherwise = NULL;
	json_error_t where;
	long status = 0;
	int rc = -1;

	curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &status);
	json_t *value = json_loadb(str_text(answer), answer->n, JSON_DECODE_ANY, &where);
	if (status < 200 || status > 299) {
		otherwise = mem_printf("mybakd at %s answers %s with HTTP status %ld", c->socket,
		                       what, status);
		c->refusal = json_incref(json_object_get(value, "error"));
		client_reason(c->refusal, otherwise, err);
		goto out;
	}
	if (!value && answer->n > 0) {
		err_set(err, ERR_FAILED, "mybakd at %s: its answer to %s is not JSON: %s (line %d)",
		        c->socket, what, where.text, where.line);
		err_hint(err, "Is something else listening there?");
		goto out;
	}
	if (ret) {
		*ret = value ? value : json_object();
		value = NULL;
	}
	rc = 0;
out:
	json_decref(value);
	free(otherwise);
	return rc;
}

int client_call(struct client *c, const char *method, const char *path, const json_t *body,
                json_t **ret, struct err *err)
{
	char *url = NULL, *what = NULL, *text = NULL;
	struct curl_slist *headers = NULL;
	struct str answer = {0};
	CURLcode code;
	int rc = -1;

	if (open_curl(c, err))
		return -1;
	json_decref(c->refusal);
	c->refusal = NULL;
	url = mem_printf("http://localhost%s", path);
	what = mem_printf("%s %s", method, path);
	curl_easy_reset(c->curl);
	curl_easy_setopt(c->curl, CURLOPT_UNIX_SOCKET_PATH, c->socket);
	curl_easy_setopt(c->curl, CURLOPT_PROXY, ""); /* http_proxy means the network, not this */
	curl_easy_setopt(c->curl, CURLOPT_URL, url);
	curl_easy_setopt(c->curl, CURLOPT_CUSTOMREQUEST, method);
	curl_easy_setopt(c->curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c->curl, CURLOPT_CONNECTTIMEOUT, CONNECT_TIMEOUT_S);
	curl_easy_setopt(c->curl, CURLOPT_TIMEOUT,
	                 (long)(c->patience_s ? c->patience_s : ANSWER_TIMEOUT_S));
	curl_easy_setopt(c->curl, CURLOPT_WRITEFUNCTION, collect);
	curl_easy_setopt(c->curl, CURLOPT_WRITEDATA, &answer);
	if (body) {
		text = json_dumps(body, JSON_COMPACT);
		headers = curl_slist_append(headers, "Content-Type: application/json");
		curl_easy_setopt(c->curl, CURLOPT_HTTPHEADER, headers);
		curl_easy_setopt(c->curl, CURLOPT_POSTFIELDS, text ? text : "{}");
	} else if (strcmp(method, "POST") == 0) {
		curl_easy_setopt(c->curl, CURLOPT_POSTFIELDS, "");
	}
	code = curl_easy_perform(c->curl);
	if (code != CURLE_OK)
		no_answer(c, code, err);
	else
		rc = judge(c, &answer, what, ret, err);
	curl_slist_free_all(headers);
	str_done(&answer);
	free(text);
	free(what);
	free(url);
	return rc;
}

void client_done(struct client *c)
{
	if (c->curl)
		curl_easy_cleanup(c->curl);
	c->curl = NULL;
	json_decref(c->refusal);
	c->refusal = NULL;
}

char *client_segment(const char *name)
{
	struct str s = {0};

	for (; *name; name++) {
		unsigned char b = (unsigned char)*name;

		if (b < 0x80 && (isalnum(b) || strchr("-_.", b)))
			str_addn(&s, name, 1);
		else
			str_addf(&s, "%%%02X", b);
	}
	return str_take(&s);
}
