//! What the client and the worker share: packets (docs/PROTOCOL.md) as frames, and a socket.
use serde_json::{json, Value};
use std::time::Duration;
use tmq::{Context, Multipart};

pub const BEAT: Duration = Duration::from_secs(1);

/// A header and, of a RUN, PARTIAL or RESULT, perhaps a payload.
pub type Packet = (Value, Option<Value>);

pub fn packet(packet_type: &str, mut header: Value, payload: Option<Value>) -> Packet {
    header["packet_type"] = json!(packet_type);
    (header, payload)
}

pub fn to_frames((header, payload): &Packet) -> Multipart {
    let frames = std::iter::once(header).chain(payload).map(|value| value.to_string().into_bytes());
    frames.collect::<Vec<_>>().into()
}

/// None: what we don't understand, and what is to be ignored.
pub fn from_frames(frames: Multipart) -> Option<Packet> {
    let header = serde_json::from_slice(frames.0.front()?).ok()?;
    let payload = frames.0.get(1).filter(|octets| !octets.is_empty());
    Some((header, payload.and_then(|octets| serde_json::from_slice(octets).ok())))
}

/// A DEALER of its own: the broker takes who comes back for somebody new.
pub fn connect(endpoint: &str) -> tmq::Result<tmq::dealer::Dealer> {
    tmq::dealer(&Context::new()).set_linger(2000).connect(endpoint) // ms, for the last packets
}
