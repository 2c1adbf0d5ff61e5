//! Ports for programs that can't be handed a socket.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};

/// Below the kernel's ephemeral range (32768 and up), from which every outgoing connection and every
/// `bind` to port 0 draws: between our look and the program's own bind nobody is handed one of these.
const FIRST: u16 = 10_000;
const SPAN: u16 = 20_000;

/// A port of 127.0.0.1 that nobody listens on, and that no other call of this process returns.
pub(crate) fn free() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Test programs that run side by side begin in different places.
    let start = (std::process::id().wrapping_mul(7919) % u32::from(SPAN)) as u16;
    let port = || {
        let offset = u32::from(start) + u32::from(NEXT.fetch_add(1, Ordering::Relaxed));
        FIRST + (offset % u32::from(SPAN)) as u16
    };
    std::iter::repeat_with(port)
        .take(usize::from(SPAN))
        .find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
        .expect("no free port")
}
