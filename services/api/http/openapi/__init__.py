"""The OpenAPI document, made of the structs that routes take and answer."""
