//! Other people's programs: run to their end, with what they said.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// Fails, naming the package, where a program that a test needs isn't there.
pub fn need(program: &str, package: &str) {
    assert!(
        Path::new(program).exists(),
        "{program} is missing: `cargo verify packages` installs Debian's {package}"
    );
}

/// Runs a command and returns its standard output; fails with all that it said if it did.
pub fn run(command: &mut Command) -> String {
    let output = finish(command, "");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}\n{said}\n{errors}", output.status);
    said
}

/// Runs a command with `input` on its standard input and returns how it ended.
pub fn finish(command: &mut Command, input: impl AsRef<[u8]>) -> Output {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let mut stdin = child.stdin.take().unwrap();
    // A program that doesn't read its input closes the pipe: that is its business.
    let _ = stdin.write_all(input.as_ref());
    drop(stdin);
    child.wait_with_output().unwrap()
}

/// Whether a server closes a connection without a word, though nothing was said to it.
pub fn is_closed_at_once(address: &str) -> bool {
    use std::io::Read as _;
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(crate::wait::PATIENCE)).unwrap();
    matches!(stream.read(&mut [0]), Ok(0))
}
