//! JSON schemas as the grammar library shall see them.

use crate::boundary::*;
use serde_json::{json, Map, Value};

/// White space between the tokens of JSON: one line end with its indentation, or a blank. Without a bound
/// a model can write blanks until its budget is spent.
const WHITE_SPACE: &str = r"[ ]|\r?\n[ \t]{0,40}|\t";

/// Reads the schema and sets the options of the grammar library, which a request must not set.
pub fn prepare(source: &str) -> Outcome<Value> {
    let schema = serde_json::from_str(source)
        .map_err(|e| Failure::invalid(format!("the JSON schema is not JSON: {e}")))?;
    let mut object = match schema {
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
    Ok(Value::Object(object))
}
