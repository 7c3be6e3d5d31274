"""Generated from protos/edge/apollo by protos/generate.py; do not edit."""
