/* One line a provider.  No guard: included wherever the list is needed. */

KMS_PROVIDER(kms_file)
KMS_PROVIDER(kms_aws)
KMS_PROVIDER(kms_azure)
KMS_PROVIDER(kms_gcp)
KMS_PROVIDER(kms_kmip)
KMS_PROVIDER(kms_pkcs11)
KMS_PROVIDER(kms_vault)
