/* SPDX-License-Identifier: MIT
 *
 * For tests of TLS: a certificate for 127.0.0.1 that signs itself, and its key, which are removed when
 * the test ends.
 */
#ifndef TEST_CERTIFICATE_H
#define TEST_CERTIFICATE_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static struct {
    pid_t owner;
    char directory[64], certificate[80], key[80];
} tls = {.directory = "/tmp/with-tls-XXXXXX"};

static void remove_certificate(void)
{
    if (getpid() != tls.owner) return;
    unlink(tls.certificate);
    unlink(tls.key);
    rmdir(tls.directory);
}

/* Root starts the server as another user, whose key it must then be. */
static void give_to(const char *user)
{
    const struct passwd *entry = geteuid() == 0 ? getpwnam(user) : NULL;

    if (!entry) entry = geteuid() == 0 ? getpwnam("nobody") : NULL;
    if (chmod(tls.directory, 0755) != 0 || chmod(tls.key, 0600) != 0) abort();
    if (entry && chown(tls.key, entry->pw_uid, entry->pw_gid) != 0) abort();
}

/* Fills in tls, for a server that runs as user. Skips the test where there is no openssl. */
static void make_certificate(const char *user)
{
    char command[400];

    if (!mkdtemp(tls.directory)) abort();
    snprintf(tls.certificate, sizeof tls.certificate, "%s/certificate.pem", tls.directory);
    snprintf(tls.key, sizeof tls.key, "%s/key.pem", tls.directory);
    snprintf(command, sizeof command,
             "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 -keyout %s "
             "-out %s -addext subjectAltName=IP:127.0.0.1 >/dev/null 2>&1",
             tls.key, tls.certificate);
    tls.owner = getpid();
    atexit(remove_certificate);
    if (system(command) == 0) {
        give_to(user);
        return;
    }
    puts("skipped: there is no openssl");
    exit(77);
}

#endif
