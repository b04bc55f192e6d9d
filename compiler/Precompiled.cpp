// Owns the precompiled headers.
