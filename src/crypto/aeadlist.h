/* One line an algorithm.  No guard: included wherever the list is needed. */

AEAD(aead_xaes_256_gcm)
AEAD(aead_xchacha20_poly1305)
