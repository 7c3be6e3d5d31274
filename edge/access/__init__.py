"""Who may connect and call: certificates, roles, revocation, limits and the audit log, for node and centre."""
