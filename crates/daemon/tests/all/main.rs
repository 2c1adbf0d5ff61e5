//! A whole daemon as a process: start, listeners, admin socket, reload, logs, end.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops at what it did not expect"
)]

mod admin;
mod configuration;
mod instances;
mod life;
mod logs;
mod privileges;
mod service;
mod serving;
mod sessions;
mod sockets;
mod stage;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::Command;
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::Value;

use stage::*;
