-- bionic_crypt.verify_attestation() and verify_evidence(): what is refused, and
-- in which words.  The bundles are of a key made for this test, without a TEE;
-- 093_verify_samples.pl has evidence of real ones.
CREATE TEMP TABLE bundle (name text PRIMARY KEY, bundle jsonb);
INSERT INTO bundle VALUES
	('good', '{"type": "bionic_crypt/attestation/v1", "statement": "eyJ0eXBlIjogImJpb25pY19jcnlwdC9zdGF0ZW1lbnQvdjEiLCAibm9uY2UiOiAiMDAwMTAyMDMwNDA1MDYwNzA4MDkwYTBiMGMwZDBlMGYxMDExMTIxMzE0MTUxNjE3MTgxOTFhMWIxYzFkMWUxZiIsICJ0aW1lIjogIjIwMjYtMTEtMjNUMDI6MDA6MTBaIiwgImVuZG9yc2VtZW50X3NoYTI1NiI6ICJhNzA3ZTViZjFkZTgzMzY3ZWUzYzkzMjhiYjg2NDc5YTJlZWNkNDE4MmFjMjcyYzU0YjlkYTVjOTVkM2IwODFkIiwgInNlcnZlciI6IHsic3lzdGVtX2lkZW50aWZpZXIiOiAiNzAwMDAwMDAwMDAwMDAwMDAwMSIsICJjbHVzdGVyX25hbWUiOiAiIiwgImluX3JlY292ZXJ5IjogZmFsc2UsICJkYXRhYmFzZSI6ICJwb3N0Z3JlcyIsICJ0bHNfY2VydGlmaWNhdGVfc2hhMjU2IjogIjQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQifSwgInJlcGxhY2VkIjogW10sICJzZXR0aW5ncyI6IHsic2hhcmVkX3ByZWxvYWRfbGlicmFyaWVzIjogImJpb25pY19jcnlwdCIsICJzZXNzaW9uX3ByZWxvYWRfbGlicmFyaWVzIjogIiIsICJsb2NhbF9wcmVsb2FkX2xpYnJhcmllcyI6ICIifX0=", "signature": "7JyH8SiC8vfw9+EFlvuUrNlydmnlvnNZyq6Pdael0NFhXuMwDcFho/GvAJjWvBTckDIJOVH8I6fLiVh1C7SkDg==", "endorsement": "eyJ0eXBlIjogImJpb25pY19jcnlwdC9lbmRvcnNlbWVudC92MSIsICJ0aW1lIjogIjIwMjYtMTEtMjNUMDI6MDA6MDBaIiwgImluc3RhbmNlX2tleSI6ICJ2WUNTK2ZoNWJKVUJINzg4RGVQUGxZTkE2blMwM05mK0VMUk1FRXUxbFJFPSIsICJzZXJ2ZXIiOiB7InN5c3RlbV9pZGVudGlmaWVyIjogIjcwMDAwMDAwMDAwMDAwMDAwMDEiLCAidmVyc2lvbiI6ICIxNS4yMCJ9LCAibW9kdWxlIjogeyJ2ZXJzaW9uIjogIjAuMS4wIiwgInNoYTI1NiI6ICIxMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExIiwgImNvbW1pdCI6IG51bGwsICJ0cmVlIjogbnVsbCwgInNvdXJjZV9zaGEyNTYiOiAiMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMiJ9LCAibGlicmFyaWVzIjogW3sibmFtZSI6ICJiaW9uaWNfY3J5cHQuc28iLCAic2hhMjU2IjogIjExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTEifSwgeyJuYW1lIjogImxpYmMuc28uNiIsICJzaGEyNTYiOiAiMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMyJ9XSwgIm5vbmNlcyI6IFtdfQ==", "evidence": {"type": "none"}}'),
	('replaced', '{"type": "bionic_crypt/attestation/v1", "statement": "eyJ0eXBlIjogImJpb25pY19jcnlwdC9zdGF0ZW1lbnQvdjEiLCAibm9uY2UiOiAiMDAwMTAyMDMwNDA1MDYwNzA4MDkwYTBiMGMwZDBlMGYxMDExMTIxMzE0MTUxNjE3MTgxOTFhMWIxYzFkMWUxZiIsICJ0aW1lIjogIjIwMjYtMTEtMjNUMDI6MDA6MTBaIiwgImVuZG9yc2VtZW50X3NoYTI1NiI6ICJhNzA3ZTViZjFkZTgzMzY3ZWUzYzkzMjhiYjg2NDc5YTJlZWNkNDE4MmFjMjcyYzU0YjlkYTVjOTVkM2IwODFkIiwgInNlcnZlciI6IHsic3lzdGVtX2lkZW50aWZpZXIiOiAiNzAwMDAwMDAwMDAwMDAwMDAwMSIsICJjbHVzdGVyX25hbWUiOiAiIiwgImluX3JlY292ZXJ5IjogZmFsc2UsICJkYXRhYmFzZSI6ICJwb3N0Z3JlcyIsICJ0bHNfY2VydGlmaWNhdGVfc2hhMjU2IjogIjQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQifSwgInJlcGxhY2VkIjogWyJiaW9uaWNfY3J5cHQuc28iXSwgInNldHRpbmdzIjogeyJzaGFyZWRfcHJlbG9hZF9saWJyYXJpZXMiOiAiYmlvbmljX2NyeXB0IiwgInNlc3Npb25fcHJlbG9hZF9saWJyYXJpZXMiOiAiIiwgImxvY2FsX3ByZWxvYWRfbGlicmFyaWVzIjogIiJ9fQ==", "signature": "70Cw+5xlT1yTFQ1Pq3ODw6+fmtvxgrmro6c9Rfji3wLvKiSLCucWMhAAa1NR20GeWfJLbuUBpcyCcBV0RC+kAA==", "endorsement": "eyJ0eXBlIjogImJpb25pY19jcnlwdC9lbmRvcnNlbWVudC92MSIsICJ0aW1lIjogIjIwMjYtMTEtMjNUMDI6MDA6MDBaIiwgImluc3RhbmNlX2tleSI6ICJ2WUNTK2ZoNWJKVUJINzg4RGVQUGxZTkE2blMwM05mK0VMUk1FRXUxbFJFPSIsICJzZXJ2ZXIiOiB7InN5c3RlbV9pZGVudGlmaWVyIjogIjcwMDAwMDAwMDAwMDAwMDAwMDEiLCAidmVyc2lvbiI6ICIxNS4yMCJ9LCAibW9kdWxlIjogeyJ2ZXJzaW9uIjogIjAuMS4wIiwgInNoYTI1NiI6ICIxMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExIiwgImNvbW1pdCI6IG51bGwsICJ0cmVlIjogbnVsbCwgInNvdXJjZV9zaGEyNTYiOiAiMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMiJ9LCAibGlicmFyaWVzIjogW3sibmFtZSI6ICJiaW9uaWNfY3J5cHQuc28iLCAic2hhMjU2IjogIjExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTEifSwgeyJuYW1lIjogImxpYmMuc28uNiIsICJzaGEyNTYiOiAiMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMyJ9XSwgIm5vbmNlcyI6IFtdfQ==", "evidence": {"type": "none"}}'),
	('session_library', '{"type": "bionic_crypt/attestation/v1", "statement": "eyJ0eXBlIjogImJpb25pY19jcnlwdC9zdGF0ZW1lbnQvdjEiLCAibm9uY2UiOiAiMDAwMTAyMDMwNDA1MDYwNzA4MDkwYTBiMGMwZDBlMGYxMDExMTIxMzE0MTUxNjE3MTgxOTFhMWIxYzFkMWUxZiIsICJ0aW1lIjogIjIwMjYtMTEtMjNUMDI6MDA6MTBaIiwgImVuZG9yc2VtZW50X3NoYTI1NiI6ICJhNzA3ZTViZjFkZTgzMzY3ZWUzYzkzMjhiYjg2NDc5YTJlZWNkNDE4MmFjMjcyYzU0YjlkYTVjOTVkM2IwODFkIiwgInNlcnZlciI6IHsic3lzdGVtX2lkZW50aWZpZXIiOiAiNzAwMDAwMDAwMDAwMDAwMDAwMSIsICJjbHVzdGVyX25hbWUiOiAiIiwgImluX3JlY292ZXJ5IjogZmFsc2UsICJkYXRhYmFzZSI6ICJwb3N0Z3JlcyIsICJ0bHNfY2VydGlmaWNhdGVfc2hhMjU2IjogIjQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQifSwgInJlcGxhY2VkIjogW10sICJzZXR0aW5ncyI6IHsic2Vzc2lvbl9wcmVsb2FkX2xpYnJhcmllcyI6ICIkbGliZGlyL2F1dG9fZXhwbGFpbiwgYmlvbmljX2NyeXB0IiwgImxvY2FsX3ByZWxvYWRfbGlicmFyaWVzIjogIiJ9fQ==", "signature": "w/Ede/0npuHa/PRlLCk1cbIB0LK4c1yt1gf19IbYE/Z7Vq8KY9RIV1aHOhkM5lVg0d21STetiTJbZU3lvs/iBA==", "endorsement": "eyJ0eXBlIjogImJpb25pY19jcnlwdC9lbmRvcnNlbWVudC92MSIsICJ0aW1lIjogIjIwMjYtMTEtMjNUMDI6MDA6MDBaIiwgImluc3RhbmNlX2tleSI6ICJ2WUNTK2ZoNWJKVUJINzg4RGVQUGxZTkE2blMwM05mK0VMUk1FRXUxbFJFPSIsICJzZXJ2ZXIiOiB7InN5c3RlbV9pZGVudGlmaWVyIjogIjcwMDAwMDAwMDAwMDAwMDAwMDEiLCAidmVyc2lvbiI6ICIxNS4yMCJ9LCAibW9kdWxlIjogeyJ2ZXJzaW9uIjogIjAuMS4wIiwgInNoYTI1NiI6ICIxMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExIiwgImNvbW1pdCI6IG51bGwsICJ0cmVlIjogbnVsbCwgInNvdXJjZV9zaGEyNTYiOiAiMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMiJ9LCAibGlicmFyaWVzIjogW3sibmFtZSI6ICJiaW9uaWNfY3J5cHQuc28iLCAic2hhMjU2IjogIjExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTEifSwgeyJuYW1lIjogImxpYmMuc28uNiIsICJzaGEyNTYiOiAiMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMyJ9XSwgIm5vbmNlcyI6IFtdfQ==", "evidence": {"type": "none"}}'),
	('module_differs', '{"type": "bionic_crypt/attestation/v1", "statement": "eyJ0eXBlIjogImJpb25pY19jcnlwdC9zdGF0ZW1lbnQvdjEiLCAibm9uY2UiOiAiMDAwMTAyMDMwNDA1MDYwNzA4MDkwYTBiMGMwZDBlMGYxMDExMTIxMzE0MTUxNjE3MTgxOTFhMWIxYzFkMWUxZiIsICJ0aW1lIjogIjIwMjYtMTEtMjNUMDI6MDA6MTBaIiwgImVuZG9yc2VtZW50X3NoYTI1NiI6ICI0OTc0Y2Q3OWVmNDU5ODlhMzEyMDQxODc1ZDRjZGVmOTFiMjc1ZjcyZDI2Mjc2M2NhNDJkOGY3YTE1NzRjOTRhIiwgInNlcnZlciI6IHsic3lzdGVtX2lkZW50aWZpZXIiOiAiNzAwMDAwMDAwMDAwMDAwMDAwMSIsICJjbHVzdGVyX25hbWUiOiAiIiwgImluX3JlY292ZXJ5IjogZmFsc2UsICJkYXRhYmFzZSI6ICJwb3N0Z3JlcyIsICJ0bHNfY2VydGlmaWNhdGVfc2hhMjU2IjogIjQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQifSwgInJlcGxhY2VkIjogW10sICJzZXR0aW5ncyI6IHsic2hhcmVkX3ByZWxvYWRfbGlicmFyaWVzIjogImJpb25pY19jcnlwdCIsICJzZXNzaW9uX3ByZWxvYWRfbGlicmFyaWVzIjogIiIsICJsb2NhbF9wcmVsb2FkX2xpYnJhcmllcyI6ICIifX0=", "signature": "PNEo2X0pLqPHSa9DY6FHjYqm8lDFpfDlMXYz8cuEYENCVnYgoJ8wRPBeJD+QCA7ngH3Zdgwqwy3AHmOp4s2YCQ==", "endorsement": "eyJ0eXBlIjogImJpb25pY19jcnlwdC9lbmRvcnNlbWVudC92MSIsICJ0aW1lIjogIjIwMjYtMTEtMjNUMDI6MDA6MDBaIiwgImluc3RhbmNlX2tleSI6ICJ2WUNTK2ZoNWJKVUJINzg4RGVQUGxZTkE2blMwM05mK0VMUk1FRXUxbFJFPSIsICJzZXJ2ZXIiOiB7InN5c3RlbV9pZGVudGlmaWVyIjogIjcwMDAwMDAwMDAwMDAwMDAwMDEiLCAidmVyc2lvbiI6ICIxNS4yMCJ9LCAibW9kdWxlIjogeyJ2ZXJzaW9uIjogIjAuMS4wIiwgInNoYTI1NiI6ICI5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5IiwgImNvbW1pdCI6IG51bGwsICJ0cmVlIjogbnVsbCwgInNvdXJjZV9zaGEyNTYiOiBudWxsfSwgImxpYnJhcmllcyI6IFt7Im5hbWUiOiAiYmlvbmljX2NyeXB0LnNvIiwgInNoYTI1NiI6ICIxMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExIn0sIHsibmFtZSI6ICJsaWJjLnNvLjYiLCAic2hhMjU2IjogIjMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMifV0sICJub25jZXMiOiBbXX0=", "evidence": {"type": "none"}}'),
	('other_server', '{"type": "bionic_crypt/attestation/v1", "statement": "eyJ0eXBlIjogImJpb25pY19jcnlwdC9zdGF0ZW1lbnQvdjEiLCAibm9uY2UiOiAiMDAwMTAyMDMwNDA1MDYwNzA4MDkwYTBiMGMwZDBlMGYxMDExMTIxMzE0MTUxNjE3MTgxOTFhMWIxYzFkMWUxZiIsICJ0aW1lIjogIjIwMjYtMTEtMjNUMDI6MDA6MTBaIiwgImVuZG9yc2VtZW50X3NoYTI1NiI6ICIxMThhNDdkOTM2ZjBmZTA3YzdjZDE1NTQ4ZGM4MzEyOGI0MmM3M2FmMTkxMWFlNzk0NzdlYWI2MGUwYjU0MmQ1IiwgInNlcnZlciI6IHsic3lzdGVtX2lkZW50aWZpZXIiOiAiNzAwMDAwMDAwMDAwMDAwMDAwMSIsICJjbHVzdGVyX25hbWUiOiAiIiwgImluX3JlY292ZXJ5IjogZmFsc2UsICJkYXRhYmFzZSI6ICJwb3N0Z3JlcyIsICJ0bHNfY2VydGlmaWNhdGVfc2hhMjU2IjogIjQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQifSwgInJlcGxhY2VkIjogW10sICJzZXR0aW5ncyI6IHsic2hhcmVkX3ByZWxvYWRfbGlicmFyaWVzIjogImJpb25pY19jcnlwdCIsICJzZXNzaW9uX3ByZWxvYWRfbGlicmFyaWVzIjogIiIsICJsb2NhbF9wcmVsb2FkX2xpYnJhcmllcyI6ICIifX0=", "signature": "QiwrW/ejXK0J4Ui20Fvwbn5ZxzXIrHZWCc8eucIzsqZYiu63ZTRlQrX649YvbkbdOvSbKkLG9MHoWHtsLaFDAA==", "endorsement": "eyJ0eXBlIjogImJpb25pY19jcnlwdC9lbmRvcnNlbWVudC92MSIsICJ0aW1lIjogIjIwMjYtMTEtMjNUMDI6MDA6MDBaIiwgImluc3RhbmNlX2tleSI6ICJ2WUNTK2ZoNWJKVUJINzg4RGVQUGxZTkE2blMwM05mK0VMUk1FRXUxbFJFPSIsICJzZXJ2ZXIiOiB7InN5c3RlbV9pZGVudGlmaWVyIjogIjciLCAidmVyc2lvbiI6ICIxNS4yMCJ9LCAibW9kdWxlIjogeyJ2ZXJzaW9uIjogIjAuMS4wIiwgInNoYTI1NiI6ICIxMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExIiwgImNvbW1pdCI6IG51bGwsICJ0cmVlIjogbnVsbCwgInNvdXJjZV9zaGEyNTYiOiAiMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMiJ9LCAibGlicmFyaWVzIjogW3sibmFtZSI6ICJiaW9uaWNfY3J5cHQuc28iLCAic2hhMjU2IjogIjExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTEifSwgeyJuYW1lIjogImxpYmMuc28uNiIsICJzaGEyNTYiOiAiMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMyJ9XSwgIm5vbmNlcyI6IFtdfQ==", "evidence": {"type": "none"}}'),
	('plain', '{"type": "bionic_crypt/attestation/v1", "statement": "eyJ0eXBlIjogImJpb25pY19jcnlwdC9zdGF0ZW1lbnQvdjEiLCAibm9uY2UiOiAiMDAwMTAyMDMwNDA1MDYwNzA4MDkwYTBiMGMwZDBlMGYxMDExMTIxMzE0MTUxNjE3MTgxOTFhMWIxYzFkMWUxZiIsICJ0aW1lIjogIjIwMjYtMTEtMjNUMDI6MDA6MTBaIiwgImVuZG9yc2VtZW50X3NoYTI1NiI6ICJhNzA3ZTViZjFkZTgzMzY3ZWUzYzkzMjhiYjg2NDc5YTJlZWNkNDE4MmFjMjcyYzU0YjlkYTVjOTVkM2IwODFkIiwgInNlcnZlciI6IHsic3lzdGVtX2lkZW50aWZpZXIiOiAiNzAwMDAwMDAwMDAwMDAwMDAwMSIsICJjbHVzdGVyX25hbWUiOiAiIiwgImluX3JlY292ZXJ5IjogZmFsc2UsICJkYXRhYmFzZSI6ICJwb3N0Z3JlcyIsICJ0bHNfY2VydGlmaWNhdGVfc2hhMjU2IjogbnVsbH0sICJyZXBsYWNlZCI6IFtdLCAic2V0dGluZ3MiOiB7InNoYXJlZF9wcmVsb2FkX2xpYnJhcmllcyI6ICJiaW9uaWNfY3J5cHQiLCAic2Vzc2lvbl9wcmVsb2FkX2xpYnJhcmllcyI6ICIiLCAibG9jYWxfcHJlbG9hZF9saWJyYXJpZXMiOiAiIn19", "signature": "DqJ+4+LtvGifMPndYM3q54bAdL5cYacxzC6R9HFeXX3QEwR3BLoq8bTr7buhNpqnXBEZ+Oc4L+/Pe7rJZEyLAQ==", "endorsement": "eyJ0eXBlIjogImJpb25pY19jcnlwdC9lbmRvcnNlbWVudC92MSIsICJ0aW1lIjogIjIwMjYtMTEtMjNUMDI6MDA6MDBaIiwgImluc3RhbmNlX2tleSI6ICJ2WUNTK2ZoNWJKVUJINzg4RGVQUGxZTkE2blMwM05mK0VMUk1FRXUxbFJFPSIsICJzZXJ2ZXIiOiB7InN5c3RlbV9pZGVudGlmaWVyIjogIjcwMDAwMDAwMDAwMDAwMDAwMDEiLCAidmVyc2lvbiI6ICIxNS4yMCJ9LCAibW9kdWxlIjogeyJ2ZXJzaW9uIjogIjAuMS4wIiwgInNoYTI1NiI6ICIxMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExIiwgImNvbW1pdCI6IG51bGwsICJ0cmVlIjogbnVsbCwgInNvdXJjZV9zaGEyNTYiOiAiMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMiJ9LCAibGlicmFyaWVzIjogW3sibmFtZSI6ICJiaW9uaWNfY3J5cHQuc28iLCAic2hhMjU2IjogIjExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTEifSwgeyJuYW1lIjogImxpYmMuc28uNiIsICJzaGEyNTYiOiAiMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMyJ9XSwgIm5vbmNlcyI6IFtdfQ==", "evidence": {"type": "none"}}'),
	('unknown', '{"type": "bionic_crypt/attestation/v1", "statement": "eyJ0eXBlIjogImJpb25pY19jcnlwdC9zdGF0ZW1lbnQvdjEiLCAibm9uY2UiOiAiMDAwMTAyMDMwNDA1MDYwNzA4MDkwYTBiMGMwZDBlMGYxMDExMTIxMzE0MTUxNjE3MTgxOTFhMWIxYzFkMWUxZiIsICJ0aW1lIjogIjIwMjYtMTEtMjNUMDI6MDA6MTBaIiwgImVuZG9yc2VtZW50X3NoYTI1NiI6ICJhNzA3ZTViZjFkZTgzMzY3ZWUzYzkzMjhiYjg2NDc5YTJlZWNkNDE4MmFjMjcyYzU0YjlkYTVjOTVkM2IwODFkIiwgInNlcnZlciI6IHsic3lzdGVtX2lkZW50aWZpZXIiOiAiNzAwMDAwMDAwMDAwMDAwMDAwMSIsICJjbHVzdGVyX25hbWUiOiAiIiwgImluX3JlY292ZXJ5IjogZmFsc2UsICJkYXRhYmFzZSI6ICJwb3N0Z3JlcyIsICJ0bHNfY2VydGlmaWNhdGVfc2hhMjU2IjogIjQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQifSwgInJlcGxhY2VkIjogW10sICJzZXR0aW5ncyI6IHsic2hhcmVkX3ByZWxvYWRfbGlicmFyaWVzIjogImJpb25pY19jcnlwdCIsICJzZXNzaW9uX3ByZWxvYWRfbGlicmFyaWVzIjogIiIsICJsb2NhbF9wcmVsb2FkX2xpYnJhcmllcyI6ICIifSwgInN1cnByaXNlIjogMX0=", "signature": "+I8NR0TNwX/qlAYtAZ1H2JdNWeTxHDm1AyYlUs0U4Z0IGF6EtCJpB7qxHgoQ4ogEiD/LEjNR9RvDzgBj1lLVCA==", "endorsement": "eyJ0eXBlIjogImJpb25pY19jcnlwdC9lbmRvcnNlbWVudC92MSIsICJ0aW1lIjogIjIwMjYtMTEtMjNUMDI6MDA6MDBaIiwgImluc3RhbmNlX2tleSI6ICJ2WUNTK2ZoNWJKVUJINzg4RGVQUGxZTkE2blMwM05mK0VMUk1FRXUxbFJFPSIsICJzZXJ2ZXIiOiB7InN5c3RlbV9pZGVudGlmaWVyIjogIjcwMDAwMDAwMDAwMDAwMDAwMDEiLCAidmVyc2lvbiI6ICIxNS4yMCJ9LCAibW9kdWxlIjogeyJ2ZXJzaW9uIjogIjAuMS4wIiwgInNoYTI1NiI6ICIxMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExIiwgImNvbW1pdCI6IG51bGwsICJ0cmVlIjogbnVsbCwgInNvdXJjZV9zaGEyNTYiOiAiMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMiJ9LCAibGlicmFyaWVzIjogW3sibmFtZSI6ICJiaW9uaWNfY3J5cHQuc28iLCAic2hhMjU2IjogIjExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTEifSwgeyJuYW1lIjogImxpYmMuc28uNiIsICJzaGEyNTYiOiAiMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMyJ9XSwgIm5vbmNlcyI6IFtdfQ==", "evidence": {"type": "none"}}'),
	('fresh', '{"type": "bionic_crypt/attestation/v1", "statement": "eyJ0eXBlIjogImJpb25pY19jcnlwdC9zdGF0ZW1lbnQvdjEiLCAibm9uY2UiOiAiMDAwMTAyMDMwNDA1MDYwNzA4MDkwYTBiMGMwZDBlMGYxMDExMTIxMzE0MTUxNjE3MTgxOTFhMWIxYzFkMWUxZiIsICJ0aW1lIjogIjIwMjYtMTEtMjNUMDI6MDA6MTBaIiwgImVuZG9yc2VtZW50X3NoYTI1NiI6ICIzYmViYTI0NzYzMDQxZjY4Mzg5MzVjMDRlNmE1ZGFmOTEyMzU5OTcyMzdhZTNhZDNhNGE0OWQ2NDNlM2JhYWVhIiwgInNlcnZlciI6IHsic3lzdGVtX2lkZW50aWZpZXIiOiAiNzAwMDAwMDAwMDAwMDAwMDAwMSIsICJjbHVzdGVyX25hbWUiOiAiIiwgImluX3JlY292ZXJ5IjogZmFsc2UsICJkYXRhYmFzZSI6ICJwb3N0Z3JlcyIsICJ0bHNfY2VydGlmaWNhdGVfc2hhMjU2IjogIjQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQifSwgInJlcGxhY2VkIjogW10sICJzZXR0aW5ncyI6IHsic2hhcmVkX3ByZWxvYWRfbGlicmFyaWVzIjogImJpb25pY19jcnlwdCIsICJzZXNzaW9uX3ByZWxvYWRfbGlicmFyaWVzIjogIiIsICJsb2NhbF9wcmVsb2FkX2xpYnJhcmllcyI6ICIifX0=", "signature": "g6EX/jd/rGAPSrn5gg08OueZ6a24CQXRwoV7rDAenjwE4Iz2Mj70JSjpYfFw0wniLb67tGtVkJ73/qTTfAizCQ==", "endorsement": "eyJ0eXBlIjogImJpb25pY19jcnlwdC9lbmRvcnNlbWVudC92MSIsICJ0aW1lIjogIjIwMjYtMTEtMjNUMDI6MDA6MDBaIiwgImluc3RhbmNlX2tleSI6ICJ2WUNTK2ZoNWJKVUJINzg4RGVQUGxZTkE2blMwM05mK0VMUk1FRXUxbFJFPSIsICJzZXJ2ZXIiOiB7InN5c3RlbV9pZGVudGlmaWVyIjogIjcwMDAwMDAwMDAwMDAwMDAwMDEiLCAidmVyc2lvbiI6ICIxNS4yMCJ9LCAibW9kdWxlIjogeyJ2ZXJzaW9uIjogIjAuMS4wIiwgInNoYTI1NiI6ICIxMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExIiwgImNvbW1pdCI6IG51bGwsICJ0cmVlIjogbnVsbCwgInNvdXJjZV9zaGEyNTYiOiAiMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMiJ9LCAibGlicmFyaWVzIjogW3sibmFtZSI6ICJiaW9uaWNfY3J5cHQuc28iLCAic2hhMjU2IjogIjExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTEifSwgeyJuYW1lIjogImxpYmMuc28uNiIsICJzaGEyNTYiOiAiMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMyJ9XSwgIm5vbmNlcyI6IFsiNjMwZGNkMjk2NmM0MzM2NjkxMTI1NDQ4YmJiMjViNGZmNDEyYTQ5YzczMmRiMmM4YWJjMWI4NTgxYmQ3MTBkZCJdfQ==", "evidence": {"type": "none"}}');
CREATE TEMP TABLE manifest (name text PRIMARY KEY, manifest text);
INSERT INTO manifest VALUES
	('good', '{"payloadType": "application/vnd.in-toto+json", "payload": "eyJfdHlwZSI6ICJodHRwczovL2luLXRvdG8uaW8vU3RhdGVtZW50L3YxIiwgInN1YmplY3QiOiBbeyJuYW1lIjogInBvc3RncmVzcWwtMTUvZGViaWFuLTEyL2FtZDY0L2Jpb25pY19jcnlwdC5zbyIsICJkaWdlc3QiOiB7InNoYTI1NiI6ICIxMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExIn19XSwgInByZWRpY2F0ZVR5cGUiOiAiaHR0cHM6Ly9zbHNhLmRldi9wcm92ZW5hbmNlL3YxIiwgInByZWRpY2F0ZSI6IHsiYnVpbGREZWZpbml0aW9uIjogeyJidWlsZFR5cGUiOiAiaHR0cHM6Ly9leGFtcGxlLmNvbS9idWlsZC92MSIsICJleHRlcm5hbFBhcmFtZXRlcnMiOiB7InZlcnNpb24iOiAiMC4xLjAifSwgImludGVybmFsUGFyYW1ldGVycyI6IHsieCI6IFsxXX0sICJyZXNvbHZlZERlcGVuZGVuY2llcyI6IFt7Im5hbWUiOiAibGliYy5zby42IiwgImRpZ2VzdCI6IHsic2hhMjU2IjogIjMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMifSwgImFubm90YXRpb25zIjogeyJwYWNrYWdlIjogImxpYmM2In19XX0sICJydW5EZXRhaWxzIjogeyJidWlsZGVyIjogeyJpZCI6ICJodHRwczovL2V4YW1wbGUuY29tL2J1aWxkZXIifX19fQ==", "signatures": [{"keyid": "", "sig": "7KAmSEeSwUq4RxGuIpsnZcNIa+r2k+Mz1t+lQajHzpo99ZlYsxjMIClCWKH/9Ww1ryDboBGSee3OQ9uwLnRcDA=="}]}'),
	('no_libc', '{"payloadType": "application/vnd.in-toto+json", "payload": "eyJfdHlwZSI6ICJodHRwczovL2luLXRvdG8uaW8vU3RhdGVtZW50L3YxIiwgInN1YmplY3QiOiBbeyJuYW1lIjogInBvc3RncmVzcWwtMTUvZGViaWFuLTEyL2FtZDY0L2Jpb25pY19jcnlwdC5zbyIsICJkaWdlc3QiOiB7InNoYTI1NiI6ICIxMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExIn19XSwgInByZWRpY2F0ZVR5cGUiOiAiaHR0cHM6Ly9zbHNhLmRldi9wcm92ZW5hbmNlL3YxIiwgInByZWRpY2F0ZSI6IHsiYnVpbGREZWZpbml0aW9uIjogeyJidWlsZFR5cGUiOiAiaHR0cHM6Ly9leGFtcGxlLmNvbS9idWlsZC92MSIsICJleHRlcm5hbFBhcmFtZXRlcnMiOiB7InZlcnNpb24iOiAiMC4xLjAifSwgImludGVybmFsUGFyYW1ldGVycyI6IHsieCI6IFsxXX0sICJyZXNvbHZlZERlcGVuZGVuY2llcyI6IFtdfSwgInJ1bkRldGFpbHMiOiB7ImJ1aWxkZXIiOiB7ImlkIjogImh0dHBzOi8vZXhhbXBsZS5jb20vYnVpbGRlciJ9fX19", "signatures": [{"keyid": "", "sig": "jSsfQZAmGP/MztZ2qqMR10DPPHJnRe07dHzOmQwTfRCtGeE4qgT2erZIy21GFvv6u4ECnlL+IJOAxgAkbtXkCw=="}]}'),
	('unknown_parameter', '{"payloadType": "application/vnd.in-toto+json", "payload": "eyJfdHlwZSI6ICJodHRwczovL2luLXRvdG8uaW8vU3RhdGVtZW50L3YxIiwgInN1YmplY3QiOiBbeyJuYW1lIjogInBvc3RncmVzcWwtMTUvZGViaWFuLTEyL2FtZDY0L2Jpb25pY19jcnlwdC5zbyIsICJkaWdlc3QiOiB7InNoYTI1NiI6ICIxMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExIn19XSwgInByZWRpY2F0ZVR5cGUiOiAiaHR0cHM6Ly9zbHNhLmRldi9wcm92ZW5hbmNlL3YxIiwgInByZWRpY2F0ZSI6IHsiYnVpbGREZWZpbml0aW9uIjogeyJidWlsZFR5cGUiOiAiaHR0cHM6Ly9leGFtcGxlLmNvbS9idWlsZC92MSIsICJleHRlcm5hbFBhcmFtZXRlcnMiOiB7InZlcnNpb24iOiAiMC4xLjAiLCAiZGVidWciOiB0cnVlfSwgImludGVybmFsUGFyYW1ldGVycyI6IHsieCI6IFsxXX0sICJyZXNvbHZlZERlcGVuZGVuY2llcyI6IFt7Im5hbWUiOiAibGliYy5zby42IiwgImRpZ2VzdCI6IHsic2hhMjU2IjogIjMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMifSwgImFubm90YXRpb25zIjogeyJwYWNrYWdlIjogImxpYmM2In19XX0sICJydW5EZXRhaWxzIjogeyJidWlsZGVyIjogeyJpZCI6ICJodHRwczovL2V4YW1wbGUuY29tL2J1aWxkZXIifX19fQ==", "signatures": [{"keyid": "", "sig": "YT0nIw6kpVoATTr7bmPVvxeKj3xzIWWraN/JhK5XLSRdgHdVdy2LJUnk3ZGGZ8/QjuemVhYINvqw2jQZhm8dCg=="}]}'),
	('other_module', '{"payloadType": "application/vnd.in-toto+json", "payload": "eyJfdHlwZSI6ICJodHRwczovL2luLXRvdG8uaW8vU3RhdGVtZW50L3YxIiwgInN1YmplY3QiOiBbeyJuYW1lIjogInBvc3RncmVzcWwtMTUvZGViaWFuLTEyL2FtZDY0L2Jpb25pY19jcnlwdC5zbyIsICJkaWdlc3QiOiB7InNoYTI1NiI6ICIxMjEyMTIxMjEyMTIxMjEyMTIxMjEyMTIxMjEyMTIxMjEyMTIxMjEyMTIxMjEyMTIxMjEyMTIxMjEyMTIxMjEyIn19XSwgInByZWRpY2F0ZVR5cGUiOiAiaHR0cHM6Ly9zbHNhLmRldi9wcm92ZW5hbmNlL3YxIiwgInByZWRpY2F0ZSI6IHsiYnVpbGREZWZpbml0aW9uIjogeyJidWlsZFR5cGUiOiAiaHR0cHM6Ly9leGFtcGxlLmNvbS9idWlsZC92MSIsICJleHRlcm5hbFBhcmFtZXRlcnMiOiB7InZlcnNpb24iOiAiMC4xLjAifSwgImludGVybmFsUGFyYW1ldGVycyI6IHsieCI6IFsxXX0sICJyZXNvbHZlZERlcGVuZGVuY2llcyI6IFt7Im5hbWUiOiAibGliYy5zby42IiwgImRpZ2VzdCI6IHsic2hhMjU2IjogIjMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMifSwgImFubm90YXRpb25zIjogeyJwYWNrYWdlIjogImxpYmM2In19XX0sICJydW5EZXRhaWxzIjogeyJidWlsZGVyIjogeyJpZCI6ICJodHRwczovL2V4YW1wbGUuY29tL2J1aWxkZXIifX19fQ==", "signatures": [{"keyid": "", "sig": "M0hr9imDd3srSYG0HBEJqMPsuwsONUM1cral3Tv8Q6g8NRaWX1glWXMTcY0v/6HkrwTG8qs7J5vKnyE8VI6xBQ=="}]}'),
	('old_predicate', '{"payloadType": "application/vnd.in-toto+json", "payload": "eyJfdHlwZSI6ICJodHRwczovL2luLXRvdG8uaW8vU3RhdGVtZW50L3YxIiwgInN1YmplY3QiOiBbeyJuYW1lIjogInBvc3RncmVzcWwtMTUvZGViaWFuLTEyL2FtZDY0L2Jpb25pY19jcnlwdC5zbyIsICJkaWdlc3QiOiB7InNoYTI1NiI6ICIxMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExIn19XSwgInByZWRpY2F0ZVR5cGUiOiAiaHR0cHM6Ly9zbHNhLmRldi9wcm92ZW5hbmNlL3YwLjIiLCAicHJlZGljYXRlIjogeyJidWlsZERlZmluaXRpb24iOiB7ImJ1aWxkVHlwZSI6ICJodHRwczovL2V4YW1wbGUuY29tL2J1aWxkL3YxIiwgImV4dGVybmFsUGFyYW1ldGVycyI6IHsidmVyc2lvbiI6ICIwLjEuMCJ9LCAiaW50ZXJuYWxQYXJhbWV0ZXJzIjogeyJ4IjogWzFdfSwgInJlc29sdmVkRGVwZW5kZW5jaWVzIjogW3sibmFtZSI6ICJsaWJjLnNvLjYiLCAiZGlnZXN0IjogeyJzaGEyNTYiOiAiMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMyJ9LCAiYW5ub3RhdGlvbnMiOiB7InBhY2thZ2UiOiAibGliYzYifX1dfSwgInJ1bkRldGFpbHMiOiB7ImJ1aWxkZXIiOiB7ImlkIjogImh0dHBzOi8vZXhhbXBsZS5jb20vYnVpbGRlciJ9fX19", "signatures": [{"keyid": "", "sig": "iaZ+TOJqVC0fKEQpdAyaCIE/bVkYWvv+sT/YKEUOY3bf5lOcagaZC1OZBS/RYb0WwyS6t/OdHqhw5GjPi1NvCA=="}]}');
CREATE TEMP TABLE key AS SELECT '-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAvYCS+fh5bJUBH788DePPlYNA6nS03Nf+ELRMEEu1lRE=
-----END PUBLIC KEY-----'::text AS pem;

-- as of ten seconds after the statement
CREATE FUNCTION pg_temp.verdict(which text, demands jsonb DEFAULT '{}', manifest text DEFAULT NULL,
		seen bytea DEFAULT NULL, at timestamptz DEFAULT '2026-11-23 02:00:20Z',
		nonce bytea DEFAULT '\x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f')
	RETURNS TABLE (accepted text, level text, reason text) LANGUAGE sql AS $$
	SELECT v ->> 'accepted', v ->> 'level', v ->> 'reason'
	FROM bundle b, bionic_crypt.verify_attestation(b.bundle, nonce,
		'{"type": "bionic_crypt/policy/v1", "level": 0, "evidence": ["none"]}' || demands, manifest, seen, at) v
	WHERE b.name = which
$$;

-- a server without a TEE proves nothing but its key, and that only if asked for
SELECT * FROM pg_temp.verdict('good');
SELECT v ->> 'accepted' AS accepted, v ->> 'level' AS level, v ->> 'reason' AS reason
	FROM bundle, bionic_crypt.verify_attestation(bundle, '\x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f',
		at => '2026-11-23 02:00:20Z') v WHERE name = 'good';
SELECT c ->> 'what' AS what, c ->> 'passed' AS passed, c ->> 'detail' AS detail
	FROM bundle, bionic_crypt.verify_attestation(bundle, '\x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f',
		'{"type": "bionic_crypt/policy/v1", "level": 0, "evidence": ["none"]}', at => '2026-11-23 02:00:20Z') v,
		jsonb_array_elements(v -> 'checks') WITH ORDINALITY AS e(c, n)
	WHERE name = 'good' ORDER BY n;

-- nonce, times
SELECT * FROM pg_temp.verdict('good', nonce => '\x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e20');
SELECT * FROM pg_temp.verdict('good', nonce => '\x000102030405060708090a0b0c0d0e0f');
SELECT * FROM pg_temp.verdict('good', at => '2026-11-23 02:05:10Z');
SELECT * FROM pg_temp.verdict('good', at => '2026-11-23 02:05:11Z');
SELECT * FROM pg_temp.verdict('good', at => '2026-11-23 01:59:10Z');
SELECT * FROM pg_temp.verdict('good', at => '2026-11-23 01:59:09Z');
SELECT * FROM pg_temp.verdict('good', '{"max_endorsement_age_s": 19}');
SELECT * FROM pg_temp.verdict('good', '{"fresh": true}');
SELECT * FROM pg_temp.verdict('fresh', '{"fresh": true}');

-- TLS certificate, server, tenant
SELECT * FROM pg_temp.verdict('good', seen => decode(repeat('44', 32), 'hex'));
SELECT * FROM pg_temp.verdict('good', seen => decode(repeat('45', 32), 'hex'));
SELECT * FROM pg_temp.verdict('plain', seen => decode(repeat('44', 32), 'hex'));
SELECT * FROM pg_temp.verdict('good', jsonb_build_object('tls_certificate_sha256', repeat('45', 32)));
SELECT * FROM pg_temp.verdict('plain', jsonb_build_object('tls_certificate_sha256', repeat('44', 32)));
SELECT * FROM pg_temp.verdict('good', '{"system_identifier": "7000000000000000002"}');
SELECT * FROM pg_temp.verdict('other_server');
SELECT * FROM pg_temp.verdict('good', '{"tenant": "acme"}');

-- libraries
SELECT * FROM pg_temp.verdict('replaced');
SELECT * FROM pg_temp.verdict('session_library');
SELECT * FROM pg_temp.verdict('module_differs');
SELECT * FROM pg_temp.verdict('good', jsonb_build_object('libraries', jsonb_build_object(
	'libc.so.6', jsonb_build_array(repeat('33', 32)))));
SELECT * FROM pg_temp.verdict('good', jsonb_build_object('libraries', jsonb_build_object(
	'libc.so.6', jsonb_build_array(repeat('34', 32), repeat('33', 32)),
	'bionic_crypt.so', jsonb_build_array(repeat('11', 32)))));

-- the manifest
SELECT m.name, v.* FROM manifest m, key, pg_temp.verdict('good',
	jsonb_build_object('manifest_keys', jsonb_build_array(pem)), m.manifest) v ORDER BY m.name;
SELECT v.* FROM manifest m, pg_temp.verdict('good', manifest => m.manifest) v WHERE m.name = 'good';
SELECT v.* FROM manifest m, pg_temp.verdict('good', '{"manifest_keys": ["-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC KEY-----\n"]}',
	m.manifest) v WHERE m.name = 'good';
SELECT v.* FROM key, pg_temp.verdict('good', jsonb_build_object('manifest_keys', jsonb_build_array(pem)), 'none') v;
SELECT v.* FROM manifest m, key, pg_temp.verdict('good', jsonb_build_object('manifest_keys', jsonb_build_array(pem), 'libraries',
	jsonb_build_object('libc.so.6', jsonb_build_array(repeat('33', 32)))), m.manifest) v WHERE m.name = 'no_libc';

-- each part altered
CREATE FUNCTION pg_temp.altered(change jsonb) RETURNS text LANGUAGE sql AS $$
	SELECT bionic_crypt.verify_attestation(b.bundle || change, '\x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f',
		'{"type": "bionic_crypt/policy/v1", "level": 0, "evidence": ["none", "sev-snp"]}', at => '2026-11-23 02:00:20Z') ->> 'reason'
	FROM bundle b WHERE b.name = 'good'
$$;
SELECT pg_temp.altered(jsonb_build_object('statement', (SELECT bundle -> 'statement' FROM bundle WHERE name = 'plain')));
SELECT pg_temp.altered(jsonb_build_object('endorsement', (SELECT bundle -> 'endorsement' FROM bundle WHERE name = 'fresh')));
SELECT pg_temp.altered(jsonb_build_object('signature', encode(decode(repeat('00', 64), 'hex'), 'base64')));
SELECT pg_temp.altered(jsonb_build_object('signature', translate(encode(decode(repeat('00', 64), 'hex'), 'base64'), E'\n', '')));
SELECT pg_temp.altered(jsonb_build_object('endorsement', encode('{}', 'base64')));
SELECT pg_temp.altered('{"evidence": {"type": "sev-snp", "report": "AAAA"}}');
SELECT pg_temp.altered('{"evidence": {"type": "sev-snp"}}');
SELECT pg_temp.altered('{"evidence": {"type": "tdx", "report": "AAAA"}}');
SELECT pg_temp.altered('{"evidence": {"type": "none", "report": "AAAA"}}');
SELECT pg_temp.altered('{"evidence": {"type": "abacus", "report": "AAAA"}}');
SELECT pg_temp.altered('{"evidence": {"type": "none", "tpm_pcrs": ["00"]}}');
SELECT pg_temp.altered('{"evidence": {"type": "none", "certificates": ["AA==", 1]}}');
SELECT pg_temp.altered('{"evidence": null}');
SELECT pg_temp.altered('{"surprise": {"a": [1, 2]}}');
SELECT pg_temp.altered('{"type": "bionic_crypt/attestation/v2"}');
SELECT pg_temp.altered('{"a\u001bb": 1}');
SELECT * FROM pg_temp.verdict('unknown');
SELECT bionic_crypt.verify_attestation(v, '\x000102030405060708090a0b0c0d0e0f') ->> 'reason' AS reason
	FROM unnest('{"{}","[]","null","1","\"a\""}'::jsonb[]) v;

-- policies: a mistake is an error, which says where
\set VERBOSITY terse
CREATE FUNCTION pg_temp.policy_error(demands jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE detail text;
BEGIN
	PERFORM bionic_crypt.verify_evidence('{}', '{"type": "bionic_crypt/policy/v1"}' || demands);
	RETURN 'none';
EXCEPTION WHEN invalid_parameter_value THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
	RETURN detail;
END $$;
SELECT demands, pg_temp.policy_error(demands) FROM (VALUES
	('{}'::jsonb), ('{"type": "bionic_crypt/policy/v2"}'), ('{"levels": 1}'), ('{"level": 4}'), ('{"level": "1"}'),
	('{"level": 1.5}'), ('{"level": null}'), ('{"level": 1, "evidence": ["none"]}'), ('{"evidence": []}'), ('{"evidence": "tdx"}'),
	('{"evidence": ["sgx"]}'), ('{"allow_debug": "no"}'), ('{"vmpl": [4]}'), ('{"minimum_tcb": {"Milan": {"snp": 256}}}'),
	('{"minimum_tcb": {"Milan": {"smp": 1}}}'), ('{"chip_ids": ["00"]}'), ('{"max_age_s": 0}'), ('{"max_age_s": -1}'),
	('{"images": [{"name": "a", "covers": "image"}]}'), ('{"images": [{"name": "a", "covers": "all", "image_digest": "sha256:0"}]}'),
	('{"images": [{"covers": "image"}]}'), ('{"images": [{"name": "a", "covers": "image", "measurement": "ab"}]}'),
	('{"images": [{"name": "a", "covers": "image", "pcrs": {"24": "0000000000000000000000000000000000000000000000000000000000000000"}}]}'),
	('{"images": [{"name": "a", "covers": "image", "image_digest": "sha256:0"}, {"name": "b", "covers": "image", "mesurement": ""}]}'),
	('{"level": 2}'), ('{"level": 3, "images": [{"name": "a", "covers": "image", "image_digest": "sha256:0"}]}'),
	('{"kms_bound": true}'), ('{"roots": ["x"]}'), ('{"crls": ["!"]}'), ('{"jwks": []}'), ('{"libraries": {"libc.so.6": []}}'),
	('{"libraries": ["libc.so.6"]}'), ('{"tls_certificate_sha256": "zz"}'), ('{"a": {"b": [[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]}}')) p(demands);
SELECT bionic_crypt.verify_evidence('{}', '[]');

-- evidence alone
SELECT v ->> 'accepted' AS accepted, v ->> 'reason' AS reason FROM unnest('{"{}","{\"type\": \"none\"}","{\"type\": \"tdx\", \"report\": \"AAAA\"}"}'::jsonb[]) e,
	bionic_crypt.verify_evidence(e) v;

-- arguments, and limits
SELECT bionic_crypt.verify_attestation('{}', '\x00');
SELECT bionic_crypt.verify_attestation('{}', decode(repeat('00', 65), 'hex'));
SELECT bionic_crypt.verify_attestation('{}', NULL);
SELECT bionic_crypt.verify_attestation('{}', decode(repeat('00', 16), 'hex'), NULL);
SELECT bionic_crypt.verify_attestation('{}', decode(repeat('00', 16), 'hex'), tls_certificate_sha256 => '\x00');
SELECT bionic_crypt.verify_attestation('{}', decode(repeat('00', 16), 'hex'), at => 'infinity');
SELECT bionic_crypt.verify_attestation(jsonb_build_object('type', repeat('x', 300000)), decode(repeat('00', 16), 'hex'));
SELECT bionic_crypt.verify_evidence('{}', jsonb_build_object('type', repeat('x', 300000)));
SELECT reason FROM pg_temp.verdict('good', manifest => repeat(' ', 300000));
SELECT bionic_crypt.verify_attestation(jsonb_build_object('type', repeat(E'\u0001', 100000)), decode(repeat('00', 16), 'hex')) ->> 'reason';

-- for everybody, in every process
SELECT proname, provolatile, proparallel, has_function_privilege('public', oid, 'EXECUTE')
	FROM pg_proc WHERE pronamespace = 'bionic_crypt'::regnamespace AND proname IN ('verify_attestation', 'verify_evidence') ORDER BY 1;
