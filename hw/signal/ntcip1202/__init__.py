"""NTCIP 1202 v02 over SNMP: lamps by polling, or pushed as TSCBM; guarded phase control."""
