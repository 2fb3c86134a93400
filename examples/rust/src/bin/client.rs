//! A client in Rust: many tasks at once on one socket. client [BROKER]; the worker serves what it runs.
//!
//! With more arguments it does one thing: examples/README.md.
use futures::{future::join_all, SinkExt, StreamExt};
use serde_json::{json, Value};
use std::{collections::HashMap, env, io::Read, process::exit, time::Duration};
use tokio::{sync::mpsc, time};
use uuid::Uuid;
use zfabric_examples::{connect, from_frames, packet, to_frames, Packet, BEAT};

const SILENCE: Duration = Duration::from_secs(5); // without a word from the broker: it went away

type Pieces = mpsc::UnboundedReceiver<Packet>;

/// Has a task with the socket, which ends with it.
#[derive(Clone)]
struct Client(mpsc::UnboundedSender<(Packet, Option<mpsc::UnboundedSender<Packet>>)>);

impl Client {
    fn new(endpoint: &str) -> Client {
        let (commands, received) = mpsc::unbounded_channel();
        tokio::spawn(carry(endpoint.to_string(), received));
        Client(commands)
    }

    fn start(&self, cookie: &str, pipeline: &str, variables: Value, stream: bool) -> Pieces {
        let (pieces, receiver) = mpsc::unbounded_channel();
        let keys = json!({"cookie": cookie, "pipeline": pipeline, "stream": stream});
        let _ = self.0.send((packet("RUN", keys, Some(variables)), Some(pieces)));
        receiver
    }

    fn cancel(&self, cookie: &str) {
        let _ = self.0.send((packet("CANCEL", json!({"cookie": cookie}), None), None));
    }

    async fn run(&self, pipeline: &str, variables: Value) -> Result<Value, Value> {
        let mut pieces = self.start(&Uuid::new_v4().to_string(), pipeline, variables, false);
        next(&mut pieces).await.map(|(_, value)| value)
    }
}

/// The next PARTIAL, or the RESULT (true); what went wrong as an object of its rc, error and stacktrace.
async fn next(pieces: &mut Pieces) -> Result<(bool, Value), Value> {
    let (header, payload) = pieces.recv().await.ok_or_else(|| json!({"rc": "BROKER_WENT_AWAY"}))?;
    let end = header["packet_type"] == "RESULT";
    if end && header["rc"] != "OK" {
        let trace = if header["stacktrace"].is_null() { json!([]) } else { header["stacktrace"].clone() };
        let error = header["error"].as_str().unwrap_or_default();
        return Err(json!({"rc": header["rc"], "error": error, "stacktrace": trace}));
    }
    Ok((end, payload.unwrap_or_default()))
}

/// Moves packets between the socket and who asks, with a fresh socket when the broker was silent for too long.
async fn carry(endpoint: String, mut commands: mpsc::UnboundedReceiver<(Packet, Option<mpsc::UnboundedSender<Packet>>)>) {
    let mut tasks: HashMap<String, mpsc::UnboundedSender<Packet>> = HashMap::new();
    let cookie_of = |header: &Value| header["cookie"].as_str().unwrap_or_default().to_string();
    loop {
        let (mut socket_out, mut socket_in) = connect(&endpoint).expect("an endpoint").split();
        let mut beats = time::interval(BEAT); // the broker answers one with one
        let mut heard = time::Instant::now();
        while heard.elapsed() < SILENCE {
            tokio::select! {
                command = commands.recv() => {
                    let Some((packet, pieces)) = command else { return };
                    if let Some(pieces) = pieces {
                        tasks.insert(cookie_of(&packet.0), pieces);
                    }
                    socket_out.send(to_frames(&packet)).await.expect("a socket");
                }
                Some(Ok(frames)) = socket_in.next() => {
                    heard = time::Instant::now();
                    let Some(packet) = from_frames(frames) else { continue };
                    let (cookie, kind) = (cookie_of(&packet.0), packet.0["packet_type"].clone());
                    if kind == "PARTIAL" {
                        tasks.get(&cookie).map(|pieces| pieces.send(packet));
                    } else if kind == "RESULT" {
                        tasks.remove(&cookie).map(|pieces| pieces.send(packet));
                    }
                }
                _ = beats.tick() => {
                    let beat = packet("HEARTBEAT", json!({}), None);
                    socket_out.send(to_frames(&beat)).await.expect("a socket");
                }
            }
        }
        tasks.clear(); // who waits learns that nothing more comes
    }
}

fn show(value: &Value) {
    println!("{value}");
}

/// One of run, stream, cancel and many; examples/README.md says what each prints.
async fn command(client: &Client, words: &[String]) -> Result<(), Value> {
    let [verb, pipeline, text] = words else { panic!("VERB PIPELINE VARIABLES") };
    let mut input = text.clone();
    if text == "-" {
        input.clear();
        std::io::stdin().read_to_string(&mut input).expect("standard input");
    }
    let variables: Value = serde_json::from_str(&input).expect("JSON");
    if verb == "many" {
        let each = variables.as_array().expect("an array").iter();
        let results = join_all(each.map(|one| client.run(pipeline, one.clone()))).await;
        show(&Value::Array(results.into_iter().collect::<Result<_, _>>()?));
        return Ok(());
    }
    let cookie = Uuid::new_v4().to_string();
    let mut pieces = client.start(&cookie, pipeline, variables, verb != "run");
    loop {
        let (end, value) = next(&mut pieces).await?;
        show(&value);
        if end {
            return Ok(());
        }
        if verb == "cancel" {
            client.cancel(&cookie);
        }
    }
}

async fn demonstrate(client: &Client) -> Result<(), Value> {
    println!("run: {}", client.run("shout", json!({"text": "hello, fabric"})).await?);
    let words = |verb: &str, pipeline: &str, text: &str| [verb, pipeline, text].map(String::from);
    command(client, &words("stream", "count", "5")).await?;
    let cancelled = command(client, &words("cancel", "count", "1000000")).await;
    println!("cancel: {}", cancelled.expect_err("it was cancelled")["rc"]);
    let many = join_all((0..1000).map(|n| client.run("shout", json!({"n": format!("task {n}")})))).await;
    println!("many: {}", many.len());
    Ok(())
}

#[tokio::main]
async fn main() {
    let words: Vec<String> = env::args().skip(1).collect();
    let client = Client::new(words.first().map_or("tcp://127.0.0.1:51520", |text| text));
    let done = if words.len() > 1 { command(&client, &words[1..]).await } else { demonstrate(&client).await };
    if let Err(problem) = done {
        show(&problem);
        exit(1);
    }
}
