"""Pages as older services' front ends have them, shown in Chromium against a whole stack."""
