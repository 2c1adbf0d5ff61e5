//! Postfix's table files and the DNS.
