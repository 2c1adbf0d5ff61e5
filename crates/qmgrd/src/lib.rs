//! Holds what cannot be delivered at once; retries; makes bounces.
