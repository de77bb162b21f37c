"""Other services' front ends: one folder an adapter, which imports none of the others."""
