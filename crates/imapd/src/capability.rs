//! What this server can do, as CAPABILITY says it (RFC 3501 §6.1.1).

/// After login. The order is Dovecot's.
pub(crate) const AFTER_LOGIN: &str = "IMAP4rev1 SASL-IR ID ENABLE IDLE UNSELECT CHILDREN NAMESPACE UIDPLUS LIST-EXTENDED ESEARCH LIST-STATUS MOVE LITERAL+ SPECIAL-USE";

/// Before login: what a client needs to choose how to log in.
pub(crate) fn before_login(can_start_tls: bool, may_log_in: bool, mechanisms: &[String]) -> String {
    let mut list = String::from("IMAP4rev1 SASL-IR ID ENABLE IDLE LITERAL+");
    if can_start_tls {
        list.push_str(" STARTTLS");
    }
    if may_log_in {
        for mechanism in mechanisms {
            list.push_str(" AUTH=");
            list.push_str(mechanism);
        }
    } else {
        list.push_str(" LOGINDISABLED"); // RFC 3501 §6.2.3
    }
    list
}
