/*-------------------------------------------------------------------------
 *
 * bionic_verify_server.c
 *	  Asks a server for its attestation.
 *
 * The digest of the certificate is taken of the very connection that the nonce
 * goes over: whoever answered it has the key of that certificate.  Whether an
 * authority vouches for it is up to sslmode and sslrootcert of the conninfo.
 *
 *-------------------------------------------------------------------------
 */
#include "programs/bionic_verify_server.h"

#include <ctype.h>
#include <errno.h>
#include <libpq-fe.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>

#define NONCE_LEN		32
#define CONNECT_MAX_S	30
#define ANSWER_MAX_S	120		/* hardware may take a minute */
#define OID_BOOL		16
#define OID_BYTEA		17
#define OID_TEXT		25

/* What a server sends is not to be shown before it is verified. */
static void
ignore_notice(void *arg, const char *message)
{
}

/* Its words, but nothing that moves a cursor. */
static void
fail(const char *what, const char *message)
{
	char		words[512];
	size_t		len = strcspn(message, "\n");

	snprintf(words, sizeof(words), "%.*s", (int) len, message);
	for (char *c = words; *c != '\0'; c++)
	{
		if (!isprint((unsigned char) *c))
			*c = '?';
	}
	verify_give_up("%s: %s", what, words);
}

/* Ends the program when the socket is not ready in time. */
static void
wait_for(PGconn *connection, short events, time_t deadline)
{
	struct pollfd socket = {.fd = PQsocket(connection),.events = events};
	time_t		left_s = deadline - time(NULL);

	if (left_s <= 0)
		verify_give_up("the server did not answer in time");
	if (poll(&socket, 1, (int) left_s * 1000) < 0 && errno != EINTR)
		verify_give_up("could not wait for the server: %s", strerror(errno));
}

/*
 * A password would have been sent by the time that we see that there is no TLS.
 * What is no conninfo is the name of a database.
 */
static void
require_tls(const char *dsn)
{
	PQconninfoOption *options = PQconninfoParse(dsn, NULL);

	for (PQconninfoOption *o = options; o != NULL && o->keyword != NULL; o++)
	{
		if (strcmp(o->keyword, "sslmode") == 0 && o->val != NULL && strcmp(o->val, "require") != 0 &&
			strncmp(o->val, "verify-", strlen("verify-")) != 0)
			verify_give_up("TLS is required, sslmode in --dsn is not enough (--no-tls would do without)");
	}
	PQconninfoFree(options);
}

/* Not by PQconnectdb(), which prints what the server says on the way. */
static PGconn *
connect_to(const VerifyOptions *options)
{
	/* later ones win: the conninfo may want more, as verify-full */
	const char *const keywords[] = {
		"sslmode", "application_name", "dbname", "gssencmode", "client_encoding", NULL
	};
	const char *const values[] = {
		options->no_tls ? "prefer" : "require", "bionic-verify", options->dsn, "disable", "UTF8", NULL
	};
	time_t		deadline = time(NULL) + CONNECT_MAX_S;
	PostgresPollingStatusType next = PGRES_POLLING_WRITING;
	PGconn	   *connection;

	if (!options->no_tls)
		require_tls(options->dsn);
	connection = PQconnectStartParams(keywords, values, 1);
	if (connection == NULL)
		verify_give_up("out of memory");
	PQsetNoticeProcessor(connection, ignore_notice, NULL);
	while (next != PGRES_POLLING_OK)
	{
		if (next == PGRES_POLLING_FAILED || PQstatus(connection) == CONNECTION_BAD)
			fail("could not connect", PQerrorMessage(connection));
		wait_for(connection, next == PGRES_POLLING_READING ? POLLIN : POLLOUT, deadline);
		next = PQconnectPoll(connection);
	}
	return connection;
}

/* Of the certificate that the server has shown. */
static bool
certificate_digest(PGconn *connection, uint8_t out[DIGEST_LEN])
{
	SSL		   *tls = PQsslInUse(connection) ? PQsslStruct(connection, "OpenSSL") : NULL;
	X509	   *certificate = tls == NULL ? NULL : SSL_get1_peer_certificate(tls);
	bool		ok = certificate != NULL && X509_digest(certificate, EVP_sha256(), out, NULL) == 1;

	X509_free(certificate);
	return ok;
}

/* The next result; the program ends when it does not come in time. */
static PGresult *
wait_for_result(PGconn *connection)
{
	time_t		deadline = time(NULL) + ANSWER_MAX_S;

	while (PQisBusy(connection))
	{
		wait_for(connection, POLLIN, deadline);
		if (PQconsumeInput(connection) == 0)
			fail("lost the connection", PQerrorMessage(connection));
	}
	return PQgetResult(connection);
}

static Bytes
ask(PGconn *connection, const VerifyOptions *options)
{
	const Oid	types[] = {OID_BYTEA, OID_BOOL, OID_TEXT};
	const char *const values[] = {(const char *) options->nonce, options->fresh ? "t" : "f", options->tenant};
	const int	lengths[] = {NONCE_LEN, 0, 0};
	const int	formats[] = {1, 0, 0};
	PGresult   *result;
	uint8_t    *copy;
	size_t		len;

	if (PQsendQueryParams(connection, "SELECT bionic_crypt.attestation($1, $2, $3)",
						  3, types, values, lengths, formats, 0) == 0)
		fail("could not ask the server", PQerrorMessage(connection));
	result = wait_for_result(connection);
	if (PQresultStatus(result) != PGRES_TUPLES_OK)
		fail("the server has no answer", PQresultErrorMessage(result));
	if (PQntuples(result) != 1 || PQnfields(result) != 1 || PQgetisnull(result, 0, 0))
		verify_give_up("the server's answer is no attestation");
	len = PQgetlength(result, 0, 0);
	if (len > JSON_TEXT_MAX)
		verify_give_up("the server's answer has more than %d bytes", JSON_TEXT_MAX);
	copy = verify_room(len);
	memcpy(copy, PQgetvalue(result, 0, 0), len);
	PQclear(result);
	return bytes_of(copy, len);
}

void
verify_ask_server(VerifyOptions *options, ServerAnswer *answer)
{
	PGconn	   *connection;

	if (RAND_bytes(options->nonce, NONCE_LEN) != 1)
		verify_give_up("no random bytes");
	options->nonce_len = NONCE_LEN;

	connection = connect_to(options);
	answer->has_tls = certificate_digest(connection, answer->tls_certificate_sha256);
	if (!answer->has_tls && !options->no_tls)
		verify_give_up("the connection has no TLS (--no-tls would do without)");
	answer->bundle = ask(connection, options);
	PQfinish(connection);
}
