//! authd as a process: dialogues over its sockets, our own clients, Dovecot's tools.

#[cfg(test)]
mod clients;
#[cfg(test)]
mod dialogues;
#[cfg(test)]
mod doveadm;
#[cfg(test)]
mod process;
