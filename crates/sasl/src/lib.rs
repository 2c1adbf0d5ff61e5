//! SASL mechanisms as state machines.
