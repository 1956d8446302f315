//! Python's `str()` and `repr()` of template values, and the measure that keeps hostile values small.

use crate::python_json::python_float;
use crate::python_maps::Namespace;
use indexmap::IndexMap;
use minijinja::value::{DynObject, ValueKind};
use minijinja::{Error, ErrorKind, State, Value};
use std::fmt::Write;

/// Deeper values than this are refused wherever a value becomes part of another: the engine recurses over
/// values when it prints, compares and frees them.
pub const MAX_DEPTH: usize = 200;

/// Each node of a value that is visited costs one step of fuel, paid in portions.
const NODES_AT_ONCE: u64 = 64;

/// Bytes of text that count as one node.
const BYTES_PER_NODE: usize = 64;

pub fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, message.into())
}

pub fn is_sequence(value: &Value) -> bool {
    matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable)
}

pub fn is_container(value: &Value) -> bool {
    is_sequence(value) || value.kind() == ValueKind::Map
}

/// The name of a value's type in Python's messages.
pub fn type_name(value: &Value) -> &'static str {
    match value.kind() {
        ValueKind::Undefined => "undefined",
        ValueKind::None => "NoneType",
        ValueKind::Bool => "bool",
        ValueKind::Number if value.is_integer() => "int",
        ValueKind::Number => "float",
        ValueKind::String => "str",
        ValueKind::Map => "dict",
        ValueKind::Seq | ValueKind::Iterable if value.is_tuple() => "tuple",
        ValueKind::Seq | ValueKind::Iterable => "list",
        _ => "object",
    }
}

struct Measure<'a, 's, 'e> {
    state: &'a State<'s, 'e>,
    nodes: u64,
}

impl Measure<'_, '_, '_> {
    fn add(&mut self, nodes: u64) -> Result<(), Error> {
        self.nodes += nodes;
        if self.nodes < NODES_AT_ONCE {
            return Ok(());
        }
        self.state.consume_fuel(std::mem::take(&mut self.nodes))
    }

    fn value(&mut self, value: &Value, depth: usize) -> Result<(), Error> {
        if let Some(text) = value.as_str() {
            return self.add(1 + (text.len() / BYTES_PER_NODE) as u64);
        }
        self.add(1)?;
        let Some(object) = value.as_object() else { return Ok(()) };
        if object.downcast_ref::<Namespace>().is_some() {
            return Err(invalid("a namespace cannot be a part of another value"));
        }
        if !is_container(value) {
            return Ok(());
        }
        if depth >= MAX_DEPTH {
            return Err(invalid(format!("a value is nested deeper than {MAX_DEPTH}")));
        }
        if let Some(items) = object.downcast_ref::<Vec<Value>>() {
            return items.iter().try_for_each(|item| self.value(item, depth + 1));
        }
        if let Some(map) = object.downcast_ref::<IndexMap<Value, Value>>() {
            return map.iter().try_for_each(|(key, item)| {
                self.value(key, depth + 1)?;
                self.value(item, depth + 1)
            });
        }
        self.other_container(value, object, depth)
    }

    fn other_container(
        &mut self,
        value: &Value,
        object: &DynObject,
        depth: usize,
    ) -> Result<(), Error> {
        if object.type_name().ends_with("::Loop") {
            return Err(invalid("the loop variable cannot be a part of another value"));
        }
        if value.kind() == ValueKind::Map {
            for (key, item) in object.try_iter_pairs().into_iter().flatten() {
                self.value(&key, depth + 1)?;
                self.value(&item, depth + 1)?;
            }
            return Ok(());
        }
        value.try_iter()?.try_for_each(|item| self.value(&item, depth + 1))
    }
}

/// Pays for visiting every node of the value, shared ones as often as they are met. An error if the value is
/// too deep or holds what must not be held.
pub fn measure(state: &State, value: &Value) -> Result<(), Error> {
    if !is_container(value) && value.as_object().is_none() {
        return Ok(());
    }
    let mut measure = Measure { state, nodes: 0 };
    measure.value(value, 0)?;
    state.consume_fuel(measure.nodes)
}

/// Python's `str(value)`. The value must have been measured if it may be large.
pub fn text(value: &Value) -> String {
    let mut out = String::new();
    write_text(&mut out, value);
    out
}

pub fn write_text(out: &mut String, value: &Value) {
    match value.kind() {
        ValueKind::Undefined => {}
        ValueKind::String => out.push_str(value.as_str().unwrap_or_default()),
        _ => write_repr(out, value),
    }
}

fn write_repr(out: &mut String, value: &Value) {
    match value.kind() {
        ValueKind::Undefined => out.push_str("Undefined"),
        ValueKind::String => write_quoted(out, value.as_str().unwrap_or_default()),
        ValueKind::Number if !value.is_integer() => write_float(out, value),
        ValueKind::Map => write_map(out, value),
        ValueKind::Seq | ValueKind::Iterable => write_sequence(out, value),
        _ => {
            let _ = write!(out, "{value}");
        }
    }
}

fn write_float(out: &mut String, value: &Value) {
    match f64::try_from(value.clone()) {
        Ok(float) if float.is_nan() => out.push_str("nan"),
        Ok(float) if float.is_infinite() => out.push_str(if float > 0.0 { "inf" } else { "-inf" }),
        Ok(float) => out.push_str(&python_float(float)),
        Err(_) => {
            let _ = write!(out, "{value}");
        }
    }
}

fn write_sequence(out: &mut String, value: &Value) {
    let is_tuple = value.is_tuple();
    out.push(if is_tuple { '(' } else { '[' });
    let mut count = 0;
    for item in value.try_iter().into_iter().flatten() {
        if count > 0 {
            out.push_str(", ");
        }
        write_repr(out, &item);
        count += 1;
    }
    if is_tuple && count == 1 {
        out.push(',');
    }
    out.push(if is_tuple { ')' } else { ']' });
}

fn write_map(out: &mut String, value: &Value) {
    out.push('{');
    let pairs = value.as_object().and_then(|object| object.try_iter_pairs());
    for (index, (key, item)) in pairs.into_iter().flatten().enumerate() {
        if index > 0 {
            out.push_str(", ");
        }
        write_repr(out, &key);
        out.push_str(": ");
        write_repr(out, &item);
    }
    out.push('}');
}

fn write_quoted(out: &mut String, text: &str) {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    out.push(quote);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == quote => {
                out.push('\\');
                out.push(c);
            }
            c if is_printable(c) => out.push(c),
            c => write_escape(out, c as u32),
        }
    }
    out.push(quote);
}

fn write_escape(out: &mut String, code: u32) {
    let _ = match code {
        0..=0xff => write!(out, "\\x{code:02x}"),
        0x100..=0xffff => write!(out, "\\u{code:04x}"),
        _ => write!(out, "\\U{code:08x}"),
    };
}

/// Python's `str.isprintable`, without the code points that Unicode has not assigned.
fn is_printable(c: char) -> bool {
    !matches!(c as u32,
        0..=0x1f | 0x7f..=0xa0 | 0xad | 0x600..=0x605 | 0x61c | 0x6dd | 0x70f | 0x1680 | 0x180e
        | 0x2000..=0x200f | 0x2028..=0x202f | 0x205f..=0x206f | 0x3000 | 0xe000..=0xf8ff | 0xfeff
        | 0xfff0..=0xfffb | 0xfffe..=0xffff | 0xe0000..=0xe0fff | 0xf0000..=0x10ffff)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_as_python_does() {
        for (value, expected) in [
            (Value::from("a"), "a"),
            (Value::from(vec!["a", "it's", "\"'\n"]), r#"['a', "it's", '"\'\n']"#),
            (Value::from(vec!["\u{e4}\u{200b}\u{7f}"]), r"['ä\u200b\x7f']"),
            (Value::from(1.0), "1.0"),
            (Value::from(1e16), "1e+16"),
            (Value::from(true), "True"),
            (Value::from(()), "None"),
            (Value::UNDEFINED, ""),
            (Value::from(vec![Value::from(()), Value::from(1.5)]), "[None, 1.5]"),
        ] {
            assert_eq!(text(&value), expected);
        }
    }
}
