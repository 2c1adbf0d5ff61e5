//! `dovetail-mta`: sendmail and its kin, by the name it is called by.

fn main() -> std::process::ExitCode {
    mta::main()
}
