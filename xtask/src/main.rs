//! cargo demo, cargo verify, cargo xtask tidy.

fn main() {}
