//! JSON schemas as the grammar library shall see them.

use crate::boundary::*;
use serde_json::{json, Map, Value};

/// White space between the tokens of JSON: one line end with its indentation, or a blank. Without a bound
/// a model can write blanks until its budget is spent.
const WHITE_SPACE: &str = r"[ ]|\r?\n[ \t]{0,40}|\t";

/// Years 0001 to 9999, and those of them that have a 29th of February.
const YEAR: &str = "(?:000[1-9]|00[1-9][0-9]|0[1-9][0-9]{2}|[1-9][0-9]{3})";
const LEAP_YEAR: &str =
    "(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:0[48]|[2468][048]|[13579][26])00)";
const MONTH_AND_DAY: &str = concat!(
    "(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)",
    "|02-(?:0[1-9]|1[0-9]|2[0-8]))"
);
/// RFC 3339 without leap seconds, which only some days have.
const TIME: &str = concat!(
    "(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\\.[0-9]{1,9})?",
    "(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
);

/// Keywords whose values are no schemas.
const VALUES: [&str; 4] = ["const", "enum", "default", "examples"];

/// Days that exist: the library's own pattern knows no leap years.
fn pattern_of(format: &str) -> Option<String> {
    let date = format!("(?:{YEAR}-{MONTH_AND_DAY}|{LEAP_YEAR}-02-29)");
    match format {
        "date" => Some(format!("^{date}$")),
        "time" => Some(format!("^{TIME}$")),
        "date-time" => Some(format!("^{date}T{TIME}$")),
        _ => None,
    }
}

/// Writes formats of times as patterns, wherever they stand.
fn replace_time_formats(schema: &mut Value) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(replace_time_formats),
        Value::Object(object) => {
            if let Some(pattern) = object.get("format").and_then(Value::as_str).and_then(pattern_of)
            {
                object.remove("format");
                add_pattern(object, pattern);
            }
            let inner = object.iter_mut().filter(|(key, _)| !VALUES.contains(&key.as_str()));
            inner.for_each(|(_, value)| replace_time_formats(value));
        }
        _ => {}
    }
}

fn add_pattern(object: &mut Map<String, Value>, pattern: String) {
    if !object.contains_key("pattern") {
        object.insert("pattern".to_string(), Value::String(pattern));
        return;
    }
    let all = object.entry("allOf").or_insert_with(|| json!([]));
    if let Value::Array(all) = all {
        all.push(json!({ "type": "string", "pattern": pattern }));
    }
}

/// Reads the schema and sets the options of the grammar library, which a request must not set.
pub fn prepare(source: &str) -> Outcome<Value> {
    let schema = serde_json::from_str(source)
        .map_err(|e| Failure::invalid(format!("the JSON schema is not JSON: {e}")))?;
    let mut object: Map<String, Value> = match schema {
        Value::Object(object) => object,
        Value::Bool(true) => Map::new(),
        Value::Bool(false) => {
            return Err(Failure::invalid("the JSON schema `false` allows no value at all"));
        }
        _ => return Err(Failure::invalid("a JSON schema must be an object or a boolean")),
    };
    if object.contains_key("x-guidance") {
        return Err(Failure::invalid("the JSON schema has the keyword `x-guidance`; leave it out"));
    }
    let options = json!({ "whitespace_flexible": true, "whitespace_pattern": WHITE_SPACE });
    object.insert("x-guidance".to_string(), options);
    let mut schema = Value::Object(object);
    replace_time_formats(&mut schema);
    Ok(schema)
}
