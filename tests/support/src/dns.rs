//! A small DNS server on loopback, whose zone is a text: `name TYPE value` a line.
//!
//! Types: A, AAAA, MX (`10 host`), TXT, and two of its own without a value: SERVFAIL answers that, NOTHING
//! never answers. A name that has other records only gets an empty answer, an unknown one NXDOMAIN.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};

use hickory_proto::op::{Message, MessageType, OpCode, ResponseCode};
use hickory_proto::rr::rdata::{A, AAAA, MX, TXT};
use hickory_proto::rr::{Name, RData, Record};

/// Answers last a minute: longer than a test asks twice.
const TTL: u32 = 60;

/// A running server; its thread ends with the test's process.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
}

/// A line of the zone.
struct Entry {
    name: Name,
    kind: String,
    value: String,
}

impl Server {
    /// Answers from `zone`.
    pub fn start(zone: &str) -> Self {
        let entries: Vec<Entry> =
            zone.lines().filter(|line| !line.trim().is_empty()).map(Entry::read).collect();
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = socket.local_addr().unwrap();
        std::thread::spawn(move || {
            let mut question = [0; 1500];
            while let Ok((length, client)) = socket.recv_from(&mut question) {
                if let Some(answer) = answer(&question[..length], &entries) {
                    let _ = socket.send_to(&answer, client);
                }
            }
        });
        Self { address }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Entry {
    fn read(line: &str) -> Self {
        let mut words = line.split_whitespace();
        let name = Name::from_ascii(format!("{}.", words.next().unwrap().to_lowercase())).unwrap();
        let kind = words.next().unwrap_or_else(|| panic!("no type: {line}")).to_owned();
        Self { name, kind, value: words.collect::<Vec<_>>().join(" ") }
    }

    fn data(&self) -> Option<RData> {
        let value = self.value.as_str();
        Some(match self.kind.as_str() {
            "A" => RData::A(A(value.parse().unwrap())),
            "AAAA" => RData::AAAA(AAAA(value.parse().unwrap())),
            "MX" => {
                let (preference, host) = value.split_once(' ').unwrap();
                let host = format!("{}.", host.trim_end_matches('.'));
                RData::MX(MX::new(preference.parse().unwrap(), Name::from_ascii(host).unwrap()))
            }
            "TXT" => RData::TXT(TXT::new(vec![value.to_owned()])),
            _ => return None,
        })
    }
}

fn answer(question: &[u8], entries: &[Entry]) -> Option<Vec<u8>> {
    let asked = Message::from_vec(question).ok()?;
    let query = asked.queries.first()?.clone();
    let mut response = Message::new(asked.metadata.id, MessageType::Response, OpCode::Query);
    response.metadata.recursion_desired = asked.metadata.recursion_desired;
    response.metadata.recursion_available = true;
    let name = query.name().to_lowercase();
    let named: Vec<&Entry> = entries.iter().filter(|entry| entry.name == name).collect();
    if named.iter().any(|entry| entry.kind == "NOTHING") {
        return None;
    }
    if named.iter().any(|entry| entry.kind == "SERVFAIL") {
        response.metadata.response_code = ResponseCode::ServFail;
    } else if named.is_empty() {
        response.metadata.response_code = ResponseCode::NXDomain;
    }
    for data in named.iter().filter_map(|entry| entry.data()) {
        if data.record_type() == query.query_type() {
            response.add_answer(Record::from_rdata(query.name().clone(), TTL, data));
        }
    }
    response.add_query(query);
    response.to_vec().ok()
}
