/*-------------------------------------------------------------------------
 *
 * source_helper.c
 *	  Evidence from another process, on a Unix socket: for what an ordinary
 *	  user may not ask, such as Azure's vTPM.
 *
 * We send one line, {"report_data":"<base64>"}; the helper answers with the
 * JSON of a bundle's member "evidence", and closes the connection.  It must be
 * root or ourselves.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "miscadmin.h"
#include "storage/latch.h"
#include "utils/timestamp.h"

#include "attest/base64_text.h"
#include "attest/certificate_table.h"
#include "attest/evidence_source.h"
#include "base/compat.h"
#include "base/json.h"
#include "crypto/base64.h"

#define REPLY_MAX	(128 * 1024)
#define TYPE_MAX	32
#define VALUE_MAX	(EVIDENCE_REPORT_MAX / 3 * 4 + 8)	/* of a member, in base64 */

static bool
is_trusted_user(uid_t user)
{
	return user == 0 || user == geteuid();
}

static bool
peer_is_trusted(int fd)
{
	struct ucred peer;
	socklen_t	len = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 && is_trusted_user(peer.uid);
}

static bool
connect_to(int fd, const char *path, FoundEvidence *found)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct stat info;

	if (strlcpy(address.sun_path, path, sizeof(address.sun_path)) >= sizeof(address.sun_path))
		return evidence_fail(found, "the path of socket \"%s\" is too long", path);
	if (stat(path, &info) != 0)
		return evidence_fail(found, "could not find socket \"%s\": %m", path);
	if (!S_ISSOCK(info.st_mode) || !is_trusted_user(info.st_uid))
		return evidence_fail(found, "\"%s\" is no socket of root or of the server's user", path);
	if (connect(fd, (struct sockaddr *) &address, sizeof(address)) != 0)
		return evidence_fail(found, "could not connect to socket \"%s\": %m", path);
	if (!peer_is_trusted(fd))
		return evidence_fail(found, "the process at socket \"%s\" is not root's or the server's user's", path);
	return true;
}

/* Until there is something to read; false when the time is over or the server ends. */
static bool
wait_for_data(int fd, TimestampTz deadline)
{
	static uint32 wait_event = 0;

	for (;;)
	{
		long		remaining = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), deadline);
		int			events;

		if (remaining <= 0 || ProcDiePending)
			return false;
		events = WaitLatchOrSocket(MyLatch,
								   WL_LATCH_SET | WL_SOCKET_READABLE | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
								   fd, remaining,
								   compat_wait_event(&wait_event, "BionicCryptEvidence"));
		if (events & WL_SOCKET_READABLE)
			return true;

		/* Requests that come meanwhile are looked at afterwards in any case. */
		if (events & WL_LATCH_SET)
			ResetLatch(MyLatch);
	}
}

static bool
exchange(int fd, const uint8 *report_data, StringInfo reply, FoundEvidence *found)
{
	TimestampTz deadline = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), SOURCE_TIMEOUT_MS);
	StringInfoData line;
	ssize_t		got = -1;

	initStringInfo(&line);
	appendStringInfoString(&line, "{\"report_data\":\"");
	base64_append(&line, bytes_of(report_data, REPORT_DATA_LEN));
	appendStringInfoString(&line, "\"}\n");

	/* A line that short fits into the socket's buffer, or nobody is there. */
	if (send(fd, line.data, line.len, MSG_NOSIGNAL) != line.len)
		return evidence_fail(found, "could not ask the helper: %m");
	enlargeStringInfo(reply, REPLY_MAX + 1);
	while (wait_for_data(fd, deadline))
	{
		got = recv(fd, reply->data + reply->len, REPLY_MAX + 1 - reply->len, 0);
		if (got == 0)
			return true;
		if (got < 0 && errno != EAGAIN && errno != EINTR)
			return evidence_fail(found, "could not read the helper's answer: %m");
		reply->len += got > 0 ? got : 0;
		if (reply->len > REPLY_MAX)
			return evidence_fail(found, "the helper's answer is longer than %d bytes", REPLY_MAX);
	}
	return evidence_fail(found, "the helper did not answer within %d seconds", SOURCE_TIMEOUT_MS / 1000);
}

/* One member: its Base64 becomes bytes, where it is. */
static bool
take_member(Bytes reply, const char *path, Bytes *out)
{
	char	   *value = palloc(VALUE_MAX);
	JsonWanted	wanted[] = {{.path = path,.out = value,.size = VALUE_MAX}};
	size_t		len;

	*out = bytes_of(value, 0);
	if (!json_find(reply, wanted, lengthof(wanted)))
		return false;
	if (!wanted[0].found)
		return true;
	if (!base64_decode(value, (uint8 *) value, VALUE_MAX, &len) || len == 0)
		return false;
	*out = bytes_of(value, len);
	return true;
}

static bool
take_certificates(Bytes reply, FoundEvidence *found)
{
	for (int i = 0; i <= EVIDENCE_CERTIFICATES_MAX; i++)
	{
		char		path[32];
		Bytes		der;

		snprintf(path, sizeof(path), "certificates.%d", i);
		if (!take_member(reply, path, &der) || der.len > EVIDENCE_CERTIFICATE_MAX)
			return false;
		if (der.len == 0)
			return true;
		if (i < EVIDENCE_CERTIFICATES_MAX)
			found->certificates[found->n_certificates++] = der;
	}
	return false;				/* one too many */
}

static bool
take_pcrs(Bytes reply, FoundEvidence *found)
{
	uint8	   *pcrs = palloc(PCR_COUNT * PCR_LEN);
	int			n;

	for (n = 0; n < PCR_COUNT; n++)
	{
		char		path[32];
		char		hex[2 * PCR_LEN + 1];
		JsonWanted	wanted[] = {{.path = path,.out = hex,.size = sizeof(hex)}};

		snprintf(path, sizeof(path), "tpm_pcrs.%d", n);
		if (!json_find(reply, wanted, lengthof(wanted)))
			return false;
		if (!wanted[0].found)
			break;
		if (strlen(hex) != 2 * PCR_LEN || strspn(hex, "0123456789abcdef") != 2 * PCR_LEN)
			return false;
		for (int i = 0; i < PCR_LEN; i++)
		{
			char		digits[3] = {hex[2 * i], hex[2 * i + 1], '\0'};

			pcrs[n * PCR_LEN + i] = (uint8) strtoul(digits, NULL, 16);
		}
	}
	found->tpm_pcrs = bytes_of(pcrs, (Size) n * PCR_LEN);
	return true;
}

static bool
take_reply(Bytes reply, const uint8 *report_data, FoundEvidence *found)
{
	char		type[TYPE_MAX];
	JsonWanted	wanted[] = {{.path = "type",.out = type,.size = sizeof(type)}};
	const EvidenceType *known;
	Bytes		report;

	if (!json_find(reply, wanted, lengthof(wanted)) || !wanted[0].found ||
		(known = evidence_type_by_name(type)) == NULL ||
		!take_member(reply, "report", &report) || report.len == 0 ||
		!take_certificates(reply, found) ||
		!take_member(reply, "tpm_quote", &found->tpm_quote) ||
		!take_member(reply, "tpm_signature", &found->tpm_signature) ||
		!take_pcrs(reply, found))
		return evidence_fail(found, "the helper's answer is no evidence");

	/* Of these two it is seen at once; of all others when they are verified. */
	if (strcmp(type, "sev-snp") == 0)
		return evidence_take_snp(found, report, report_data) && certificate_file_read(found);
	if (strcmp(type, "tdx") == 0)
		return evidence_take_tdx(found, report, report_data);
	found->type = known->name;
	found->report = report;
	return true;
}

static bool
get_from_helper(const char *place, const uint8 *report_data, FoundEvidence *found)
{
	StringInfoData reply;
	int			fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool		got;

	if (fd < 0)
		return evidence_fail(found, "could not make a socket: %m");
	initStringInfo(&reply);
	got = connect_to(fd, place, found) && exchange(fd, report_data, &reply, found);
	close(fd);
	return got && take_reply(bytes_of(reply.data, reply.len), report_data, found);
}

const EvidenceSource source_helper = {
	.name = "helper",
	.get = get_from_helper,
};
