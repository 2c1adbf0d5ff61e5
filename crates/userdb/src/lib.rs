//! Users and passwords: passwd-file, static templates, password schemes.
