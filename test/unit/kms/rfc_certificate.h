/*-------------------------------------------------------------------------
 *
 * rfc_certificate.h
 *	  A certificate of the key of rfc_key.h, by itself, and one of another key.
 *
 *-------------------------------------------------------------------------
 */
#ifndef UNIT_KMS_RFC_CERTIFICATE_H
#define UNIT_KMS_RFC_CERTIFICATE_H

#define RFC_CERTIFICATE(nl) \
	"-----BEGIN CERTIFICATE-----" nl \
	"MIIC/jCCAeagAwIBAgIBATANBgkqhkiG9w0BAQsFADAXMRUwEwYDVQQDDAxiaW9u" nl \
	"aWNfY3J5cHQwIBcNMjYxMTIyMjI0NzQ0WhgPMjEyNjEwMjkyMjQ3NDRaMBcxFTAT" nl \
	"BgNVBAMMDGJpb25pY19jcnlwdDCCASIwDQYJKoZIhvcNAQEBBQADggEPADCCAQoC" nl \
	"ggEBAKH4Fgri48m0Zc6NLWViYzYrkn2+KeHwJHf8FiXMkKE244vZNJfFtupj3XcR" nl \
	"5nx0KflWsPuKjwia3EtpiTzBMz9T7dAZuHeEJS/skU/khXdpWUvqQoDTLA9Vv2KU" nl \
	"TxMDlrxum99uvdK9o2eO7KDGaPcBs42/+zjINCzi/m0n+t5KWkh0l53Uuc+a3sTH" nl \
	"WwWFLCwPXvilwXUDkvlE6O1kwRDGtkdgmqR4OuucbJrXVTEwUGOLg2Zcb296gqOW" nl \
	"cCofZBuC0+vyOSIZSR+2hocsVxb1Cvg1jZqLnRfDQHKPf4fYmhjY/KtnrYRZDC7P" nl \
	"dZM5NjwHA01vYG+eIeBUVsrl6aECAwEAAaNTMFEwHQYDVR0OBBYEFDMYiI+nv4OQ" nl \
	"zd7TXVSJ6VFjGdrZMB8GA1UdIwQYMBaAFDMYiI+nv4OQzd7TXVSJ6VFjGdrZMA8G" nl \
	"A1UdEwEB/wQFMAMBAf8wDQYJKoZIhvcNAQELBQADggEBAKEmD7/uA8IFCdZzQiaD" nl \
	"6b518TLsA0HA/QrflT/86W8t1qKnxkNRiOU8vU1Oz44K2A5ZhOjg1zBhbL+ZBIZJ" nl \
	"cuPqCMlms4fUI4My2mUiVO8J6XE3hU2wgybVaGEkGRkdls5xQzU7zoyP3/L25mUC" nl \
	"Ii+CnUiWZ+vSzCslr0iIYsJMN4CvYUG9bX45D8YCMyR+LWnx7JuJIBmCgGzAYueN" nl \
	"1I777Nlhzs2N6Osu6DbSVS1Kl6J0ZtiE2rxvutgmaz05PmTcOk+vWD9/6VsabhHT" nl \
	"TZJgcVM5WTqANCI/mNBZmdVegEpNgud89RkP4nCQcrtts4tYAVFheBqeFscoh/UD" nl \
	"J4M=" nl \
	"-----END CERTIFICATE-----" nl

/* SHA-256 of its DER, as openssl has it, in base64url. */
#define RFC_CERTIFICATE_HASH "XMKhEBYypW_GHwLYm1bies8lJzhKr8OHqq6aN4IzSFc"

#define OTHER_CERTIFICATE \
	"-----BEGIN CERTIFICATE-----\n" \
	"MIIC8DCCAdigAwIBAgIBAjANBgkqhkiG9w0BAQsFADAQMQ4wDAYDVQQDDAVvdGhl\n" \
	"cjAgFw0yNjExMjIyMjQ3NDRaGA8yMTI2MTAyOTIyNDc0NFowEDEOMAwGA1UEAwwF\n" \
	"b3RoZXIwggEiMA0GCSqGSIb3DQEBAQUAA4IBDwAwggEKAoIBAQC6DYjnjU+yBpeC\n" \
	"yP8iBucWVvcprqLsR2kzqPrQ4EMXzty4dlw2RYbScBxw/sYZ1HM7p2NcO9UtO/r7\n" \
	"TXUcTWgVm8/fQKHRXlOm2Wok8738Mavq3833USzd9XSnAsSjpU/6F6frQwOL44vI\n" \
	"Jyc94z7cntaYn+feLwDdl9TXpIYsH5MAsc5HMKQQsXyUnMcdxw7CtOK40Yv90hXG\n" \
	"QRM84LUAUpe/0HR7tFvswA3IYmS2GGVQSeJgUiAIqiNR5nQMRY/dsI257tCGTG9n\n" \
	"UKcF5VQmFP/8JxLszS1ORNiAY1IQL2Et0oDMeMlsnF45yGbh5OzATWTqibRQROov\n" \
	"HdRaKYLHAgMBAAGjUzBRMB0GA1UdDgQWBBT5oFmg6TWjs5uPJN5H7bTwCoXarzAf\n" \
	"BgNVHSMEGDAWgBT5oFmg6TWjs5uPJN5H7bTwCoXarzAPBgNVHRMBAf8EBTADAQH/\n" \
	"MA0GCSqGSIb3DQEBCwUAA4IBAQCmi5rFVc6b8ulQaSbkGOS6WBXtTFP8G0qiGrZW\n" \
	"vWgXip/CWGIHEPGmbGC4HRvY7JzpQngWkJ753fxoJkSok3uef9MxHowOSArLu/xw\n" \
	"/opa1ka2l55hAAOdTHLeYPFrKMi2KEKEutm2J29YmgUdqRH2gT4Mn2dIXPbs1zmY\n" \
	"odOIWfGIb8/FnZ14uFVoT6eTZRQcdQun1vQ5pmfTizFwUIixYqaNVwO6OhnDwiNd\n" \
	"3wr4lJzL05bge+pjSB8YIttfL8wjZ/dUYCXDxQ06H0P2WtTcAiRCp0If9hLNAW5d\n" \
	"j2R63BGm2UJA7s0d3MJ5cBUwUsG+ZL9TgqU13I+a/y07NEHw\n" \
	"-----END CERTIFICATE-----\n"

#endif							/* UNIT_KMS_RFC_CERTIFICATE_H */
