/*-------------------------------------------------------------------------
 *
 * snp_certificate.h
 *	  What AMD certifies of a key that signs reports (AMD 57230, "VCEK
 *	  Certificate and KDS Interface Specification").
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVIDENCE_SNP_CERTIFICATE_H
#define EVIDENCE_SNP_CERTIFICATE_H

#include <openssl/x509.h>

#include "evidence/snp_report.h"

/* Borrowed from the certificate. */
typedef struct SnpCertificate
{
	const SnpProduct *product;
	Bytes		product_name;	/* with its stepping: "Milan-B0" */
	SnpTcb		tcb;
	Bytes		hwid;			/* of a VCEK: the chip */
	Bytes		csp_id;			/* of a VLEK: printable ASCII, of the provider */
} SnpCertificate;

/* NULL when it could be read; else what is wrong with it. */
extern const char *snp_certificate_read(X509 *certificate, SnpCertificate *content);

#endif							/* EVIDENCE_SNP_CERTIFICATE_H */
