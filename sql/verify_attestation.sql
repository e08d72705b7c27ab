-- bionic_crypt.verify_attestation() and verify_evidence(): what is refused, and
-- in which words.  The bundles are of a key made for this test, without a TEE;
-- 093_verify_samples.pl has evidence of real ones.
CREATE TEMP TABLE bundle (name text PRIMARY KEY, bundle jsonb);
INSERT INTO bundle VALUES
	('good', '{"type": "bionic_crypt/attestation/v1", "statement": "eyJ0eXBlIjogImJpb25pY19jcnlwdC9zdGF0ZW1lbnQvdjEiLCAibm9uY2UiOiAiMDAwMTAyMDMwNDA1MDYwNzA4MDkwYTBiMGMwZDBlMGYxMDExMTIxMzE0MTUxNjE3MTgxOTFhMWIxYzFkMWUxZiIsICJ0aW1lIjogIjIwMjYtMTEtMjNUMDI6MDA6MTBaIiwgImVuZG9yc2VtZW50X3NoYTI1NiI6ICJlZGMxYWJmMjliMjI3OTM5ZjdjY2NmOWZjZjIzZDk1ZDk5YzcwN2M3ODFkZTYxMWUzYWE0NTcwZTE5YzI1MmRlIiwgInNlcnZlciI6IHsic3lzdGVtX2lkZW50aWZpZXIiOiAiNzAwMDAwMDAwMDAwMDAwMDAwMSIsICJjbHVzdGVyX25hbWUiOiAiIiwgImluX3JlY292ZXJ5IjogZmFsc2UsICJkYXRhYmFzZSI6ICJwb3N0Z3JlcyIsICJ0bHNfY2VydGlmaWNhdGVfc2hhMjU2IjogIjQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQifSwgInJlcGxhY2VkIjogW10sICJzZXR0aW5ncyI6IHsic2hhcmVkX3ByZWxvYWRfbGlicmFyaWVzIjogImJpb25pY19jcnlwdCIsICJzZXNzaW9uX3ByZWxvYWRfbGlicmFyaWVzIjogIiIsICJsb2NhbF9wcmVsb2FkX2xpYnJhcmllcyI6ICIifX0=", "signature": "IZhLuHRPW+6Y6+NOrijztK7EXzgLEhDO6L8DITqAdIxIbOzy3tcw9/XjPxbFXa17WYZ7UrbWCj9eCVL16sxLBA==", "endorsement": "eyJ0eXBlIjogImJpb25pY19jcnlwdC9lbmRvcnNlbWVudC92MSIsICJ0aW1lIjogIjIwMjYtMTEtMjNUMDI6MDA6MDBaIiwgImluc3RhbmNlX2tleSI6ICJHNlIzcnp1WWJ3WFJabisvd2pCM3A0TkdyN2hyRjcwenVndU9BSWN2MldvPSIsICJzZXJ2ZXIiOiB7InN5c3RlbV9pZGVudGlmaWVyIjogIjcwMDAwMDAwMDAwMDAwMDAwMDEiLCAidmVyc2lvbiI6ICIxNS4yMCJ9LCAibW9kdWxlIjogeyJ2ZXJzaW9uIjogIjAuMS4wIiwgInNoYTI1NiI6ICIxMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExIiwgImNvbW1pdCI6IG51bGwsICJ0cmVlIjogbnVsbCwgInNvdXJjZV9zaGEyNTYiOiAiMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMiJ9LCAibGlicmFyaWVzIjogW3sibmFtZSI6ICJiaW9uaWNfY3J5cHQuc28iLCAic2hhMjU2IjogIjExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTEifSwgeyJuYW1lIjogImxpYmMuc28uNiIsICJzaGEyNTYiOiAiMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMyJ9XSwgIm5vbmNlcyI6IFtdfQ==", "evidence": {"type": "none"}}'),
	('replaced', '{"type": "bionic_crypt/attestation/v1", "statement": "eyJ0eXBlIjogImJpb25pY19jcnlwdC9zdGF0ZW1lbnQvdjEiLCAibm9uY2UiOiAiMDAwMTAyMDMwNDA1MDYwNzA4MDkwYTBiMGMwZDBlMGYxMDExMTIxMzE0MTUxNjE3MTgxOTFhMWIxYzFkMWUxZiIsICJ0aW1lIjogIjIwMjYtMTEtMjNUMDI6MDA6MTBaIiwgImVuZG9yc2VtZW50X3NoYTI1NiI6ICJlZGMxYWJmMjliMjI3OTM5ZjdjY2NmOWZjZjIzZDk1ZDk5YzcwN2M3ODFkZTYxMWUzYWE0NTcwZTE5YzI1MmRlIiwgInNlcnZlciI6IHsic3lzdGVtX2lkZW50aWZpZXIiOiAiNzAwMDAwMDAwMDAwMDAwMDAwMSIsICJjbHVzdGVyX25hbWUiOiAiIiwgImluX3JlY292ZXJ5IjogZmFsc2UsICJkYXRhYmFzZSI6ICJwb3N0Z3JlcyIsICJ0bHNfY2VydGlmaWNhdGVfc2hhMjU2IjogIjQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQifSwgInJlcGxhY2VkIjogWyJiaW9uaWNfY3J5cHQuc28iXSwgInNldHRpbmdzIjogeyJzaGFyZWRfcHJlbG9hZF9saWJyYXJpZXMiOiAiYmlvbmljX2NyeXB0IiwgInNlc3Npb25fcHJlbG9hZF9saWJyYXJpZXMiOiAiIiwgImxvY2FsX3ByZWxvYWRfbGlicmFyaWVzIjogIiJ9fQ==", "signature": "mhmM+kmpv7ItUyvzyDeoO0LZsrLOph0M+D6fomeMGhoWI9uVgEtkW90G5D2NRm/P2TCXh+hD9jERc9SdDoW3DA==", "endorsement": "eyJ0eXBlIjogImJpb25pY19jcnlwdC9lbmRvcnNlbWVudC92MSIsICJ0aW1lIjogIjIwMjYtMTEtMjNUMDI6MDA6MDBaIiwgImluc3RhbmNlX2tleSI6ICJHNlIzcnp1WWJ3WFJabisvd2pCM3A0TkdyN2hyRjcwenVndU9BSWN2MldvPSIsICJzZXJ2ZXIiOiB7InN5c3RlbV9pZGVudGlmaWVyIjogIjcwMDAwMDAwMDAwMDAwMDAwMDEiLCAidmVyc2lvbiI6ICIxNS4yMCJ9LCAibW9kdWxlIjogeyJ2ZXJzaW9uIjogIjAuMS4wIiwgInNoYTI1NiI6ICIxMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExIiwgImNvbW1pdCI6IG51bGwsICJ0cmVlIjogbnVsbCwgInNvdXJjZV9zaGEyNTYiOiAiMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMiJ9LCAibGlicmFyaWVzIjogW3sibmFtZSI6ICJiaW9uaWNfY3J5cHQuc28iLCAic2hhMjU2IjogIjExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTEifSwgeyJuYW1lIjogImxpYmMuc28uNiIsICJzaGEyNTYiOiAiMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMyJ9XSwgIm5vbmNlcyI6IFtdfQ==", "evidence": {"type": "none"}}'),
	('session_library', '{"type": "bionic_crypt/attestation/v1", "statement": "eyJ0eXBlIjogImJpb25pY19jcnlwdC9zdGF0ZW1lbnQvdjEiLCAibm9uY2UiOiAiMDAwMTAyMDMwNDA1MDYwNzA4MDkwYTBiMGMwZDBlMGYxMDExMTIxMzE0MTUxNjE3MTgxOTFhMWIxYzFkMWUxZiIsICJ0aW1lIjogIjIwMjYtMTEtMjNUMDI6MDA6MTBaIiwgImVuZG9yc2VtZW50X3NoYTI1NiI6ICJlZGMxYWJmMjliMjI3OTM5ZjdjY2NmOWZjZjIzZDk1ZDk5YzcwN2M3ODFkZTYxMWUzYWE0NTcwZTE5YzI1MmRlIiwgInNlcnZlciI6IHsic3lzdGVtX2lkZW50aWZpZXIiOiAiNzAwMDAwMDAwMDAwMDAwMDAwMSIsICJjbHVzdGVyX25hbWUiOiAiIiwgImluX3JlY292ZXJ5IjogZmFsc2UsICJkYXRhYmFzZSI6ICJwb3N0Z3JlcyIsICJ0bHNfY2VydGlmaWNhdGVfc2hhMjU2IjogIjQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQifSwgInJlcGxhY2VkIjogW10sICJzZXR0aW5ncyI6IHsic2Vzc2lvbl9wcmVsb2FkX2xpYnJhcmllcyI6ICIkbGliZGlyL2F1dG9fZXhwbGFpbiwgYmlvbmljX2NyeXB0IiwgImxvY2FsX3ByZWxvYWRfbGlicmFyaWVzIjogIiJ9fQ==", "signature": "Z97NzUzNOJWEL+lmbf7fkW8GjvuePeSrkxJPDQHys73QL8qJC7g2OTohQT59MqF6dNfwaLA/n29Yee7gBWRgCA==", "endorsement": "eyJ0eXBlIjogImJpb25pY19jcnlwdC9lbmRvcnNlbWVudC92MSIsICJ0aW1lIjogIjIwMjYtMTEtMjNUMDI6MDA6MDBaIiwgImluc3RhbmNlX2tleSI6ICJHNlIzcnp1WWJ3WFJabisvd2pCM3A0TkdyN2hyRjcwenVndU9BSWN2MldvPSIsICJzZXJ2ZXIiOiB7InN5c3RlbV9pZGVudGlmaWVyIjogIjcwMDAwMDAwMDAwMDAwMDAwMDEiLCAidmVyc2lvbiI6ICIxNS4yMCJ9LCAibW9kdWxlIjogeyJ2ZXJzaW9uIjogIjAuMS4wIiwgInNoYTI1NiI6ICIxMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExIiwgImNvbW1pdCI6IG51bGwsICJ0cmVlIjogbnVsbCwgInNvdXJjZV9zaGEyNTYiOiAiMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMiJ9LCAibGlicmFyaWVzIjogW3sibmFtZSI6ICJiaW9uaWNfY3J5cHQuc28iLCAic2hhMjU2IjogIjExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTEifSwgeyJuYW1lIjogImxpYmMuc28uNiIsICJzaGEyNTYiOiAiMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMyJ9XSwgIm5vbmNlcyI6IFtdfQ==", "evidence": {"type": "none"}}'),
	('module_differs', '{"type": "bionic_crypt/attestation/v1", "statement": "eyJ0eXBlIjogImJpb25pY19jcnlwdC9zdGF0ZW1lbnQvdjEiLCAibm9uY2UiOiAiMDAwMTAyMDMwNDA1MDYwNzA4MDkwYTBiMGMwZDBlMGYxMDExMTIxMzE0MTUxNjE3MTgxOTFhMWIxYzFkMWUxZiIsICJ0aW1lIjogIjIwMjYtMTEtMjNUMDI6MDA6MTBaIiwgImVuZG9yc2VtZW50X3NoYTI1NiI6ICJmODVlZjIwZjcwMDA3NGY1MGJiZGNjM2IwMWQ2MzEzZjJjMTkxYzNhZTU3NzIwMjM5MzBhYmUzZWM0NjMxNWRjIiwgInNlcnZlciI6IHsic3lzdGVtX2lkZW50aWZpZXIiOiAiNzAwMDAwMDAwMDAwMDAwMDAwMSIsICJjbHVzdGVyX25hbWUiOiAiIiwgImluX3JlY292ZXJ5IjogZmFsc2UsICJkYXRhYmFzZSI6ICJwb3N0Z3JlcyIsICJ0bHNfY2VydGlmaWNhdGVfc2hhMjU2IjogIjQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQifSwgInJlcGxhY2VkIjogW10sICJzZXR0aW5ncyI6IHsic2hhcmVkX3ByZWxvYWRfbGlicmFyaWVzIjogImJpb25pY19jcnlwdCIsICJzZXNzaW9uX3ByZWxvYWRfbGlicmFyaWVzIjogIiIsICJsb2NhbF9wcmVsb2FkX2xpYnJhcmllcyI6ICIifX0=", "signature": "8ho/aPn7REc72yliwBn6Y2sqSIRBmD3dxZ5fbmb3KlMDz535tl5NODPKoY4UfyYiBRXAXfB49YHPO7jnVQFMDw==", "endorsement": "eyJ0eXBlIjogImJpb25pY19jcnlwdC9lbmRvcnNlbWVudC92MSIsICJ0aW1lIjogIjIwMjYtMTEtMjNUMDI6MDA6MDBaIiwgImluc3RhbmNlX2tleSI6ICJHNlIzcnp1WWJ3WFJabisvd2pCM3A0TkdyN2hyRjcwenVndU9BSWN2MldvPSIsICJzZXJ2ZXIiOiB7InN5c3RlbV9pZGVudGlmaWVyIjogIjcwMDAwMDAwMDAwMDAwMDAwMDEiLCAidmVyc2lvbiI6ICIxNS4yMCJ9LCAibW9kdWxlIjogeyJ2ZXJzaW9uIjogIjAuMS4wIiwgInNoYTI1NiI6ICI5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5IiwgImNvbW1pdCI6IG51bGwsICJ0cmVlIjogbnVsbCwgInNvdXJjZV9zaGEyNTYiOiBudWxsfSwgImxpYnJhcmllcyI6IFt7Im5hbWUiOiAiYmlvbmljX2NyeXB0LnNvIiwgInNoYTI1NiI6ICIxMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExIn0sIHsibmFtZSI6ICJsaWJjLnNvLjYiLCAic2hhMjU2IjogIjMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMifV0sICJub25jZXMiOiBbXX0=", "evidence": {"type": "none"}}'),
	('other_server', '{"type": "bionic_crypt/attestation/v1", "statement": "eyJ0eXBlIjogImJpb25pY19jcnlwdC9zdGF0ZW1lbnQvdjEiLCAibm9uY2UiOiAiMDAwMTAyMDMwNDA1MDYwNzA4MDkwYTBiMGMwZDBlMGYxMDExMTIxMzE0MTUxNjE3MTgxOTFhMWIxYzFkMWUxZiIsICJ0aW1lIjogIjIwMjYtMTEtMjNUMDI6MDA6MTBaIiwgImVuZG9yc2VtZW50X3NoYTI1NiI6ICI5YTUyMTEyZmIyZTg5NjNhYmI1YjU3ODc2MzNjY2U2YzE4ODQzYzgwNzA1MzRiMjMyNDE4YjYxYzc5ZmFmNmZhIiwgInNlcnZlciI6IHsic3lzdGVtX2lkZW50aWZpZXIiOiAiNzAwMDAwMDAwMDAwMDAwMDAwMSIsICJjbHVzdGVyX25hbWUiOiAiIiwgImluX3JlY292ZXJ5IjogZmFsc2UsICJkYXRhYmFzZSI6ICJwb3N0Z3JlcyIsICJ0bHNfY2VydGlmaWNhdGVfc2hhMjU2IjogIjQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQifSwgInJlcGxhY2VkIjogW10sICJzZXR0aW5ncyI6IHsic2hhcmVkX3ByZWxvYWRfbGlicmFyaWVzIjogImJpb25pY19jcnlwdCIsICJzZXNzaW9uX3ByZWxvYWRfbGlicmFyaWVzIjogIiIsICJsb2NhbF9wcmVsb2FkX2xpYnJhcmllcyI6ICIifX0=", "signature": "Qf8eZFaJVMbY1cdQ78UV67p1h4rnd/7676A6ZzwQQStthxG++VLdc0DY6mjbtnFokKGERe5rdFHG2btdqGnWAw==", "endorsement": "eyJ0eXBlIjogImJpb25pY19jcnlwdC9lbmRvcnNlbWVudC92MSIsICJ0aW1lIjogIjIwMjYtMTEtMjNUMDI6MDA6MDBaIiwgImluc3RhbmNlX2tleSI6ICJHNlIzcnp1WWJ3WFJabisvd2pCM3A0TkdyN2hyRjcwenVndU9BSWN2MldvPSIsICJzZXJ2ZXIiOiB7InN5c3RlbV9pZGVudGlmaWVyIjogIjciLCAidmVyc2lvbiI6ICIxNS4yMCJ9LCAibW9kdWxlIjogeyJ2ZXJzaW9uIjogIjAuMS4wIiwgInNoYTI1NiI6ICIxMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExIiwgImNvbW1pdCI6IG51bGwsICJ0cmVlIjogbnVsbCwgInNvdXJjZV9zaGEyNTYiOiAiMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMiJ9LCAibGlicmFyaWVzIjogW3sibmFtZSI6ICJiaW9uaWNfY3J5cHQuc28iLCAic2hhMjU2IjogIjExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTEifSwgeyJuYW1lIjogImxpYmMuc28uNiIsICJzaGEyNTYiOiAiMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMyJ9XSwgIm5vbmNlcyI6IFtdfQ==", "evidence": {"type": "none"}}'),
	('plain', '{"type": "bionic_crypt/attestation/v1", "statement": "eyJ0eXBlIjogImJpb25pY19jcnlwdC9zdGF0ZW1lbnQvdjEiLCAibm9uY2UiOiAiMDAwMTAyMDMwNDA1MDYwNzA4MDkwYTBiMGMwZDBlMGYxMDExMTIxMzE0MTUxNjE3MTgxOTFhMWIxYzFkMWUxZiIsICJ0aW1lIjogIjIwMjYtMTEtMjNUMDI6MDA6MTBaIiwgImVuZG9yc2VtZW50X3NoYTI1NiI6ICJlZGMxYWJmMjliMjI3OTM5ZjdjY2NmOWZjZjIzZDk1ZDk5YzcwN2M3ODFkZTYxMWUzYWE0NTcwZTE5YzI1MmRlIiwgInNlcnZlciI6IHsic3lzdGVtX2lkZW50aWZpZXIiOiAiNzAwMDAwMDAwMDAwMDAwMDAwMSIsICJjbHVzdGVyX25hbWUiOiAiIiwgImluX3JlY292ZXJ5IjogZmFsc2UsICJkYXRhYmFzZSI6ICJwb3N0Z3JlcyIsICJ0bHNfY2VydGlmaWNhdGVfc2hhMjU2IjogbnVsbH0sICJyZXBsYWNlZCI6IFtdLCAic2V0dGluZ3MiOiB7InNoYXJlZF9wcmVsb2FkX2xpYnJhcmllcyI6ICJiaW9uaWNfY3J5cHQiLCAic2Vzc2lvbl9wcmVsb2FkX2xpYnJhcmllcyI6ICIiLCAibG9jYWxfcHJlbG9hZF9saWJyYXJpZXMiOiAiIn19", "signature": "xKiq6UxRkPsWo0F/h8rj2nQhodPEF0mEdyMEHPXfSVeSCRys8OYHqpYuY7M7+yQ0HLFUSZc1VBS41YgC4JOhBg==", "endorsement": "eyJ0eXBlIjogImJpb25pY19jcnlwdC9lbmRvcnNlbWVudC92MSIsICJ0aW1lIjogIjIwMjYtMTEtMjNUMDI6MDA6MDBaIiwgImluc3RhbmNlX2tleSI6ICJHNlIzcnp1WWJ3WFJabisvd2pCM3A0TkdyN2hyRjcwenVndU9BSWN2MldvPSIsICJzZXJ2ZXIiOiB7InN5c3RlbV9pZGVudGlmaWVyIjogIjcwMDAwMDAwMDAwMDAwMDAwMDEiLCAidmVyc2lvbiI6ICIxNS4yMCJ9LCAibW9kdWxlIjogeyJ2ZXJzaW9uIjogIjAuMS4wIiwgInNoYTI1NiI6ICIxMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExIiwgImNvbW1pdCI6IG51bGwsICJ0cmVlIjogbnVsbCwgInNvdXJjZV9zaGEyNTYiOiAiMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMiJ9LCAibGlicmFyaWVzIjogW3sibmFtZSI6ICJiaW9uaWNfY3J5cHQuc28iLCAic2hhMjU2IjogIjExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTEifSwgeyJuYW1lIjogImxpYmMuc28uNiIsICJzaGEyNTYiOiAiMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMyJ9XSwgIm5vbmNlcyI6IFtdfQ==", "evidence": {"type": "none"}}'),
	('unknown', '{"type": "bionic_crypt/attestation/v1", "statement": "eyJ0eXBlIjogImJpb25pY19jcnlwdC9zdGF0ZW1lbnQvdjEiLCAibm9uY2UiOiAiMDAwMTAyMDMwNDA1MDYwNzA4MDkwYTBiMGMwZDBlMGYxMDExMTIxMzE0MTUxNjE3MTgxOTFhMWIxYzFkMWUxZiIsICJ0aW1lIjogIjIwMjYtMTEtMjNUMDI6MDA6MTBaIiwgImVuZG9yc2VtZW50X3NoYTI1NiI6ICJlZGMxYWJmMjliMjI3OTM5ZjdjY2NmOWZjZjIzZDk1ZDk5YzcwN2M3ODFkZTYxMWUzYWE0NTcwZTE5YzI1MmRlIiwgInNlcnZlciI6IHsic3lzdGVtX2lkZW50aWZpZXIiOiAiNzAwMDAwMDAwMDAwMDAwMDAwMSIsICJjbHVzdGVyX25hbWUiOiAiIiwgImluX3JlY292ZXJ5IjogZmFsc2UsICJkYXRhYmFzZSI6ICJwb3N0Z3JlcyIsICJ0bHNfY2VydGlmaWNhdGVfc2hhMjU2IjogIjQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQifSwgInJlcGxhY2VkIjogW10sICJzZXR0aW5ncyI6IHsic2hhcmVkX3ByZWxvYWRfbGlicmFyaWVzIjogImJpb25pY19jcnlwdCIsICJzZXNzaW9uX3ByZWxvYWRfbGlicmFyaWVzIjogIiIsICJsb2NhbF9wcmVsb2FkX2xpYnJhcmllcyI6ICIifSwgInN1cnByaXNlIjogMX0=", "signature": "E9GJ+vrBim9/17viJqiy4IFnCBruP43ceMbP8UY9aUnSRBHg0eq4dgkqxCsiaHgIXJGxNfaGsMgzrBmYc2UeCA==", "endorsement": "eyJ0eXBlIjogImJpb25pY19jcnlwdC9lbmRvcnNlbWVudC92MSIsICJ0aW1lIjogIjIwMjYtMTEtMjNUMDI6MDA6MDBaIiwgImluc3RhbmNlX2tleSI6ICJHNlIzcnp1WWJ3WFJabisvd2pCM3A0TkdyN2hyRjcwenVndU9BSWN2MldvPSIsICJzZXJ2ZXIiOiB7InN5c3RlbV9pZGVudGlmaWVyIjogIjcwMDAwMDAwMDAwMDAwMDAwMDEiLCAidmVyc2lvbiI6ICIxNS4yMCJ9LCAibW9kdWxlIjogeyJ2ZXJzaW9uIjogIjAuMS4wIiwgInNoYTI1NiI6ICIxMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExIiwgImNvbW1pdCI6IG51bGwsICJ0cmVlIjogbnVsbCwgInNvdXJjZV9zaGEyNTYiOiAiMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMiJ9LCAibGlicmFyaWVzIjogW3sibmFtZSI6ICJiaW9uaWNfY3J5cHQuc28iLCAic2hhMjU2IjogIjExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTEifSwgeyJuYW1lIjogImxpYmMuc28uNiIsICJzaGEyNTYiOiAiMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMyJ9XSwgIm5vbmNlcyI6IFtdfQ==", "evidence": {"type": "none"}}'),
	('fresh', '{"type": "bionic_crypt/attestation/v1", "statement": "eyJ0eXBlIjogImJpb25pY19jcnlwdC9zdGF0ZW1lbnQvdjEiLCAibm9uY2UiOiAiMDAwMTAyMDMwNDA1MDYwNzA4MDkwYTBiMGMwZDBlMGYxMDExMTIxMzE0MTUxNjE3MTgxOTFhMWIxYzFkMWUxZiIsICJ0aW1lIjogIjIwMjYtMTEtMjNUMDI6MDA6MTBaIiwgImVuZG9yc2VtZW50X3NoYTI1NiI6ICIzOTk3NTkyMDQxYjI3YzgyMTVkMzNmMDI0OWQ4ZmM0ZjY0NjZhMDc5YzAxZDYwMTI0NGM3MmYwOGYyYjkyYWRiIiwgInNlcnZlciI6IHsic3lzdGVtX2lkZW50aWZpZXIiOiAiNzAwMDAwMDAwMDAwMDAwMDAwMSIsICJjbHVzdGVyX25hbWUiOiAiIiwgImluX3JlY292ZXJ5IjogZmFsc2UsICJkYXRhYmFzZSI6ICJwb3N0Z3JlcyIsICJ0bHNfY2VydGlmaWNhdGVfc2hhMjU2IjogIjQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQifSwgInJlcGxhY2VkIjogW10sICJzZXR0aW5ncyI6IHsic2hhcmVkX3ByZWxvYWRfbGlicmFyaWVzIjogImJpb25pY19jcnlwdCIsICJzZXNzaW9uX3ByZWxvYWRfbGlicmFyaWVzIjogIiIsICJsb2NhbF9wcmVsb2FkX2xpYnJhcmllcyI6ICIifX0=", "signature": "GySCFkY046ZPKMITwk0reVbgtA9y7S0fxOyGNYBX8LDnMIoJoBph1K4shVJfI5ees2l+iimrHw08Tkh1IVMaCA==", "endorsement": "eyJ0eXBlIjogImJpb25pY19jcnlwdC9lbmRvcnNlbWVudC92MSIsICJ0aW1lIjogIjIwMjYtMTEtMjNUMDI6MDA6MDBaIiwgImluc3RhbmNlX2tleSI6ICJHNlIzcnp1WWJ3WFJabisvd2pCM3A0TkdyN2hyRjcwenVndU9BSWN2MldvPSIsICJzZXJ2ZXIiOiB7InN5c3RlbV9pZGVudGlmaWVyIjogIjcwMDAwMDAwMDAwMDAwMDAwMDEiLCAidmVyc2lvbiI6ICIxNS4yMCJ9LCAibW9kdWxlIjogeyJ2ZXJzaW9uIjogIjAuMS4wIiwgInNoYTI1NiI6ICIxMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExIiwgImNvbW1pdCI6IG51bGwsICJ0cmVlIjogbnVsbCwgInNvdXJjZV9zaGEyNTYiOiAiMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMiJ9LCAibGlicmFyaWVzIjogW3sibmFtZSI6ICJiaW9uaWNfY3J5cHQuc28iLCAic2hhMjU2IjogIjExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTEifSwgeyJuYW1lIjogImxpYmMuc28uNiIsICJzaGEyNTYiOiAiMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMyJ9XSwgIm5vbmNlcyI6IFsiNjMwZGNkMjk2NmM0MzM2NjkxMTI1NDQ4YmJiMjViNGZmNDEyYTQ5YzczMmRiMmM4YWJjMWI4NTgxYmQ3MTBkZCJdfQ==", "evidence": {"type": "none"}}');
CREATE TEMP TABLE manifest (name text PRIMARY KEY, manifest text);
INSERT INTO manifest VALUES
	('good', '{"payloadType": "application/vnd.in-toto+json", "payload": "eyJfdHlwZSI6ICJodHRwczovL2luLXRvdG8uaW8vU3RhdGVtZW50L3YxIiwgInN1YmplY3QiOiBbeyJuYW1lIjogInBvc3RncmVzcWwtMTUvZGViaWFuLTEyL2FtZDY0L2Jpb25pY19jcnlwdC5zbyIsICJkaWdlc3QiOiB7InNoYTI1NiI6ICIxMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExIn19XSwgInByZWRpY2F0ZVR5cGUiOiAiaHR0cHM6Ly9zbHNhLmRldi9wcm92ZW5hbmNlL3YxIiwgInByZWRpY2F0ZSI6IHsiYnVpbGREZWZpbml0aW9uIjogeyJidWlsZFR5cGUiOiAidXJuOmJpb25pYy1jcnlwdDpidWlsZDoxIiwgImV4dGVybmFsUGFyYW1ldGVycyI6IHsidmVyc2lvbiI6ICIwLjEuMCJ9LCAiaW50ZXJuYWxQYXJhbWV0ZXJzIjogeyJ4IjogWzFdfSwgInJlc29sdmVkRGVwZW5kZW5jaWVzIjogW3sibmFtZSI6ICJsaWJjLnNvLjYiLCAiZGlnZXN0IjogeyJzaGEyNTYiOiAiMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMyJ9LCAiYW5ub3RhdGlvbnMiOiB7InBhY2thZ2UiOiAibGliYzYifX1dfSwgInJ1bkRldGFpbHMiOiB7ImJ1aWxkZXIiOiB7ImlkIjogInVybjpiaW9uaWMtY3J5cHQ6YnVpbGRlcjpyZWxlYXNlIn19fX0=", "signatures": [{"keyid": "", "sig": "w33ZuGMGuRZlPmCbylXsb8Msn7wsDo9Jo5rLXJfDvVxJcD8dvIwC+nSO8z2dqB3ShkmffSkweXYea+UJO9i5CA=="}]}'),
	('no_libc', '{"payloadType": "application/vnd.in-toto+json", "payload": "eyJfdHlwZSI6ICJodHRwczovL2luLXRvdG8uaW8vU3RhdGVtZW50L3YxIiwgInN1YmplY3QiOiBbeyJuYW1lIjogInBvc3RncmVzcWwtMTUvZGViaWFuLTEyL2FtZDY0L2Jpb25pY19jcnlwdC5zbyIsICJkaWdlc3QiOiB7InNoYTI1NiI6ICIxMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExIn19XSwgInByZWRpY2F0ZVR5cGUiOiAiaHR0cHM6Ly9zbHNhLmRldi9wcm92ZW5hbmNlL3YxIiwgInByZWRpY2F0ZSI6IHsiYnVpbGREZWZpbml0aW9uIjogeyJidWlsZFR5cGUiOiAidXJuOmJpb25pYy1jcnlwdDpidWlsZDoxIiwgImV4dGVybmFsUGFyYW1ldGVycyI6IHsidmVyc2lvbiI6ICIwLjEuMCJ9LCAiaW50ZXJuYWxQYXJhbWV0ZXJzIjogeyJ4IjogWzFdfSwgInJlc29sdmVkRGVwZW5kZW5jaWVzIjogW119LCAicnVuRGV0YWlscyI6IHsiYnVpbGRlciI6IHsiaWQiOiAidXJuOmJpb25pYy1jcnlwdDpidWlsZGVyOnJlbGVhc2UifX19fQ==", "signatures": [{"keyid": "", "sig": "iPCuT8IwsV4MWD6E4utTs6F5GFchGE8WrjDERxlexvWN8isKCryu3dG0lPanKXI+ZzF1oWmpTQ9SNVFz4VozDA=="}]}'),
	('unknown_parameter', '{"payloadType": "application/vnd.in-toto+json", "payload": "eyJfdHlwZSI6ICJodHRwczovL2luLXRvdG8uaW8vU3RhdGVtZW50L3YxIiwgInN1YmplY3QiOiBbeyJuYW1lIjogInBvc3RncmVzcWwtMTUvZGViaWFuLTEyL2FtZDY0L2Jpb25pY19jcnlwdC5zbyIsICJkaWdlc3QiOiB7InNoYTI1NiI6ICIxMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExIn19XSwgInByZWRpY2F0ZVR5cGUiOiAiaHR0cHM6Ly9zbHNhLmRldi9wcm92ZW5hbmNlL3YxIiwgInByZWRpY2F0ZSI6IHsiYnVpbGREZWZpbml0aW9uIjogeyJidWlsZFR5cGUiOiAidXJuOmJpb25pYy1jcnlwdDpidWlsZDoxIiwgImV4dGVybmFsUGFyYW1ldGVycyI6IHsidmVyc2lvbiI6ICIwLjEuMCIsICJkZWJ1ZyI6IHRydWV9LCAiaW50ZXJuYWxQYXJhbWV0ZXJzIjogeyJ4IjogWzFdfSwgInJlc29sdmVkRGVwZW5kZW5jaWVzIjogW3sibmFtZSI6ICJsaWJjLnNvLjYiLCAiZGlnZXN0IjogeyJzaGEyNTYiOiAiMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMyJ9LCAiYW5ub3RhdGlvbnMiOiB7InBhY2thZ2UiOiAibGliYzYifX1dfSwgInJ1bkRldGFpbHMiOiB7ImJ1aWxkZXIiOiB7ImlkIjogInVybjpiaW9uaWMtY3J5cHQ6YnVpbGRlcjpyZWxlYXNlIn19fX0=", "signatures": [{"keyid": "", "sig": "YZeHlJStegmaFW9Z2YYlZZ4RTJ1CUnG7+/vX/THBJazxXqI7HohWFT6iY2eBZ8VPTZ1bjwZcnnDtJIKaJ17wCg=="}]}'),
	('other_module', '{"payloadType": "application/vnd.in-toto+json", "payload": "eyJfdHlwZSI6ICJodHRwczovL2luLXRvdG8uaW8vU3RhdGVtZW50L3YxIiwgInN1YmplY3QiOiBbeyJuYW1lIjogInBvc3RncmVzcWwtMTUvZGViaWFuLTEyL2FtZDY0L2Jpb25pY19jcnlwdC5zbyIsICJkaWdlc3QiOiB7InNoYTI1NiI6ICIxMjEyMTIxMjEyMTIxMjEyMTIxMjEyMTIxMjEyMTIxMjEyMTIxMjEyMTIxMjEyMTIxMjEyMTIxMjEyMTIxMjEyIn19XSwgInByZWRpY2F0ZVR5cGUiOiAiaHR0cHM6Ly9zbHNhLmRldi9wcm92ZW5hbmNlL3YxIiwgInByZWRpY2F0ZSI6IHsiYnVpbGREZWZpbml0aW9uIjogeyJidWlsZFR5cGUiOiAidXJuOmJpb25pYy1jcnlwdDpidWlsZDoxIiwgImV4dGVybmFsUGFyYW1ldGVycyI6IHsidmVyc2lvbiI6ICIwLjEuMCJ9LCAiaW50ZXJuYWxQYXJhbWV0ZXJzIjogeyJ4IjogWzFdfSwgInJlc29sdmVkRGVwZW5kZW5jaWVzIjogW3sibmFtZSI6ICJsaWJjLnNvLjYiLCAiZGlnZXN0IjogeyJzaGEyNTYiOiAiMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMyJ9LCAiYW5ub3RhdGlvbnMiOiB7InBhY2thZ2UiOiAibGliYzYifX1dfSwgInJ1bkRldGFpbHMiOiB7ImJ1aWxkZXIiOiB7ImlkIjogInVybjpiaW9uaWMtY3J5cHQ6YnVpbGRlcjpyZWxlYXNlIn19fX0=", "signatures": [{"keyid": "", "sig": "AXucCSmP0+mpksGvGK4Ti5VKPCBej0XC1fyuSQLB9C2Ctx3nFkE8/xhtC3oik5Tq83SxXpnJ1Un5rfdyLF7KCQ=="}]}'),
	('old_predicate', '{"payloadType": "application/vnd.in-toto+json", "payload": "eyJfdHlwZSI6ICJodHRwczovL2luLXRvdG8uaW8vU3RhdGVtZW50L3YxIiwgInN1YmplY3QiOiBbeyJuYW1lIjogInBvc3RncmVzcWwtMTUvZGViaWFuLTEyL2FtZDY0L2Jpb25pY19jcnlwdC5zbyIsICJkaWdlc3QiOiB7InNoYTI1NiI6ICIxMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExIn19XSwgInByZWRpY2F0ZVR5cGUiOiAiaHR0cHM6Ly9zbHNhLmRldi9wcm92ZW5hbmNlL3YwLjIiLCAicHJlZGljYXRlIjogeyJidWlsZERlZmluaXRpb24iOiB7ImJ1aWxkVHlwZSI6ICJ1cm46YmlvbmljLWNyeXB0OmJ1aWxkOjEiLCAiZXh0ZXJuYWxQYXJhbWV0ZXJzIjogeyJ2ZXJzaW9uIjogIjAuMS4wIn0sICJpbnRlcm5hbFBhcmFtZXRlcnMiOiB7IngiOiBbMV19LCAicmVzb2x2ZWREZXBlbmRlbmNpZXMiOiBbeyJuYW1lIjogImxpYmMuc28uNiIsICJkaWdlc3QiOiB7InNoYTI1NiI6ICIzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzIn0sICJhbm5vdGF0aW9ucyI6IHsicGFja2FnZSI6ICJsaWJjNiJ9fV19LCAicnVuRGV0YWlscyI6IHsiYnVpbGRlciI6IHsiaWQiOiAidXJuOmJpb25pYy1jcnlwdDpidWlsZGVyOnJlbGVhc2UifX19fQ==", "signatures": [{"keyid": "", "sig": "Q7rxGx2u3shvls8OR4PRhpeXO91Vmzo56bIMjqxLd+tYQ1ssLOll1lqXaDyVnnOq7XW1j/t/zeYiOVJKZgNFCA=="}]}'),
	('other_build', '{"payloadType": "application/vnd.in-toto+json", "payload": "eyJfdHlwZSI6ICJodHRwczovL2luLXRvdG8uaW8vU3RhdGVtZW50L3YxIiwgInN1YmplY3QiOiBbeyJuYW1lIjogInBvc3RncmVzcWwtMTUvZGViaWFuLTEyL2FtZDY0L2Jpb25pY19jcnlwdC5zbyIsICJkaWdlc3QiOiB7InNoYTI1NiI6ICIxMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExIn19XSwgInByZWRpY2F0ZVR5cGUiOiAiaHR0cHM6Ly9zbHNhLmRldi9wcm92ZW5hbmNlL3YxIiwgInByZWRpY2F0ZSI6IHsiYnVpbGREZWZpbml0aW9uIjogeyJidWlsZFR5cGUiOiAidXJuOmV4YW1wbGU6YnVpbGQiLCAiZXh0ZXJuYWxQYXJhbWV0ZXJzIjogeyJ2ZXJzaW9uIjogIjAuMS4wIn0sICJpbnRlcm5hbFBhcmFtZXRlcnMiOiB7IngiOiBbMV19LCAicmVzb2x2ZWREZXBlbmRlbmNpZXMiOiBbeyJuYW1lIjogImxpYmMuc28uNiIsICJkaWdlc3QiOiB7InNoYTI1NiI6ICIzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzIn0sICJhbm5vdGF0aW9ucyI6IHsicGFja2FnZSI6ICJsaWJjNiJ9fV19LCAicnVuRGV0YWlscyI6IHsiYnVpbGRlciI6IHsiaWQiOiAidXJuOmJpb25pYy1jcnlwdDpidWlsZGVyOnJlbGVhc2UifX19fQ==", "signatures": [{"keyid": "", "sig": "VjJtkve9XpCGLU2a+IjHyglk4u+t3UAlFNc9S1y43cmBnsaw82crAJiCFq8ZWwZEMxZkpOeVnwhSQMY8Mh6IDA=="}]}');
CREATE TEMP TABLE key AS SELECT '-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAG6R3rzuYbwXRZn+/wjB3p4NGr7hrF70zuguOAIcv2Wo=
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
SELECT pg_temp.altered(jsonb_build_object('endorsement', translate(encode(convert_to((convert_from(
	decode(bundle ->> 'endorsement', 'base64'), 'UTF8')::jsonb || '{"instance_key": "AAAA"}')::text, 'UTF8'), 'base64'), E'\n', '')))
	FROM bundle WHERE name = 'good';
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
SELECT bionic_crypt.verify_evidence('{"report": [1e131071]}');
SELECT bionic_crypt.verify_evidence('{"type": "none"}', '{"type": "bionic_crypt/policy/v1", "evidence": ["none"], "level": 0}') ->> 'reason' AS reason;
SELECT reason FROM pg_temp.verdict('good', manifest => repeat(' ', 300000));
SELECT bionic_crypt.verify_attestation(jsonb_build_object('type', repeat(E'\u0001', 100000)), decode(repeat('00', 16), 'hex')) ->> 'reason';

-- for nobody at first, in every process
SELECT proname, provolatile, proparallel, has_function_privilege('public', oid, 'EXECUTE')
	FROM pg_proc WHERE pronamespace = 'bionic_crypt'::regnamespace AND proname IN ('verify_attestation', 'verify_evidence') ORDER BY 1;
