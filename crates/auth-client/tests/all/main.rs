//! The asking side against servers that misbehave.

#[cfg(test)]
mod misbehaving;
