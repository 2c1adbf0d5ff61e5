//! The lmtpd program: see the library.

fn main() -> std::process::ExitCode {
    daemon::main::<lmtpd::Lmtpd>()
}
