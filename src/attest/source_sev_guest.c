/*-------------------------------------------------------------------------
 *
 * source_sev_guest.c
 *	  Evidence through the device /dev/sev-guest, for kernels without
 *	  configfs-tsm (Linux 5.19 to 6.6).
 *
 * The interface is Linux's Documentation/virt/coco/sev-guest.rst; what is of
 * it here is ours, since old headers lack it.  Whoever may open the device may
 * also derive keys with it: prefer configfs.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "attest/certificate_table.h"
#include "attest/evidence_source.h"
#include "attest/patience.h"

#define TABLE_MAX		0x4000	/* SEV_FW_BLOB_MAX_SIZE, whole pages */
#define RESPONSE_LEN	4000
#define RESPONSE_HEADER	32		/* status and size of the report, then padding */
#define SNP_REPORT_LEN	1184

typedef struct SnpReportRequest
{
	uint8		user_data[REPORT_DATA_LEN];
	uint32		vmpl;
	uint8		reserved[28];
} SnpReportRequest;

typedef struct SnpExtendedRequest
{
	SnpReportRequest report;
	uint64		table;			/* address */
	uint32		table_len;
} SnpExtendedRequest;

typedef struct SnpGuestRequest
{
	uint8		msg_version;
	uint64		request;		/* addresses */
	uint64		response;
	uint64		exit_info;		/* low half of the firmware, high of the host */
} SnpGuestRequest;

#define SNP_GET_EXT_REPORT	_IOWR('S', 2, SnpGuestRequest)

static bool
request_report(int device, SnpGuestRequest *guest)
{
	int			tries = 0;

	while (ioctl(device, SNP_GET_EXT_REPORT, guest) != 0)
	{
		if (!patience_left(&tries))
			return false;
		guest->exit_info = 0;
	}
	return true;
}

static bool
take_response(const uint8 *response, Bytes table, const uint8 *report_data, FoundEvidence *found)
{
	ByteReader	header = reader_of(bytes_of(response, RESPONSE_HEADER));
	uint32		status;
	uint32		len;

	if (!reader_le32(&header, &status) || !reader_le32(&header, &len) ||
		status != 0 || len != SNP_REPORT_LEN)
		return evidence_fail(found, "the security processor gave no report");
	return evidence_take_snp(found, bytes_of(response + RESPONSE_HEADER, len), report_data) &&
		certificate_table_read(table, found) && certificate_file_read(found);
}

static bool
get_from_device(const char *place, const uint8 *report_data, FoundEvidence *found)
{
	SnpExtendedRequest *request = palloc0(sizeof(SnpExtendedRequest));
	SnpGuestRequest guest = {.msg_version = 1};
	uint8	   *response = palloc0(RESPONSE_LEN);
	uint8	   *table = palloc0(TABLE_MAX);
	sigset_t	before;
	bool		got;
	int			device = open(place, O_RDWR | O_CLOEXEC);

	if (device < 0)
		return evidence_fail(found, "could not open \"%s\": %m", place);
	memcpy(request->report.user_data, report_data, REPORT_DATA_LEN);
	request->table = (uintptr_t) table;
	request->table_len = TABLE_MAX;
	guest.request = (uintptr_t) request;
	guest.response = (uintptr_t) response;

	signals_block_all(&before);
	got = request_report(device, &guest);
	signals_restore(&before);
	if (!got)
		evidence_fail(found, "could not get a report from \"%s\": %m (host and firmware say %llx)",
					  place, (unsigned long long) guest.exit_info);
	close(device);
	return got && take_response(response, bytes_of(table, TABLE_MAX), report_data, found);
}

const EvidenceSource source_sev_guest = {
	.name = "sev-guest",
	.default_place = "/dev/sev-guest",
	.get = get_from_device,
};
