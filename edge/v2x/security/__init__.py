"""Signing and verifying after IEEE 1609.2 and ETSI TS 103 097, for radios that do not do it themselves; off by default.

`edge.v2x.security.signer` and `.verifier` implement the ports, `.gate` is what a link uses, `.pki` makes certificates
for tests. Importing this package loads none of them, and `cryptography` is imported only when something is signed or
verified.
"""
