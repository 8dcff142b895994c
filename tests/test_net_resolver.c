/* SPDX-License-Identifier: MIT
 *
 * What the resolver says, and hosts with several addresses. Every list of addresses is freed.
 */
#define TEST_FAILING_CALLS
#include "test_net.h"

static char service[16]; /* of `listener` */
static int listener = -1;

/* ---- A resolver that does as it is told ------------------------------------------------------ */

static int resolver_code, resolver_error;   /* what the next getaddrinfo() returns, and its errno */
static struct addrinfo *resolver_addresses; /* or what it gives */
static int lists_out;                       /* given and not freed yet */

#pragma GCC visibility push(default) /* what the library calls must find them */

int getaddrinfo(const char *host, const char *port, const struct addrinfo *hints,
                struct addrinfo **ret_list)
{
    int code = resolver_code;

    resolver_code = 0;
    errno = resolver_error;
    if (resolver_addresses) *ret_list = resolver_addresses;
    else if (code == 0) code = REAL(getaddrinfo)(host, port, hints, ret_list);
    lists_out += code == 0;
    return code;
}

void freeaddrinfo(struct addrinfo *list)
{
    lists_out--;
    if (list != resolver_addresses) REAL(freeaddrinfo)(list);
}

#pragma GCC visibility pop

/* A list of ports of one host, for which `storage` has room. */
struct addresses {
    struct sockaddr_in storage[4];
    struct addrinfo list[4];
};

static void resolve_to(struct addresses *self, const char *host, int number,
                       const char *const *ports)
{
    memset(self, 0, sizeof *self);
    for (int i = 0; i < number; i++) {
        self->storage[i] = address_of(host, ports[i]);
        self->list[i].ai_family = AF_INET;
        self->list[i].ai_socktype = SOCK_STREAM;
        self->list[i].ai_addr = (struct sockaddr *)&self->storage[i];
        self->list[i].ai_addrlen = sizeof self->storage[i];
        self->list[i].ai_next = i + 1 < number ? &self->list[i + 1] : NULL;
    }
    resolver_addresses = self->list;
}

/* ---- What the resolver says ------------------------------------------------------------------ */

static void connect_to_name(void *unused)
{
    (void)unused;
    with (cm_connect("name.example", "http")) CHECK(!"connected");
}

static void listen_at_name(void *unused)
{
    (void)unused;
    with (cm_listen("name.example", "http")) CHECK(!"listens");
}

static void check_resolver(int code, const char *text)
{
    char wanted[200];
    const with_exception *e;

    snprintf(wanted, sizeof wanted, "host name.example, service http: %s", text);
    for (int i = 0; i < 2; i++) {
        resolver_code = code;
        e = with_call(i ? listen_at_name : connect_to_name, NULL);
        check_exception(e, &gaierror, wanted, __FILE__, __LINE__);
        CHECK(with_isinstance(e, &OSError));
        CHECK_INT(e->code, code);
        with_exception_unref(e);
    }
}

static void test_resolver(void)
{
    static const int codes[] = {EAI_AGAIN,  EAI_BADFLAGS, EAI_FAIL,     EAI_FAMILY,
                                EAI_NONAME, EAI_SERVICE,  EAI_SOCKTYPE, EAI_OVERFLOW};
    const with_exception *e;

    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        check_resolver(codes[i], gai_strerror(codes[i]));

    resolver_code = EAI_SYSTEM;
    resolver_error = EACCES;
    e = with_call(connect_to_name, NULL);
    check_exception(e, &PermissionError, "host name.example, service http: Permission denied",
                    __FILE__, __LINE__);
    CHECK_INT(e->code, EACCES);
    with_exception_unref(e);

    resolver_code = EAI_MEMORY;
    CHECK_THROWS(connect_to_name, NULL, MemoryError, "host name.example, service http");
}

static void no_such_service(void *unused)
{
    (void)unused;
    with (cm_connect("127.0.0.1", "no-such-service")) {}
}

static void listen_on_no_such_service(void *unused)
{
    (void)unused;
    with (cm_listen(NULL, "no-such-service")) {}
}

/* The real one. */
static void test_no_such_service(void)
{
    const with_exception *e = with_call(no_such_service, NULL);

    check_exception(e, &gaierror, "host 127.0.0.1, service no-such-service: ", __FILE__, __LINE__);
    CHECK_INT(e->code, EAI_SERVICE);
    with_exception_unref(e);
    CHECK_THROWS(listen_on_no_such_service, NULL, gaierror, "host any address, service no-such");
}

/* What glibc would take for another port. */
static void connect_to(void *service)
{
    with (cm_connect("127.0.0.1", (const char *)service)) {}
}

static void listen_at(void *service)
{
    with (cm_listen("127.0.0.1", (const char *)service)) {}
}

static void test_no_such_port(void)
{
    static char services[][12] = {"", "65536", "98329", "4294967376", " 80", "+80", "-1", "-0"};

    for (size_t i = 0; i < sizeof services / sizeof *services; i++) {
        CHECK_THROWS(connect_to, services[i], ValueError, "host 127.0.0.1, service '");
        CHECK_THROWS(listen_at, services[i], ValueError, "neither a port up to 65535 nor a name");
    }
}

/* ---- Several addresses ----------------------------------------------------------------------- */

static void connect_to_any(void *ret_port)
{
    char peer[WITH_NET_ADDRESS_SIZE];

    with (cm_connect("name.example", "http", .timeout_seconds = 2), fd) {
        CHECK_INT(with_net_peer(fd, peer, sizeof peer), 0);
        strcpy(ret_port, strchr(peer, ':') + 1);
        close(accept(listener, NULL, NULL));
    }
}

static void test_several_addresses(void)
{
    char refusing[16], silent[16], reached[WITH_NET_ADDRESS_SIZE] = "", note[64];
    int first, refuser = raw_listener(-1, refusing), full = full_listener(silent, &first);
    struct addresses addresses;
    const with_exception *e;

    resolve_to(&addresses, "127.0.0.1", 2, (const char *const[]){refusing, service});
    CHECK_NO_THROW(connect_to_any, reached);
    CHECK_STR(reached, service);

    /* One that does not answer leaves time for those behind it. */
    resolve_to(&addresses, "127.0.0.1", 3, (const char *const[]){silent, refusing, service});
    reached[0] = '\0';
    CHECK_NO_THROW(connect_to_any, reached);
    CHECK_STR(reached, service);

    /* The last one's error, and all of them as notes. */
    resolve_to(&addresses, "127.0.0.1", 2, (const char *const[]){silent, refusing});
    e = with_call(connect_to_any, reached);
    check_exception(e, &ConnectionRefusedError, "host name.example, service http: ", __FILE__,
                    __LINE__);
    CHECK_INT(e->code, ECONNREFUSED);
    CHECK_INT(notes_of(e), 2);
    snprintf(note, sizeof note, "127.0.0.1:%s: Connection timed out", silent);
    CHECK(has_note(e, note));
    snprintf(note, sizeof note, "127.0.0.1:%s: Connection refused", refusing);
    CHECK(has_note(e, note));
    with_exception_unref(e);

    resolve_to(&addresses, "127.0.0.1", 2, (const char *const[]){refusing, silent});
    CHECK_THROWS(connect_to_any, reached, TimeoutError, "host name.example, service http: ");
    resolver_addresses = NULL;
    close(first);
    close(full);
    close(refuser);
}

static void listen_at_any(void *ret_port)
{
    with (cm_listen("name.example", "http"), fd) *(int *)ret_port = with_net_port(fd);
}

/* An address that this machine does not have is passed over, one that is taken is not. */
static void test_several_addresses_to_listen_at(void)
{
    char first[16], second[16];
    int port = 0;
    struct addresses addresses;

    free_port_of_own_host(first);
    free_port_of_own_host(second);
    resolve_to(&addresses, own_host(), 2, (const char *const[]){first, second});
    FAIL(bind, 0, EADDRNOTAVAIL);
    CHECK_NO_THROW(listen_at_any, &port);
    CHECK_INT(port, atoi(second));
    FAIL(bind, 0, EADDRINUSE);
    CHECK_THROWS(listen_at_any, &port, OSError, "Address already in use");
    resolver_addresses = NULL;
}

int main(void)
{
    int before;

    listener = raw_listener(100, service);
    before = open_descriptors();
    test_resolver();
    test_no_such_service();
    test_no_such_port();
    test_several_addresses();
    test_several_addresses_to_listen_at();
    CHECK_INT(lists_out, 0);
    CHECK_INT(open_descriptors(), before);
    CHECK_INT(with_dump(stderr), 0);
    return test_result();
}
