//! The qmgrd program: see the library.

fn main() -> std::process::ExitCode {
    daemon::main::<qmgrd::Qmgrd>()
}
