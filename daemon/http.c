#include "daemon/http.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/http_struct.h>
#include <event2/keyvalq_struct.h>
#include <event2/listener.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "daemon/api.h"

#define HEADERS_MAX 16384
/* libevent answers what is larger than its own limit with a page of HTML: bodies up
 * to here get our JSON, and only what is absurd gets the page. */
#define BODY_MAX (16 * API_BODY_MAX)
#define IDLE_S 30
#define ACCEPT_PAUSE_US 1000000

struct http {
	struct evhttp *server;
	struct evconnlistener *listener; /* owned by server once bound */
	struct loop_timer *again;
	struct daemon *d;
};

static const struct {
	enum evhttp_cmd_type cmd;
	const char *name;
} methods[] = {
    {EVHTTP_REQ_GET, "GET"},         {EVHTTP_REQ_HEAD, "GET"},    {EVHTTP_REQ_POST, "POST"},
    {EVHTTP_REQ_DELETE, "DELETE"},   {EVHTTP_REQ_PUT, "PUT"},     {EVHTTP_REQ_PATCH, "PATCH"},
    {EVHTTP_REQ_OPTIONS, "OPTIONS"}, {EVHTTP_REQ_TRACE, "TRACE"}, {EVHTTP_REQ_CONNECT, "CONNECT"},
};

static const char *method_name(enum evhttp_cmd_type cmd)
{
	for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
		if (methods[i].cmd == cmd)
			return methods[i].name;
	return "this method";
}

/* Who may connect at all is decided by the mode of the socket. */
static bool may_control(struct evhttp_request *rq)
{
	struct ucred who;
	socklen_t n = sizeof who;
	struct evhttp_connection *connection = evhttp_request_get_connection(rq);
	int fd = bufferevent_getfd(evhttp_connection_get_bufferevent(connection));
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) < 0 || n != sizeof who)
		return false;
	return who.uid == 0 || who.uid == geteuid();
}

static void send_reply(struct evhttp_request *rq, const struct api_reply *reply)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(rq);
	struct evbuffer *body = evhttp_request_get_output_buffer(rq);
	char length[24];
	snprintf(length, sizeof length, "%zu", reply->body_n);
	evhttp_add_header(headers, "Content-Type", reply->type);
	evhttp_add_header(headers, "Content-Length", length);
	evhttp_add_header(headers, "Cache-Control", "no-store");
	if (reply->status == 405)
		evhttp_add_header(headers, "Allow", reply->allow);
	if (evhttp_request_get_command(rq) != EVHTTP_REQ_HEAD)
		evbuffer_add(body, reply->body, reply->body_n);
	evhttp_send_reply(rq, reply->status, NULL, NULL);
}

static void on_request(struct evhttp_request *rq, void *arg)
{
	struct http *h = arg;
	struct evkeyvalq *headers = evhttp_request_get_input_headers(rq);
	struct evbuffer *in = evhttp_request_get_input_buffer(rq);
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(rq);
	const char *path = uri ? evhttp_uri_get_path(uri) : NULL;
	struct api_request ask = {
	    .method = method_name(evhttp_request_get_command(rq)),
	    .path = path ? path : "",
	    .query = uri ? evhttp_uri_get_query(uri) : NULL,
	    .accept = evhttp_find_header(headers, "Accept"),
	    .body_n = evbuffer_get_length(in),
	    .may_control = may_control(rq),
	};
	struct api_reply reply;
	ask.body = evbuffer_pullup(in, -1);
	if (!ask.body)
		ask.body = "";
	api_handle(h->d, &ask, &reply);
	send_reply(rq, &reply);
	free(reply.body);
}

/* Out of descriptors, most likely: accepting again at once would spin. */
static void on_accept_error(struct evconnlistener *listener, void *arg)
{
	struct http *h = arg;
	log_msg(LOG_LEVEL_WARN, "cannot accept a connection; trying again in a second", "error=%d",
	        EVUTIL_SOCKET_ERROR());
	evconnlistener_disable(listener);
	loop_timer_arm(h->again, ACCEPT_PAUSE_US);
}

static void accept_again(void *arg)
{
	struct http *h = arg;
	evconnlistener_enable(h->listener);
}

int http_new(struct loop *l, int listen_fd, struct daemon *d, struct http **ret, struct err *err)
{
	struct http *h = mem_zalloc(sizeof *h);
	h->d = d;
	h->server = evhttp_new(loop_base(l));
	h->listener =
	    evconnlistener_new(loop_base(l), NULL, NULL, LEV_OPT_CLOSE_ON_EXEC, 0, listen_fd);
	if (!h->server || !h->listener || !evhttp_bind_listener(h->server, h->listener)) {
		http_free(h);
		return err_set(err, ERR_FAILED, "cannot serve HTTP on the socket");
	}
	h->again = loop_timer_new(l, accept_again, h);
	evconnlistener_set_error_cb(h->listener, on_accept_error);
	evhttp_set_allowed_methods(h->server, 0xffff); /* api says 405 itself */
	evhttp_set_max_headers_size(h->server, HEADERS_MAX);
	evhttp_set_max_body_size(h->server, BODY_MAX);
	evhttp_set_timeout(h->server, IDLE_S);
	evhttp_set_flags(h->server, EVHTTP_SERVER_LINGERING_CLOSE);
	evhttp_set_gencb(h->server, on_request, h);
	*ret = h;
	return 0;
}

void http_free(struct http *h)
{
	if (!h)
		return;
	if (h->server)
		evhttp_free(h->server); /* with the listener it was bound to */
	free(h);
}
