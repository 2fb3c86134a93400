//! Whether serde_json reads what the fabric's test vectors say. vectors ../../tests/vectors
use serde_json::{Map, Value};
use std::{env, fs, process::exit};

fn octets(vector: &Value) -> Vec<u8> {
    let bytes = |text: &str| -> Vec<u8> {
        let digits = |at: usize| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).expect("hexadecimal");
        (0..text.len() / 2).map(digits).collect()
    };
    match vector["hex"].as_str() {
        Some(text) => bytes(text),
        None => vector["parts"].as_array().expect("parts").iter()
            .flat_map(|part| bytes(part[0].as_str().expect("hex")).repeat(part[1].as_u64().expect("count") as usize))
            .collect(),
    }
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

/// An integer's digits; -0 is 0.
fn digits_of(value: &Value) -> Option<String> {
    let text = value.to_string();
    let whole = value.is_number() && !text.contains(['.', 'e', 'E']);
    whole.then(|| if text == "-0" { "0".into() } else { text })
}

/// Whether a document is what a vector of documents.json says.
fn same(value: &Value, wanted: &Value) -> bool {
    match wanted {
        Value::Null | Value::Bool(_) => value == wanted,
        Value::Array(items) => value.as_array().is_some_and(|array| {
            array.len() == items.len() && array.iter().zip(items).all(|(one, item)| same(one, item))
        }),
        _ => {
            let wanted = wanted.as_object().expect("an object");
            let (kind, said) = wanted.iter().next().expect("a kind");
            match kind.as_str() {
                "integer" => digits_of(value).as_deref() == said.as_str(),
                "float" => value.as_f64().is_some_and(|float| Some(hex(&float.to_be_bytes()).as_str()) == said.as_str()),
                "string" => value.as_str() == said.as_str(),
                _ => map(value, said.as_array().expect("pairs")),
            }
        }
    }
}

fn map(value: &Value, pairs: &[Value]) -> bool {
    let name = |pair: &Value| pair[0]["string"].as_str().unwrap_or_default().to_string();
    // Of a key that is there twice serde_json keeps the last.
    let last: Map<String, Value> = pairs.iter().map(|pair| (name(pair), pair[1].clone())).collect();
    value.as_object().is_some_and(|object| {
        object.len() == last.len() && last.iter().all(|(key, each)| object.get(key).is_some_and(|one| same(one, each)))
    })
}

/// Whether a known key of a header is what headers.json says.
fn means(key: &str, value: &Value, wanted: &Value) -> bool {
    let said = wanted.as_str().unwrap_or_default();
    match (key, value) {
        ("cookie", Value::String(text)) => text.replace('-', "").to_lowercase() == said,
        ("variables" | "result", Value::String(text)) => hex(text.as_bytes()) == said,
        (_, Value::Number(_)) => {
            let digits = digits_of(value).expect("digits");
            digits.parse::<u64>().unwrap_or(u64::MAX).to_string() == said // beyond it counts as that
        }
        _ => value == wanted,
    }
}

fn main() {
    let folder = env::args().nth(1).expect("the folder of the vectors");
    let load = |name: &str| -> Vec<Value> {
        serde_json::from_str(&fs::read_to_string(format!("{folder}/{name}")).expect(name)).expect("vectors")
    };
    let (mut count, mut wrong) = (0, Vec::new());
    let mut check = |vector: &Value, good: bool| {
        count += 1;
        if !good {
            wrong.push(vector["name"].to_string());
        }
    };
    for vector in load("headers.json").iter().filter(|v| v["valid"] == true && v["codec"] == "json") {
        let header: Value = serde_json::from_slice(&octets(vector)).unwrap_or_default();
        let meaning = vector["meaning"].as_object().expect("meaning");
        check(vector, meaning.iter().all(|(key, wanted)| means(key, &header[key], wanted)));
    }
    for vector in load("documents.json").iter().filter(|v| v["valid"] == true && v["from"] == "json") {
        let document = serde_json::from_slice::<Value>(&octets(vector));
        check(vector, document.is_ok_and(|value| same(&value, &vector["value"])));
    }
    println!("{count} vectors, {} wrong", wrong.len());
    wrong.iter().for_each(|name| println!("{name}"));
    exit(i32::from(count == 0 || !wrong.is_empty()));
}
