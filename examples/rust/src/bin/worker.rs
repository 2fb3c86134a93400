//! A worker in Rust: tasks run at the same time, on tokio. worker [BROKER]; Ctrl-C or SIGTERM: it finishes first.
use futures::{SinkExt, StreamExt};
use serde_json::{json, Map, Value};
use std::{backtrace::Backtrace, collections::HashMap, env, time::Duration};
use tokio::signal::unix::{signal, SignalKind};
use tokio::{sync::mpsc, task::JoinSet, time};
use tokio_util::sync::CancellationToken;
use zfabric_examples::{connect, from_frames, packet, to_frames, Packet, BEAT};

const CAPACITY: u32 = 100;
const PIPELINES: [&str; 5] = ["shout", "count", "echo", "sleep", "fail"];

struct Failure {
    error: String,
    trace: Backtrace,
}

fn failure(error: impl Into<String>) -> Failure {
    Failure { error: error.into(), trace: Backtrace::force_capture() }
}

/// What a task is told, and how it tells of pieces.
struct Task {
    cookie: Value,
    seq: u64,
    out: mpsc::UnboundedSender<Packet>,
}

impl Task {
    fn send_partial(&mut self, piece: Value) {
        let keys = json!({"cookie": self.cookie, "seq": self.seq});
        self.seq += 1;
        let _ = self.out.send(packet("PARTIAL", keys, Some(piece)));
    }

    async fn run(&mut self, pipeline: &str, variables: Value) -> Result<Value, Failure> {
        match pipeline {
            "echo" => Ok(variables),
            "shout" => {
                let fields = variables.as_object().ok_or_else(|| failure("not an object"))?;
                let loud = fields.iter().map(|(name, text)| {
                    (name.clone(), json!(text.as_str().unwrap_or_default().to_uppercase()))
                });
                Ok(Value::Object(loud.collect::<Map<_, _>>()))
            }
            "count" => {
                let last = variables.as_u64().ok_or_else(|| failure("not a number"))?;
                for number in 1..=last {
                    time::sleep(Duration::from_millis(20)).await; // instead of work that waits for something
                    self.send_partial(json!(number));
                }
                Ok(variables)
            }
            "sleep" => {
                let seconds = variables.as_f64().ok_or_else(|| failure("not a number"))?;
                self.send_partial(json!("asleep"));
                time::sleep(Duration::from_secs_f64(seconds)).await; // a CANCEL ends it here
                Ok(variables)
            }
            _ => Err(failure(variables.as_str().unwrap_or(pipeline))),
        }
    }

    async fn report(mut self, pipeline: String, variables: Value, cancel: CancellationToken) -> String {
        let cookie = self.cookie.clone();
        let ended = tokio::select! {
            result = self.run(&pipeline, variables) => Some(result),
            () = cancel.cancelled() => None,
        };
        let end = match ended {
            Some(Ok(result)) => packet("RESULT", json!({"cookie": cookie, "rc": "OK"}), Some(result)),
            None => packet("RESULT", json!({"cookie": cookie, "rc": "CANCELLED"}), None),
            Some(Err(Failure { error, trace })) => {
                let trace: Vec<String> = trace.to_string().lines().take(20).map(String::from).collect();
                let keys = json!({"cookie": cookie, "rc": "PROCESSOR_EXCEPTION", "error": error, "stacktrace": trace});
                packet("RESULT", keys, None)
            }
        };
        let _ = self.out.send(end);
        cookie.as_str().unwrap_or_default().to_string()
    }
}

fn registration() -> Packet {
    packet("REGISTER", json!({"capacity": CAPACITY, "pipelines": PIPELINES, "heartbeat": 2000}), None)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let endpoint = env::args().nth(1).unwrap_or_else(|| "tcp://127.0.0.1:51530".into());
    let (mut socket_out, mut socket_in) = connect(&endpoint)?.split();
    let (out, mut to_send) = mpsc::unbounded_channel::<Packet>();
    let mut tasks: JoinSet<String> = JoinSet::new();
    let mut running: HashMap<String, CancellationToken> = HashMap::new();
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let mut beats = time::interval(BEAT); // so that either side notices when the other is gone
    let mut leaving = false;

    out.send(registration())?;
    while !(leaving && tasks.is_empty() && to_send.is_empty()) {
        tokio::select! {
            Some(packet) = to_send.recv() => socket_out.send(to_frames(&packet)).await?,
            Some(frames) = socket_in.next() => {
                let Some((header, payload)) = from_frames(frames?) else { continue };
                let cookie = header["cookie"].as_str().unwrap_or_default().to_string();
                match header["packet_type"].as_str() {
                    Some("RUN") => {
                        let cancel = CancellationToken::new();
                        running.insert(cookie, cancel.clone());
                        let task = Task { cookie: header["cookie"].clone(), seq: 0, out: out.clone() };
                        let pipeline = header["pipeline"].as_str().unwrap_or_default().to_string();
                        tasks.spawn(task.report(pipeline, payload.unwrap_or_default(), cancel));
                    }
                    Some("CANCEL") => if let Some(cancel) = running.get(&cookie) { cancel.cancel() },
                    // The broker does not know us: a new one, say.
                    Some("REGISTER") if header["capacity"].is_null() => out.send(registration())?,
                    Some("SHUTDOWN") => leaving = true,
                    _ => {}
                }
            }
            Some(ended) = tasks.join_next() => { running.remove(&ended?); }
            _ = beats.tick() => out.send(packet("HEARTBEAT", json!({}), None))?,
            _ = interrupt.recv() => { leaving = true; out.send(packet("SHUTDOWN", json!({}), None))? }
            _ = terminate.recv() => { leaving = true; out.send(packet("SHUTDOWN", json!({}), None))? }
        }
    }
    Ok(())
}
