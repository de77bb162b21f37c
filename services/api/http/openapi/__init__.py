"""Generates the OpenAPI document from the structs that routes accept and return."""
