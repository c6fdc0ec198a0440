// OpenSSL: written in this change.
