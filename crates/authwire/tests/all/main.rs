//! The machines of both protocols: recorded lines, both sides against each other, noise.

#[cfg(test)]
mod client;
#[cfg(test)]
mod master;
