//! The relayd program: see the library.

fn main() -> std::process::ExitCode {
    daemon::main::<relayd::Relayd>()
}
