"""Generated from protos/edge/v1 by protos/generate.py; do not edit."""
