"""A door that lives in the tests alone, and stands on nothing but the seams of the services."""
